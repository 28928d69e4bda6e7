#include "server/wellknown.h"

#include <strings.h>

#include "acme/keyauth.h"
#include "acme/problem.h"
#include "base/log.h"
#include "base/str.h"
#include "conf/conf.h"
#include "http/host.h"
#include "http/request.h"
#include "http/response.h"
#include "http/route.h"
#include "server/peer.h"
#include "store/challenge_answer.h"
#include "store/challenge_request.h"
#include "store/store.h"
#include "sys/clock.h"

#define CHALLENGES "/.well-known/acme-challenge/"
#define WHOAMI "/.well-known/public/whoami"
#define PATIENCE 10 /* ms, between two requests or clients */
#define LAST_PATIENCE 500 /* ms, when no client waits any more */

struct wellknown_request {
	int64_t at;
	bool answered;
	char token[KEYAUTH_SIZE];
	char host[HOST_SIZE];
	char address[SOCK_ADDR_SIZE];
};

/* ---- who asked ----------------------------------------------------------- */

/*
 * The answer is out already.  What cannot be written now stays for the next
 * time, as far as there is room: nobody shall wait for it.
 */
static void
flush(struct wellknown *w, int64_t patience)
{
	struct challenge_request rows[WELLKNOWN_PENDING_MAX];
	struct err e = {0};

	if (w->pending_len == 0)
		return;
	for (size_t i = 0; i < w->pending_len; i++) {
		const struct wellknown_request *r = &w->pending[i];

		rows[i] = (struct challenge_request){.at = r->at,
		    .token = r->token,
		    .host = r->host,
		    .address = r->address,
		    .answered = r->answered};
	}
	if (challenge_request_add(
		w->store, rows, w->pending_len, patience, &e) == 0) {
		w->pending_len = 0;
		w->is_deaf = false;
		return;
	}
	if (!w->is_deaf)
		log_err("challenge.unlogged", &e);
	w->is_deaf = true;
}

static void
rest(void *arg)
{
	flush(arg, PATIENCE);
}

/* Only what can be a token: a stranger does not choose what is stored. */
static void
remember(
    struct wellknown *w, const char *token, const char *host, bool answered)
{
	struct wellknown_request *r;

	if (!w->pending)
		return;
	if (w->pending_len == WELLKNOWN_PENDING_MAX)
		flush(w, 0);
	if (w->pending_len == WELLKNOWN_PENDING_MAX)
		return;
	r = &w->pending[w->pending_len++];
	r->at = clock_now();
	r->answered = answered;
	snprintf(r->token, sizeof(r->token), "%s", token);
	snprintf(r->host, sizeof(r->host), "%s", host);
	snprintf(
	    r->address, sizeof(r->address), "%s", w->responder.client.peer);
}

/* ---- answers ------------------------------------------------------------- */

struct asked {
	struct wellknown *wellknown;
	const struct request *request;
	struct response *response;
	char host[HOST_SIZE]; /* without a port, in lower case */
};

/* The account that answers for this host, or NULL. */
static const char *
thumbprint_for(const struct strv *l, const char *host)
{
	const char *any = NULL;

	for (size_t i = 0; i < l->len; i++) {
		const char *equals = strchr(l->v[i], '=');

		if (!equals)
			any = l->v[i];
		else if (strlen(host) == (size_t)(equals - l->v[i]) &&
		    strncasecmp(host, l->v[i], strlen(host)) == 0)
			return equals + 1;
	}
	return any;
}

static int
find(const struct asked *a, const char *token, char out[KEYAUTH_SIZE],
    struct err *e)
{
	const struct wellknown *w = a->wellknown;
	const char *thumbprint;

	if (w->store)
		return challenge_answer_find(
		    w->store, token, a->host, out, KEYAUTH_SIZE, e);
	thumbprint = thumbprint_for(&w->conf->challenge.thumbprints, a->host);
	if (!thumbprint)
		return err_set(e, KIND_NOTFOUND, "no account for this host");
	keyauth_format(out, token, thumbprint);
	return 0;
}

static int
serve_challenge(const struct asked *a, const char *token, struct err *e)
{
	struct response *res = a->response;
	char text[KEYAUTH_SIZE];

	if (!keyauth_token_is_good(token))
		return err_set(e, KIND_NOTFOUND, "this is no token");
	if (find(a, token, text, e) < 0) {
		if (e->kind == KIND_NOTFOUND)
			remember(a->wellknown, token, a->host, false);
		return -1;
	}
	/* RFC 8555 8.3 */
	response_field(res, "Content-Type", "application/octet-stream");
	buf_adds(&res->body, text);
	remember(a->wellknown, token, a->host, true);
	return 0;
}

static int
serve_whoami(const struct asked *a)
{
	response_field(a->response, "Content-Type", "text/plain");
	buf_adds(&a->response->body, a->host);
	return 0;
}

static int
serve(struct asked *a, struct err *e)
{
	const struct request *req = a->request;
	bool is_challenge = str_starts(req->path, CHALLENGES);

	if (peer_tell(&a->wellknown->responder, req, e) < 0)
		return -1;
	if (req->query || (!is_challenge && strcmp(req->path, WHOAMI) != 0))
		return err_set(e, KIND_NOTFOUND, "nothing is at this URL");
	if (route_check_method(REQUEST_GET, req, a->response, e) < 0 ||
	    host_read(req, a->host, e) < 0)
		return -1;
	return is_challenge
	    ? serve_challenge(a, req->path + strlen(CHALLENGES), e)
	    : serve_whoami(a);
}

/* Few words, and none that a stranger has sent. */
static void
answer_failure(struct response *res, const struct err *e)
{
	res->status = problem_status(e);
	buf_clear(&res->body);
	if (res->status == 503)
		response_field(res, "Retry-After", "5");
	response_field(res, "Content-Type", "text/plain");
	buf_addf(&res->body, "%s\n", response_reason(res->status));
	if (!err_row(e->kind)->text_is_public)
		log_err("request.failed", e);
}

static void
log_request(const struct asked *a, const struct err *e)
{
	char status[16];

	snprintf(status, sizeof(status), "%d", a->response->status);
	log_event(LOG_LEVEL_INFO, "request", "method", a->request->method_name,
	    "path", a->request->path, "host", a->host, "status", status, "peer",
	    a->wellknown->responder.client.peer, "detail",
	    err_is_set(e) ? e->text : NULL, "agent",
	    request_field(a->request, "user-agent"), NULL);
}

static void
answer(void *arg, const struct request *req, const struct buf *body,
    struct response *res)
{
	struct wellknown *w = arg;
	struct asked a = {.wellknown = w, .request = req, .response = res};
	struct err e = {0};

	(void)body;
	responder_begin(&w->responder);
	if (serve(&a, &e) < 0)
		answer_failure(res, &e);
	responder_sign(res);
	log_request(&a, &e);
}

static void
refuse(void *arg, const struct err *e, bool is_post, struct response *res)
{
	struct wellknown *w = arg;

	(void)is_post;
	responder_begin(&w->responder);
	answer_failure(res, e);
	responder_sign(res);
	responder_log_refused(&w->responder, LOG_LEVEL_INFO, e, res->status);
}

/* ---- opening ------------------------------------------------------------- */

bool
wellknown_is_stateless(const struct conf *conf)
{
	return conf->challenge.thumbprints.len > 0;
}

int
wellknown_open(struct wellknown *w, const struct conf *conf, struct err *e)
{
	bool logs = conf->challenge.log_requests;

	*w = (struct wellknown){.conf = conf,
	    .responder = {.conf = &conf->challenge.listener,
		.answer = answer,
		.refuse = refuse,
		.rest = rest,
		.arg = w}};
	if (wellknown_is_stateless(conf))
		return 0;
	w->store =
	    store_open(conf->store.url, logs ? STORE_WRITE : STORE_READ, e);
	if (w->store && logs)
		w->pending =
		    xcalloc(WELLKNOWN_PENDING_MAX, sizeof(*w->pending));
	return w->store ? 0 : -1;
}

void
wellknown_release(struct wellknown *w)
{
	if (!w)
		return;
	flush(w, LAST_PATIENCE);
	store_close(w->store);
	free(w->pending);
	*w = (struct wellknown){0};
}
