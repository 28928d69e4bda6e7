#include "store/token.h"

#include "wrap/digest.h"

void
token_make(char *out, size_t bytes)
{
	uint8_t raw[TOKEN_CHALLENGE_BYTES];

	digest_random(raw, bytes);
	b64url_encode_to(out, raw, bytes);
}
