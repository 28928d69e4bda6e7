#ifndef STORE_TOKEN_H
#define STORE_TOKEN_H

#include "base/b64.h"

/*
 * Names that nobody can guess, as base64url: 16 random bytes for the id in a
 * URL, 32 for a challenge (RFC 8555 8.3 asks for 128 bits at least).
 */
#define TOKEN_URL_ID_BYTES 16
#define TOKEN_CHALLENGE_BYTES 32

/*
 * Random bytes whose base64url does not begin with a dash: people give such
 * texts to programs, which would take them for options.
 */
void token_random(uint8_t *raw, size_t bytes);

/* Writes B64URL_LEN(bytes) characters and a NUL; at most 32 bytes. */
void token_make(char *out, size_t bytes);

#endif
