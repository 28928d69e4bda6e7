#ifndef WRAP_KEY_H
#define WRAP_KEY_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Public and private keys: RSA, the three NIST curves of RFC 7518, Ed25519.
 * What is read from strangers (JWK, CSR, certificate) is built from its
 * components and not by OpenSSL's generic decoders, which cost more than the
 * signature check that follows.
 */
struct key;

enum key_type {
	KEY_RSA,
	KEY_P256,
	KEY_P384,
	KEY_P521,
	KEY_ED25519,
	KEY_TYPE__MAX
};

/* Largest component: the modulus of a 16384-bit RSA key. */
#define KEY_PART_MAX 2048

/* A public key as its components, big-endian. */
struct key_parts {
	enum key_type type;
	uint8_t a[KEY_PART_MAX]; /* RSA n, EC x, OKP x */
	size_t a_len;
	uint8_t b[KEY_PART_MAX]; /* RSA e, EC y */
	size_t b_len;
};

/*
 * Makes a new private key; `bits` is for RSA only (2048 to 8192).
 * The caller frees with key_free; NULL on failure (KIND_INPUT, KIND_SYS).
 */
struct key *key_generate(enum key_type type, int bits, struct err *e);

/*
 * Reads "p256" "p384" "p521" "ed25519" "rsa2048" "rsa3072" "rsa4096"
 * "rsa8192" (and "rsa" for rsa2048), the spelling of the configuration.
 * KIND_INPUT for another word.
 */
int key_type_parse(
    const char *word, enum key_type *type, int *bits, struct err *e);

/*
 * The first private key of a PEM text: PKCS#8 or the older forms, not
 * encrypted.  KIND_INPUT for anything else; the error never shows the text.
 */
struct key *key_from_pem(const char *pem, size_t len, struct err *e);

/* Appends the private key as PKCS#8 PEM (RFC 5958).  `out` is a secret. */
int key_to_pem(const struct key *k, struct buf *out, struct err *e);

/*
 * The same of DER: PKCS#8 (RFC 5958), or the older forms of RFC 5915 and RFC
 * 8017, and nothing behind it.
 */
#define KEY_DER_MAX ((size_t)32 * 1024)
struct key *key_from_der(const void *der, size_t len, struct err *e);
int key_to_der(const struct key *k, struct buf *out, struct err *e);

/*
 * The same of an EncryptedPrivateKeyInfo (RFC 5958 3) under a password (UTF-8,
 * or NULL when there is none).  KIND_DENIED when the password does not open it;
 * KIND_INPUT also when that would take more than KEY_ITERATIONS_MAX rounds of
 * hashing; or with scrypt, so many for N * r * p, or more than 32 MiB.
 */
#define KEY_ITERATIONS_MAX 2000000
struct key *key_from_encrypted_der(
    const void *der, size_t len, const char *password, struct err *e);

/* The same under a password that is any bytes. */
struct key *key_from_sealed_der(const void *der, size_t len,
    const void *password, size_t password_len, struct err *e);

/*
 * Makes a public key of its components.  EC: x and y have exactly the curve's
 * length (RFC 7518 6.2.1.2) and are a point on it, not infinity; Ed25519: 32
 * bytes; RSA: n and e odd, no leading zero byte, e less than n, n of 512 to
 * 16384 bits (what is *acceptable* is policy/keys).  KIND_INPUT otherwise.
 */
struct key *key_from_parts(const struct key_parts *parts, struct err *e);

/* The private components of an RSA key (RFC 8017 3.2); d is that of all. */
enum key_secret_part {
	KEY_SECRET_D,
	KEY_SECRET_P,
	KEY_SECRET_Q,
	KEY_SECRET_DP,
	KEY_SECRET_DQ,
	KEY_SECRET_QI,
	KEY_SECRET__MAX
};

struct key_secrets {
	struct {
		uint8_t v[KEY_PART_MAX];
		size_t len;
	} part[KEY_SECRET__MAX];
};

/*
 * Makes a private key of its components: all of RSA's, or d alone, which is as
 * long as a coordinate (RFC 7518 6.2.2.1).  KIND_INPUT as for key_from_parts
 * and key_from_der.  The caller wipes what it gave.
 */
struct key *key_from_secrets(const struct key_parts *parts,
    const struct key_secrets *secrets, struct err *e);

/* The components of a key, in the form that key_from_parts takes. */
void key_parts(const struct key *k, struct key_parts *parts);

/*
 * Makes a public key of a SubjectPublicKeyInfo (RFC 5280 4.1.2.7), strict DER
 * and nothing behind it.  EC points are uncompressed.  KIND_INPUT for broken
 * ones and for types not listed above.
 */
struct key *key_from_spki(const void *der, size_t len, struct err *e);

/* NULL-safe.  Private parts are overwritten. */
void key_free(struct key *k);

/* Keys in order.  {0} is empty. */
struct key_list {
	struct key **v;
	size_t len;
};

/* Appends `k`, which the list then owns; all of `from`, which is empty then. */
void key_list_take(struct key_list *l, struct key *k);
void key_list_join(struct key_list *l, struct key_list *from);
void key_list_release(struct key_list *l);

enum key_type key_type(const struct key *k);
int key_bits(const struct key *k);
bool key_is_private(const struct key *k);

/* "RSA", "P-256", "P-384", "P-521", "Ed25519". */
const char *key_type_name(enum key_type type);

/*
 * 32 bytes that nobody without the private key knows, the same each time for
 * the same `purpose`.
 */
int key_secret(
    const struct key *k, const char *purpose, uint8_t out[32], struct err *e);

/* The SubjectPublicKeyInfo in DER; lives as long as the key. */
const uint8_t *key_spki(const struct key *k, size_t *len);

/* SHA-256 of the SubjectPublicKeyInfo: the identity of a key. */
void key_spki_sha256(const struct key *k, uint8_t out[32]);

/*
 * What type of key a SubjectPublicKeyInfo is for, in the spelling of
 * key_type_parse ("p256", "rsa2048"); "other" for what is not listed above.
 */
#define KEY_WORD_SIZE 16
void key_spki_word(const void *der, size_t len, char out[KEY_WORD_SIZE]);

/* Whether two keys have the same public part. */
bool key_equal(const struct key *a, const struct key *b);

enum key_md {
	KEY_MD_NONE,
	KEY_MD_SHA1,
	KEY_MD_SHA256,
	KEY_MD_SHA384,
	KEY_MD_SHA512,
	KEY_MD__MAX
};

/*
 * KIND_INPUT when the signature does not verify, whatever the reason; signing
 * appends to `out` and gives KIND_SYS.
 */
int key_verify_md(const struct key *k, enum key_md md, const void *data,
    size_t len, const void *sig, size_t sig_len, struct err *e);
int key_sign_md(const struct key *k, enum key_md md, const void *data,
    size_t len, struct buf *out, struct err *e);

/*
 * OpenSSL's pem_password_cb for all that reads keys: an encrypted one is an
 * error, and nobody is asked for its password on the terminal.
 */
int key_no_password(char *out, int size, int rwflag, void *arg);

/* Sets `e`, with OpenSSL's reason as detail, and empties its queue. */
int key_openssl_err(struct err *e, enum err_kind kind, const char *text);

#endif
