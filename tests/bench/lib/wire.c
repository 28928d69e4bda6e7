#include "wire.h"

#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <strings.h>
#include <unistd.h>

#define MESSAGE_MAX ((size_t)1 << 20)

static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct wire *w = SSL_get_app_data(ssl);

	SSL_SESSION_free(w->session);
	w->session = session;
	return 1;
}

static void
resolve(struct site *s, const char *host, const char *port)
{
	struct addrinfo hints = {
	    .ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	struct addrinfo *ai;
	int rc = getaddrinfo(host, port, &hints, &ai);

	if (rc != 0)
		errx(111, "%s %s: %s", host, port, gai_strerror(rc));
	memcpy(&s->address, ai->ai_addr, ai->ai_addrlen);
	s->address_len = ai->ai_addrlen;
	freeaddrinfo(ai);
}

void
site_init(struct site *s, struct loop *loop, const char *url, const char *ca)
{
	static const char https[] = "https://";
	char port[8] = "443";

	memset(s, 0, sizeof(*s));
	s->loop = loop;
	if (strncmp(url, https, strlen(https)) != 0 ||
	    sscanf(url + strlen(https), "%263[^/]", s->authority) != 1 ||
	    sscanf(s->authority, "%255[^:]:%7[0-9]", s->host, port) < 1)
		errx(100, "%s: must be https://HOST[:PORT]/...", url);
	resolve(s, s->host, port);
	s->tls = SSL_CTX_new(TLS_client_method());
	if (!s->tls || SSL_CTX_load_verify_file(s->tls, ca) != 1)
		errx(111, "%s: no certificates to trust", ca);
	SSL_CTX_set_min_proto_version(s->tls, TLS1_3_VERSION);
	SSL_CTX_set_read_ahead(s->tls, 1);
	SSL_CTX_set_mode(s->tls, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(
	    s->tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(s->tls, on_session);
}

void
site_release(struct site *s)
{
	SSL_CTX_free(s->tls);
}

void
wire_init(struct wire *w, struct site *site,
    void (*done)(void *arg, const char *error), void *arg)
{
	memset(w, 0, sizeof(*w));
	w->site = site;
	w->fd = -1;
	w->done = done;
	w->arg = arg;
	buf_init(&w->out, MESSAGE_MAX);
	buf_init(&w->in, MESSAGE_MAX);
}

static void
hang_up(struct wire *w)
{
	if (w->ssl) {
		if (w->state == WIRE_IDLE)
			SSL_shutdown(w->ssl);
		ERR_clear_error();
		SSL_free(w->ssl);
	}
	if (w->fd >= 0)
		close(w->fd);
	w->ssl = NULL;
	w->fd = -1;
	w->state = WIRE_CLOSED;
	w->used = false;
}

void
wire_release(struct wire *w)
{
	hang_up(w);
	SSL_SESSION_free(w->session);
	buf_release(&w->out);
	buf_release(&w->in);
}

static void
finish(struct wire *w, const char *error)
{
	w->wanting = false;
	if (error || w->response.close || w->site->per_request)
		hang_up(w);
	w->done(w->arg, error);
}

void
wire_abort(struct wire *w, const char *error)
{
	if (w->wanting)
		finish(w, error);
}

/* ---- answers ---------------------------------------------------------------
 */

static void
field(struct response *r, const char *name, const char *value, long *length,
    bool *chunked)
{
	if (!strcasecmp(name, "Replay-Nonce"))
		snprintf(r->nonce, sizeof(r->nonce), "%s", value);
	else if (!strcasecmp(name, "Location"))
		snprintf(r->location, sizeof(r->location), "%s", value);
	else if (!strcasecmp(name, "Content-Length"))
		*length = strtol(value, NULL, 10);
	else if (!strcasecmp(name, "Transfer-Encoding"))
		*chunked = !strcasecmp(value, "chunked");
	else if (!strcasecmp(name, "Connection"))
		r->close = !strcasecmp(value, "close");
}

/* Takes the chunks' frames out; false until the last is there. */
static bool
unchunk(struct response *r, char *p, const char *end)
{
	char *to = p;

	r->body = p;
	for (;;) {
		char *line = memmem(p, (size_t)(end - p), "\r\n", 2);
		size_t len = line ? strtoul(p, NULL, 16) : 0;

		if (!line || (size_t)(end - line) < len + 4)
			return false;
		memmove(to, line + 2, len);
		to += len;
		p = line + 2 + len + 2;
		if (len == 0)
			break;
	}
	*to = '\0';
	r->body_len = (size_t)(to - r->body);
	return true;
}

/*
 * Reads the answer in `in`: 1 when it is whole, 0 when more must come, -1 when
 * it is no HTTP.  Chunks are touched only when the last one is there.
 */
static int
parse(struct wire *w)
{
	struct response *r = &w->response;
	char *end = w->in.data + w->in.len, *body, *line, *next;
	long length = 0;
	bool chunked = false;

	body = memmem(w->in.data, w->in.len, "\r\n\r\n", 4);
	if (!body)
		return 0;
	body += 4;
	memset(r, 0, sizeof(*r));
	if (sscanf(w->in.data, "HTTP/1.1 %d ", &r->status) != 1)
		return -1;
	for (line = strstr(w->in.data, "\r\n") + 2; line < body - 2;
	     line = next) {
		char name[64], value[512];

		next = strstr(line, "\r\n") + 2;
		if (sscanf(line, "%63[^:\r\n]: %511[^\r\n]", name, value) == 2)
			field(r, name, value, &length, &chunked);
	}
	if (chunked && !w->head) {
		if (end - body < 5 || memcmp(end - 5, "0\r\n\r\n", 5) != 0)
			return 0;
		return unchunk(r, body, end);
	}
	r->body = body;
	r->body_len = w->head || r->status == 204 ? 0 : (size_t)length;
	return (size_t)(end - body) >= r->body_len;
}

/* ---- the connection --------------------------------------------------------
 */

static void ready(void *arg, uint32_t events);

static const char *
dial(struct wire *w)
{
	struct site *s = w->site;
	int on = 1;

	buf_clear(&w->in);
	w->fd = socket(s->address.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (w->fd < 0)
		return strerror(errno);
	setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(w->fd, (struct sockaddr *)&s->address, s->address_len) <
		0 &&
	    errno != EINPROGRESS)
		return strerror(errno);
	w->ssl = SSL_new(s->tls);
	if (!w->ssl || SSL_set_fd(w->ssl, w->fd) != 1 ||
	    SSL_set_tlsext_host_name(w->ssl, s->host) != 1 ||
	    SSL_set1_host(w->ssl, s->host) != 1)
		return "no TLS";
	SSL_set_app_data(w->ssl, w);
	SSL_set_connect_state(w->ssl);
	SSL_set_verify(
	    w->ssl, w->verified ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (s->resume && w->session)
		SSL_set_session(w->ssl, w->session);
	s->connections++;
	w->state = WIRE_HANDSHAKE;
	w->watch = (struct watch){.ready = ready, .arg = w};
	loop_add(s->loop, w->fd, &w->watch);
	return NULL;
}

/* A failed step: NULL if it only would block, else why. */
static const char *
reason(struct wire *w, int rc)
{
	switch (SSL_get_error(w->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return NULL;
	case SSL_ERROR_ZERO_RETURN:
		return "connection closed by the server";
	case SSL_ERROR_SYSCALL:
		return errno ? strerror(errno) : "connection cut";
	default:
		return ERR_reason_error_string(ERR_peek_error());
	}
}

/*
 * A kept connection that the server has closed meanwhile is no failure (RFC
 * 9112 9.3.1): once more, on a new one.
 */
static void
broken(struct wire *w, const char *why)
{
	bool again = w->wanting && w->used && w->in.len == 0;

	ERR_clear_error();
	if (!w->wanting) {
		hang_up(w);
		return;
	}
	if (again) {
		hang_up(w);
		w->site->reconnects++;
		why = dial(w);
		if (!why)
			return;
	}
	finish(w, why);
}

static void
step_read(struct wire *w)
{
	char data[16384];
	int n, whole;

	for (;;) {
		n = SSL_read(w->ssl, data, sizeof(data));
		if (n <= 0)
			break;
		if (!w->wanting)
			continue;
		buf_add(&w->in, data, (size_t)n);
		whole = parse(w);
		if (whole < 0) {
			finish(w, "no HTTP");
			return;
		}
		if (whole) {
			w->used = true;
			w->state = WIRE_IDLE;
			finish(w, NULL);
			return;
		}
	}
	if (reason(w, n))
		broken(w, reason(w, n));
}

static void
ready(void *arg, uint32_t events)
{
	struct wire *w = arg;
	int rc;

	(void)events;
	if (w->state == WIRE_HANDSHAKE) {
		rc = SSL_connect(w->ssl);
		if (rc != 1) {
			if (reason(w, rc))
				broken(w, reason(w, rc));
			return;
		}
		w->verified = true;
		w->site->resumed += SSL_session_reused(w->ssl) == 1;
		w->state = WIRE_WRITE;
	}
	if (w->state == WIRE_WRITE && w->wanting) {
		rc = SSL_write(w->ssl, w->out.data, (int)w->out.len);
		if (rc <= 0) {
			if (reason(w, rc))
				broken(w, reason(w, rc));
			return;
		}
		w->state = WIRE_READ;
		return;
	}
	if (w->state == WIRE_READ || w->state == WIRE_IDLE)
		step_read(w);
}

void
wire_request(struct wire *w, const char *url, bool head, const struct buf *post)
{
	const char *path = strchr(url + strlen("https://"), '/');
	const char *error = NULL;

	buf_clear(&w->out);
	buf_addf(&w->out,
	    "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: acme-bench\r\n",
	    post       ? "POST"
		: head ? "HEAD"
		       : "GET",
	    path ? path : "/", w->site->authority);
	if (w->site->per_request)
		buf_adds(&w->out, "Connection: close\r\n");
	if (post)
		buf_addf(&w->out,
		    "Content-Type: application/jose+json\r\n"
		    "Content-Length: %zu\r\n",
		    post->len);
	buf_adds(&w->out, "\r\n");
	if (post)
		buf_add(&w->out, post->data, post->len);
	buf_clear(&w->in);
	w->head = head;
	w->wanting = true;
	if (w->state == WIRE_CLOSED) {
		error = dial(w);
		if (error)
			finish(w, error);
		return;
	}
	w->state = WIRE_WRITE;
	ready(w, 0);
}
