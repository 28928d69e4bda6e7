#ifndef TESTS_CSR_MAKE_H
#define TESTS_CSR_MAKE_H

/* Makes requests for unit tests, good ones and broken ones. */

#include "base/der.h"
#include "base/str.h"
#include "unit.h"
#include "wrap/dn.h"
#include "wrap/ext.h"
#include "wrap/key.h"
#include "wrap/sigalg.h"

struct csr_make {
	const char *cn; /* subject, or NULL */
	const char *dns[4]; /* up to a NULL */
	const char *ip[4];
	const char *email; /* an rfc822Name, or NULL */
	const char *raw_dns; /* one more dNSName of raw_len bytes */
	size_t raw_len;
	const char *attribute; /* one more, of attribute_len bytes of DER */
	size_t attribute_len;
	bool ca;
	bool odd_ca; /* a basicConstraints that is none */
	bool twice; /* the SAN stands twice */
	bool empty_san;
	bool no_attributes; /* leaves out even the empty set */
};

static inline void
csr_make_san(const struct csr_make *m, struct buf *out)
{
	struct strv dns = {0}, ip = {0};
	struct ext_mark x;
	struct err e = {0};
	size_t start, seq;

	for (size_t i = 0; i < 4 && m->dns[i] != NULL; i++)
		strv_add(&dns, m->dns[i]);
	for (size_t i = 0; i < 4 && m->ip[i] != NULL; i++)
		strv_add(&ip, m->ip[i]);
	x = ext_begin(out, EXT_SAN, false);
	start = out->len;
	assert_ok(ext_write_names(out, &dns, &ip, &e), &e);
	if (m->email != NULL || m->raw_dns != NULL) {
		/* Content again, without the header, with one more name. */
		struct der in = {
		    (const uint8_t *)out->data + start, out->len - start};
		struct der names;
		struct buf copy;

		assert_int_equal(der_get(&in, DER_SEQUENCE, &names), 0);
		buf_init(&copy, 65536);
		buf_add(&copy, names.p, names.len);
		out->len = start;
		seq = der_begin(out, DER_SEQUENCE);
		buf_add(out, copy.data, copy.len);
		if (m->email != NULL)
			der_add(
			    out, DER_CONTEXT(1), m->email, strlen(m->email));
		if (m->raw_dns != NULL)
			der_add(out, DER_CONTEXT(2), m->raw_dns, m->raw_len);
		der_end(out, seq);
		buf_release(&copy);
	}
	ext_end(out, x);
	strv_release(&dns);
	strv_release(&ip);
}

static inline void
csr_make_extensions(const struct csr_make *m, struct buf *out)
{
	size_t attribute = der_begin(out, DER_SEQUENCE), set, list, seq;
	struct ext_mark x;

	der_add(out, DER_OID, "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e", 9);
	set = der_begin(out, DER_SET);
	list = der_begin(out, DER_SEQUENCE);
	if (m->dns[0] != NULL || m->ip[0] != NULL || m->email != NULL ||
	    m->raw_dns != NULL || m->empty_san)
		csr_make_san(m, out);
	if (m->twice)
		csr_make_san(m, out);
	if (m->odd_ca) {
		x = ext_begin(out, EXT_BASIC_CONSTRAINTS, true);
		der_add_small(out, 1);
		ext_end(out, x);
	}
	if (m->ca) {
		x = ext_begin(out, EXT_BASIC_CONSTRAINTS, true);
		seq = der_begin(out, DER_SEQUENCE);
		der_add_true(out);
		der_end(out, seq);
		ext_end(out, x);
	}
	der_end(out, list);
	der_end(out, set);
	der_end(out, attribute);
}

/* Appends the DER of a request for `k`, signed by `signer`. */
static inline void
csr_make_for(const struct csr_make *m, const struct key *k,
    const struct key *signer, struct buf *out)
{
	struct err e = {0};
	struct buf tbs, subject;
	size_t seq, attributes, len;
	const uint8_t *spki = key_spki(k, &len);

	buf_init(&tbs, 65536);
	buf_init(&subject, 1000);
	seq = der_begin(&tbs, DER_SEQUENCE);
	der_add_small(&tbs, 0);
	if (m->cn != NULL) {
		buf_adds(&subject, "CN=");
		dn_add_value(&subject, m->cn);
	}
	assert_ok(dn_encode(subject.data, &tbs, &e), &e);
	buf_add(&tbs, spki, len);
	if (!m->no_attributes) {
		attributes = der_begin(&tbs, DER_CONTEXT_CONS(0));
		csr_make_extensions(m, &tbs);
		buf_add(&tbs, m->attribute, m->attribute_len);
		der_end(&tbs, attributes);
	}
	der_end(&tbs, seq);
	assert_ok(sigalg_seal(&tbs, signer, out, &e), &e);
	buf_release(&tbs);
	buf_release(&subject);
}

static inline void
csr_make(const struct csr_make *m, const struct key *k, struct buf *out)
{
	csr_make_for(m, k, k, out);
}

#endif
