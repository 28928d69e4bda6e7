#include "admin/reply.h"

#include "acme/problem.h"
#include "admin/admin.h"
#include "admin/visit.h"
#include "base/log.h"
#include "base/str.h"
#include "conf/scope.h"
#include "http/request.h"
#include "http/response.h"
#include "server/peer.h"
#include "store/event.h"
#include "store/store.h"
#include "sys/clock.h"
#include "wrap/js.h"

#define GET REQUEST_GET
#define POST REQUEST_POST

#define READ(path, scopes, fn)                                                 \
	{                                                                      \
		path, GET, scopes, fn, false                                   \
	}
/* As peter_sslers spells it, as its README does, and as later versions do. */
#define CERTIFICATE(file, scopes, fn)                                          \
	READ("/certificate-signed/*/" file, scopes, fn),                       \
	    READ("/certificate/*/" file, scopes, fn),                          \
	    READ("/x509-certificate/*/" file, scopes, fn)
/* The same of what else later versions have renamed. */
#define NAMED(name, later_name, file, fn)                                      \
	READ("/" name "/*/" file, SCOPE_READ, fn),                             \
	    READ("/" later_name "/*/" file, SCOPE_READ, fn)
#define CA(file, fn)                                                           \
	NAMED("certificate-ca", "x509-certificate-trusted", file, fn)
#define REQUEST(file, fn)                                                      \
	NAMED("certificate-request", "x509-certificate-request", file, fn)
#define CHAIN(file, fn)                                                        \
	NAMED("certificate-ca-chain", "x509-certificate-trust-chain", file, fn)
#define VIA "via-certificate-ca-chain/*/"
#define POSTED(path, scopes, fn, takes_files)                                  \
	{path, POST, scopes, fn, takes_files},                                 \
	{                                                                      \
		path ".json", POST, scopes, fn, takes_files                    \
	}
#define ASK(path, scopes, fn) POSTED(path, scopes, fn, false)
#define TASK(path, fn) ASK(path, SCOPE_WRITE, fn)
#define UPLOAD(path, fn) POSTED(path, SCOPE_WRITE, fn, true)
#define KEYS (SCOPE_READ | SCOPE_KEYS)

static const struct visit_route routes[] = {
    READ("/whoami", 0, visit_whoami),
    READ("/whoami.json", 0, visit_whoami_json),
    READ("/domain/+/config.json", SCOPE_READ, visit_config_domain),
    CERTIFICATE("config.json", SCOPE_READ, visit_config_certificate),
    CERTIFICATE(VIA "config.json", SCOPE_READ, visit_config_certificate_via),
    CERTIFICATE("config.zip", KEYS, visit_zip),
    CERTIFICATE(VIA "config.zip", KEYS, visit_zip_via),
    CERTIFICATE("parse.json", SCOPE_READ, visit_parse_certificate),
    CERTIFICATE("cert.+", SCOPE_READ, visit_file_cert),
    CERTIFICATE("chain.+", SCOPE_READ, visit_file_chain),
    CERTIFICATE("fullchain.+", SCOPE_READ, visit_file_fullchain),
    CERTIFICATE("privkey.+", KEYS, visit_file_privkey),
    CERTIFICATE(VIA "chain.+", SCOPE_READ, visit_file_chain_via),
    CERTIFICATE(VIA "fullchain.+", SCOPE_READ, visit_file_fullchain_via),
    CA("parse.json", visit_parse_ca),
    CA("cert.+", visit_file_ca),
    CHAIN("chain.+", visit_file_ca_chain),
    REQUEST("parse.json", visit_parse_request),
    REQUEST("csr.+", visit_file_request),
    READ("/private-key/*/key.+", KEYS, visit_file_key),
    READ("/private-key/*/parse.json", SCOPE_READ, visit_parse_key),
    TASK("/api/update-recents", visit_task_recents),
    TASK("/api/deactivate-expired", visit_task_expired),
    TASK("/queue-domains/add", visit_task_queue),
    TASK("/api/domain/enable", visit_task_enable),
    TASK("/api/domain/disable", visit_task_disable),
    ASK("/api/nginx/status", SCOPE_READ, visit_nginx_status),
    TASK("/api/nginx/cache-flush", visit_nginx_flush),
    TASK("/domain/+/nginx-cache-expire", visit_nginx_domain),
    TASK("/certificate-signed/*/nginx-cache-expire", visit_nginx_certificate),
    TASK("/certificate/*/nginx-cache-expire", visit_nginx_certificate),
    TASK("/x509-certificate/*/nginx-cache-expire", visit_nginx_certificate),
    ASK("/api/domain/autocert", SCOPE_ORDER | KEYS, visit_order_autocert),
    ASK("/api/domain/certificate-if-needed", SCOPE_ORDER,
	visit_order_if_needed),
    TASK("/api/redis/prime", visit_redis_prime),
    UPLOAD("/certificate-signed/upload", visit_upload_certificate),
    UPLOAD("/certificate/upload", visit_upload_certificate),
    UPLOAD("/x509-certificate/upload", visit_upload_certificate),
    UPLOAD("/private-key/upload", visit_upload_key),
    UPLOAD("/acme-account/upload", visit_no_account),
    UPLOAD("/acme-account/new", visit_no_account),
    READ("/acme-account/*/key.+", KEYS, visit_no_account),
    UPLOAD("/certificate-ca/upload-cert", visit_upload_ca),
    UPLOAD("/x509-certificate-trusted/upload-cert", visit_upload_ca),
    UPLOAD("/certificate-ca-chain/upload", visit_upload_chain),
    UPLOAD("/certificate-ca-chain/upload-chain", visit_upload_chain),
    UPLOAD("/x509-certificate-trust-chain/upload-chain", visit_upload_chain),
};

const struct visit_route *
reply_route(const char *path, struct route_parts *parts)
{
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (route_matches(routes[i].path, path, parts))
			return &routes[i];
	return NULL;
}

/* ---- answers ------------------------------------------------------------- */

int
visit_json(struct visit *v, struct js *body)
{
	struct response *res = v->response;

	response_field(res, "Content-Type", "application/json");
	js_write(body, &res->body);
	buf_addc(&res->body, '\n');
	js_free(body);
	return 0;
}

void
visit_put_event(const struct visit *v, struct js *object, const char *key)
{
	int64_t event = event_last(v->admin->store);

	if (event != 0)
		js_put_int(object, key, event);
	else
		js_put(object, key, js_null());
}

int
visit_text(struct visit *v, const char *text)
{
	response_field(v->response, "Content-Type", "text/plain");
	buf_adds(&v->response->body, text);
	return 0;
}

int
visit_number(const struct visit *v, size_t i, int64_t *n, struct err *e)
{
	uint64_t number;

	if (!str_to_u64(v->parts.id[i], INT64_MAX, &number))
		return err_set(e, KIND_NOTFOUND, "nothing has such a number");
	*n = (int64_t)number;
	return 0;
}

/*
 * As gateways and programs of peter_sslers expect it ("message" is what the
 * former log), but with the status that it has.
 */
static void
answer_failure(struct response *res, const struct err *e, struct js *also)
{
	char text[PROBLEM_TEXT_SIZE];
	struct js *body = also ? also : js_object(); /* transferred */
	int retry = e->retry_after;

	res->status = problem_status(e);
	if (retry == 0 && res->status == 503)
		retry = 5;
	if (retry > 0)
		response_field(res, "Retry-After", "%d", retry);
	if (res->status == 401)
		response_field(res, "WWW-Authenticate", "Bearer");
	problem_public(e, log_get_id(), text);
	js_put_text(body, "result", "error");
	js_put_text(body, "error", text);
	js_put_text(body, "message", text);
	buf_clear(&res->body);
	response_field(res, "Content-Type", "application/json");
	js_write(body, &res->body);
	buf_addc(&res->body, '\n');
	js_free(body);
	if (!err_row(e->kind)->text_is_public)
		log_err("request.failed", e);
}

/* ---- requests ------------------------------------------------------------ */

static int
find_route(struct visit *v, struct err *e)
{
	const char *prefix = v->admin->prefix, *path = v->request->path;

	if (str_starts(path, prefix))
		v->route = reply_route(path + strlen(prefix), &v->parts);
	return v->route ? 0
			: err_set(e, KIND_NOTFOUND, "nothing is at this URL");
}

static int
read_form(struct visit *v, const struct buf *body, struct err *e)
{
	const struct request *req = v->request;
	const char *query = req->query ? req->query : "";

	if (form_read_query(&v->form, query, strlen(query), e) < 0 ||
	    (req->method == POST &&
		form_read(
		    &v->form, request_field(req, "content-type"), body, e) < 0))
		return -1;
	return v->route->takes_files ? 0 : form_check_text(&v->form, e);
}

/*
 * A page of somebody else can have a browser post with what the browser may do:
 * it says where it comes from.  Nothing here is for browsers.
 */
static int
refuse_browser(const struct request *req, struct err *e)
{
	const char *site = request_field(req, "sec-fetch-site");
	bool is_ours =
	    request_count(req, "sec-fetch-site") == 0 || str_same(site, "none");

	return req->method == POST &&
		(!is_ours || request_count(req, "origin") > 0)
	    ? err_set(e, KIND_DENIED, "a browser sends this for a web page")
	    : 0;
}

/* Who asks comes first: what is there is not for everybody to find out. */
static int
serve(struct visit *v, const struct buf *body, struct err *e)
{
	struct admin *a = v->admin;

	if (peer_tell(&a->responder, v->request, e) < 0 ||
	    caller_meet(a, v->request, &v->caller, e) < 0 ||
	    refuse_browser(v->request, e) < 0)
		return -1;
	store_set_actor(a->store, v->caller.name);
	if (find_route(v, e) < 0 ||
	    route_check_method(v->route->methods, v->request, v->response, e) <
		0 ||
	    caller_check(&v->caller, v->route->scopes, e) < 0 ||
	    read_form(v, body, e) < 0)
		return -1;
	return v->route->visit(v, e);
}

/* On loopback everybody can ask: who may not could fill the log. */
static enum log_level
level_for(unsigned scopes)
{
	return scopes ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
}

static void
log_request(const struct visit *v, const struct err *e, int64_t began)
{
	char status[16], ms[24];

	snprintf(status, sizeof(status), "%d", v->response->status);
	snprintf(ms, sizeof(ms), "%lld", (long long)(clock_mono() - began));
	log_event(level_for(v->caller.scopes), "request", "method",
	    v->request->method_name, "path", v->request->path, "status", status,
	    "peer", v->admin->responder.client.peer, "ms", ms, "caller",
	    v->caller.name[0] ? v->caller.name : NULL, "detail",
	    err_is_set(e) ? e->text : NULL, NULL);
}

void
reply_answer(void *arg, const struct request *req, const struct buf *body,
    struct response *res)
{
	struct visit v = {.admin = arg, .request = req, .response = res};
	int64_t began = clock_mono();
	struct err e = {0};

	responder_begin(&v.admin->responder);
	if (serve(&v, body, &e) < 0)
		answer_failure(res, &e, v.also);
	responder_sign(res);
	log_request(&v, &e, began);
	form_release(&v.form);
}

void
reply_refuse(void *arg, const struct err *e, bool is_post, struct response *res)
{
	struct admin *a = arg;

	(void)is_post;
	responder_begin(&a->responder);
	answer_failure(res, e, NULL);
	responder_sign(res);
	responder_log_refused(&a->responder,
	    level_for(
		admin_grants_of(a->setup->grants, a->responder.client.uid)),
	    e, res->status);
}
