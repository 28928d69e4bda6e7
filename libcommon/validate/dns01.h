#ifndef VALIDATE_DNS01_H
#define VALIDATE_DNS01_H

#include "base/buf.h"

/*
 * The dns-01 challenge (RFC 8555 8.4): what needs no network.  The machine is
 * dns01_machine in validate/attempt.h.
 */
struct dns_record;

/*
 * Whether one of the records is that text, in a time that does not depend on
 * where they differ.
 */
bool dns01_has(
    const struct dns_record *records, size_t len, const char *digest);

#endif
