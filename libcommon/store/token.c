#include "store/token.h"

#include "wrap/digest.h"

#define DASH 62 /* what it stands for in base64url */

void
token_random(uint8_t *raw, size_t bytes)
{
	do
		digest_random(raw, bytes);
	while (raw[0] >> 2 == DASH);
}

void
token_make(char *out, size_t bytes)
{
	uint8_t raw[TOKEN_CHALLENGE_BYTES];

	token_random(raw, bytes);
	b64url_encode_to(out, raw, bytes);
}
