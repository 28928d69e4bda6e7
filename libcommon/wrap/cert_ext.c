#include "wrap/cert.h"

#include "base/der.h"
#include "wrap/ext.h"

/* id-ad-caIssuers, RFC 5280 4.2.2.1 */
#define OID_CA_ISSUERS "\x2b\x06\x01\x05\x05\x07\x30\x02"
#define TAG_URI DER_CONTEXT(6)

/* KeyUsage of RFC 5280 4.2.1.3, by bit. */
static const char *const usages[] = {"digitalSignature", "nonRepudiation",
    "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign",
    "cRLSign", "encipherOnly", "decipherOnly"};

/* The last byte of id-kp, RFC 5280 4.2.1.12. */
#define OID_KP "\x2b\x06\x01\x05\x05\x07\x03"
static const struct {
	uint8_t last;
	const char *name;
} purposes[] = {{1, "serverAuth"}, {2, "clientAuth"}, {3, "codeSigning"},
    {4, "emailProtection"}, {8, "timeStamping"}, {9, "OCSPSigning"}};

static struct der
extension(const struct cert *c, enum ext_id id)
{
	struct der oid = ext_oid(id), value;

	value.p = cert_extension(c, oid.p, oid.len, &value.len, NULL);
	return value;
}

void
cert_key_usage(const struct cert *c, struct strv *out)
{
	struct der in = extension(c, EXT_KEY_USAGE), bits;

	if (!in.p || der_get(&in, DER_BIT_STRING, &bits) == -1)
		return;
	for (size_t i = 0; i < ARRAY_LEN(usages); i++)
		if (1 + i / 8 < bits.len &&
		    (bits.p[1 + i / 8] & (0x80 >> i % 8)) != 0)
			strv_add(out, usages[i]);
}

static const char *
purpose_name(const struct der *oid)
{
	const size_t n = sizeof(OID_KP) - 1;

	for (size_t i = 0; i < ARRAY_LEN(purposes); i++)
		if (oid->len == n + 1 && memcmp(oid->p, OID_KP, n) == 0 &&
		    oid->p[n] == purposes[i].last)
			return purposes[i].name;
	return "other";
}

void
cert_key_purposes(const struct cert *c, struct strv *out)
{
	struct der in = extension(c, EXT_KEY_PURPOSE), list, oid;

	if (!in.p || der_get(&in, DER_SEQUENCE, &list) == -1)
		return;
	while (list.len > 0 && der_get(&list, DER_OID, &oid) == 0)
		strv_add(out, purpose_name(&oid));
}

void
cert_ca_issuers(const struct cert *c, struct strv *out)
{
	struct der in = extension(c, EXT_AIA), list, access, oid, uri;

	if (!in.p || der_get(&in, DER_SEQUENCE, &list) == -1)
		return;
	while (list.len > 0 && der_get(&list, DER_SEQUENCE, &access) == 0)
		if (der_get(&access, DER_OID, &oid) == 0 &&
		    der_is(&oid, OID_CA_ISSUERS, sizeof(OID_CA_ISSUERS) - 1) &&
		    der_is_next(&access, TAG_URI) &&
		    der_get(&access, TAG_URI, &uri) == 0 &&
		    str_is_printable((const char *)uri.p, uri.len))
			strv_addn(out, (const char *)uri.p, uri.len);
}
