#include "order/orderchain.h"

#include "base/rfc3339.h"
#include "order/orderkey.h"
#include "store/certificate.h"
#include "sys/clock.h"
#include "wrap/cert.h"
#include "wrap/csr.h"
#include "wrap/dn.h"

static int
check_time(const struct cert *c, struct err *e)
{
	int64_t now = clock_now();
	bool is_early = now < cert_not_before(c);
	char text[RFC3339_SIZE];

	if (!is_early && now <= cert_not_after(c))
		return 0;
	rfc3339_format(text, is_early ? cert_not_before(c) : cert_not_after(c));
	return err_set(e, KIND_BUSY, "by our clock the certificate %s at %s",
	    is_early ? "is not valid until" : "was not valid any more", text);
}

int
orderchain_read(struct store *st, const struct upstream_order *o,
    const char *body, size_t len, const struct strv *dns, const struct strv *ip,
    struct cert_list *out, enum cause *cause, struct err *e)
{
	struct csr *csr = orderkey_request(st, o, e);
	int rc = -1;

	*cause = CAUSE_NONE;
	if (!csr)
		return -1;
	*cause = CAUSE_CA_BROKEN;
	if (cert_list_from_pem(body, len, out, e) == 0) {
		*cause = CAUSE_CERTIFICATE;
		rc = cert_chain_check(out, csr_key(csr), dns, ip, e);
	}
	if (rc == 0) {
		*cause = CAUSE_CLOCK;
		rc = check_time(out->v[0], e);
	}
	csr_free(csr);
	return rc;
}

/* Each is signed by the next, which is a CA. */
static int
check_links(const struct cert_list *l, struct err *e)
{
	for (size_t i = 0; i + 1 < l->len; i++) {
		if (!cert_is_ca(l->v[i + 1]))
			return err_set(e, KIND_SYS,
			    "RFC 8555 9.1: a chain with what is no CA");
		if (cert_is_issued_by(l->v[i], l->v[i + 1], e) < 0)
			return -1;
	}
	return 0;
}

int
orderchain_read_other(struct store *st, const struct upstream_order *o,
    const char *body, size_t len, struct cert_list *out, struct err *e)
{
	struct certificate c;
	uint8_t sha256[32];
	int rc;

	if (cert_list_from_pem(body, len, out, e) < 0 ||
	    certificate_by_id(st, o->certificate_id, &c, e) < 0)
		return -1;
	cert_sha256(out->v[0], sha256);
	rc = memcmp(sha256, c.sha256, sizeof(sha256)) == 0
	    ? check_links(out, e)
	    : err_set(e, KIND_SYS,
		  "RFC 8555 7.4.2: an alternate chain has another "
		  "certificate");
	certificate_release(&c);
	return rc;
}

bool
orderchain_leads_to(const struct cert_list *chain, const char *cn)
{
	struct strv names = {0};
	struct der name;
	bool yes;

	if (chain->len == 0)
		return false;
	name.p = cert_issuer_der(chain->v[chain->len - 1], &name.len);
	yes = dn_common_names(name, &names) == 0 && strv_has(&names, cn);
	strv_release(&names);
	return yes;
}

/* As a list that the caller releases. */
static int
list_of(const struct chain *chain, struct cert_list *out, struct err *e)
{
	for (size_t i = 0; i < chain->len; i++) {
		struct cert *c =
		    cert_from_der(chain->certs[i].der, chain->certs[i].len, e);

		if (!c)
			return -1;
		cert_list_take(out, c);
	}
	return 0;
}

int
orderchain_default_leads_to(struct store *st, int64_t certificate_id,
    const char *cn, bool *yes, struct err *e)
{
	struct cert_list list = {0};
	struct chain *chains = NULL;
	size_t len = 0;
	int rc = chain_load_all(st, certificate_id, &chains, &len, e);

	*yes = false;
	for (size_t i = 0; rc == 0 && i < len; i++) {
		if (!chains[i].is_default)
			continue;
		rc = list_of(&chains[i], &list, e);
		*yes = rc == 0 && orderchain_leads_to(&list, cn);
		cert_list_release(&list);
	}
	chains_free(chains, len);
	return rc;
}
