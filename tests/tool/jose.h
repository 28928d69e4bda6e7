/*
 * JOSE for tests, on OpenSSL and Jansson alone: keys, JWKs, thumbprints, and
 * signatures that are right or wrong as asked.  A second implementation, so
 * that it can judge the first.  Static functions, since a test tool is one
 * file; what fails ends the process.
 */
#ifndef TESTS_TOOL_JOSE_H
#define TESTS_TOOL_JOSE_H

#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#define DEAD 3 /* exit status: could not do what was asked */

/* It frees next to nothing, since it ends soon: no leak is worth a report. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_disable()
#endif

struct bytes {
	unsigned char *p;
	size_t len;
};

static char *
join(const char *a, const char *b, const char *c)
{
	char *s;

	if (asprintf(&s, "%s%s%s", a, b, c) < 0)
		err(DEAD, NULL);
	return s;
}

static char *
base64url(const void *p, size_t len, bool pad)
{
	char *s = malloc(len / 3 * 4 + 5);
	char *c;

	if (s == NULL)
		err(DEAD, NULL);
	EVP_EncodeBlock((unsigned char *)s, p, (int)len);
	for (c = s; *c != '\0'; c++) {
		if (*c == '+')
			*c = '-';
		else if (*c == '/')
			*c = '_';
		else if (*c == '=' && !pad)
			*c = '\0';
	}
	return s;
}

static inline void
key_make(const char *type, const char *path)
{
	EVP_PKEY *key = NULL;
	FILE *f;

	if (strncmp(type, "rsa:", 4) == 0)
		key = EVP_RSA_gen((unsigned int)strtoul(type + 4, NULL, 10));
	else if (strcmp(type, "ed25519") == 0)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	else if (type[0] == 'p')
		key = EVP_EC_gen(join("P-", type + 1, ""));
	if (key == NULL)
		errx(DEAD, "cannot make a key of type %s", type);
	f = fopen(path, "we");
	if (f == NULL || !PEM_write_PrivateKey(f, key, NULL, NULL, 0, 0, 0) ||
	    fclose(f) != 0)
		err(DEAD, "%s", path);
}

static inline EVP_PKEY *
key_load(const char *path)
{
	FILE *f = fopen(path, "re");
	EVP_PKEY *key;

	if (f == NULL)
		err(DEAD, "%s", path);
	key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	if (key == NULL)
		errx(DEAD, "%s: no private key", path);
	fclose(f);
	return key;
}

/* Bytes of one coordinate of an EC key; 0 for other keys. */
static int
key_width(EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "EC") ? (EVP_PKEY_get_bits(key) + 7) / 8 : 0;
}

static json_t *
key_number(EVP_PKEY *key, const char *name)
{
	unsigned char bytes[2048];
	BIGNUM *n = NULL;
	json_t *value;
	char *text;
	int width;

	if (!EVP_PKEY_get_bn_param(key, name, &n))
		errx(DEAD, "key without %s", name);
	width = key_width(key) > 0 ? key_width(key) : BN_num_bytes(n);
	BN_bn2binpad(n, bytes, width);
	text = base64url(bytes, (size_t)width, false);
	value = json_string(text);
	return value;
}

static json_t *
key_jwk(EVP_PKEY *key)
{
	unsigned char raw[64];
	char curve[8];
	size_t len = sizeof(raw);

	if (key_width(key) > 0) {
		snprintf(curve, sizeof(curve), "P-%d", EVP_PKEY_get_bits(key));
		return json_pack("{s:s,s:s,s:o,s:o}", "kty", "EC", "crv", curve,
		    "x", key_number(key, OSSL_PKEY_PARAM_EC_PUB_X), "y",
		    key_number(key, OSSL_PKEY_PARAM_EC_PUB_Y));
	}
	if (EVP_PKEY_is_a(key, "RSA"))
		return json_pack("{s:s,s:o,s:o}", "kty", "RSA", "n",
		    key_number(key, OSSL_PKEY_PARAM_RSA_N), "e",
		    key_number(key, OSSL_PKEY_PARAM_RSA_E));
	if (!EVP_PKEY_get_raw_public_key(key, raw, &len))
		errx(DEAD, "key of an unknown kind");
	return json_pack("{s:s,s:s,s:o}", "kty", "OKP", "crv", "Ed25519", "x",
	    json_string(base64url(raw, len, false)));
}

static inline char *
key_thumbprint(EVP_PKEY *key)
{
	unsigned char md[32];
	char *text = json_dumps(key_jwk(key), JSON_COMPACT | JSON_SORT_KEYS);

	SHA256((unsigned char *)text, strlen(text), md);
	return base64url(md, sizeof(md), false);
}

static const char *
key_alg(EVP_PKEY *key)
{
	switch (key_width(key)) {
	case 0:
		return EVP_PKEY_is_a(key, "RSA") ? "RS256" : "EdDSA";
	case 32:
		return "ES256";
	case 48:
		return "ES384";
	default:
		return "ES512";
	}
}

static bool
is(const char *how, const char *word)
{
	return how != NULL && strcmp(how, word) == 0;
}

/* DER to r || s, RFC 7518 3.4. */
static struct bytes
ecdsa_raw(struct bytes der, int width)
{
	const unsigned char *p = der.p;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.len);
	struct bytes raw = {malloc((size_t)width * 2 + 1), (size_t)width * 2};

	if (sig == NULL || raw.p == NULL)
		errx(DEAD, "ECDSA signature");
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw.p, width);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw.p + width, width);
	return raw;
}

static struct bytes
signature(EVP_PKEY *key, const char *text, const char *how)
{
	static const char *const md[] = {
	    ['0'] = NULL, ['2'] = "SHA256", ['3'] = "SHA384", ['5'] = "SHA512"};
	const char *alg = key_alg(key);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct bytes b = {malloc(4096), 4095};

	if (!EVP_DigestSignInit_ex(ctx, NULL,
		md[alg[0] == 'E' && alg[1] == 'd' ? '0' : alg[2]], NULL, NULL,
		key, NULL) ||
	    !EVP_DigestSign(
		ctx, b.p, &b.len, (const unsigned char *)text, strlen(text)))
		errx(DEAD, "cannot sign");
	return key_width(key) > 0 && !is(how, "der")
	    ? ecdsa_raw(b, key_width(key))
	    : b;
}

/* Spoils a signature: one of the words of acme-raw --spoil, or NULL. */
static void
spoil(struct bytes *sig, const char *how)
{
	size_t half = sig->len / 2;

	if (is(how, "flip"))
		sig->p[sig->len - 1] ^= 1;
	else if (is(how, "zero"))
		memset(sig->p, 0, sig->len);
	else if (is(how, "zero-r"))
		memset(sig->p, 0, half);
	else if (is(how, "zero-s"))
		memset(sig->p + half, 0, half);
	else if (is(how, "short"))
		sig->len--;
	else if (is(how, "long"))
		sig->p[sig->len++] = 0;
	else if (is(how, "none"))
		sig->len = 0;
	else if (how != NULL && !is(how, "der"))
		errx(DEAD, "--spoil %s: not known", how);
}

#endif
