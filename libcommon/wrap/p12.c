#include "wrap/p12.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>

#include "wrap/key_part.h"
#include "wrap/pbe_part.h"

#define BAGS_MAX 10000
#define DEPTH_MAX 4
#define ITERATIONS PKCS12_DEFAULT_ITER /* of what we write */

struct reader {
	const char *password;
	struct key_list keys;
	struct cert_list certs;
	int64_t iterations; /* that may still be spent */
	size_t bags;
};

static int
bad(const char *text, struct err *e)
{
	return key_openssl_err(e, KIND_INPUT, text);
}

/* ---- bags -------------------------------------------------------------- */

/* `a` is what asks for them, if it is an encryption. */
static int
spend(struct reader *r, int64_t iterations, const X509_ALGOR *a, struct err *e)
{
	if (iterations <= 0 || iterations > r->iterations)
		return pbe_refuse("PKCS#12", a, e);
	r->iterations -= iterations;
	return 0;
}

static int
take_key(struct reader *r, const PKCS8_PRIV_KEY_INFO *info, struct err *e)
{
	EVP_PKEY *pkey = info ? EVP_PKCS82PKEY(info) : NULL;
	struct key *k;

	if (!pkey)
		return bad("PKCS#12: a private key cannot be read", e);
	k = key_wrap_proven(pkey, e);
	if (!k)
		return -1;
	key_list_take(&r->keys, k);
	return 0;
}

static int
take_sealed_key(struct reader *r, const PKCS12_SAFEBAG *bag, struct err *e)
{
	const X509_ALGOR *a = NULL;
	PKCS8_PRIV_KEY_INFO *info;
	int rc;

	X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &a, NULL);
	if (spend(r, pbe_iterations(a), a, e) < 0)
		return -1;
	info = PKCS12_decrypt_skey(bag, r->password, -1);
	rc = take_key(r, info, e);
	PKCS8_PRIV_KEY_INFO_free(info);
	return rc;
}

static int
take_certificate(struct reader *r, const PKCS12_SAFEBAG *bag, struct err *e)
{
	X509 *x = PKCS12_SAFEBAG_get1_cert(bag);
	unsigned char *der = NULL;
	int len = x ? i2d_X509(x, &der) : -1;
	struct cert *c = len > 0 ? cert_from_der(der, (size_t)len, e) : NULL;

	OPENSSL_free(der);
	X509_free(x);
	if (!c)
		return bad("PKCS#12: a certificate cannot be read", e);
	cert_list_take(&r->certs, c);
	return 0;
}

static int take_bags(struct reader *r, const STACK_OF(PKCS12_SAFEBAG) * bags,
    int depth, struct err *e);

static int
take_bag(struct reader *r, const PKCS12_SAFEBAG *bag, int depth, struct err *e)
{
	if (++r->bags > BAGS_MAX)
		return err_set(
		    e, KIND_INPUT, "PKCS#12 with more than %d bags", BAGS_MAX);
	switch (PKCS12_SAFEBAG_get_nid(bag)) {
	case NID_keyBag:
		return take_key(r, PKCS12_SAFEBAG_get0_p8inf(bag), e);
	case NID_pkcs8ShroudedKeyBag:
		return take_sealed_key(r, bag, e);
	case NID_certBag:
		if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate)
			return 0;
		return take_certificate(r, bag, e);
	case NID_safeContentsBag:
		return take_bags(
		    r, PKCS12_SAFEBAG_get0_safes(bag), depth + 1, e);
	default:
		return 0;
	}
}

static int
take_bags(struct reader *r, const STACK_OF(PKCS12_SAFEBAG) * bags, int depth,
    struct err *e)
{
	if (depth > DEPTH_MAX)
		return err_set(e, KIND_INPUT, "PKCS#12: bags within bags");
	for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); i++)
		if (take_bag(r, sk_PKCS12_SAFEBAG_value(bags, i), depth, e) < 0)
			return -1;
	return 0;
}

static int
take_safe(struct reader *r, PKCS7 *safe, struct err *e)
{
	STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
	int rc;

	if (PKCS7_type_is_data(safe)) {
		bags = PKCS12_unpack_p7data(safe);
	} else if (PKCS7_type_is_encrypted(safe) && safe->d.encrypted) {
		const X509_ALGOR *a = safe->d.encrypted->enc_data->algorithm;

		if (spend(r, pbe_iterations(a), a, e) < 0)
			return -1;
		bags = PKCS12_unpack_p7encdata(safe, r->password, -1);
	} else {
		return 0; /* sealed for a certificate's key */
	}
	if (!bags)
		return bad("PKCS#12: a part cannot be opened", e);
	rc = take_bags(r, bags, 0, e);
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return rc;
}

/* ---- reading ----------------------------------------------------------- */

static int
check_mac(struct reader *r, PKCS12 *p12, struct err *e)
{
	const ASN1_INTEGER *n = NULL;

	if (!PKCS12_mac_present(p12))
		return err_set(e, KIND_INPUT,
		    "PKCS#12 without a MAC: its integrity cannot be checked");
	PKCS12_get0_mac(NULL, NULL, NULL, &n, p12);
	if (spend(r, n ? pbe_number(n) : 1, NULL, e) < 0)
		return -1;
	if (PKCS12_verify_mac(p12, r->password, -1) == 1)
		return 0;
	if (r->password[0] == '\0' && PKCS12_verify_mac(p12, NULL, 0) == 1) {
		r->password = NULL;
		return 0;
	}
	ERR_clear_error();
	return err_set(e, KIND_DENIED,
	    r->password[0] == '\0' ? "PKCS#12 needs a password"
				   : "the password does not open the PKCS#12");
}

static int
read_all(struct reader *r, PKCS12 *p12, struct err *e)
{
	STACK_OF(PKCS7) * safes;
	int rc = 0;

	if (check_mac(r, p12, e) < 0)
		return -1;
	safes = PKCS12_unpack_authsafes(p12);
	if (!safes)
		return bad("PKCS#12 without contents", e);
	for (int i = 0; rc == 0 && i < sk_PKCS7_num(safes); i++)
		rc = take_safe(r, sk_PKCS7_value(safes, i), e);
	sk_PKCS7_pop_free(safes, PKCS7_free);
	return rc;
}

/* What Windows wrote until lately is RC2 with 40 bits. */
static OSSL_PROVIDER *
load_old(void)
{
	OSSL_PROVIDER *old = OSSL_PROVIDER_try_load(NULL, "legacy", 1);

	ERR_clear_error();
	return old;
}

void
p12_prepare(void)
{
	static OSSL_PROVIDER *old;

	if (!old)
		old = load_old();
}

int
p12_read(const void *der, size_t len, const char *password,
    struct key_list *keys, struct cert_list *certs, struct err *e)
{
	const unsigned char *p = der;
	struct reader r = {
	    .password = password, .iterations = KEY_ITERATIONS_MAX};
	PKCS12 *p12 = NULL;
	OSSL_PROVIDER *old = load_old();
	int rc = -1;

	if (len <= P12_MAX)
		p12 = d2i_PKCS12(NULL, &p, (long)len);
	if (!p12 || p != (const unsigned char *)der + len)
		bad("RFC 7292 4: no PKCS#12", e);
	else
		rc = read_all(&r, p12, e);
	if (rc == 0) {
		key_list_join(keys, &r.keys);
		cert_list_join(certs, &r.certs);
	}
	key_list_release(&r.keys);
	cert_list_release(&r.certs);
	PKCS12_free(p12);
	if (old)
		OSSL_PROVIDER_unload(old);
	ERR_clear_error();
	return rc;
}

/* ---- writing ----------------------------------------------------------- */

static X509 *
to_x509(const struct cert *c)
{
	size_t len;
	const uint8_t *der = cert_der(c, &len);

	return d2i_X509(NULL, &der, (long)len);
}

static STACK_OF(X509) * issuers(const struct cert_list *chain)
{
	STACK_OF(X509) *out = sk_X509_new_null();

	for (size_t i = 1; out && i < chain->len; i++) {
		X509 *x = to_x509(chain->v[i]);

		if (!x || sk_X509_push(out, x) <= 0) {
			X509_free(x);
			sk_X509_pop_free(out, X509_free);
			return NULL;
		}
	}
	return out;
}

static PKCS12 *
make(enum p12_style style, const char *password, const char *name,
    const struct key *key, const struct cert_list *chain)
{
	int pbe = style == P12_MODERN ? NID_aes_256_cbc
				      : NID_pbe_WithSHA1And3_Key_TripleDES_CBC;
	const EVP_MD *md = style == P12_MODERN ? EVP_sha256() : EVP_sha1();
	X509 *leaf = to_x509(chain->v[0]);
	STACK_OF(X509) *rest = issuers(chain);
	PKCS12 *p12 = NULL;

	if (leaf && rest)
		p12 = PKCS12_create(password, name, key->pkey, leaf, rest, pbe,
		    pbe, ITERATIONS, -1, 0);
	if (p12 &&
	    PKCS12_set_mac(p12, password, -1, NULL, 0, ITERATIONS, md) != 1) {
		PKCS12_free(p12);
		p12 = NULL;
	}
	X509_free(leaf);
	sk_X509_pop_free(rest, X509_free);
	return p12;
}

int
p12_write(enum p12_style style, const char *password, const char *name,
    const struct key *key, const struct cert_list *chain, struct buf *out,
    struct err *e)
{
	PKCS12 *p12 = make(style, password, name, key, chain);
	unsigned char *der = NULL;
	int len = p12 ? i2d_PKCS12(p12, &der) : -1;
	int rc = -1;

	if (len <= 0)
		key_openssl_err(e, KIND_SYS, "cannot make a PKCS#12");
	else if ((rc = buf_add(out, der, (size_t)len)) < 0)
		err_set(e, KIND_BUG, "buffer too small for a PKCS#12");
	OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
	PKCS12_free(p12);
	return rc;
}
