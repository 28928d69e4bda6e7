#include "server/connection.h"

#include "base/hex.h"
#include "base/log.h"
#include "conf/conf.h"
#include "http/http.h"
#include "server/peer.h"
#include "server/responder.h"
#include "sys/clock.h"
#include "sys/conn.h"
#include "sys/sig.h"
#include "sys/sock.h"
#include "sys/workers.h"
#include "wrap/digest.h"
#include "wrap/tls.h"

#define SLICE_MS 500
#define PATIENCE_MS 1000 /* with a handshake, while others wait */

static bool
is_printable(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

/* The connection's id: that of whoever started this process for it, or new. */
static void
choose_id(const struct responder *r, char out[CLIENT_ID_SIZE])
{
	const char *given = r->workers ? NULL : getenv("ACMED_ID");
	uint8_t bytes[6];

	if (given && *given && strlen(given) < CLIENT_ID_SIZE &&
	    is_printable(given)) {
		snprintf(out, CLIENT_ID_SIZE, "%s", given);
		return;
	}
	digest_random(bytes, sizeof(bytes));
	hex_encode(out, bytes, sizeof(bytes));
}

static void
begin(struct responder *r)
{
	r->client = (struct client){0};
	choose_id(r, r->client.id);
	log_set_id(r->client.id);
}

static bool
is_wanted(void *arg)
{
	const struct responder *r = arg;

	if (r->rest)
		r->rest(r->arg);
	return r->workers && workers_are_wanted(r->workers);
}

static bool
is_over(void *arg)
{
	const struct responder *r = arg;

	return r->workers && workers_are_over(r->workers);
}

static void
answer(void *arg, const struct request *req, const struct buf *body,
    struct response *res)
{
	const struct responder *r = arg;

	r->answer(r->arg, req, body, res);
}

static void
refuse(void *arg, const struct err *e, bool is_post, struct response *res)
{
	const struct responder *r = arg;

	r->refuse(r->arg, e, is_post, res);
}

/* A connection, and what it reads from while there is a TLS handshake. */
struct session {
	struct responder *responder;
	struct conn plain, below;
	int64_t since; /* the handshake has begun */
};

/*
 * Who is slow with a handshake gives way to those that wait, as who is slow
 * with a request does (http/http.h).
 */
static bool
is_in_the_way(const struct session *s)
{
	return clock_mono() - s->since >= PATIENCE_MS && !sig_term() &&
	    !is_over(s->responder) && is_wanted(s->responder);
}

static ssize_t
read_handshake(
    struct conn *c, void *p, size_t size, int64_t deadline, struct err *e)
{
	struct session *s = c->state;

	while (clock_mono() < deadline && !is_in_the_way(s)) {
		int64_t slice = clock_mono() + SLICE_MS;
		struct err why = {0};
		ssize_t n = conn_read(&s->below, p, size,
		    slice < deadline ? slice : deadline, &why);

		if (n >= 0)
			return n;
		if (why.kind != KIND_BUSY) {
			*e = why;
			return -1;
		}
	}
	return err_set(e, KIND_BUSY, "TLS handshake: read timed out");
}

static struct tls *
shake_hands(struct session *s, struct tls_server *tls, struct conn *secure,
    int64_t deadline, struct err *e)
{
	struct tls *layer;

	s->since = clock_mono();
	s->below = s->plain;
	s->plain.read = read_handshake;
	s->plain.state = s;
	layer = tls_accept(tls, &s->plain, secure, deadline, e);
	s->plain = s->below;
	return layer;
}

/* Who is there, then HTTP on the connection, under TLS if there is one. */
static int
serve(struct session *s, struct tls_server *tls, struct err *e)
{
	struct responder *r = s->responder;
	const struct conf_listener *conf = r->conf;
	struct http_service service = {.answer = answer,
	    .refuse = refuse,
	    .is_wanted = is_wanted,
	    .is_over = is_over,
	    .arg = r,
	    .body_max = r->body_max,
	    .request_timeout = conf->request_timeout * 1000,
	    .idle_timeout = conf->idle_timeout * 1000,
	    .requests_max = conf->requests_per_connection};
	int64_t deadline = clock_mono() + service.request_timeout;
	struct conn secure;
	struct tls *layer;
	int rc;

	if (peer_meet(r, &s->plain, deadline, e) < 0)
		return -1;
	if (!tls)
		return http_serve(&s->plain, &service, e);
	layer = shake_hands(s, tls, &secure, deadline, e);
	if (!layer)
		return -1;
	rc = http_serve(&secure, &service, e);
	tls_free(layer);
	return rc;
}

void
connection_serve(struct responder *r, struct tls_server *tls, int in, int out)
{
	struct err e = {0};
	struct session s = {.responder = r};
	char text[1024];

	begin(r);
	sock_nodelay(out);
	conn_init(&s.plain, in, out);
	if (serve(&s, tls, &e) < 0) {
		err_format(&e, text, sizeof(text));
		log_event(LOG_LEVEL_INFO, "connection.broken", "peer",
		    r->client.peer, "reason", text, NULL);
	}
	if (r->rest)
		r->rest(r->arg);
	log_set_id("");
}
