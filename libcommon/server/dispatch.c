#include "server/dispatch.h"

#include "base/log.h"
#include "base/str.h"
#include "http/request.h"
#include "http/response.h"
#include "http/route.h"
#include "policy/keys.h"
#include "server/nonce.h"
#include "server/peer.h"
#include "server/serve.h"
#include "server/server.h"
#include "store/store.h"
#include "sys/clock.h"
#include "wrap/js.h"
#include "wrap/key.h"

#define MEDIA_TYPE "application/jose+json"

/* Who must have signed a POST. */
enum needs {
	NEEDS_KID,
	NEEDS_JWK,
	NEEDS_EITHER
};

/* What the payload must be. */
enum payload {
	PAYLOAD_EMPTY, /* POST-as-GET */
	PAYLOAD_OBJECT,
	PAYLOAD_BOTH
};

static const struct route {
	const char *path; /* a pattern (http/route.h) */
	unsigned methods; /* enum request_method; GET implies HEAD */
	enum needs needs;
	enum payload payload;
	bool query; /* may have one; elsewhere it is an unknown URL */
	bool no_index; /* is the directory itself (RFC 8555 7.1) */
	int (*serve)(struct call *c, struct err *e);
} routes[] = {
    {"/", REQUEST_GET, .serve = serve_directory_root},
    {"/directory", REQUEST_GET | REQUEST_POST, NEEDS_KID, PAYLOAD_EMPTY,
	.no_index = true, .serve = serve_directory},
    {"/new-nonce", REQUEST_GET | REQUEST_POST, NEEDS_KID, PAYLOAD_EMPTY,
	.serve = serve_directory_nonce},
    {"/new-account", REQUEST_POST, NEEDS_JWK, PAYLOAD_OBJECT,
	.serve = serve_account_new},
    {"/account/*", REQUEST_POST, NEEDS_KID, PAYLOAD_BOTH,
	.serve = serve_account},
    {"/account/*/orders", REQUEST_POST, NEEDS_KID, PAYLOAD_EMPTY, .query = true,
	.serve = serve_account_orders},
    {"/key-change", REQUEST_POST, NEEDS_KID, PAYLOAD_OBJECT,
	.serve = serve_keychange},
    {"/new-order", REQUEST_POST, NEEDS_KID, PAYLOAD_OBJECT,
	.serve = serve_order_new},
    {"/order/*", REQUEST_POST, NEEDS_KID, PAYLOAD_EMPTY, .serve = serve_order},
    {"/order/*/finalize", REQUEST_POST, NEEDS_KID, PAYLOAD_OBJECT,
	.serve = serve_finalize},
    {"/authorization/*", REQUEST_POST, NEEDS_KID, PAYLOAD_BOTH,
	.serve = serve_authorization},
    {"/challenge/*/*", REQUEST_POST, NEEDS_KID, PAYLOAD_BOTH,
	.serve = serve_authorization_challenge},
    {"/certificate/*", REQUEST_POST, NEEDS_KID, PAYLOAD_EMPTY,
	.serve = serve_certificate},
    {"/renewal-info/+", REQUEST_GET, .serve = serve_renewal},
    {"/revoke-cert", REQUEST_POST, NEEDS_EITHER, PAYLOAD_OBJECT,
	.serve = serve_revoke},
};

static const struct route *
find_route(struct call *c, struct err *e)
{
	const struct request *req = c->request;
	size_t base = strlen(c->server->base_path);

	if (strncmp(req->path, c->server->base_path, base) == 0)
		for (size_t i = 0; i < ARRAY_LEN(routes); i++)
			if ((!req->query || routes[i].query) &&
			    route_matches(
				routes[i].path, req->path + base, &c->parts))
				return &routes[i];
	err_set(e, KIND_NOTFOUND, "nothing is at this URL");
	return NULL;
}

/* RFC 8555 6.2 */
static int
check_media_type(const struct request *req, struct err *e)
{
	const char *type = request_field(req, "content-type");

	if (type && strcasecmp(type, MEDIA_TYPE) == 0)
		return 0;
	return err_http(e, KIND_INPUT, 415,
	    "Content-Type is not " MEDIA_TYPE " (RFC 8555 6.2)");
}

/* RFC 8555 6.4: the URL as the client means it is the URL it has used. */
static int
check_url(const struct call *c, struct err *e)
{
	const struct server *s = c->server;
	const struct request *req = c->request;
	struct buf want;
	bool same;

	buf_init(&want, 3 * REQUEST_LINE_MAX);
	buf_add(&want, s->base_url, (size_t)(s->base_path - s->base_url));
	buf_adds(&want, req->path);
	if (req->query)
		buf_addf(&want, "?%s", req->query);
	same = strcmp(want.data, c->jws.url) == 0;
	buf_release(&want);
	if (same)
		return 0;
	return err_set(e, KIND_DENIED,
	    "JWS: \"url\" is not the URL of the request (RFC 8555 6.4)");
}

/* What is wrong with the envelope and with its nonce, each told in its turn. */
struct envelope {
	struct err jws;
	struct err nonce;
};

/*
 * RFC 8555 6.5: a nonce that has been seen is dead, also when the request is
 * refused for anything else, so it is spent before all is judged.
 */
static void
open_envelope(struct call *c, const struct buf *body, struct envelope *env)
{
	if (c->request->method != REQUEST_POST && body->len == 0)
		return;
	jws_parse(body->data, body->len, &c->jws, &env->jws);
	if (c->jws.nonce)
		nonce_spend(c->server->nonce, c->jws.nonce, &env->nonce);
	else
		err_acme(&env->nonce, KIND_INPUT, "badNonce",
		    "JWS: \"nonce\" is missing (RFC 8555 6.5)");
}

static int
check_envelope(struct call *c, const struct envelope *env, struct err *e)
{
	if (err_is_set(&env->jws)) {
		*e = env->jws;
		return -1;
	}
	if (check_url(c, e) < 0)
		return -1;
	if (err_is_set(&env->nonce)) {
		*e = env->nonce;
		return -1;
	}
	return 0;
}

/* The key is in the request: any that is good enough. */
static int
check_jwk(struct call *c, struct err *e)
{
	c->key = c->own_key = jwk_parse(c->jws.jwk, e);
	if (!c->key ||
	    keys_check(c->key, c->server->blocked, "badPublicKey", e) < 0)
		return -1;
	jwk_thumbprint(c->key, c->thumbprint);
	return jws_verify(&c->jws, c->key, e);
}

static int
load_account(struct call *c, const char *url_id, struct err *e)
{
	struct err why = {0};

	if (account_by_url_id(c->server->store, url_id, &c->account, &why) == 0)
		return 0;
	if (why.kind == KIND_NOTFOUND)
		return err_acme(e, KIND_INPUT, "accountDoesNotExist",
		    "JWS: \"kid\" is no account of this server");
	*e = why;
	return -1;
}

/* The key is that of an account of ours. */
static int
check_kid(struct call *c, struct err *e)
{
	const struct server *s = c->server;
	size_t base = strlen(s->base_url);
	const char *kid = c->jws.kid;
	char actor[48];

	if (strncmp(kid, s->base_url, base) != 0 ||
	    !str_starts(kid + base, "/account/") ||
	    strlen(kid + base + 9) != STORE_URL_ID_LEN ||
	    route_id_span(kid + base + 9) != STORE_URL_ID_LEN)
		return err_set(e, KIND_INPUT,
		    "JWS: \"kid\" is no account URL of this server "
		    "(RFC 8555 6.2)");
	if (load_account(c, kid + base + 9, e) < 0)
		return -1;
	c->key = server_account_key(c->server, &c->account, e);
	if (!c->key || jws_verify(&c->jws, c->key, e) < 0)
		return -1;
	if (call_account_valid(&c->account, e) < 0)
		return -1;
	snprintf(actor, sizeof(actor), "account/%s", c->account.url_id);
	store_set_actor(s->store, actor);
	return 0;
}

static int
check_signer(struct call *c, const struct route *r, struct err *e)
{
	if (c->jws.jwk && r->needs == NEEDS_KID)
		return err_set(e, KIND_INPUT,
		    "JWS: this URL takes \"kid\", not \"jwk\" (RFC 8555 6.2)");
	if (c->jws.kid && r->needs == NEEDS_JWK)
		return err_set(e, KIND_INPUT,
		    "JWS: this URL takes \"jwk\", not \"kid\" (RFC 8555 6.2)");
	return c->jws.kid ? check_kid(c, e) : check_jwk(c, e);
}

static int
read_payload(struct call *c, const struct route *r, struct err *e)
{
	const struct buf *payload = &c->jws.payload;

	if (payload->len == 0 && r->payload == PAYLOAD_OBJECT)
		return err_set(
		    e, KIND_INPUT, "JWS: the payload must be an object here");
	if (payload->len > 0 && r->payload == PAYLOAD_EMPTY)
		return err_set(e, KIND_INPUT,
		    "JWS: the payload must be empty here (RFC 8555 6.3)");
	if (payload->len == 0)
		return 0;
	c->payload = js_parse_long(payload->data, payload->len, JWS_MAX, e);
	return c->payload ? 0 : err_object(e, "JWS: payload");
}

static int
serve(struct call *c, const struct buf *body, const struct route **route,
    struct err *e)
{
	struct envelope env = {0};
	const struct route *r;

	open_envelope(c, body, &env);
	if (peer_tell(&c->server->responder, c->request, e) < 0)
		return -1;
	r = *route = find_route(c, e);
	if (!r ||
	    route_check_method(r->methods, c->request, c->response, e) < 0)
		return -1;
	if (c->request->method == REQUEST_POST &&
	    (check_media_type(c->request, e) < 0 ||
		check_envelope(c, &env, e) < 0 || check_signer(c, r, e) < 0 ||
		read_payload(c, r, e) < 0))
		return -1;
	return r->serve(c, e);
}

/* Headers that the handler has set stay: Allow, Location, Link. */
static void
answer_failure(
    struct response *res, const struct err *e, const struct problem *p)
{
	int status = problem_status(e);
	int retry = e->retry_after;

	if (retry == 0 && status == 503)
		retry = 5;
	if (retry > 0)
		response_field(res, "Retry-After", "%d", retry);
	res->status = status;
	buf_clear(&res->body);
	response_field(res, "Content-Type", PROBLEM_TYPE);
	problem_write(e, p, log_get_id(), &res->body);
	buf_addc(&res->body, '\n');
	if (!err_row(e->kind)->text_is_public)
		log_err("request.failed", e);
}

/* RFC 8555 6.5 and 7.1: what ours all have in common. */
static void
add_common(struct server *s, bool nonce, bool index, struct response *res)
{
	char text[NONCE_SIZE];

	if (index)
		response_field(
		    res, "Link", "<%s/directory>;rel=\"index\"", s->base_url);
	if (!nonce)
		return;
	nonce_make(s->nonce, text);
	response_field(res, "Replay-Nonce", "%s", text);
	response_field(res, "Cache-Control", "no-store");
}

static void
log_request(const struct call *c, const struct err *e, int64_t began)
{
	char status[16], ms[24];

	snprintf(status, sizeof(status), "%d", c->response->status);
	snprintf(ms, sizeof(ms), "%lld", (long long)(clock_mono() - began));
	log_event(LOG_LEVEL_INFO, "request", "method", c->request->method_name,
	    "path", c->request->path, "status", status, "peer",
	    c->server->responder.client.peer, "ms", ms, "account",
	    c->account.id ? c->account.url_id : NULL, "problem",
	    err_is_set(e) ? problem_type(e) : NULL, "detail",
	    err_is_set(e) ? e->text : NULL, "agent",
	    request_field(c->request, "user-agent"), NULL);
}

static void
call_release(struct call *c)
{
	jws_release(&c->jws);
	key_free(c->own_key);
	account_release(&c->account);
	js_free(c->payload);
	problem_release(&c->problem);
}

void
dispatch_answer(void *arg, const struct request *req, const struct buf *body,
    struct response *res)
{
	struct call c = {.server = arg, .request = req, .response = res};
	const struct route *r = NULL;
	struct err e = {0};
	int64_t began = clock_mono();
	bool nonce = req->method == REQUEST_POST;

	responder_begin(&c.server->responder);
	store_set_actor(c.server->store, "acmed-accept");
	if (serve(&c, body, &r, &e) < 0)
		answer_failure(res, &e, &c.problem);
	else if (r->serve == serve_directory_nonce)
		nonce = true;
	add_common(c.server, nonce, !r || !r->no_index, res);
	log_request(&c, &e, began);
	call_release(&c);
}

void
dispatch_refuse(
    void *arg, const struct err *e, bool is_post, struct response *res)
{
	struct server *s = arg;

	responder_begin(&s->responder);
	answer_failure(res, e, NULL);
	add_common(s, is_post, true, res);
	responder_log_refused(&s->responder, LOG_LEVEL_INFO, e, res->status);
}
