#ifndef ACME_KEYAUTH_H
#define ACME_KEYAUTH_H

#include "base/base.h"

/* Key authorizations (RFC 8555 8.1). */
/* RFC 8555 knows no longest token; this is a file name, too. */
#define KEYAUTH_TOKEN_MAX 128
#define KEYAUTH_SIZE (KEYAUTH_TOKEN_MAX + 45) /* dot, thumbprint 43, NUL */

/*
 * Whether `token` is base64url of at least 128 bits and at most
 * KEYAUTH_TOKEN_MAX digits; others must not reach a file name or URL.
 */
bool keyauth_token_is_good(const char *token);

/* Writes token "." thumbprint; a good token and a thumbprint always fit. */
void keyauth_format(
    char out[KEYAUTH_SIZE], const char *token, const char *thumbprint);

/*
 * Its SHA-256 as base64url, which is what the TXT record of dns-01 has (RFC
 * 8555 8.4); that record is at the prefix and the identifier.
 */
#define KEYAUTH_DIGEST_SIZE 44
void keyauth_digest(char out[KEYAUTH_DIGEST_SIZE], const char *keyauth);
#define KEYAUTH_RECORD_PREFIX "_acme-challenge."

#endif
