/*
 * acme-load: many whole ACME orders at once, for benchmarks.
 *
 *	acme-load DIRECTORY CA-FILE HTTP-PORT CLIENTS ORDERS
 *
 * makes an account per client, answers http-01 on 127.0.0.1:HTTP-PORT itself,
 * obtains ORDERS certificates in all for nN.load.test with CLIENTS processes,
 * each on one kept connection, and prints one line: orders, wall seconds, and
 * orders that failed.
 */
#include <curl/curl.h>
#include <err.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "listen.h"

#include "base/b64.h"
#include "base/buf.h"
#include "sys/clock.h"
#include "wrap/digest.h"
#include "wrap/jwa.h"
#include "wrap/key.h"

#define BODY_MAX ((size_t)1 << 20)

struct client {
	CURL *curl;
	struct key *key;
	char thumbprint[44];
	struct buf jwk; /* canonical, RFC 7638 */
	json_t *directory;
	char *kid;
	struct buf body;
	char nonce[256];
	char location[512];
	long status;
};

static size_t
on_body(char *p, size_t size, size_t count, void *arg)
{
	struct client *c = arg;

	return buf_add(&c->body, p, size * count) == 0 ? size * count : 0;
}

static size_t
on_header(char *p, size_t size, size_t count, void *arg)
{
	struct client *c = arg;
	size_t len = size * count;
	char line[600];

	snprintf(line, sizeof(line), "%.*s", (int)len, p);
	line[strcspn(line, "\r\n")] = '\0';
	if (strncasecmp(line, "replay-nonce: ", 14) == 0)
		snprintf(c->nonce, sizeof(c->nonce), "%s", line + 14);
	if (strncasecmp(line, "location: ", 10) == 0)
		snprintf(c->location, sizeof(c->location), "%s", line + 10);
	return len;
}

static int
request(struct client *c, const char *url, const struct buf *post)
{
	struct curl_slist *headers = NULL;
	CURLcode rc;

	buf_clear(&c->body);
	curl_easy_setopt(c->curl, CURLOPT_URL, url);
	if (post) {
		headers = curl_slist_append(
		    NULL, "Content-Type: application/jose+json");
		curl_easy_setopt(
		    c->curl, CURLOPT_POSTFIELDSIZE, (long)post->len);
		curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, post->data);
	} else {
		curl_easy_setopt(c->curl, CURLOPT_HTTPGET, 1L);
	}
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
	rc = curl_easy_perform(c->curl);
	curl_slist_free_all(headers);
	if (rc != CURLE_OK) {
		warnx("%s: %s", url, curl_easy_strerror(rc));
		return -1;
	}
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &c->status);
	return 0;
}

static void
sign(struct client *c, const char *url, const char *payload, struct buf *out)
{
	struct buf protected, input, sig;
	struct err e = {0};
	size_t dot;

	buf_init(&protected, BODY_MAX);
	buf_init(&input, BODY_MAX);
	buf_init(&sig, 200);
	buf_addf(&protected,
	    "{\"alg\":\"ES256\",\"nonce\":\"%s\",\"url\":\"%s\",", c->nonce,
	    url);
	if (c->kid)
		buf_addf(&protected, "\"kid\":\"%s\"}", c->kid);
	else
		buf_addf(&protected, "\"jwk\":%s}", c->jwk.data);
	b64url_encode(&input, protected.data, protected.len);
	dot = input.len;
	buf_addc(&input, '.');
	b64url_encode(&input, payload, strlen(payload));
	if (jwa_sign(c->key, JWA_ES256, input.data, input.len, &sig, &e) < 0)
		errx(1, "%s", e.text);
	buf_addf(out,
	    "{\"protected\":\"%.*s\",\"payload\":\"%s\",\"signature\":\"",
	    (int)dot, input.data, input.data + dot + 1);
	b64url_encode(out, sig.data, sig.len);
	buf_adds(out, "\"}");
	buf_release(&protected);
	buf_release(&input);
	buf_release(&sig);
}

/* A signed request; once more when the server does not like the nonce. */
static int
post(struct client *c, const char *url, const char *payload)
{
	struct buf jws;
	int rc = -1;

	buf_init(&jws, BODY_MAX);
	for (int try = 0; try < 5; try++) {
		buf_clear(&jws);
		sign(c, url, payload, &jws);
		rc = request(c, url, &jws);
		if (rc < 0 || c->status != 400 ||
		    !strstr(c->body.data, "badNonce"))
			break;
	}
	buf_release(&jws);
	return rc;
}

static const char *
directory(struct client *c, const char *member)
{
	return json_string_value(json_object_get(c->directory, member));
}

static json_t *
answer(struct client *c)
{
	return json_loadb(c->body.data, c->body.len, 0, NULL);
}

static void
make_jwk(struct client *c)
{
	struct key_parts parts;
	uint8_t hash[32];

	key_parts(c->key, &parts);
	buf_init(&c->jwk, 1000);
	buf_adds(&c->jwk, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"");
	b64url_encode(&c->jwk, parts.a, parts.a_len);
	buf_adds(&c->jwk, "\",\"y\":\"");
	b64url_encode(&c->jwk, parts.b, parts.b_len);
	buf_adds(&c->jwk, "\"}");
	digest_sha256(hash, c->jwk.data, c->jwk.len);
	b64url_encode_to(c->thumbprint, hash, sizeof(hash));
}

static void
start(struct client *c, const char *url, const char *ca)
{
	struct err e = {0};

	buf_init(&c->body, BODY_MAX);
	if (!c->key)
		c->key = key_generate(KEY_P256, 0, &e);
	if (!c->key)
		errx(1, "%s", e.text);
	make_jwk(c);
	c->curl = curl_easy_init();
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(c->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(c->curl, CURLOPT_CAINFO, ca);
	curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, 60L);
	if (request(c, url, NULL) < 0 || c->status != 200)
		errx(1, "no directory");
	c->directory = answer(c);
	if (request(c, directory(c, "newNonce"), NULL) < 0)
		errx(1, "no nonce");
	if (post(c, directory(c, "newAccount"),
		"{\"termsOfServiceAgreed\":true}") < 0 ||
	    c->status > 201)
		errx(1, "no account: %s", c->body.data);
	c->kid = xstrdup(c->location);
}

/* A P-256 CSR for one name, as a finalize payload. */
static void
csr(const char *name, struct buf *out)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *req = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
	char san[200];
	unsigned char *der = NULL;
	int len;

	snprintf(san, sizeof(san), "DNS:%s", name);
	sk_X509_EXTENSION_push(
	    exts, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san));
	X509_REQ_add_extensions(req, exts);
	X509_REQ_set_pubkey(req, key);
	X509_REQ_sign(req, key, EVP_sha256());
	len = i2d_X509_REQ(req, &der);
	buf_adds(out, "{\"csr\":\"");
	b64url_encode(out, der, (size_t)len);
	buf_adds(out, "\"}");
	OPENSSL_free(der);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
}

/* Reads `url` until its status is none of the two. */
static int
poll_until(struct client *c, const char *url, const char *a, const char *b)
{
	for (int i = 0; i < 600; i++) {
		const char *status;
		json_t *j;
		bool again;

		if (post(c, url, "") < 0)
			return -1;
		j = answer(c);
		status = json_string_value(json_object_get(j, "status"));
		again = status && (!strcmp(status, a) || !strcmp(status, b));
		json_decref(j);
		if (!again)
			return 0;
		usleep(i < 10 ? 5000 : 50000);
	}
	return -1;
}

static int
validate(struct client *c, const char *authz)
{
	json_t *j, *item;
	char *url = NULL;
	size_t i;

	if (post(c, authz, "") < 0)
		return -1;
	j = answer(c);
	json_array_foreach(json_object_get(j, "challenges"), i,
	    item) if (!strcmp(json_string_value(json_object_get(item, "type")),
			  "http-01")) url =
	    xstrdup(json_string_value(json_object_get(item, "url")));
	json_decref(j);
	if (!url || post(c, url, "{}") < 0)
		return -1;
	free(url);
	return poll_until(c, authz, "pending", "processing");
}

static int
order(struct client *c, int number)
{
	json_t *j = NULL;
	char *url = NULL, *authz = NULL, *finalize = NULL;
	char name[64], payload[200];
	struct buf csr_payload;
	int rc = -1;

	buf_init(&csr_payload, BODY_MAX);
	snprintf(name, sizeof(name), "n%d.load.test", number);
	snprintf(payload, sizeof(payload),
	    "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"%s\"}]}", name);
	if (post(c, directory(c, "newOrder"), payload) < 0 || c->status != 201)
		goto out;
	url = xstrdup(c->location);
	j = answer(c);
	authz = xstrdup(json_string_value(
	    json_array_get(json_object_get(j, "authorizations"), 0)));
	finalize = xstrdup(json_string_value(json_object_get(j, "finalize")));
	json_decref(j);
	csr(name, &csr_payload);
	if (validate(c, authz) < 0 || post(c, finalize, csr_payload.data) < 0 ||
	    c->status != 200 || poll_until(c, url, "processing", "ready") < 0)
		goto out;
	j = answer(c);
	snprintf(payload, sizeof(payload), "%s",
	    json_string_value(json_object_get(j, "certificate")));
	json_decref(j);
	if (post(c, payload, "") < 0 || c->status != 200 ||
	    strncmp(c->body.data, "-----BEGIN", 10) != 0)
		goto out;
	rc = 0;
out:
	if (rc < 0)
		warnx("%s: %ld %.200s", name, c->status, c->body.data);
	buf_release(&csr_payload);
	free(url);
	free(authz);
	free(finalize);
	return rc;
}

/* Answers every http-01 request: TOKEN.THUMBPRINT. */
static _Noreturn void
answer_challenges(int fd, const char *thumbprint)
{
	static const char path[] = "/.well-known/acme-challenge/";
	char in[4096], out[512], body[256];

	for (;;) {
		int c = accept(fd, NULL, NULL);
		ssize_t n = c >= 0 ? read(c, in, sizeof(in) - 1) : -1;
		char *token;

		if (n > 0) {
			in[n] = '\0';
			token = strstr(in, path);
			token = token ? token + strlen(path) : in;
			token[strcspn(token, " ")] = '\0';
			snprintf(
			    body, sizeof(body), "%.100s.%s", token, thumbprint);
			snprintf(out, sizeof(out),
			    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n"
			    "Connection: close\r\n\r\n%s",
			    strlen(body), body);
			if (write(c, out, strlen(out)) < 0)
				warn("challenge");
		}
		close(c);
	}
}

int
main(int argc, char **argv)
{
	struct client c = {0};
	int clients, orders, failed = 0, status, listener;
	int64_t begin;
	pid_t responder;

	if (argc != 6)
		errx(100, "usage: acme-load DIRECTORY CA PORT CLIENTS ORDERS");
	clients = (int)strtol(argv[4], NULL, 10);
	orders = (int)strtol(argv[5], NULL, 10);
	start(&c, argv[1], argv[2]);
	listener = listen_on("127.0.0.1", argv[3]);
	responder = fork();
	if (responder == 0)
		answer_challenges(listener, c.thumbprint);
	close(listener);
	curl_easy_cleanup(c.curl);
	begin = clock_mono();
	for (int i = 0; i < clients; i++) {
		if (fork() == 0) {
			struct client own = {.key = c.key};
			int bad = 0;

			start(&own, argv[1], argv[2]);
			for (int n = i; n < orders; n += clients)
				bad += order(&own, n) < 0;
			_exit(bad > 255 ? 255 : bad);
		}
	}
	for (int i = 0; i < clients; i++) {
		pid_t pid = wait(&status);

		if (pid == responder)
			errx(1, "the responder ended");
		failed += WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	}
	printf("orders=%d seconds=%.2f failed=%d\n", orders,
	    (double)(clock_mono() - begin) / 1000, failed);
	kill(responder, SIGKILL);
	return failed > 0;
}
