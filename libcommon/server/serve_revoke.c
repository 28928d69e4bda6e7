#include "server/serve.h"

#include "base/b64.h"
#include "base/log.h"
#include "store/authorization.h"
#include "store/certificate.h"
#include "wrap/cert.h"
#include "wrap/js.h"

static struct cert *
read_certificate(const struct call *c, struct err *e)
{
	const char *text = js_get_text(c->payload, "certificate");
	struct cert *cert = NULL;
	struct buf der;

	buf_init(&der, CERT_MAX);
	if (!text || b64url_decode(&der, text, strlen(text)) < 0)
		err_set(e, KIND_INPUT,
		    "revokeCert: \"certificate\" is not base64url "
		    "(RFC 8555 7.6)");
	else
		cert = cert_from_der(der.data, der.len, e);
	buf_release(&der);
	return cert;
}

/* RFC 5280 5.3.1: of the reasons only those that a subscriber can know. */
static int
read_reason(const struct call *c, int *reason, struct err *e)
{
	static const int64_t allowed[] = {0, 1, 3, 4, 5};
	const struct js *v = js_get(c->payload, "reason");

	*reason = CERTIFICATE_NO_REASON;
	if (!v)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
		if (js_int(v, -1) == allowed[i]) {
			*reason = (int)allowed[i];
			return 0;
		}
	return err_acme(e, KIND_INPUT, "badRevocationReason",
	    "revokeCert: \"reason\" is not 0, 1, 3, 4 or 5 (RFC 8555 7.6)");
}

/* Whether the account holds authorizations for all names (RFC 8555 7.6). */
static int
holds_all(
    const struct call *c, const struct cert *cert, bool *holds, struct err *e)
{
	const struct strv *dns = cert_dns(cert), *ip = cert_ip(cert);
	struct identifier *names =
	    xcalloc(dns->len + ip->len + 1, sizeof(*names));
	int rc;

	for (size_t i = 0; i < dns->len; i++)
		names[i] = (struct identifier){IDENTIFIER_DNS, dns->v[i]};
	for (size_t i = 0; i < ip->len; i++)
		names[dns->len + i] =
		    (struct identifier){IDENTIFIER_IP, ip->v[i]};
	rc = authorization_account_holds(c->server->store, c->account.id, names,
	    dns->len + ip->len, holds, e);
	free(names);
	return rc;
}

static int
check_right(const struct call *c, const struct cert *cert,
    const struct certificate *stored, struct err *e)
{
	bool may;

	if (c->account.id == 0) {
		may = cert_has_key(cert, c->key);
		if (!may)
			return err_set(e, KIND_DENIED,
			    "revokeCert: the key is not the certificate's");
		return 0;
	}
	may = stored->account_id == c->account.id;
	if (!may && holds_all(c, cert, &may, e) < 0)
		return -1;
	if (!may)
		return err_set(e, KIND_DENIED,
		    "revokeCert: the account neither ordered the certificate "
		    "nor holds authorizations for all its names "
		    "(RFC 8555 7.6)");
	return 0;
}

static int
revoke(struct call *c, const struct cert *cert, int reason, struct err *e)
{
	struct certificate stored;
	uint8_t sha256[32];
	int rc = -1;

	cert_sha256(cert, sha256);
	if (certificate_by_sha256(c->server->store, sha256, &stored, e) < 0)
		return -1;
	if (!certificate_is_ours(&stored)) {
		err_set(e, KIND_NOTFOUND, "it is not of this CA");
		goto out;
	}
	if (check_right(c, cert, &stored, e) < 0)
		goto out;
	rc = certificate_revoke(c->server->store, stored.id, reason, e);
	if (rc == 0)
		log_event(LOG_LEVEL_INFO, "certificate.revoked", "serial",
		    stored.serial, NULL);
	else if (e->kind == KIND_CONFLICT)
		e->http_status = 400; /* alreadyRevoked */
out:
	certificate_release(&stored);
	return rc;
}

int
serve_revoke(struct call *c, struct err *e)
{
	struct cert *cert = read_certificate(c, e);
	int reason, rc = -1;

	if (cert && read_reason(c, &reason, e) == 0)
		rc = revoke(c, cert, reason, e);
	cert_free(cert);
	return rc;
}
