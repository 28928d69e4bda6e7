#ifndef VALIDATE_ALPNCERT_H
#define VALIDATE_ALPNCERT_H

#include "base/err.h"

/* The certificate of a tls-alpn-01 validation (RFC 8737 3, RFC 8738 6). */
struct identifier;

/*
 * Checks a certificate in DER, from a stranger: its only subject alternative
 * name is the identifier (a dNSName without regard to case, or an iPAddress),
 * and it has the acmeIdentifier extension, once, critical, of exactly the
 * SHA-256 of the key authorization; not the one of the drafts.  Nothing else
 * about it matters.
 * -1 with type incorrectResponse for another digest, unauthorized for the rest.
 */
int alpncert_check(const void *der, size_t len, const struct identifier *id,
    const char *keyauth, struct err *e);

#endif
