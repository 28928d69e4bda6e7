#include "wrap/csr.h"

#include "base/der.h"
#include "wrap/dn.h"
#include "wrap/ext.h"
#include "wrap/key.h"
#include "wrap/sigalg.h"

/* csr_build of wrap/csr.h: making requests; csr.c reads them. */

/* extensionRequest, RFC 2985 5.4.2 */
#define OID_REQUEST "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"

static void
copy_sorted(struct strv *out, const struct strv *from)
{
	for (size_t i = 0; from && i < from->len; i++)
		strv_add(out, from->v[i]);
	strv_sort_unique(out);
}

static int
add_names(struct buf *out, const struct strv *dns, const struct strv *ip,
    struct err *e)
{
	struct strv sorted_dns = {0}, sorted_ip = {0};
	struct ext_mark m = ext_begin(out, EXT_SAN, true);
	int rc = 0;

	copy_sorted(&sorted_dns, dns);
	copy_sorted(&sorted_ip, ip);
	if (sorted_dns.len + sorted_ip.len == 0)
		rc = err_set(
		    e, KIND_INPUT, "RFC 5280 4.2.1.6: a request for no name");
	if (rc == 0)
		rc = ext_write_names(out, &sorted_dns, &sorted_ip, e);
	if (rc == 0)
		ext_end(out, m);
	strv_release(&sorted_dns);
	strv_release(&sorted_ip);
	return rc;
}

static int
add_attributes(struct buf *out, const struct strv *dns, const struct strv *ip,
    struct err *e)
{
	size_t attributes = der_begin(out, DER_CONTEXT_CONS(0));
	size_t attribute = der_begin(out, DER_SEQUENCE), set, list;

	der_add(out, DER_OID, OID_REQUEST, sizeof(OID_REQUEST) - 1);
	set = der_begin(out, DER_SET);
	list = der_begin(out, DER_SEQUENCE);
	if (add_names(out, dns, ip, e) < 0)
		return -1;
	der_end(out, list);
	der_end(out, set);
	der_end(out, attribute);
	der_end(out, attributes);
	return 0;
}

/* CertificationRequestInfo, RFC 2986 4.1. */
static int
add_info(struct buf *out, const struct key *k, const struct strv *dns,
    const struct strv *ip, struct err *e)
{
	size_t seq = der_begin(out, DER_SEQUENCE), len;
	const uint8_t *spki = key_spki(k, &len);

	der_add_small(out, 0);
	if (dn_encode("", out, e) < 0)
		return -1;
	buf_add(out, spki, len);
	if (add_attributes(out, dns, ip, e) < 0)
		return -1;
	der_end(out, seq);
	return 0;
}

struct csr *
csr_build(const struct key *k, const struct strv *dns, const struct strv *ip,
    struct err *e)
{
	struct buf info, der;
	struct csr *c = NULL;

	buf_init(&info, CSR_MAX);
	buf_init(&der, CSR_MAX);
	if (add_info(&info, k, dns, ip, e) == 0 &&
	    sigalg_seal(&info, k, &der, e) == 0)
		c = csr_from_der(der.data, der.len, e);
	buf_release(&info);
	buf_release(&der);
	return c;
}
