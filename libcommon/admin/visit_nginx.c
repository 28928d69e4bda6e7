#include "admin/visit.h"

#include "acme/workmsg.h"
#include "admin/admin.h"
#include "base/str.h"
#include "conf/conf.h"
#include "http/response.h"
#include "store/certificate.h"
#include "store/domain.h"
#include "store/fqdn_set.h"
#include "sys/clock.h"
#include "wrap/js.h"

#define WAIT_MS 55000 /* gateways and programs give up after 60 s */
#define STATUS_MS 15000 /* which also those may ask who may do little */
#define CODE_CONF 102
#define CODE_TEMPORARY 111

/* Why nothing is known of the servers. */
static int
blame(const struct workmsg_reply *r, struct err *e)
{
	const char *why = r->text[0] ? r->text : "see its log";

	if (r->code == CODE_CONF)
		return err_set(e, KIND_CONFLICT, "%s", why);
	err_set(e, KIND_BUSY, "%s", why);
	if (r->code != CODE_TEMPORARY)
		e->http_status = 502;
	return -1;
}

/*
 * As peter_sslers has it, but that it is no success when none of the servers
 * has done it: 502.
 */
static int
answer(struct visit *v, const struct js *said)
{
	const struct js *status = js_get(said, "servers_status");
	const struct js *event = js_get(said, "event");
	const struct js *effective = js_get(said, "effective_in");
	struct js *body = js_object(), *o;
	bool failed = js_len(js_get(status, "success")) == 0;

	if (failed)
		v->response->status = 502;
	js_put_text(body, "result", failed ? "error" : "success");
	if (failed)
		js_put_text(body, "error", "no nginx server has done it");
	if (event) {
		o = js_object();
		js_put(o, "id", js_share(event));
		js_put(body, "operations_event", o);
	}
	if (effective)
		js_put(body, "effective_in", js_share(effective));
	js_put(body, "servers_status", js_share(status));
	return visit_json(v, body);
}

static int
ask(struct visit *v, const char *request, int64_t ms, struct err *e)
{
	const char *socket = v->admin->setup->conf->admin.work_socket;
	struct workmsg_reply r;
	struct err ignored = {0};
	struct js *said = NULL;
	int rc;

	workmsg_reply_init(&r);
	rc = workmsg_call(socket, request, clock_mono() + ms, &r, e);
	if (rc == 0)
		said = js_parse(r.output.data, r.output.len, &ignored);
	if (rc == 0)
		rc = js_get(said, "servers_status") ? answer(v, said)
						    : blame(&r, e);
	js_free(said);
	workmsg_reply_release(&r);
	return rc;
}

int
visit_nginx_status(struct visit *v, struct err *e)
{
	return ask(v, "nginx status", STATUS_MS, e);
}

int
visit_nginx_flush(struct visit *v, struct err *e)
{
	return ask(v, "nginx expire all", WAIT_MS, e);
}

/* No client asks for an address by SNI. */
static int
expire(struct visit *v, const struct strv *names, struct err *e)
{
	struct buf request;
	size_t len = 0;
	int rc;

	buf_init(&request, WORKMSG_REQUEST_MAX - 1);
	buf_adds(&request, "nginx expire");
	for (size_t i = 0; i < names->len; i++) {
		if (strchr(names->v[i], ':'))
			continue;
		buf_addf(&request, " %s", names->v[i]);
		len++;
	}
	if (len == 0)
		rc = err_set(e, KIND_CONFLICT, "it is for no domain");
	else if (request.full)
		rc = err_set(e, KIND_CONFLICT, "it is for too many domains");
	else
		rc = ask(v, request.data, WAIT_MS, e);
	buf_release(&request);
	return rc;
}

/* Also of a name that is in no certificate: that it is not may be in a cache.
 */
int
visit_nginx_domain(struct visit *v, struct err *e)
{
	struct strv names = {0};
	struct domain d;
	int rc;

	if (visit_domain(v, &d, e) < 0)
		return -1;
	strv_add(&names, d.value);
	rc = expire(v, &names, e);
	strv_release(&names);
	return rc;
}

int
visit_nginx_certificate(struct visit *v, struct err *e)
{
	struct store *st = v->admin->store;
	struct strv names = {0};
	struct certificate c;
	int64_t id;
	int rc;

	if (visit_number(v, 0, &id, e) < 0 ||
	    certificate_by_id(st, id, &c, e) < 0)
		return -1;
	rc = fqdn_set_names(st, c.fqdn_set_id, &names, e);
	certificate_release(&c);
	if (rc == 0)
		rc = expire(v, &names, e);
	strv_release(&names);
	return rc;
}
