#include "server/connection.h"

#include "base/hex.h"
#include "base/log.h"
#include "conf/conf.h"
#include "http/http.h"
#include "server/front.h"
#include "server/peer.h"
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
choose_id(const struct front *f, char out[CLIENT_ID_SIZE])
{
	const char *given = f->workers ? NULL : getenv("ACMED_ID");
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
begin(struct front *f)
{
	f->client = (struct client){0};
	choose_id(f, f->client.id);
	log_set_id(f->client.id);
}

static bool
is_wanted(void *arg)
{
	const struct front *f = arg;

	if (f->rest)
		f->rest(f->arg);
	return f->workers && workers_are_wanted(f->workers);
}

static bool
is_over(void *arg)
{
	const struct front *f = arg;

	return f->workers && workers_are_over(f->workers);
}

static void
answer(void *arg, const struct request *req, const struct buf *body,
    struct response *res)
{
	const struct front *f = arg;

	f->answer(f->arg, req, body, res);
}

static void
refuse(void *arg, const struct err *e, bool is_post, struct response *res)
{
	const struct front *f = arg;

	f->refuse(f->arg, e, is_post, res);
}

/*
 * The connection below TLS while there is a handshake: who is slow with it
 * gives way to those that wait, as who is slow with a request does
 * (http/http.h).
 */
struct handshake {
	struct conn plain;
	struct front *front;
	int64_t since;
};

static bool
is_in_the_way(const struct handshake *h)
{
	return clock_mono() - h->since >= PATIENCE_MS && !sig_term() &&
	    !is_over(h->front) && is_wanted(h->front);
}

static ssize_t
read_handshake(
    struct conn *c, void *p, size_t size, int64_t deadline, struct err *e)
{
	struct handshake *h = c->state;

	while (clock_mono() < deadline && !is_in_the_way(h)) {
		int64_t slice = clock_mono() + SLICE_MS;
		struct err why = {0};
		ssize_t n = conn_read(&h->plain, p, size,
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
shake_hands(struct front *f, struct tls_server *tls, struct conn *plain,
    struct conn *secure, int64_t deadline, struct err *e)
{
	struct handshake h = {
	    .plain = *plain, .front = f, .since = clock_mono()};
	struct tls *layer;

	plain->read = read_handshake;
	plain->state = &h;
	layer = tls_accept(tls, plain, secure, deadline, e);
	*plain = h.plain;
	return layer;
}

/* Who is there, then HTTP on the connection, under TLS if there is one. */
static int
serve(
    struct front *f, struct tls_server *tls, struct conn *plain, struct err *e)
{
	const struct conf_listener *conf = f->conf;
	struct http_service service = {.answer = answer,
	    .refuse = refuse,
	    .is_wanted = is_wanted,
	    .is_over = is_over,
	    .arg = f,
	    .body_max = f->body_max,
	    .request_timeout = conf->request_timeout * 1000,
	    .idle_timeout = conf->idle_timeout * 1000,
	    .requests_max = conf->requests_per_connection};
	int64_t deadline = clock_mono() + service.request_timeout;
	struct conn secure;
	struct tls *layer;
	int rc;

	if (peer_meet(f, plain, deadline, e) < 0)
		return -1;
	if (!tls)
		return http_serve(plain, &service, e);
	layer = shake_hands(f, tls, plain, &secure, deadline, e);
	if (!layer)
		return -1;
	rc = http_serve(&secure, &service, e);
	tls_free(layer);
	return rc;
}

void
connection_serve(struct front *f, struct tls_server *tls, int in, int out)
{
	struct err e = {0};
	struct conn plain;
	char text[1024];

	begin(f);
	sock_nodelay(out);
	conn_init(&plain, in, out);
	if (serve(f, tls, &plain, &e) < 0) {
		err_format(&e, text, sizeof(text));
		log_event(LOG_LEVEL_INFO, "connection.broken", "peer",
		    f->client.peer, "reason", text, NULL);
	}
	if (f->rest)
		f->rest(f->arg);
	log_set_id("");
}
