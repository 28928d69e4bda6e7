#ifndef ACME_IDENT_H
#define ACME_IDENT_H

#include "base/err.h"

/*
 * Identifiers as clients send them (RFC 8555 7.1.3, RFC 8738 3), judged by
 * their spelling alone, before anything else sees them.
 */
struct identifier;

#define IDENT_DNS_MAX 253

/*
 * Reads one.  A dns name is labels of letters, digits and hyphens, 1 to 63
 * long, not beginning or ending with a hyphen, the last with a letter (so that
 * no IPv4 address is a name); one that begins with "xn--" is a proper A-label;
 * in all at most 253; one leading "*." is a wildcard; it comes out in lower
 * case.  An ip is what inet_ntop(3) writes, and no IPv4-mapped address.
 * `out->value` is the caller's to free.  KIND_INPUT: malformed, or
 * unsupportedIdentifier for another type.
 */
int ident_parse(
    const char *type, const char *value, struct identifier *out, struct err *e);

/*
 * The value as the Host field of a request has it: IPv6 in brackets, in lower
 * case.  The caller frees.
 */
char *ident_host(const char *value);

/* Whether `value` of type dns is a wildcard. */
bool ident_is_wildcard(const char *value);

#endif
