#ifndef ACME_KEYAUTH_H
#define ACME_KEYAUTH_H

#include "base/base.h"

/* Key authorizations (RFC 8555 8.1). */
#define KEYAUTH_SIZE 88 /* token 43, dot, thumbprint 43, NUL */

/*
 * Whether `token` is base64url of at least 128 bits that fits; others must not
 * reach a file name or URL.
 */
bool keyauth_token_is_good(const char *token);

/* Writes token "." thumbprint; a good token and a thumbprint always fit. */
void keyauth_format(
    char out[KEYAUTH_SIZE], const char *token, const char *thumbprint);

#endif
