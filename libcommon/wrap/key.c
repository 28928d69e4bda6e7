#include "wrap/key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/der.h"
#include "wrap/digest.h"
#include "wrap/key_part.h"

#define RSA_BITS_MIN 512
#define RSA_BITS_MAX 16384
#define SPKI_MAX (2 * KEY_PART_MAX + 64)
#define COORDINATE_MAX KEY_NUMBER_MAX

/* The AlgorithmIdentifier of each type of key: the only spelling we take. */
static const struct {
	const char *name;
	const char *keymgmt; /* OpenSSL's word for the type */
	const char *group;
	size_t size; /* of a coordinate */
	int bits;
	enum key_md md; /* that it signs with */
	size_t algid_len;
	const char *algid;
} types[] = {
    [KEY_RSA] = {"RSA", "RSA", NULL, 0, 0, KEY_MD_SHA256, 15,
	"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"},
    [KEY_P256] = {"P-256", "EC", "P-256", 32, 256, KEY_MD_SHA256, 21,
	"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
	"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"},
    [KEY_P384] = {"P-384", "EC", "P-384", 48, 384, KEY_MD_SHA384, 18,
	"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
	"\x06\x05\x2b\x81\x04\x00\x22"},
    [KEY_P521] = {"P-521", "EC", "P-521", 66, 521, KEY_MD_SHA512, 18,
	"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
	"\x06\x05\x2b\x81\x04\x00\x23"},
    [KEY_ED25519] = {"Ed25519", "ED25519", NULL, 32, 256, KEY_MD_NONE, 7,
	"\x30\x05\x06\x03\x2b\x65\x70"},
};
_Static_assert(ARRAY_LEN(types) == KEY_TYPE__MAX, "one row per type");

static const char *const md_names[] = {
    [KEY_MD_NONE] = NULL,
    [KEY_MD_SHA1] = "SHA1",
    [KEY_MD_SHA256] = "SHA256",
    [KEY_MD_SHA384] = "SHA384",
    [KEY_MD_SHA512] = "SHA512",
};
_Static_assert(ARRAY_LEN(md_names) == KEY_MD__MAX, "one name per hash");

int
key_openssl_err(struct err *e, enum err_kind kind, const char *text)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(code);

	if (!err_is_set(e)) {
		err_set(e, kind, "%s", text);
		if (reason != NULL)
			err_detail(e, "%s", reason);
	}
	ERR_clear_error();
	return -1;
}

static struct key *
key_new(enum key_type type)
{
	struct key *k = xcalloc(1, sizeof(*k));

	k->type = type;
	buf_init(&k->spki, SPKI_MAX);
	return k;
}

void
key_free(struct key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_CTX_free(k->verifier);
	EVP_PKEY_free(k->pkey);
	buf_release(&k->spki);
	free(k);
}

void
key_list_take(struct key_list *l, struct key *k)
{
	l->v = xreallocarray(l->v, l->len + 1, sizeof(*l->v));
	l->v[l->len++] = k; /* transferred */
}

void
key_list_join(struct key_list *l, struct key_list *from)
{
	for (size_t i = 0; i < from->len; i++)
		key_list_take(l, from->v[i]);
	from->len = 0; /* transferred */
	key_list_release(from);
}

void
key_list_release(struct key_list *l)
{
	for (size_t i = 0; i < l->len; i++)
		key_free(l->v[i]);
	free(l->v);
	*l = (struct key_list){0};
}

/*
 * Components and their encoding.
 */

static void
write_spki(struct buf *out, const struct key_parts *p)
{
	size_t all, bits, seq;

	all = der_begin(out, DER_SEQUENCE);
	buf_add(out, types[p->type].algid, types[p->type].algid_len);
	bits = der_begin(out, DER_BIT_STRING);
	buf_addc(out, 0);
	if (p->type == KEY_RSA) {
		seq = der_begin(out, DER_SEQUENCE);
		der_add_uint(out, p->a, p->a_len);
		der_add_uint(out, p->b, p->b_len);
		der_end(out, seq);
	} else {
		if (p->type != KEY_ED25519)
			buf_addc(out, 4);
		buf_add(out, p->a, p->a_len);
		buf_add(out, p->b, p->b_len);
	}
	der_end(out, bits);
	der_end(out, all);
}

static bool
copy_part(uint8_t *out, size_t *out_len, const uint8_t *p, size_t len)
{
	if (len > KEY_PART_MAX)
		return false;
	if (len > 0)
		memcpy(out, p, len);
	*out_len = len;
	return true;
}

/* RSAPublicKey of RFC 8017 A.1.1. */
static bool
read_rsa(struct der bits, struct key_parts *p)
{
	struct der seq, n, e;

	return der_get(&bits, DER_SEQUENCE, &seq) == 0 && bits.len == 0 &&
	    der_get_uint(&seq, &n) == 0 && der_get_uint(&seq, &e) == 0 &&
	    seq.len == 0 && copy_part(p->a, &p->a_len, n.p, n.len) &&
	    copy_part(p->b, &p->b_len, e.p, e.len);
}

/* ECPoint of RFC 5480 2.2, uncompressed; or the bytes of RFC 8410 4. */
static bool
read_point(struct der bits, struct key_parts *p)
{
	size_t size = types[p->type].size;

	if (p->type == KEY_ED25519)
		return bits.len == size &&
		    copy_part(p->a, &p->a_len, bits.p, size) &&
		    copy_part(p->b, &p->b_len, NULL, 0);
	return bits.len == 1 + 2 * size && bits.p[0] == 4 &&
	    copy_part(p->a, &p->a_len, bits.p + 1, size) &&
	    copy_part(p->b, &p->b_len, bits.p + 1 + size, size);
}

static int
read_spki(const void *der, size_t len, struct key_parts *p, struct err *e)
{
	struct der in = {der, len}, seq, algid, bits;
	size_t type;

	if (der_get(&in, DER_SEQUENCE, &seq) == -1 || in.len != 0 ||
	    der_get_whole(&seq, DER_SEQUENCE, &algid) == -1 ||
	    der_get_bits(&seq, &bits) == -1 || seq.len != 0)
		return err_set(e, KIND_INPUT,
		    "RFC 5280 4.1.2.7: public key is not well-formed DER");
	for (type = 0; type < KEY_TYPE__MAX; type++)
		if (der_is(&algid, types[type].algid, types[type].algid_len))
			break;
	if (type == KEY_TYPE__MAX)
		return err_set(e, KIND_INPUT,
		    "public key is none of RSA, P-256, P-384, P-521, Ed25519");
	p->type = (enum key_type)type;
	if (type == KEY_RSA ? read_rsa(bits, p) : read_point(bits, p))
		return 0;
	return err_set(e, KIND_INPUT, "%s public key is not well-formed",
	    types[type].name);
}

void
key_parts(const struct key *k, struct key_parts *parts)
{
	struct err e = {0};

	/* We wrote it ourselves, so that it reads back. */
	if (read_spki(k->spki.data, k->spki.len, parts, &e) == -1)
		abort();
}

/* Rules that need no arithmetic; the rest is OpenSSL's. */
static int
check_parts(const struct key_parts *p, struct err *e)
{
	size_t size = types[p->type].size;
	size_t bits = p->a_len * 8;

	if (p->type != KEY_RSA) {
		if (p->a_len != size ||
		    p->b_len != (p->type == KEY_ED25519 ? 0 : size))
			return err_set(e, KIND_INPUT,
			    "RFC %s: coordinate of the %s key is not of %zu "
			    "bytes",
			    p->type == KEY_ED25519 ? "8037 2" : "7518 6.2.1.2",
			    types[p->type].name, size);
		return 0;
	}
	if (p->a_len == 0 || p->b_len == 0 || p->a[0] == 0 || p->b[0] == 0)
		return err_set(e, KIND_INPUT,
		    "RFC 7518 6.3.1: RSA modulus or exponent is empty or "
		    "begins with a zero byte");
	for (uint8_t b = p->a[0]; b < 0x80; b = (uint8_t)(b << 1))
		bits--;
	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
		return err_set(e, KIND_INPUT,
		    "RSA modulus of %zu bits, not %d to %d", bits, RSA_BITS_MIN,
		    RSA_BITS_MAX);
	if (p->a[p->a_len - 1] % 2 == 0 || p->b[p->b_len - 1] % 2 == 0)
		return err_set(e, KIND_INPUT,
		    "RFC 8017 3.1: RSA modulus or exponent is even");
	if (p->b_len > p->a_len ||
	    (p->b_len == p->a_len && memcmp(p->b, p->a, p->a_len) >= 0))
		return err_set(e, KIND_INPUT,
		    "RFC 8017 3.1: RSA exponent is not less than the modulus");
	return 0;
}

/* Contexts that make keys of components, one for each type, kept. */
static EVP_PKEY_CTX *
fromdata_context(enum key_type type)
{
	static EVP_PKEY_CTX *kept[KEY_TYPE__MAX];

	if (kept[type] == NULL) {
		kept[type] =
		    EVP_PKEY_CTX_new_from_name(NULL, types[type].keymgmt, NULL);
		if (kept[type] == NULL ||
		    EVP_PKEY_fromdata_init(kept[type]) != 1) {
			EVP_PKEY_CTX_free(kept[type]);
			kept[type] = NULL;
		}
	}
	return kept[type];
}

static EVP_PKEY *
fromdata(enum key_type type, int selection, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = fromdata_context(type);
	EVP_PKEY *pkey = NULL;

	if (ctx == NULL ||
	    EVP_PKEY_fromdata(ctx, &pkey, selection, params) != 1)
		return NULL;
	return pkey;
}

/* OSSL_PARAM wants numbers in the machine's order. */
static OSSL_PARAM
number_param(const char *name, uint8_t *out, const uint8_t *p, size_t len)
{
	const union {
		uint16_t word;
		uint8_t first;
	} order = {1};

	for (size_t i = 0; i < len; i++)
		out[i] = order.first == 1 ? p[len - 1 - i] : p[i];
	return OSSL_PARAM_construct_BN(name, out, len);
}

static EVP_PKEY *
fromdata_rsa(const struct key_parts *p)
{
	uint8_t n[KEY_PART_MAX], e[KEY_PART_MAX];
	OSSL_PARAM params[3];

	params[0] = number_param(OSSL_PKEY_PARAM_RSA_N, n, p->a, p->a_len);
	params[1] = number_param(OSSL_PKEY_PARAM_RSA_E, e, p->b, p->b_len);
	params[2] = OSSL_PARAM_construct_end();
	return fromdata(KEY_RSA, EVP_PKEY_PUBLIC_KEY, params);
}

/* With the private number `d` of an EC key, unless that is NULL. */
static EVP_PKEY *
fromdata_curve(const struct key_parts *p, const uint8_t *d, size_t d_len)
{
	uint8_t point[1 + 2 * COORDINATE_MAX] = {4}, number[COORDINATE_MAX];
	OSSL_PARAM params[4];
	EVP_PKEY *pkey;
	size_t i = 0;

	memcpy(point + 1, p->a, p->a_len);
	memcpy(point + 1 + p->a_len, p->b, p->b_len);
	if (p->type == KEY_ED25519) {
		params[i++] = OSSL_PARAM_construct_octet_string(
		    OSSL_PKEY_PARAM_PUB_KEY, point + 1, p->a_len);
	} else {
		params[i++] =
		    OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
			(char *)(uintptr_t)types[p->type].group, 0);
		params[i++] = OSSL_PARAM_construct_octet_string(
		    OSSL_PKEY_PARAM_PUB_KEY, point, 1 + p->a_len + p->b_len);
	}
	if (d)
		params[i++] =
		    number_param(OSSL_PKEY_PARAM_PRIV_KEY, number, d, d_len);
	params[i] = OSSL_PARAM_construct_end();
	pkey = fromdata(
	    p->type, d ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params);
	explicit_bzero(number, sizeof(number));
	return pkey;
}

struct key *
key_from_parts(const struct key_parts *parts, struct err *e)
{
	struct key *k;

	if (check_parts(parts, e) == -1)
		return NULL;
	k = key_new(parts->type);
	k->pkey = parts->type == KEY_RSA ? fromdata_rsa(parts)
					 : fromdata_curve(parts, NULL, 0);
	if (k->pkey == NULL) {
		/* oct2point has checked that the point is on the curve. */
		key_openssl_err(e, KIND_INPUT,
		    "RFC 7518 6.2.1: public key is not a point on its curve");
		key_free(k);
		return NULL;
	}
	write_spki(&k->spki, parts);
	return k;
}

struct key *
key_from_pair(
    const struct key_parts *parts, const uint8_t *d, size_t len, struct err *e)
{
	struct key *k = key_new(parts->type);

	k->is_private = true;
	k->pkey = fromdata_curve(parts, d, len);
	if (k->pkey == NULL) {
		key_openssl_err(
		    e, KIND_INPUT, "RFC 5915 3: no private key of its curve");
		key_free(k);
		return NULL;
	}
	write_spki(&k->spki, parts);
	return k;
}

const void *
key_algid(enum key_type type, size_t *len)
{
	*len = types[type].algid_len;
	return types[type].algid;
}

size_t
key_size(enum key_type type)
{
	return types[type].size;
}

struct key *
key_from_spki(const void *der, size_t len, struct err *e)
{
	struct key_parts parts;

	if (read_spki(der, len, &parts, e) == -1)
		return NULL;
	return key_from_parts(&parts, e);
}

/*
 * Private keys.
 */

static bool
get_number(const EVP_PKEY *pkey, const char *name, uint8_t *out, size_t *len,
    size_t pad)
{
	BIGNUM *n = NULL;
	int size;
	bool ok = false;

	if (EVP_PKEY_get_bn_param(pkey, name, &n) == 1) {
		size = pad > 0 ? (int)pad : BN_num_bytes(n);
		ok = size <= KEY_PART_MAX && BN_bn2binpad(n, out, size) == size;
		*len = ok ? (size_t)size : 0;
	}
	BN_free(n);
	return ok;
}

static bool
get_type(const EVP_PKEY *pkey, enum key_type *type)
{
	char group[32];
	size_t len;

	if (EVP_PKEY_is_a(pkey, "RSA")) {
		*type = KEY_RSA;
		return true;
	}
	if (EVP_PKEY_is_a(pkey, "ED25519")) {
		*type = KEY_ED25519;
		return true;
	}
	if (!EVP_PKEY_is_a(pkey, "EC") ||
	    EVP_PKEY_get_group_name(pkey, group, sizeof(group), &len) != 1)
		return false;
	*type = strcmp(group, "prime256v1") == 0 ? KEY_P256
	    : strcmp(group, "secp384r1") == 0	 ? KEY_P384
	    : strcmp(group, "secp521r1") == 0	 ? KEY_P521
						 : KEY_TYPE__MAX;
	return *type != KEY_TYPE__MAX;
}

static bool
get_parts(const EVP_PKEY *pkey, struct key_parts *p)
{
	size_t size = types[p->type].size;

	p->b_len = 0;
	switch (p->type) {
	case KEY_RSA:
		return get_number(
			   pkey, OSSL_PKEY_PARAM_RSA_N, p->a, &p->a_len, 0) &&
		    get_number(pkey, OSSL_PKEY_PARAM_RSA_E, p->b, &p->b_len, 0);
	case KEY_ED25519:
		p->a_len = sizeof(p->a);
		return EVP_PKEY_get_raw_public_key(pkey, p->a, &p->a_len) == 1;
	default:
		return get_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, p->a,
			   &p->a_len, size) &&
		    get_number(
			pkey, OSSL_PKEY_PARAM_EC_PUB_Y, p->b, &p->b_len, size);
	}
}

struct key *
key_wrap(EVP_PKEY *pkey, struct err *e)
{
	struct key *k = key_new(KEY_RSA);
	struct key_parts parts = {0};

	k->pkey = pkey;
	k->is_private = true;
	if (!get_type(pkey, &parts.type) || !get_parts(pkey, &parts)) {
		key_openssl_err(e, KIND_INPUT,
		    "private key is none of RSA, P-256, P-384, P-521, Ed25519");
		goto fail;
	}
	if (check_parts(&parts, e) == -1)
		goto fail;
	k->type = parts.type;
	write_spki(&k->spki, &parts);
	return k;
fail:
	key_free(k);
	return NULL;
}

/*
 * What a key is.
 */

enum key_type
key_type(const struct key *k)
{
	return k->type;
}

int
key_bits(const struct key *k)
{
	return k->type == KEY_RSA ? EVP_PKEY_get_bits(k->pkey)
				  : types[k->type].bits;
}

bool
key_is_private(const struct key *k)
{
	return k->is_private;
}

const char *
key_type_name(enum key_type type)
{
	return type < KEY_TYPE__MAX ? types[type].name : "unknown";
}

const char *
key_group(enum key_type type)
{
	return types[type].group;
}

const uint8_t *
key_spki(const struct key *k, size_t *len)
{
	*len = k->spki.len;
	return (const uint8_t *)k->spki.data;
}

void
key_spki_sha256(const struct key *k, uint8_t out[32])
{
	digest_sha256(out, k->spki.data, k->spki.len);
}

bool
key_equal(const struct key *a, const struct key *b)
{
	return a->spki.len == b->spki.len &&
	    memcmp(a->spki.data, b->spki.data, a->spki.len) == 0;
}

/*
 * Signatures.
 */

enum key_md
key_md(const struct key *k)
{
	return types[k->type].md;
}

static const EVP_MD *
md_of(enum key_md md)
{
	static EVP_MD *kept[KEY_MD__MAX];

	if (kept[md] == NULL && md_names[md] != NULL)
		kept[md] = EVP_MD_fetch(NULL, md_names[md], NULL);
	return kept[md];
}

static bool
verify(const struct key *k, enum key_md md, const void *data, size_t len,
    const void *sig, size_t sig_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL &&
	    EVP_DigestVerifyInit(ctx, NULL, md_of(md), NULL, k->pkey) == 1 &&
	    EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

/*
 * The same for EC, where hash and signature have nothing to do with each other:
 * setting up OpenSSL's context is an eighth of it, and an account's key
 * verifies one request after the other.
 */
static bool
verify_ec(const struct key *k, enum key_md md, const void *data, size_t len,
    const void *sig, size_t sig_len)
{
	struct key *keep = (struct key *)(uintptr_t)k;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n;

	if (keep->verifier == NULL) {
		keep->verifier =
		    EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
		if (keep->verifier == NULL ||
		    EVP_PKEY_verify_init(keep->verifier) != 1) {
			EVP_PKEY_CTX_free(keep->verifier);
			keep->verifier = NULL;
			return false;
		}
	}
	return EVP_Digest(data, len, digest, &n, md_of(md), NULL) == 1 &&
	    EVP_PKEY_verify(keep->verifier, sig, sig_len, digest, n) == 1;
}

int
key_verify_md(const struct key *k, enum key_md md, const void *data, size_t len,
    const void *sig, size_t sig_len, struct err *e)
{
	bool ok = types[k->type].group != NULL && md != KEY_MD_NONE
	    ? verify_ec(k, md, data, len, sig, sig_len)
	    : verify(k, md, data, len, sig, sig_len);

	if (!ok)
		return key_openssl_err(
		    e, KIND_INPUT, "signature does not verify");
	return 0;
}

int
key_sign_md(const struct key *k, enum key_md md, const void *data, size_t len,
    struct buf *out, struct err *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[SIGNATURE_MAX];
	size_t n = sizeof(sig);
	int ok = ctx != NULL && k->is_private &&
	    EVP_DigestSignInit(ctx, NULL, md_of(md), NULL, k->pkey) == 1 &&
	    EVP_DigestSign(ctx, sig, &n, data, len) == 1;

	EVP_MD_CTX_free(ctx);
	if (!ok)
		return key_openssl_err(e, KIND_SYS, "cannot sign");
	if (buf_add(out, sig, n) == -1)
		return err_set(e, KIND_BUG, "buffer too small for a signature");
	return 0;
}
