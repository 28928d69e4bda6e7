#include "jobs/reconcile.h"

#include "store/ca_certificate.h"
#include "store/chain_spread.h"
#include "sys/sig.h"
#include "wrap/cert.h"
#include "wrap/p7.h"
#include "wrap/pem.h"

static const char source[] = "aia";

/* ---- what has come ------------------------------------------------------- */

static int
read_der(const struct buf *body, struct cert_list *out)
{
	struct err why = {0};
	struct cert *c = cert_from_der(body->data, body->len, &why);

	if (!c)
		return -1;
	cert_list_take(out, c);
	return 0;
}

/* PKCS#7 as PEM; what is no such block is skipped. */
static int
read_p7_pem(const struct buf *body, struct cert_list *out)
{
	struct pem_reader r = {.p = (const char *)body->data, .len = body->len};
	struct err why = {0};
	char label[16];
	struct buf der;
	int rc = -1;

	buf_init(&der, RECONCILE_BODY_MAX);
	while (rc < 0 && pem_next(&r, label, sizeof(label), &der) > 0)
		if (strcmp(label, "PKCS7") == 0 || strcmp(label, "CMS") == 0)
			rc = p7_read(der.data, der.len, out, &why);
	buf_release(&der);
	return rc;
}

/* DER, else PKCS#7, else PEM of either: nothing is two of these. */
static int
read_certs(const struct buf *body, struct cert_list *out, struct err *e)
{
	struct err why = {0};

	if (read_der(body, out) == 0 ||
	    p7_read(body->data, body->len, out, &why) == 0)
		return 0;
	err_clear(&why);
	if (cert_list_from_pem(body->data, body->len, out, &why) == 0 ||
	    read_p7_pem(body, out) == 0)
		return 0;
	return err_set(e, KIND_DENIED,
	    "neither a certificate nor a PKCS#7 nor PEM is there");
}

/* The one among them that has signed `c`. */
static const struct cert *
find_signer(const struct cert *c, const struct cert_list *certs, struct err *e)
{
	for (size_t i = 0; i < certs->len; i++) {
		struct err why = {0};

		if (cert_is_ca(certs->v[i]) &&
		    cert_is_issued_by(c, certs->v[i], &why) == 0)
			return certs->v[i];
	}
	err_set(e, KIND_DENIED,
	    "RFC 5280 6.1.3: no CA certificate is there that has signed it");
	return NULL;
}

static int
fetch_signer(struct store *st, const struct reconcile *r, const struct cert *c,
    const char *url, int64_t *id, struct err *e)
{
	struct cert_list certs = {0};
	const struct cert *signer = NULL;
	struct buf body;
	bool created;
	int rc;

	buf_init(&body, RECONCILE_BODY_MAX);
	rc = r->fetch(r->arg, url, &body, e);
	if (rc == 0)
		rc = read_certs(&body, &certs, e);
	if (rc == 0) {
		signer = find_signer(c, &certs, e);
		rc = signer ? ca_certificate_add(
				  st, signer, source, false, id, &created, e)
			    : -1;
	}
	cert_list_release(&certs);
	buf_release(&body);
	return rc;
}

/* ---- one issuer ---------------------------------------------------------- */

static int
note(struct store *st, const struct issuer_gap *gap, const char *url,
    const struct err *why, struct err *e)
{
	char *detail = why ? xasprintf("%s: %s", url, why->text) : xstrdup(url);
	int rc = issuer_note(
	    st, gap, why ? "issuer.fetch_failed" : "issuer.fetch", detail, e);

	free(detail);
	return rc;
}

/* Whether the next URL need not be tried, or -1. */
static int
try_url(struct store *st, const struct reconcile *r,
    const struct issuer_gap *gap, const struct cert *c, const char *url,
    struct err *e)
{
	struct reconcile_result result = {.gap = gap, .url = url};
	struct err why = {0};
	int rc;

	if (r->dry_run)
		return r->tell(r->arg, &result, e);
	rc = fetch_signer(st, r, c, url, &result.ca_certificate_id, &why);
	if (rc < 0 && (why.kind == KIND_SYS || why.kind == KIND_BUG)) {
		*e = why;
		return -1;
	}
	if (rc < 0)
		result.why = &why;
	if (note(st, gap, url, result.why, e) < 0 ||
	    r->tell(r->arg, &result, e) < 0)
		return -1;
	return rc == 0;
}

static int
try_issuer(struct store *st, const struct reconcile *r,
    const struct issuer_gap *gap, struct err *e)
{
	struct reconcile_result nowhere = {.gap = gap};
	struct err why = {0};
	struct cert *c = cert_from_der(gap->der, gap->der_len, &why);
	struct strv urls = {0};
	int rc = 0;

	if (c)
		cert_ca_issuers(c, &urls);
	else
		nowhere.why = &why;
	if (urls.len == 0)
		rc = r->tell(r->arg, &nowhere, e);
	for (size_t i = 0; rc == 0 && i < urls.len && i < RECONCILE_URLS_MAX;
	     i++)
		rc = try_url(st, r, gap, c, urls.v[i], e);
	strv_release(&urls);
	cert_free(c);
	return rc < 0 ? -1 : 0;
}

/*
 * In the order of their numbers: the issuer of what has been enrolled is a new
 * one, which comes later, or an old one, which has had its turn.
 */
int
reconcile_run(struct store *st, const struct reconcile *r, struct err *e)
{
	struct issuer_gap gap = {0};
	int rc = 0;

	while (rc == 0 && !sig_term() &&
	    (rc = issuer_next_unknown(st, gap.issuer_id, &gap, e)) > 0) {
		rc = gap.der ? try_issuer(st, r, &gap, e) : 0;
		issuer_gap_release(&gap);
	}
	if (rc == 0 && !r->dry_run)
		rc = chain_spread_all(st, e);
	return rc < 0 ? -1 : 0;
}
