#include "wrap/crl.h"

#include "base/der.h"
#include "wrap/cert.h"
#include "wrap/ext.h"
#include "wrap/key.h"
#include "wrap/sigalg.h"

struct crl {
	struct buf head; /* issuer's name and times */
	struct buf entries;
	struct buf ski;
	uint64_t number;
};

struct crl *
crl_new(const struct cert *issuer, uint64_t number, int64_t this_update,
    int64_t next_update)
{
	struct crl *c = xcalloc(1, sizeof(*c));
	const uint8_t *p;
	size_t len;

	c->number = number;
	buf_init(&c->head, CERT_MAX);
	buf_init(&c->entries, CRL_MAX);
	buf_init(&c->ski, CERT_MAX);
	p = cert_subject_der(issuer, &len);
	buf_add(&c->head, p, len);
	der_add_time(&c->head, this_update);
	der_add_time(&c->head, next_update);
	if ((p = cert_ski(issuer, &len)) != NULL)
		buf_add(&c->ski, p, len);
	return c;
}

void
crl_free(struct crl *c)
{
	if (c == NULL)
		return;
	buf_release(&c->head);
	buf_release(&c->entries);
	buf_release(&c->ski);
	free(c);
}

void
crl_add(struct crl *c, const void *serial, size_t len, int64_t revoked_at,
    int reason)
{
	uint8_t code = (uint8_t)reason;
	size_t seq = der_begin(&c->entries, DER_SEQUENCE), list;
	struct ext_mark m;

	der_add_uint(&c->entries, serial, len);
	der_add_time(&c->entries, revoked_at);
	if (reason > 0) {
		list = der_begin(&c->entries, DER_SEQUENCE);
		m = ext_begin(&c->entries, EXT_REASON, false);
		der_add(&c->entries, DER_ENUMERATED, &code, 1);
		ext_end(&c->entries, m);
		der_end(&c->entries, list);
	}
	der_end(&c->entries, seq);
}

/* authorityKeyIdentifier and cRLNumber (RFC 5280 5.2.1, 5.2.3). */
static void
add_extensions(const struct crl *c, struct buf *out)
{
	size_t tagged = der_begin(out, DER_CONTEXT_CONS(0));
	size_t list = der_begin(out, DER_SEQUENCE), seq;
	struct ext_mark m;

	if (c->ski.len > 0) {
		m = ext_begin(out, EXT_AKI, false);
		seq = der_begin(out, DER_SEQUENCE);
		der_add(out, DER_CONTEXT(0), c->ski.data, c->ski.len);
		der_end(out, seq);
		ext_end(out, m);
	}
	m = ext_begin(out, EXT_CRL_NUMBER, false);
	der_add_small(out, c->number);
	ext_end(out, m);
	der_end(out, list);
	der_end(out, tagged);
}

int
crl_sign(struct crl *c, const struct key *key, struct buf *out, struct err *e)
{
	struct buf tbs;
	size_t seq;
	int rc;

	buf_init(&tbs, CRL_MAX);
	seq = der_begin(&tbs, DER_SEQUENCE);
	der_add_small(&tbs, 1); /* v2 */
	sigalg_write(&tbs, key);
	buf_add(&tbs, c->head.data, c->head.len);
	/* revokedCertificates must be absent when there are none. */
	if (c->entries.len > 0)
		der_add(&tbs, DER_SEQUENCE, c->entries.data, c->entries.len);
	add_extensions(c, &tbs);
	der_end(&tbs, seq);
	if (c->entries.full)
		rc = err_set(e, KIND_SYS, "the list is too long to be signed");
	else
		rc = sigalg_seal(&tbs, key, out, e);
	buf_release(&tbs);
	return rc;
}

/* Finds the extensions of a list: the last member of what is signed. */
static bool
find_extensions(struct der in, struct der *list)
{
	struct der all, tbs, content;
	uint8_t tag;

	if (der_get(&in, DER_SEQUENCE, &all) == -1 ||
	    der_get(&all, DER_SEQUENCE, &tbs) == -1)
		return false;
	while (tbs.len > 0 && !der_is_next(&tbs, DER_CONTEXT_CONS(0)))
		if (der_next(&tbs, &tag, &content, NULL) == -1)
			return false;
	return der_get(&tbs, DER_CONTEXT_CONS(0), &content) == 0 &&
	    der_get(&content, DER_SEQUENCE, list) == 0;
}

int
crl_number(const void *der, size_t len, uint64_t *number, struct err *e)
{
	struct der list, n;
	struct ext x;

	if (!find_extensions((struct der){der, len}, &list) ||
	    !ext_find(list, ext_oid(EXT_CRL_NUMBER), &x) ||
	    der_get_uint(&x.value, &n) == -1 || n.len > sizeof(*number))
		return err_set(
		    e, KIND_INPUT, "RFC 5280 5.2.3: is no CRL with a number");
	*number = 0;
	for (size_t i = 0; i < n.len; i++)
		*number = *number << 8 | n.p[i];
	return 0;
}
