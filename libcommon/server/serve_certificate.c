#include "server/serve.h"

#include "http/response.h"
#include "store/certificate.h"
#include "store/order.h"
#include "wrap/pem.h"

static int
answer(struct call *c, const struct certificate *cert, struct err *e)
{
	struct buf *out = &c->response->body;

	pem_encode(out, "CERTIFICATE", cert->leaf.der, cert->leaf.len);
	for (size_t i = 0; i < cert->chain.len; i++)
		pem_encode(out, "CERTIFICATE", cert->chain.certs[i].der,
		    cert->chain.certs[i].len);
	if (out->full)
		return err_set(e, KIND_BUG, "the chain is too long");
	response_field(
	    c->response, "Content-Type", "application/pem-certificate-chain");
	return 0;
}

int
serve_certificate(struct call *c, struct err *e)
{
	struct certificate cert = {0};
	struct order o = {0};
	int rc = -1;

	if (order_by_url_id(c->server->store, c->parts.id[0], &o, e) < 0 ||
	    call_owns(c, o.account_id, "certificate", e) < 0)
		goto out;
	if (o.status != ORDER_VALID) {
		err_set(e, KIND_NOTFOUND,
		    "the order is %s: there is no certificate",
		    order_status_name(o.status));
		goto out;
	}
	if (certificate_by_order(c->server->store, o.id, &cert, e) < 0)
		goto out;
	rc = answer(c, &cert, e);
out:
	certificate_release(&cert);
	order_release(&o);
	return rc;
}
