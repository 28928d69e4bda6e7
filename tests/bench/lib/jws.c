#include "jws.h"

#include <err.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "base/b64.h"
#include "proof.h"
#include "wrap/digest.h"

#define HALF 32 /* bytes of a coordinate, and of r and s */

struct jws {
	EVP_PKEY *key;
	EVP_PKEY_CTX *ctx; /* ready to sign */
	char signer[600]; /* the member jwk or kid */
	char thumbprint[B64URL_LEN(DIGEST_SHA256_SIZE) + 1];
	struct buf protected;
	struct buf input;
};

struct jws *
jws_new(void)
{
	struct jws *j = xcalloc(1, sizeof(*j));
	uint8_t point[POINT_SIZE], hash[DIGEST_SHA256_SIZE];
	char x[B64URL_LEN(HALF) + 1], y[B64URL_LEN(HALF) + 1], jwk[200];

	j->key = EVP_EC_gen("P-256");
	j->ctx = EVP_PKEY_CTX_new(j->key, NULL);
	if (!j->ctx || EVP_PKEY_sign_init(j->ctx) != 1)
		errx(101, "no key that signs");
	proof_point(j->key, point);
	b64url_encode_to(x, point + 1, HALF);
	b64url_encode_to(y, point + 1 + HALF, HALF);
	snprintf(jwk, sizeof(jwk),
	    "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x,
	    y);
	digest_sha256(hash, jwk, strlen(jwk));
	b64url_encode_to(j->thumbprint, hash, sizeof(hash));
	snprintf(j->signer, sizeof(j->signer), "\"jwk\":%s", jwk);
	buf_init(&j->protected, 4096);
	buf_init(&j->input, 65536);
	return j;
}

void
jws_free(struct jws *j)
{
	if (!j)
		return;
	EVP_PKEY_CTX_free(j->ctx);
	EVP_PKEY_free(j->key);
	buf_release(&j->protected);
	buf_release(&j->input);
	free(j);
}

void
jws_set_kid(struct jws *j, const char *kid)
{
	snprintf(j->signer, sizeof(j->signer), "\"kid\":\"%s\"", kid);
}

const char *
jws_thumbprint(const struct jws *j)
{
	return j->thumbprint;
}

/* r and s as JWS wants them (RFC 7518 3.4). */
static void
signature(struct jws *j, uint8_t out[2 * HALF])
{
	uint8_t hash[DIGEST_SHA256_SIZE], der[80];
	const uint8_t *p = der;
	size_t len = sizeof(der);
	ECDSA_SIG *sig;

	digest_sha256(hash, j->input.data, j->input.len);
	if (EVP_PKEY_sign(j->ctx, der, &len, hash, sizeof(hash)) != 1)
		errx(101, "not signed");
	sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, HALF);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + HALF, HALF);
	ECDSA_SIG_free(sig);
}

void
jws_sign(struct jws *j, const char *nonce, const char *url, const char *payload,
    struct buf *out)
{
	uint8_t sig[2 * HALF];
	size_t dot;

	buf_clear(&j->protected);
	buf_addf(&j->protected,
	    "{\"alg\":\"ES256\",\"nonce\":\"%s\",\"url\":\"%s\",%s}", nonce,
	    url, j->signer);
	buf_clear(&j->input);
	b64url_encode(&j->input, j->protected.data, j->protected.len);
	dot = j->input.len;
	buf_addc(&j->input, '.');
	buf_adds(&j->input, payload);
	signature(j, sig);
	buf_adds(out, "{\"protected\":\"");
	buf_add(out, j->input.data, dot);
	buf_addf(out, "\",\"payload\":\"%s\",\"signature\":\"", payload);
	b64url_encode(out, sig, sizeof(sig));
	buf_adds(out, "\"}");
}
