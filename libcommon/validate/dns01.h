#ifndef VALIDATE_DNS01_H
#define VALIDATE_DNS01_H

#include "base/buf.h"

/*
 * The dns-01 challenge (RFC 8555 8.4): what needs no network.  The machine is
 * dns01_machine in validate/attempt.h.
 */
struct dns_record;

#define DNS01_DIGEST_SIZE 44 /* SHA-256 as base64url, NUL */

/* Writes the text that the TXT record must have. */
void dns01_digest(char out[DNS01_DIGEST_SIZE], const char *keyauth);

/*
 * Whether one of the records is that text, in a time that does not depend on
 * where they differ.
 */
bool dns01_has(
    const struct dns_record *records, size_t len, const char *digest);

#endif
