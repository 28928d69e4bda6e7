#include "order/ordering_part.h"

#include "acme/certid.h"
#include "base/b64.h"
#include "http/network.h"
#include "store/certificate.h"
#include "wrap/cert.h"
#include "wrap/csr.h"
#include "wrap/js.h"

/* The requests of order/ordering.h; ordering_answer.c has the answers. */

#define CERTID_MAX 256

/* ---- newOrder ------------------------------------------------------------ */

static void
add_identifiers(
    struct js *list, enum identifier_type type, const struct strv *names)
{
	for (size_t i = 0; i < names->len; i++) {
		struct js *id = js_object();

		js_put_text(id, "type", identifier_type_name(type));
		js_put_text(id, "value", names->v[i]);
		js_add(list, id);
	}
}

bool
ordering_replaces(const struct ordering *o)
{
	return o->order.replaces_id != 0 &&
	    client_url(o->env.client, ENDPOINT_RENEWAL_INFO);
}

static int
put_replaces(struct ordering *o, struct js *object, struct err *e)
{
	struct err none = {0};
	struct certificate c;
	struct cert *cert;
	struct buf id;

	if (!ordering_replaces(o))
		return 0;
	if (certificate_by_id(o->env.st, o->order.replaces_id, &c, e) < 0)
		return -1;
	buf_init(&id, CERTID_MAX);
	cert = cert_from_der(c.leaf.der, c.leaf.len, e);
	if (cert && certid_write(cert, &id, &none) == 0)
		js_put_text(object, "replaces", id.data);
	buf_release(&id);
	certificate_release(&c);
	cert_free(cert);
	return cert ? 0 : -1;
}

static int
write_new_order(struct ordering *o, struct buf *out, struct err *e)
{
	struct js *object = js_object(), *list = js_array();
	int rc;

	add_identifiers(list, IDENTIFIER_DNS, &o->dns);
	add_identifiers(list, IDENTIFIER_IP, &o->ip);
	js_put(object, "identifiers", list);
	js_put_time(object, "notBefore", o->order.not_before);
	js_put_time(object, "notAfter", o->order.not_after);
	js_put_text(object, "profile", o->order.profile);
	rc = put_replaces(o, object, e);
	if (rc == 0)
		js_write(object, out);
	js_free(object);
	return rc;
}

/* ---- finalize ------------------------------------------------------------ */

static int
write_finalize(struct ordering *o, struct buf *out, struct err *e)
{
	struct csr *csr = orderkey_request(o->env.st, &o->order, e);
	const uint8_t *der;
	size_t len;

	if (!csr)
		return -1;
	der = csr_der(csr, &len);
	buf_adds(out, "{\"csr\":\"");
	b64url_encode(out, der, len);
	buf_adds(out, "\"}");
	csr_free(csr);
	return 0;
}

/* ---- all ----------------------------------------------------------------- */

static char *
first_line(const char *text)
{
	return xstrndup(text, strcspn(text, "\n"));
}

/*
 * Where the request goes, which the caller frees, and what it says: an empty
 * `payload` is POST-as-GET.
 */
static int
compose(struct ordering *o, enum endpoint *endpoint, char **url,
    struct buf *payload, struct err *e)
{
	const struct upstream_order *order = &o->order;
	const char *to = NULL;
	int rc = 0;

	switch (o->step.kind) {
	case ORDERSTEP_NEW_ORDER:
		*endpoint = ENDPOINT_NEW_ORDER;
		rc = write_new_order(o, payload, e);
		break;
	case ORDERSTEP_FETCH_AUTHORIZATION:
	case ORDERSTEP_POLL_AUTHORIZATION:
		*endpoint = ENDPOINT_AUTHORIZATION;
		to = ordering_authorization(o)->url;
		break;
	case ORDERSTEP_DEACTIVATE:
		*endpoint = ENDPOINT_AUTHORIZATION;
		to = ordering_authorization(o)->url;
		buf_adds(payload, "{\"status\":\"deactivated\"}");
		break;
	case ORDERSTEP_TRIGGER:
		*endpoint = ENDPOINT_CHALLENGE;
		to = ordering_challenge(o)->url;
		buf_adds(payload, "{}");
		break;
	case ORDERSTEP_FINALIZE:
		*endpoint = ENDPOINT_FINALIZE;
		to = order->finalize_url;
		rc = write_finalize(o, payload, e);
		break;
	case ORDERSTEP_POLL_ORDER:
		*endpoint = ENDPOINT_ORDER;
		to = order->url;
		break;
	case ORDERSTEP_DOWNLOAD:
		*endpoint = ENDPOINT_CERTIFICATE;
		to = order->certificate_url;
		break;
	case ORDERSTEP_ALTERNATE:
		*endpoint = ENDPOINT_CERTIFICATE;
		*url = first_line(order->alternates);
		break;
	default:
		return err_set(e, KIND_BUG, "%s is no request",
		    orderstep_name(o->step.kind));
	}
	if (to)
		*url = xstrdup(to);
	return rc;
}

int
ordering_ask(struct ordering *o, struct err *e)
{
	struct request r = {
	    .signer = o->env.signer, .upstream_order_id = o->hold.id};
	struct buf payload;
	char *url = NULL;
	int rc;

	buf_init(&payload, NETWORK_BODY_MAX / 2);
	rc = compose(o, &r.endpoint, &url, &payload, e);
	if (rc == 0 && payload.full)
		rc = err_set(e, KIND_INPUT, "the order is too large");
	if (rc == 0) {
		r.url = url;
		r.payload = payload.len > 0 ? payload.data : NULL;
		o->is_asking = true;
		client_send(o->env.client, &r, ordering_called_back, o);
	}
	free(url);
	buf_release(&payload);
	return rc;
}
