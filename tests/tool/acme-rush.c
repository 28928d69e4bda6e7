/*
 * acme-rush: ACME requests at the same instant, and very many of them.
 *
 * For tests of a server from outside; nothing of it is the server's own.
 *
 *	acme-rush [OPTION...] RACE ROUNDS
 *	acme-rush [OPTION...] flood COUNT
 *
 * Has two connections and sends, round after round, two requests that exclude
 * each other: all but their last byte first, then both last bytes.  Prints one
 * line, how often which two answers came, and exits 1 if ever not exactly one
 * of the two took effect.
 *
 *	nonce		the same nonce: one is badNonce
 *	account		newAccount, one key: 201 and 200, of one Location
 *	key-mine	keyChange of one account to two keys: one fails
 *	key-shared	keyChange of two accounts to one key: one is 409
 *	key-new		keyChange to a key, and newAccount by it: 409 and 201,
 *			or the account is found
 *	end		the end of one account, twice: the other is 401
 *	order		a challenge twice, then finalize twice: both 200, and
 *			one 403 orderNotReady
 *
 * flood sends COUNT of each: GET directory, HEAD newNonce, and POSTs with a bad
 * signature by the account, by an unknown one, and by a new key; none of them
 * may be answered by anything but 200 or 400.
 *
 *	--exec COMMAND	run for each connection with a socket as 0 and 1, or
 *	--port PORT	to connect to, on 127.0.0.1, without TLS
 *	--base URL	of the server
 *	-k FILE		the account's key; its URL is asked for
 *	--pid		flood: print the process of COMMAND, stay when done
 *until standard input ends, and go on for each line of it
 */
#include "jose.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX 65536

static const char *base, *command;
static in_port_t port;

/* ---- two connections, and what came on each */

static struct line {
	int fd;
	int status;
	char *nonce, *location, *body;
	char text[ANSWER_MAX];
} lines[2];

static pid_t
run(struct line *l)
{
	int pair[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		err(DEAD, "socketpair");
	child = fork();
	if (child == 0) {
		dup2(pair[1], 0);
		dup2(pair[1], 1);
		execl("/bin/sh", "sh", "-c", join("exec ", command, ""),
		    (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	l->fd = pair[0];
	return child;
}

static void
connect_to(struct line *l)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = port};
	int on = 1;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 ||
	    connect(l->fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		err(DEAD, "connect");
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void
put(const struct line *l, const char *p, size_t len)
{
	if (send(l->fd, p, len, MSG_NOSIGNAL) != (ssize_t)len)
		err(DEAD, "send");
}

/* The value of a field in the head of the answer. */
static char *
field(const struct line *l, const char *name)
{
	const char *p = strcasestr(l->text, join("\r\n", name, ": "));

	if (p == NULL || p > l->body)
		return NULL;
	p += strlen(name) + 4;
	return strndup(p, strcspn(p, "\r"));
}

/* One answer whole; a server that hangs up is the end of the test. */
static void
take(struct line *l, bool has_body)
{
	size_t len = 0, want = 0;
	char *end = NULL, *length;
	ssize_t n;

	while (end == NULL || len < want) {
		n = read(l->fd, l->text + len, sizeof(l->text) - 1 - len);
		if (n <= 0)
			errx(DEAD, "the server hung up: %.*s", (int)len,
			    l->text);
		len += (size_t)n;
		l->text[len] = '\0';
		if (end != NULL || (end = strstr(l->text, "\r\n\r\n")) == NULL)
			continue;
		l->body = end + 4;
		length = has_body ? field(l, "Content-Length") : NULL;
		want = (size_t)(l->body - l->text) +
		    (length ? strtoul(length, NULL, 10) : 0);
	}
	l->status = atoi(l->text + strlen("HTTP/1.1 "));
	free(l->nonce);
	l->nonce = field(l, "Replay-Nonce");
	l->location = field(l, "Location");
}

static json_t *
body(const struct line *l)
{
	return json_loads(l->body, 0, NULL);
}

/* The end of the problem's type, or "-". */
static const char *
problem(const struct line *l)
{
	const char *type = json_string_value(json_object_get(body(l), "type"));

	return l->status >= 400 && type ? strrchr(type, ':') + 1 : "-";
}

/* ---- requests */

struct actor {
	EVP_PKEY *key;
	char *kid; /* NULL: it is named by its key */
};

static char *
envelope(json_t *header, EVP_PKEY *key, const char *payload, const char *how)
{
	char *text = json_dumps(header, JSON_COMPACT);
	char *a = base64url(text, strlen(text), false);
	char *b = base64url(payload, strlen(payload), false);
	struct bytes sig = signature(key, join(a, ".", b), how);

	spoil(&sig, how);
	return json_dumps(json_pack("{s:s,s:s,s:s}", "protected", a, "payload",
			      b, "signature", base64url(sig.p, sig.len, false)),
	    JSON_COMPACT);
}

/* A request of that actor; `how` spoils its signature. */
static char *
jws(const struct actor *who, const char *url, const char *nonce,
    const char *payload, const char *how)
{
	json_t *header =
	    json_pack("{s:s,s:s}", "alg", key_alg(who->key), "url", url);

	if (nonce != NULL)
		json_object_set_new(header, "nonce", json_string(nonce));
	if (who->kid != NULL)
		json_object_set_new(header, "kid", json_string(who->kid));
	else
		json_object_set_new(header, "jwk", key_jwk(who->key));
	return envelope(header, who->key, payload, how);
}

static char *
http(const char *method, const char *url, const char *text)
{
	const char *host = strstr(url, "://");
	const char *path = strchrnul(host ? host + 3 : url, '/');
	char *out;

	if (asprintf(&out,
		"%s %s HTTP/1.1\r\nHost: localhost\r\n"
		"Content-Type: application/jose+json\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		method, path, strlen(text), text) < 0)
		err(DEAD, NULL);
	return out;
}

static void
get_nonce(struct line *l)
{
	char *text = http("HEAD", join(base, "/new-nonce", ""), "");

	put(l, text, strlen(text));
	take(l, false);
}

static const char *
nonce(struct line *l)
{
	if (l->nonce == NULL)
		get_nonce(l);
	return l->nonce;
}

/* One request on the first connection; it must be answered so. */
static void
ask(const struct actor *who, const char *url, const char *payload, int status)
{
	struct line *l = &lines[0];
	char *text = http("POST", url, jws(who, url, nonce(l), payload, NULL));

	put(l, text, strlen(text));
	take(l, true);
	if (l->status != status)
		errx(DEAD, "%s: %s", url, l->text);
}

static struct actor
actor(EVP_PKEY *key)
{
	struct actor a = {key, NULL};

	ask(&a, join(base, "/new-account", ""), "{}", 201);
	a.kid = lines[0].location;
	return a;
}

static EVP_PKEY *
fresh(void)
{
	return EVP_EC_gen("P-256");
}

/* Two at once. */
static void
race(const char *a, const char *b)
{
	const char *text[2] = {a, b};

	for (int i = 0; i < 2; i++)
		put(&lines[i], text[i], strlen(text[i]) - 1);
	for (int i = 0; i < 2; i++)
		put(&lines[i], text[i] + strlen(text[i]) - 1, 1);
	for (int i = 0; i < 2; i++)
		take(&lines[i], true);
}

/* ---- how often which two answers came */

static struct outcome {
	char text[120];
	int count;
} outcomes[20];

static void
note(const char *first, const char *second)
{
	bool swap = strcmp(first, second) > 0;
	char text[sizeof(outcomes->text)];
	struct outcome *o = outcomes;

	snprintf(text, sizeof(text), "%s + %s", swap ? second : first,
	    swap ? first : second);
	while (o->count > 0 && strcmp(o->text, text) != 0)
		o++;
	memcpy(o->text, text, sizeof(text));
	o->count++;
}

static char *
said(const struct line *l)
{
	char *text;

	if (asprintf(&text, "%d %s", l->status, problem(l)) < 0)
		err(DEAD, NULL);
	return text;
}

/* Whether the answers are these, in some order. */
static bool
are(int a, int b)
{
	note(said(&lines[0]), said(&lines[1]));
	return (lines[0].status == a && lines[1].status == b) ||
	    (lines[0].status == b && lines[1].status == a);
}

/* ---- races; each tells whether exactly one of the two took effect */

static struct actor owner;

static bool
race_nonce(int round)
{
	const char *n = nonce(&lines[0]);
	char *text =
	    http("POST", owner.kid, jws(&owner, owner.kid, n, "", NULL));

	(void)round;
	race(text, text);
	return are(200, 400) &&
	    strcmp(problem(&lines[lines[0].status == 200]), "badNonce") == 0;
}

static bool
race_account(int round)
{
	struct actor a = {fresh(), NULL};
	char *url = join(base, "/new-account", ""), *text[2];

	(void)round;
	for (int i = 0; i < 2; i++)
		text[i] = http(
		    "POST", url, jws(&a, url, nonce(&lines[i]), "{}", NULL));
	race(text[0], text[1]);
	return are(201, 200) && lines[0].location && lines[1].location &&
	    strcmp(lines[0].location, lines[1].location) == 0;
}

static char *
key_change(struct line *l, const struct actor *who, EVP_PKEY *to)
{
	struct actor new = {to, NULL};
	char *url = join(base, "/key-change", "");
	char *payload = json_dumps(json_pack("{s:s,s:o}", "account", who->kid,
				       "oldKey", key_jwk(who->key)),
	    0);
	char *inner = jws(&new, url, NULL, payload, NULL);

	return http("POST", url, jws(who, url, nonce(l), inner, NULL));
}

static bool
race_key_mine(int round)
{
	struct actor a = actor(fresh());
	EVP_PKEY *to[2] = {fresh(), fresh()};
	char *first = key_change(&lines[0], &a, to[0]);
	int winner;

	(void)round;
	race(first, key_change(&lines[1], &a, to[1]));
	note(said(&lines[0]), said(&lines[1]));
	winner = lines[1].status == 200;
	if ((lines[0].status == 200) == (lines[1].status == 200))
		return false;
	a.key = to[winner];
	ask(&a, a.kid, "", 200);
	a.key = to[!winner];
	ask(&a, a.kid, "", 400);
	return true;
}

static bool
race_key_shared(int round)
{
	struct actor a = actor(fresh()), b = actor(fresh());
	EVP_PKEY *to = fresh();
	char *first = key_change(&lines[0], &a, to), *kid;

	(void)round;
	race(first, key_change(&lines[1], &b, to));
	if (!are(200, 409))
		return false;
	kid = lines[0].status == 200 ? a.kid : b.kid;
	return strcmp(lines[lines[0].status == 200].location, kid) == 0;
}

static bool
race_key_new(int round)
{
	struct actor a = actor(fresh()), new = {fresh(), NULL};
	char *url = join(base, "/new-account", "");
	char *first = key_change(&lines[0], &a, new.key), *kid;

	(void)round;
	race(first,
	    http("POST", url, jws(&new, url, nonce(&lines[1]), "{}", NULL)));
	note(said(&lines[0]), said(&lines[1]));
	kid = lines[1].location;
	if (lines[0].status == 409 ? lines[1].status != 201
				   : lines[1].status != 200 || !is(kid, a.kid))
		return false;
	ask(&new, url, "{}", 200);
	return is(lines[0].location, kid);
}

static bool
race_end(int round)
{
	static const char end[] = "{\"status\":\"deactivated\"}";
	struct actor a = actor(fresh());
	char *text[2];

	(void)round;
	for (int i = 0; i < 2; i++)
		text[i] = http(
		    "POST", a.kid, jws(&a, a.kid, nonce(&lines[i]), end, NULL));
	race(text[0], text[1]);
	return are(200, 401);
}

/* The payload that finalizes an order for that name. */
static char *
finalize_payload(const char *name)
{
	EVP_PKEY *key = fresh();
	X509_REQ *req = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
	unsigned char *der = NULL;
	int len;

	sk_X509_EXTENSION_push(exts,
	    X509V3_EXT_conf_nid(
		NULL, NULL, NID_subject_alt_name, join("DNS:", name, "")));
	X509_REQ_add_extensions(req, exts);
	X509_REQ_set_pubkey(req, key);
	X509_REQ_sign(req, key, EVP_sha256());
	len = i2d_X509_REQ(req, &der);
	return join("{\"csr\":\"", base64url(der, (size_t)len, false), "\"}");
}

static const char *
member(const char *name)
{
	return json_string_value(json_object_get(body(&lines[0]), name));
}

/* Asks until the status is none of these two. */
static void
settle(const char *url, const char *a, const char *b)
{
	for (int i = 0; i < 1200; i++) {
		ask(&owner, url, "", 200);
		if (!is(member("status"), a) && !is(member("status"), b))
			return;
		usleep(10000);
	}
	errx(DEAD, "%s: %s", url, lines[0].text);
}

static bool
race_order(int round)
{
	const char *order, *authz, *finalize, *url = NULL;
	char *name, *text[2], *payload;
	json_t *item;
	size_t i;

	if (asprintf(&name, "rush%d-%d.example.test", (int)getpid(), round) < 0)
		err(DEAD, NULL);
	ask(&owner, join(base, "/new-order", ""),
	    join("{\"identifiers\":[{\"type\":\"dns\",\"value\":\"", name,
		"\"}]}"),
	    201);
	order = lines[0].location;
	finalize = member("finalize");
	authz = json_string_value(json_array_get(
	    json_object_get(body(&lines[0]), "authorizations"), 0));
	ask(&owner, authz, "", 200);
	json_array_foreach(json_object_get(body(&lines[0]), "challenges"), i,
	    item) if (is(json_string_value(json_object_get(item, "type")),
			  "http-01")) url =
	    json_string_value(json_object_get(item, "url"));
	for (i = 0; i < 2; i++)
		text[i] = http("POST", url,
		    jws(&owner, url, nonce(&lines[i]), "{}", NULL));
	race(text[0], text[1]);
	if (!are(200, 200))
		return false;
	settle(order, "pending", "processing");
	for (i = 0; i < 2; i++) {
		payload = finalize_payload(name);
		text[i] = http("POST", finalize,
		    jws(&owner, finalize, nonce(&lines[i]), payload, NULL));
	}
	race(text[0], text[1]);
	if (!are(200, 403))
		return false;
	settle(order, "processing", "ready");
	return is(member("status"), "valid");
}

static const struct {
	const char *name;
	bool (*run)(int round);
} races[] = {{"nonce", race_nonce}, {"account", race_account},
    {"key-new", race_key_new}, {"key-mine", race_key_mine},
    {"key-shared", race_key_shared}, {"end", race_end}, {"order", race_order}};

static int
run_race(const char *name, int rounds)
{
	size_t i = 0;
	int lost = 0;

	while (!is(name, races[i].name))
		if (++i == sizeof(races) / sizeof(races[0]))
			errx(100, "%s: no such race", name);
	for (int round = 0; round < rounds; round++)
		lost += !races[i].run(round);
	printf("%s:", name);
	for (struct outcome *o = outcomes; o->count > 0; o++)
		printf(" %d x (%s)", o->count, o->text);
	puts("");
	return lost > 0;
}

/* ---- flood */

static void
send_one(const char *method, const char *url, const char *text, int status)
{
	struct line *l = &lines[0];
	char *request = http(method, url, text);

	put(l, request, strlen(request));
	take(l, !is(method, "HEAD"));
	if (l->status != status)
		errx(1, "%s %s: %s", method, url, l->text);
	free(request);
}

static void
flood(int count)
{
	struct actor nobody = owner, stranger = {NULL, NULL};
	char *new_account = join(base, "/new-account", "");

	nobody.kid = join(base, "/account/", "AAAAAAAAAAAAAAAAAAAAAA");
	for (int i = 0; i < count; i++) {
		send_one("GET", join(base, "/directory", ""), "", 200);
		send_one("HEAD", join(base, "/new-nonce", ""), "", 200);
		send_one("POST", owner.kid,
		    jws(&owner, owner.kid, nonce(&lines[0]), "", "flip"), 400);
		send_one("POST", owner.kid,
		    jws(&nobody, owner.kid, nonce(&lines[0]), "", NULL), 400);
		stranger.key = fresh();
		send_one("POST", new_account,
		    jws(&stranger, new_account, nonce(&lines[0]), "{}", "flip"),
		    400);
		EVP_PKEY_free(stranger.key);
	}
}

static void
flood_by_lines(int count, pid_t server)
{
	char line[16];

	printf("pid=%d\n", (int)server);
	fflush(stdout);
	do {
		flood(count);
		puts("done");
		fflush(stdout);
	} while (fgets(line, sizeof(line), stdin) != NULL);
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {{"exec", 1, NULL, 'e'},
	    {"port", 1, NULL, 'p'}, {"base", 1, NULL, 'b'},
	    {"pid", 0, NULL, 'i'}, {NULL, 0, NULL, 0}};
	bool by_lines = false;
	pid_t server = 0;
	int c, count;

	__lsan_disable();
	while ((c = getopt_long(argc, argv, "k:", longs, NULL)) != -1)
		if (c == 'e')
			command = optarg;
		else if (c == 'p')
			port = htons((in_port_t)atoi(optarg));
		else if (c == 'b')
			base = optarg;
		else if (c == 'k')
			owner.key = key_load(optarg);
		else if (c == 'i')
			by_lines = true;
	if (argc - optind != 2 || base == NULL || owner.key == NULL)
		errx(100, "the head of tests/tool/acme-rush.c tells the usage");
	for (int i = 0; i < 2; i++)
		if (command != NULL)
			server = run(&lines[1 - i]);
		else
			connect_to(&lines[1 - i]);
	ask(&owner, join(base, "/new-account", ""), "{}", 200);
	owner.kid = lines[0].location;
	count = atoi(argv[optind + 1]);
	if (!is(argv[optind], "flood"))
		return run_race(argv[optind], count);
	if (by_lines)
		flood_by_lines(count, server);
	else
		flood(count);
	return 0;
}
