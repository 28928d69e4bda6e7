#include "server/serve.h"

#include "acme/jwk.h"
#include "base/b64.h"
#include "base/log.h"
#include "base/str.h"
#include "conf/conf.h"
#include "policy/csrs.h"
#include "server/issue.h"
#include "store/order.h"
#include "wrap/csr.h"
#include "wrap/js.h"
#include "wrap/key.h"

static struct csr *
read_csr(const struct call *c, struct err *e)
{
	const char *text = js_get_text(c->payload, "csr");
	struct csr *csr = NULL;
	struct buf der;

	if (!text) {
		err_set(e, KIND_INPUT,
		    "finalize: \"csr\" is missing (RFC 8555 7.4)");
		return NULL;
	}
	buf_init(&der, CSR_MAX);
	if (b64url_decode(&der, text, strlen(text)) < 0)
		err_acme(e, KIND_INPUT, "badCSR",
		    "finalize: \"csr\" is not base64url without padding, or "
		    "too long (RFC 8555 7.4)");
	else
		csr = csr_from_der(der.data, der.len, e);
	buf_release(&der);
	return csr;
}

static int
check_csr(const struct call *c, const struct order *o, const struct csr *csr,
    struct err *e)
{
	struct strv dns = {0}, ip = {0};
	int rc;

	for (size_t i = 0; i < o->names_len; i++) {
		const struct identifier *id = &o->names[i].identifier;

		strv_add(id->type == IDENTIFIER_IP ? &ip : &dns, id->value);
	}
	rc = csrs_check(csr, &dns, &ip, c->server->blocked, e);
	strv_release(&dns);
	strv_release(&ip);
	return rc < 0 ? -1
		      : jwk_check_no_account(csr_key(csr), c->server->store, e);
}

static int
not_ready(const struct order *o, struct err *e)
{
	return err_acme(e, KIND_DENIED, "orderNotReady",
	    "the order is %s, not ready (RFC 8555 7.4)",
	    order_status_name(o->status));
}

static int
reload(struct call *c, struct order *o, struct err *e)
{
	order_release(o);
	return order_by_url_id(c->server->store, c->parts.id[0], o, e);
}

/* The order is ready and the request good: from here to the certificate. */
static int
issue(struct call *c, struct order *o, const struct csr *csr, struct err *e)
{
	const struct server *s = c->server;
	enum issue_result result;
	struct err why = {0};
	size_t len;
	const uint8_t *der = csr_der(csr, &len);

	if (order_start(s->store, o->id, der, len, issue_lease(s->conf),
		&o->processing_since, &why) < 0) {
		if (why.kind == KIND_CONFLICT) /* another finalize was first */
			return reload(c, o, e) < 0 ? -1 : not_ready(o, e);
		*e = why;
		return -1;
	}
	log_event(LOG_LEVEL_INFO, "order.processing", "order", o->url_id, NULL);
	if (issue_order(s->store, s->conf, &c->server->signer, o, csr,
		account_email(&c->account), &result, e) == 0)
		return reload(c, o, e);
	if (order_return(s->store, o->id, &why) < 0)
		log_err("order.unreturned", &why);
	else
		log_event(
		    LOG_LEVEL_INFO, "order.returned", "order", o->url_id, NULL);
	return -1;
}

int
serve_finalize(struct call *c, struct err *e)
{
	struct csr *csr = NULL;
	struct order o = {0};
	int rc = -1;

	if (order_by_url_id(c->server->store, c->parts.id[0], &o, e) < 0 ||
	    call_owns(c, o.account_id, "order", e) < 0)
		goto out;
	if (o.status != ORDER_READY) {
		not_ready(&o, e);
		goto out;
	}
	csr = read_csr(c, e);
	if (!csr || check_csr(c, &o, csr, e) < 0 || issue(c, &o, csr, e) < 0)
		goto out;
	rc = serve_order_answer(c, 200, &o);
out:
	csr_free(csr);
	order_release(&o);
	return rc;
}
