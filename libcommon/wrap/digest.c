#include "wrap/digest.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/random.h>
#include <unistd.h>

static _Noreturn void
die(const char *what)
{
	dprintf(STDERR_FILENO, "%s failed\n", what);
	_exit(111);
}

void
digest_start_fast(void)
{
	OPENSSL_init_crypto(
	    OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
}

static void
digest(uint8_t *out, const void *p, size_t len, EVP_MD **md, const char *name)
{
	if (*md == NULL && (*md = EVP_MD_fetch(NULL, name, NULL)) == NULL)
		die(name);
	if (EVP_Digest(p, len, out, NULL, *md, NULL) != 1)
		die(name);
}

void
digest_sha256(uint8_t out[DIGEST_SHA256_SIZE], const void *p, size_t len)
{
	static EVP_MD *md;

	digest(out, p, len, &md, "SHA256");
}

void
digest_prepare(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
}

void
digest_sha1(uint8_t out[DIGEST_SHA1_SIZE], const void *p, size_t len)
{
	static EVP_MD *md;

	digest(out, p, len, &md, "SHA1");
}

/* A context that knows its hash; duplicated for each use. */
static EVP_MAC_CTX *
hmac_context(enum digest_hash hash)
{
	static const char *const names[] = {
	    [DIGEST_SHA256] = "SHA256",
	    [DIGEST_SHA384] = "SHA384",
	    [DIGEST_SHA512] = "SHA512",
	};
	static EVP_MAC_CTX *bases[DIGEST_HASH__MAX];
	EVP_MAC_CTX **base = &bases[hash];
	EVP_MAC *mac;
	OSSL_PARAM params[2];

	if (*base == NULL) {
		params[0] = OSSL_PARAM_construct_utf8_string(
		    OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)names[hash], 0);
		params[1] = OSSL_PARAM_construct_end();
		mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
		*base = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
		EVP_MAC_free(mac);
		if (*base == NULL || EVP_MAC_CTX_set_params(*base, params) != 1)
			die("HMAC");
	}
	return EVP_MAC_CTX_dup(*base);
}

size_t
digest_hmac(enum digest_hash hash, uint8_t out[DIGEST_SIZE_MAX],
    const void *key, size_t key_len, const void *p, size_t len)
{
	EVP_MAC_CTX *ctx = hmac_context(hash);
	size_t n;

	/* A NULL key would mean "the one of before". */
	if (ctx == NULL ||
	    EVP_MAC_init(ctx, key_len > 0 ? key : "", key_len, NULL) != 1 ||
	    EVP_MAC_update(ctx, p, len) != 1 ||
	    EVP_MAC_final(ctx, out, &n, DIGEST_SIZE_MAX) != 1)
		die("HMAC");
	EVP_MAC_CTX_free(ctx);
	return n;
}

void
digest_hmac_sha256(uint8_t out[DIGEST_SHA256_SIZE], const void *key,
    size_t key_len, const void *p, size_t len)
{
	uint8_t mac[DIGEST_SIZE_MAX];

	digest_hmac(DIGEST_SHA256, mac, key, key_len, p, len);
	memcpy(out, mac, DIGEST_SHA256_SIZE);
}

bool
digest_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void
digest_random(void *p, size_t len)
{
	uint8_t *b = p;
	ssize_t n;

	while (len > 0) {
		n = getrandom(b, len < 256 ? len : 256, 0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			die("getrandom");
		b += n;
		len -= (size_t)n;
	}
}
