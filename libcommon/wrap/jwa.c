#include "wrap/jwa.h"

#include "base/der.h"
#include "wrap/digest.h"
#include "wrap/key.h"

#define SIZE_MAX_ECDSA 66
#define DER_MAX (2 * SIZE_MAX_ECDSA + 16)

static const struct {
	const char *name;
	enum key_type type;
	enum key_md md;
	size_t size; /* of r and of s, 0: no ECDSA */
	const char *order; /* of the group (FIPS 186-4 D.1.2), big-endian */
} algs[] = {
    [JWA_RS256] = {"RS256", KEY_RSA, KEY_MD_SHA256, 0, NULL},
    [JWA_ES256] = {"ES256", KEY_P256, KEY_MD_SHA256, 32,
	"\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff"
	"\xff\xff\xff\xff\xbc\xe6\xfa\xad\xa7\x17\x9e\x84"
	"\xf3\xb9\xca\xc2\xfc\x63\x25\x51"},
    [JWA_ES384] = {"ES384", KEY_P384, KEY_MD_SHA384, 48,
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	"\xc7\x63\x4d\x81\xf4\x37\x2d\xdf\x58\x1a\x0d\xb2"
	"\x48\xb0\xa7\x7a\xec\xec\x19\x6a\xcc\xc5\x29\x73"},
    [JWA_ES512] = {"ES512", KEY_P521, KEY_MD_SHA512, 66,
	"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfa\x51\x86"
	"\x87\x83\xbf\x2f\x96\x6b\x7f\xcc\x01\x48\xf7\x09"
	"\xa5\xd0\x3b\xb5\xc9\xb8\x89\x9c\x47\xae\xbb\x6f"
	"\xb7\x1e\x91\x38\x64\x09"},
    [JWA_EDDSA] = {"EdDSA", KEY_ED25519, KEY_MD_NONE, 0, NULL},
};
_Static_assert(ARRAY_LEN(algs) == JWA__MAX, "one row per algorithm");

const char *
jwa_name(enum jwa alg)
{
	return alg < JWA__MAX ? algs[alg].name : "unknown";
}

bool
jwa_parse(const char *name, enum jwa *alg)
{
	for (size_t i = 0; i < JWA__MAX; i++)
		if (strcmp(name, algs[i].name) == 0) {
			*alg = (enum jwa)i;
			return true;
		}
	return false;
}

bool
jwa_fits(enum jwa alg, const struct key *k)
{
	return alg < JWA__MAX && algs[alg].type == key_type(k);
}

enum jwa
jwa_of(const struct key *k)
{
	enum jwa alg = 0;

	while (!jwa_fits(alg, k))
		alg++;
	return alg;
}

/* Whether a half of a raw ECDSA signature is 1 to the order less one. */
static bool
is_scalar(const uint8_t *p, enum jwa alg)
{
	size_t size = algs[alg].size;
	uint8_t any = 0;

	for (size_t i = 0; i < size; i++)
		any |= p[i];
	return any != 0 && memcmp(p, algs[alg].order, size) < 0;
}

/* r||s of RFC 7518 3.4 to the ECDSA-Sig-Value of RFC 3279 2.2.3. */
static int
raw_to_der(enum jwa alg, const uint8_t *sig, size_t len, struct buf *out)
{
	size_t size = algs[alg].size, mark;

	if (len != 2 * size || !is_scalar(sig, alg) ||
	    !is_scalar(sig + size, alg))
		return -1;
	mark = der_begin(out, DER_SEQUENCE);
	der_add_uint(out, sig, size);
	der_add_uint(out, sig + size, size);
	der_end(out, mark);
	return out->full ? -1 : 0;
}

static int
der_to_raw(enum jwa alg, const struct buf *sig, struct buf *out)
{
	static const uint8_t zeros[SIZE_MAX_ECDSA];
	struct der in = {(const uint8_t *)sig->data, sig->len}, seq, n;
	size_t size = algs[alg].size;

	if (der_get(&in, DER_SEQUENCE, &seq) == -1)
		return -1;
	for (int i = 0; i < 2; i++)
		if (der_get_uint(&seq, &n) == -1 || n.len > size ||
		    buf_add(out, zeros, size - n.len) == -1 ||
		    buf_add(out, n.p, n.len) == -1)
			return -1;
	return 0;
}

int
jwa_verify(const struct key *k, enum jwa alg, const void *data, size_t len,
    const void *sig, size_t sig_len, struct err *e)
{
	struct buf der;
	int rc = -1;

	if (!jwa_fits(alg, k))
		return err_set(e, KIND_INPUT,
		    "RFC 7518 3.1: %s does not go with a key of type %s",
		    jwa_name(alg), key_type_name(key_type(k)));
	if (algs[alg].size == 0)
		return key_verify_md(
		    k, algs[alg].md, data, len, sig, sig_len, e);
	buf_init(&der, DER_MAX);
	if (raw_to_der(alg, sig, sig_len, &der) == -1)
		err_set(e, KIND_INPUT,
		    "RFC 7518 3.4: signature is not r and s of %zu bytes each "
		    "in the range of the curve",
		    algs[alg].size);
	else
		rc = key_verify_md(
		    k, algs[alg].md, data, len, der.data, der.len, e);
	buf_release(&der);
	return rc;
}

int
jwa_sign(const struct key *k, enum jwa alg, const void *data, size_t len,
    struct buf *out, struct err *e)
{
	struct buf der;
	int rc = -1;

	if (!jwa_fits(alg, k))
		return err_set(e, KIND_INPUT,
		    "RFC 7518 3.1: %s does not go with a key of type %s",
		    jwa_name(alg), key_type_name(key_type(k)));
	if (algs[alg].size == 0)
		return key_sign_md(k, algs[alg].md, data, len, out, e);
	buf_init(&der, DER_MAX);
	if (key_sign_md(k, algs[alg].md, data, len, &der, e) == -1)
		goto out;
	if (der_to_raw(alg, &der, out) == -1) {
		err_set(e, KIND_BUG, "buffer too small for a signature");
		goto out;
	}
	rc = 0;
out:
	buf_release(&der);
	return rc;
}

/* ---- codes with a secret ------------------------------------------------- */

static const struct {
	const char *name;
	enum digest_hash hash;
} macs[] = {
    [JWA_HS256] = {"HS256", DIGEST_SHA256},
    [JWA_HS384] = {"HS384", DIGEST_SHA384},
    [JWA_HS512] = {"HS512", DIGEST_SHA512},
};
_Static_assert(ARRAY_LEN(macs) == JWA_MAC__MAX, "one row per algorithm");

const char *
jwa_mac_name(enum jwa_mac alg)
{
	return alg < JWA_MAC__MAX ? macs[alg].name : "unknown";
}

bool
jwa_mac_parse(const char *name, enum jwa_mac *alg)
{
	for (size_t i = 0; i < JWA_MAC__MAX; i++)
		if (strcmp(name, macs[i].name) == 0) {
			*alg = (enum jwa_mac)i;
			return true;
		}
	return false;
}

int
jwa_mac_make(enum jwa_mac alg, const void *secret, size_t secret_len,
    const void *data, size_t len, struct buf *out)
{
	uint8_t mac[DIGEST_SIZE_MAX];
	size_t n =
	    digest_hmac(macs[alg].hash, mac, secret, secret_len, data, len);

	return buf_add(out, mac, n);
}

bool
jwa_mac_is(enum jwa_mac alg, const void *secret, size_t secret_len,
    const void *data, size_t len, const void *mac, size_t mac_len)
{
	uint8_t want[DIGEST_SIZE_MAX];
	size_t n =
	    digest_hmac(macs[alg].hash, want, secret, secret_len, data, len);

	return n == mac_len && digest_equal(want, mac, n);
}
