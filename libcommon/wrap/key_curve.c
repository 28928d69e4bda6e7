#include "wrap/key_part.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include "base/der.h"

/* What a PKCS#8 or SEC1 text says of an EC key. */
struct pair {
	enum key_type type; /* KEY_TYPE__MAX: it does not say */
	struct der d;
	struct der point; /* uncompressed; empty when it is not there */
};

/* ---- reading ------------------------------------------------------------- */

/* The type whose AlgorithmIdentifier this is. */
static enum key_type
type_of(const struct der *algid)
{
	for (int t = 0; t < KEY_TYPE__MAX; t++) {
		size_t len;
		const void *want = key_algid((enum key_type)t, &len);

		if (der_is(algid, want, len))
			return (enum key_type)t;
	}
	return KEY_TYPE__MAX;
}

/* The type whose AlgorithmIdentifier ends with this OID of a curve. */
static enum key_type
type_of_curve(const struct der *oid)
{
	static const enum key_type curves[] = {KEY_P256, KEY_P384, KEY_P521};

	for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
		size_t len;
		const uint8_t *algid = key_algid(curves[i], &len);

		if (oid->len < len &&
		    memcmp(algid + len - oid->len, oid->p, oid->len) == 0 &&
		    algid[len - oid->len - 1] == oid->len)
			return curves[i];
	}
	return KEY_TYPE__MAX;
}

/* ECPrivateKey of RFC 5915 3; `type` is known from PKCS#8, or not yet. */
static bool
read_sec1(struct der der, struct pair *pair)
{
	struct der seq, version, parameters, oid, bits;

	if (der_get(&der, DER_SEQUENCE, &seq) < 0 || der.len > 0 ||
	    der_get_uint(&seq, &version) < 0 || !der_is(&version, "\1", 1) ||
	    der_get(&seq, DER_OCTET_STRING, &pair->d) < 0)
		return false;
	if (der_get(&seq, DER_CONTEXT_CONS(0), &parameters) == 0) {
		if (der_get(&parameters, DER_OID, &oid) < 0 ||
		    parameters.len > 0)
			return false;
		if (pair->type == KEY_TYPE__MAX)
			pair->type = type_of_curve(&oid);
		else if (pair->type != type_of_curve(&oid))
			return false;
	}
	if (der_get(&seq, DER_CONTEXT_CONS(1), &bits) == 0 &&
	    (der_get_bits(&bits, &pair->point) < 0 || bits.len > 0))
		return false;
	return seq.len == 0 && pair->type != KEY_TYPE__MAX;
}

/* PrivateKeyInfo of RFC 5958 2 without attributes: its type and content. */
static bool
read_pkcs8(struct der der, enum key_type *type, struct der *key)
{
	struct der seq, version, algid;

	if (der_get(&der, DER_SEQUENCE, &seq) < 0 || der.len > 0 ||
	    der_get_uint(&seq, &version) < 0 || version.len > 0 ||
	    der_get_whole(&seq, DER_SEQUENCE, &algid) < 0 ||
	    der_get(&seq, DER_OCTET_STRING, key) < 0 || seq.len > 0)
		return false;
	*type = type_of(&algid);
	return true;
}

static const EC_GROUP *
group_of(enum key_type type)
{
	static const int nids[] = {
	    [KEY_P256] = NID_X9_62_prime256v1,
	    [KEY_P384] = NID_secp384r1,
	    [KEY_P521] = NID_secp521r1,
	};
	static EC_GROUP *kept[KEY_TYPE__MAX];

	if (!kept[type])
		kept[type] = EC_GROUP_new_by_curve_name(nids[type]);
	return kept[type];
}

/* The point that belongs to the number: base point times `d`. */
static bool
multiply(enum key_type type, const struct der *d, uint8_t *point, size_t size)
{
	const EC_GROUP *group = group_of(type);
	EC_POINT *p = group ? EC_POINT_new(group) : NULL;
	BIGNUM *n = BN_secure_new();
	bool ok;

	ok = p && n && BN_bin2bn(d->p, (int)d->len, n) && !BN_is_zero(n) &&
	    BN_cmp(n, EC_GROUP_get0_order(group)) < 0;
	BN_set_flags(n, BN_FLG_CONSTTIME);
	ok = ok && EC_POINT_mul(group, p, n, NULL, NULL, NULL) == 1 &&
	    EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, point,
		size, NULL) == size;
	BN_clear_free(n);
	EC_POINT_free(p);
	return ok;
}

static struct key *
make_pair(const struct pair *pair, struct err *e)
{
	uint8_t point[1 + 2 * KEY_NUMBER_MAX];
	struct key_parts parts = {.type = pair->type};
	size_t size = key_size(pair->type);

	if (pair->d.len != size)
		return NULL;
	if (!multiply(pair->type, &pair->d, point, 1 + 2 * size)) {
		key_openssl_err(e, KIND_INPUT,
		    "RFC 5915 3: the private number is none of its curve");
		return NULL;
	}
	if (pair->point.len > 0 && !der_is(&pair->point, point, 1 + 2 * size)) {
		err_set(e, KIND_INPUT,
		    "private key and its public part do not belong together");
		return NULL;
	}
	memcpy(parts.a, point + 1, size);
	memcpy(parts.b, point + 1 + size, size);
	parts.a_len = parts.b_len = size;
	return key_from_pair(&parts, pair->d.p, size, e);
}

/* CurvePrivateKey of RFC 8410 7. */
static struct key *
make_ed25519(struct der content, struct err *e)
{
	EVP_PKEY *pkey;
	struct der d;

	if (der_get(&content, DER_OCTET_STRING, &d) < 0 || content.len > 0)
		return NULL;
	pkey =
	    EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, d.p, d.len);
	return pkey ? key_wrap(pkey, e) : NULL;
}

struct key *
key_curve_read(const void *der, size_t len, struct err *e)
{
	struct pair pair = {.type = KEY_TYPE__MAX};
	struct der content = {der, len};

	if (read_pkcs8((struct der){der, len}, &pair.type, &content)) {
		if (pair.type == KEY_ED25519)
			return make_ed25519(content, e);
		if (pair.type == KEY_RSA || pair.type == KEY_TYPE__MAX)
			return NULL;
	}
	return read_sec1(content, &pair) ? make_pair(&pair, e) : NULL;
}

/* ---- writing ------------------------------------------------------------- */

/* As OpenSSL writes it: without the curve, which PKCS#8 has. */
static bool
write_sec1(const struct key *k, struct buf *out)
{
	size_t size = key_size(k->type), seq, tag, bits;
	uint8_t d[KEY_NUMBER_MAX];
	BIGNUM *n = NULL;
	bool ok;

	ok =
	    EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_PRIV_KEY, &n) == 1 &&
	    BN_bn2binpad(n, d, (int)size) == (int)size;
	BN_clear_free(n);
	if (ok) {
		seq = der_begin(out, DER_SEQUENCE);
		der_add_small(out, 1);
		der_add(out, DER_OCTET_STRING, d, size);
		tag = der_begin(out, DER_CONTEXT_CONS(1));
		bits = der_begin(out, DER_BIT_STRING);
		buf_addc(out, 0);
		/* the point is at the end of the SubjectPublicKeyInfo */
		buf_add(out, k->spki.data + k->spki.len - (1 + 2 * size),
		    1 + 2 * size);
		der_end(out, bits);
		der_end(out, tag);
		der_end(out, seq);
	}
	explicit_bzero(d, sizeof(d));
	return ok;
}

static bool
write_ed25519(const struct key *k, struct buf *out)
{
	uint8_t d[KEY_NUMBER_MAX];
	size_t len = sizeof(d);
	bool ok = EVP_PKEY_get_raw_private_key(k->pkey, d, &len) == 1;

	if (ok)
		der_add(out, DER_OCTET_STRING, d, len);
	explicit_bzero(d, sizeof(d));
	return ok;
}

bool
key_curve_write(const struct key *k, struct buf *out)
{
	size_t before = out->len, algid_len, seq, octets;
	const void *algid = key_algid(k->type, &algid_len);
	bool ok;

	if (k->type == KEY_RSA || !k->is_private)
		return false;
	seq = der_begin(out, DER_SEQUENCE);
	der_add_small(out, 0);
	buf_add(out, algid, algid_len);
	octets = der_begin(out, DER_OCTET_STRING);
	ok =
	    k->type == KEY_ED25519 ? write_ed25519(k, out) : write_sec1(k, out);
	der_end(out, octets);
	der_end(out, seq);
	if (!ok)
		out->len = before;
	return ok;
}
