#include "wrap/key_part.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "base/der.h"
#include "wrap/digest.h"
#include "wrap/pbe_part.h"

#define KEY_PEM_MAX ((size_t)64 * 1024)

struct key *
key_generate(enum key_type type, int bits, struct err *e)
{
	EVP_PKEY *pkey;

	if (type == KEY_RSA && (bits < 2048 || bits > 8192 || bits % 8 != 0)) {
		err_set(e, KIND_INPUT,
		    "an RSA key of %d bits, not 2048 to 8192 and whole bytes",
		    bits);
		return NULL;
	}
	if (type == KEY_RSA)
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
	else if (type == KEY_ED25519)
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	else
		pkey = EVP_PKEY_Q_keygen(
		    NULL, NULL, "EC", (char *)(uintptr_t)key_group(type));
	if (pkey == NULL) {
		key_openssl_err(e, KIND_SYS, "cannot generate a key");
		return NULL;
	}
	return key_wrap(pkey, e);
}

int
key_type_parse(const char *word, enum key_type *type, int *bits, struct err *e)
{
	static const struct {
		const char *word;
		enum key_type type;
		int bits;
	} words[] = {
	    {"p256", KEY_P256, 256},
	    {"p384", KEY_P384, 384},
	    {"p521", KEY_P521, 521},
	    {"ed25519", KEY_ED25519, 256},
	    {"rsa", KEY_RSA, 2048},
	    {"rsa2048", KEY_RSA, 2048},
	    {"rsa3072", KEY_RSA, 3072},
	    {"rsa4096", KEY_RSA, 4096},
	    {"rsa8192", KEY_RSA, 8192},
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(word, words[i].word) == 0) {
			*type = words[i].type;
			*bits = words[i].bits;
			return 0;
		}
	return err_set(e, KIND_INPUT,
	    "key type is none of p256 p384 p521 ed25519 rsa2048 rsa3072 "
	    "rsa4096 rsa8192");
}

/* A wrong public part in the file would make signatures nobody can check. */
static int
prove(const struct key *k, struct err *e)
{
	static const char text[] = "acmed";
	struct err inner = {0};
	struct buf sig;
	int rc;

	buf_init(&sig, SIGNATURE_MAX);
	rc = key_sign_md(k, key_md(k), text, sizeof(text), &sig, &inner);
	if (rc == 0)
		rc = key_verify_md(k, key_md(k), text, sizeof(text), sig.data,
		    sig.len, &inner);
	buf_release(&sig);
	if (rc == -1)
		return err_set(e, KIND_INPUT,
		    "private key and its public part do not belong together");
	return 0;
}

int
key_no_password(char *out, int size, int rwflag, void *arg)
{
	(void)out;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

struct key *
key_wrap_proven(EVP_PKEY *pkey, struct err *e)
{
	struct key *k = key_wrap(pkey, e);

	if (k != NULL && prove(k, e) == -1) {
		key_free(k);
		k = NULL;
	}
	return k;
}

struct key *
key_from_pem(const char *pem, size_t len, struct err *e)
{
	EVP_PKEY *pkey = NULL;
	BIO *bio = NULL;

	if (len <= INT_MAX && (bio = BIO_new_mem_buf(pem, (int)len)) != NULL)
		pkey =
		    PEM_read_bio_PrivateKey(bio, NULL, key_no_password, NULL);
	BIO_free(bio);
	if (pkey == NULL) {
		key_openssl_err(e, KIND_INPUT,
		    "RFC 7468 10: no private key in PEM, or an encrypted one");
		return NULL;
	}
	ERR_clear_error();
	return key_wrap_proven(pkey, e);
}

struct key *
key_from_der(const void *der, size_t len, struct err *e)
{
	const unsigned char *p = der;
	EVP_PKEY *pkey = NULL;
	struct key *k = key_curve_read(der, len, e);

	if (k != NULL || err_is_set(e))
		return k;
	if (len <= KEY_DER_MAX)
		pkey = d2i_AutoPrivateKey(NULL, &p, (long)len);
	if (pkey == NULL || p != (const unsigned char *)der + len) {
		EVP_PKEY_free(pkey);
		key_openssl_err(e, KIND_INPUT,
		    "RFC 5958 2: no private key in DER, or an encrypted one");
		return NULL;
	}
	ERR_clear_error();
	return key_wrap_proven(pkey, e);
}

/* RSAPrivateKey of RFC 8017 A.1.2. */
static void
add_rsa(struct buf *out, const struct key_parts *p, const struct key_secrets *s)
{
	size_t seq = der_begin(out, DER_SEQUENCE);

	der_add_small(out, 0);
	der_add_uint(out, p->a, p->a_len);
	der_add_uint(out, p->b, p->b_len);
	for (int i = 0; i < KEY_SECRET__MAX; i++)
		der_add_uint(out, s->part[i].v, s->part[i].len);
	der_end(out, seq);
}

/* ECPrivateKey of RFC 5915 3, with the public key, and without its curve. */
static void
add_curve(
    struct buf *out, const struct key_parts *p, const struct key_secrets *s)
{
	size_t seq = der_begin(out, DER_SEQUENCE), context, bits;

	der_add_small(out, 1);
	der_add(out, DER_OCTET_STRING, s->part[KEY_SECRET_D].v,
	    s->part[KEY_SECRET_D].len);
	context = der_begin(out, DER_CONTEXT_CONS(1));
	bits = der_begin(out, DER_BIT_STRING);
	buf_addc(out, 0);
	buf_addc(out, 4);
	buf_add(out, p->a, p->a_len);
	buf_add(out, p->b, p->b_len);
	der_end(out, bits);
	der_end(out, context);
	der_end(out, seq);
}

/* PrivateKeyInfo of RFC 5958 2. */
static void
add_private(
    struct buf *out, const struct key_parts *p, const struct key_secrets *s)
{
	size_t all = der_begin(out, DER_SEQUENCE), octets, len;
	const void *algid = key_algid(p->type, &len);

	der_add_small(out, 0);
	buf_add(out, algid, len);
	octets = der_begin(out, DER_OCTET_STRING);
	if (p->type == KEY_RSA)
		add_rsa(out, p, s);
	else if (p->type == KEY_ED25519)
		der_add(out, DER_OCTET_STRING, s->part[KEY_SECRET_D].v,
		    s->part[KEY_SECRET_D].len);
	else
		add_curve(out, p, s);
	der_end(out, octets);
	der_end(out, all);
}

/* What CRT alone would spoil: a signature made without it is good again. */
static bool
is_consistent(const struct key *k)
{
	EVP_PKEY_CTX *ctx;
	bool ok = true;

	if (k->type == KEY_RSA) {
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
		ok = ctx != NULL && EVP_PKEY_pairwise_check(ctx) == 1;
		EVP_PKEY_CTX_free(ctx);
		ERR_clear_error();
	}
	return ok;
}

struct key *
key_from_secrets(const struct key_parts *parts,
    const struct key_secrets *secrets, struct err *e)
{
	struct key *public = key_from_parts(parts, e), *k = NULL;
	struct buf der;

	if (public == NULL)
		return NULL;
	buf_init(&der, KEY_DER_MAX);
	add_private(&der, parts, secrets);
	if (der.full)
		err_set(e, KIND_INPUT, "private key with too long components");
	else
		k = key_from_der(der.data, der.len, e);
	/* OpenSSL works the public part of some types out anew */
	if (k != NULL && (!key_equal(k, public) || !is_consistent(k))) {
		err_set(e, KIND_INPUT,
		    "private key and its public part do not belong together");
		key_free(k);
		k = NULL;
	}
	buf_wipe(&der);
	key_free(public);
	return k;
}

static EVP_PKEY *
decrypt(const X509_SIG *sealed, const char *password, size_t len)
{
	PKCS8_PRIV_KEY_INFO *info =
	    len <= INT_MAX ? PKCS8_decrypt(sealed, password, (int)len) : NULL;
	EVP_PKEY *pkey = info != NULL ? EVP_PKCS82PKEY(info) : NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	return pkey;
}

struct key *
key_from_encrypted_der(
    const void *der, size_t len, const char *password, struct err *e)
{
	return key_from_sealed_der(
	    der, len, password, password != NULL ? strlen(password) : 0, e);
}

struct key *
key_from_sealed_der(const void *der, size_t len, const void *password,
    size_t password_len, struct err *e)
{
	const unsigned char *p = der;
	const X509_ALGOR *a = NULL;
	X509_SIG *sealed = NULL;
	EVP_PKEY *pkey = NULL;

	if (len <= KEY_DER_MAX)
		sealed = d2i_X509_SIG(NULL, &p, (long)len);
	if (sealed != NULL)
		X509_SIG_get0(sealed, &a, NULL);
	if (sealed == NULL || p != (const unsigned char *)der + len)
		err_set(e, KIND_INPUT, "RFC 5958 3: no encrypted private key");
	else if (pbe_iterations(a) > KEY_ITERATIONS_MAX)
		pbe_refuse("private key", a, e);
	else if (password == NULL)
		err_set(e, KIND_DENIED, "private key that needs a password");
	else if ((pkey = decrypt(sealed, password, password_len)) == NULL)
		err_set(e, KIND_DENIED,
		    "the password does not open the private key");
	X509_SIG_free(sealed);
	ERR_clear_error();
	return pkey != NULL ? key_wrap_proven(pkey, e) : NULL;
}

int
key_to_der(const struct key *k, struct buf *out, struct err *e)
{
	PKCS8_PRIV_KEY_INFO *info;
	unsigned char *der = NULL;
	int len, rc = -1;

	if (key_curve_write(k, out))
		return out->full
		    ? err_set(e, KIND_BUG, "buffer too small for a private key")
		    : 0;
	info = EVP_PKEY2PKCS8(k->pkey);
	len = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
	if (len <= 0)
		key_openssl_err(e, KIND_SYS, "cannot encode a private key");
	else if ((rc = buf_add(out, der, (size_t)len)) == -1)
		err_set(e, KIND_BUG, "buffer too small for a private key");
	OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
	PKCS8_PRIV_KEY_INFO_free(info);
	return rc;
}

int
key_to_pem(const struct key *k, struct buf *out, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;
	int rc = -1;

	if (bio == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(
		bio, k->pkey, NULL, NULL, 0, NULL, NULL) != 1)
		key_openssl_err(e, KIND_SYS, "cannot encode a private key");
	else if ((len = BIO_get_mem_data(bio, &text)) <= 0 ||
	    buf_add(out, text, (size_t)len) == -1)
		err_set(e, KIND_BUG, "buffer too small for a private key");
	else
		rc = 0;
	BIO_free(bio);
	return rc;
}

int
key_secret(
    const struct key *k, const char *purpose, uint8_t out[32], struct err *e)
{
	struct buf pem;
	int rc;

	buf_init(&pem, KEY_PEM_MAX);
	rc = key_to_pem(k, &pem, e);
	if (rc == 0)
		digest_hmac_sha256(
		    out, pem.data, pem.len, purpose, strlen(purpose));
	buf_wipe(&pem);
	return rc;
}
