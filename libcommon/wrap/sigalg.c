#include "wrap/sigalg.h"

/* The content of the OID, and what is known of it. */
static const struct {
	size_t oid_len;
	const char *oid;
	struct sigalg alg;
	bool types[KEY_TYPE__MAX]; /* of the key */
} table[] = {
    {9, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b",
	{"sha256WithRSAEncryption", false, true, KEY_MD_SHA256, true},
	{[KEY_RSA] = true}},
    {9, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c",
	{"sha384WithRSAEncryption", false, true, KEY_MD_SHA384, true},
	{[KEY_RSA] = true}},
    {9, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d",
	{"sha512WithRSAEncryption", false, true, KEY_MD_SHA512, true},
	{[KEY_RSA] = true}},
    {8, "\x2a\x86\x48\xce\x3d\x04\x03\x02",
	{"ecdsa-with-SHA256", false, true, KEY_MD_SHA256, false},
	{[KEY_P256] = true, [KEY_P384] = true, [KEY_P521] = true}},
    {8, "\x2a\x86\x48\xce\x3d\x04\x03\x03",
	{"ecdsa-with-SHA384", false, true, KEY_MD_SHA384, false},
	{[KEY_P256] = true, [KEY_P384] = true, [KEY_P521] = true}},
    {8, "\x2a\x86\x48\xce\x3d\x04\x03\x04",
	{"ecdsa-with-SHA512", false, true, KEY_MD_SHA512, false},
	{[KEY_P256] = true, [KEY_P384] = true, [KEY_P521] = true}},
    {3, "\x2b\x65\x70", {"Ed25519", false, true, KEY_MD_NONE, false},
	{[KEY_ED25519] = true}},
    {9, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05",
	{"sha1WithRSAEncryption", true, true, KEY_MD_SHA1, true},
	{[KEY_RSA] = true}},
    {7, "\x2a\x86\x48\xce\x3d\x04\x01",
	{"ecdsa-with-SHA1", true, true, KEY_MD_SHA1, false},
	{[KEY_P256] = true, [KEY_P384] = true, [KEY_P521] = true}},
    {9, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04",
	{"md5WithRSAEncryption", true, false, KEY_MD_NONE, true}, {false}},
    {9, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x03",
	{"md4WithRSAEncryption", true, false, KEY_MD_NONE, true}, {false}},
    {9, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x02",
	{"md2WithRSAEncryption", true, false, KEY_MD_NONE, true}, {false}},
};

/* The row of the table that a key of each type signs with. */
static const size_t signs_with[] = {
    [KEY_RSA] = 0,
    [KEY_P256] = 3,
    [KEY_P384] = 4,
    [KEY_P521] = 5,
    [KEY_ED25519] = 6,
};
_Static_assert(ARRAY_LEN(signs_with) == KEY_TYPE__MAX, "one row per type");

const struct sigalg *
sigalg_read(struct der algid)
{
	struct der seq, oid, params;

	if (der_get(&algid, DER_SEQUENCE, &seq) == -1 || algid.len != 0 ||
	    der_get(&seq, DER_OID, &oid) == -1)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (!der_is(&oid, table[i].oid, table[i].oid_len))
			continue;
		if (seq.len > 0 &&
		    (!table[i].alg.takes_null ||
			der_get(&seq, DER_NULL, &params) == -1 ||
			params.len != 0 || seq.len != 0))
			return NULL;
		return &table[i].alg;
	}
	return NULL;
}

/* Whether the algorithm goes with keys of this type. */
static bool
fits(const struct sigalg *a, enum key_type type)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (a == &table[i].alg)
			return table[i].types[type];
	return false;
}

int
sigalg_verify(const struct sigalg *a, const struct key *k, struct der tbs,
    struct der sig, struct err *e)
{
	if (!a->is_usable || !fits(a, key_type(k)))
		return err_set(e, KIND_INPUT,
		    "RFC 5280 4.1.1.2: %s does not go with a key of type %s",
		    a->name, key_type_name(key_type(k)));
	return key_verify_md(k, a->md, tbs.p, tbs.len, sig.p, sig.len, e);
}

void
sigalg_write(struct buf *out, const struct key *k)
{
	size_t row = signs_with[key_type(k)];
	size_t seq = der_begin(out, DER_SEQUENCE);

	der_add(out, DER_OID, table[row].oid, table[row].oid_len);
	if (table[row].alg.takes_null)
		der_add(out, DER_NULL, NULL, 0);
	der_end(out, seq);
}

int
sigalg_seal(
    const struct buf *tbs, const struct key *k, struct buf *out, struct err *e)
{
	size_t all = der_begin(out, DER_SEQUENCE), bits;

	buf_add(out, tbs->data, tbs->len);
	sigalg_write(out, k);
	bits = der_begin(out, DER_BIT_STRING);
	buf_addc(out, 0);
	if (key_sign_md(k, table[signs_with[key_type(k)]].alg.md, tbs->data,
		tbs->len, out, e) == -1)
		return -1;
	der_end(out, bits);
	der_end(out, all);
	if (tbs->full || out->full)
		return err_set(e, KIND_INPUT, "too large to be signed");
	return 0;
}
