#include "acme/keyauth.h"

#include "base/b64.h"
#include "wrap/digest.h"

#define TOKEN_MIN 22 /* 128 bits */

bool
keyauth_token_is_good(const char *token)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t len = strspn(token, digits);

	return token[len] == '\0' && len >= TOKEN_MIN &&
	    len <= KEYAUTH_TOKEN_MAX;
}

void
keyauth_format(
    char out[KEYAUTH_SIZE], const char *token, const char *thumbprint)
{
	snprintf(out, KEYAUTH_SIZE, "%s.%s", token, thumbprint);
}

void
keyauth_digest(char out[KEYAUTH_DIGEST_SIZE], const char *keyauth)
{
	uint8_t hash[DIGEST_SHA256_SIZE];

	digest_sha256(hash, keyauth, strlen(keyauth));
	b64url_encode_to(out, hash, sizeof(hash));
}
