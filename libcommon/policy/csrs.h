#ifndef POLICY_CSRS_H
#define POLICY_CSRS_H

#include "base/err.h"
#include "base/str.h"

/* A certificate signing request against the order it is meant for. */
struct csr;
struct keys_blocklist;

/*
 * Checks that the names of the request are exactly `dns` (lower case) and
 * `ip` (inet_ntop(3) spelling), as sets; DNS names are compared without
 * regard to case, and a commonName must be one of them and counts (RFC 8555
 * 7.4); no other kind of name, no CA:TRUE, a signature that is not MD5 or
 * SHA-1 and verifies, and a key that keys_check takes.
 * KIND_INPUT with type badCSR, and a text of its own for each.
 */
int csrs_check(const struct csr *c, const struct strv *dns,
    const struct strv *ip, const struct keys_blocklist *blocked, struct err *e);

#endif
