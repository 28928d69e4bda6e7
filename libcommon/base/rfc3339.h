#ifndef BASE_RFC3339_H
#define BASE_RFC3339_H

#include "base/base.h"

#define RFC3339_SIZE 21 /* "2026-01-31T23:59:59Z" and the NUL */

/* Writes `t` (seconds since 1970, years 0 to 9999) in UTC, whole seconds. */
void rfc3339_format(char out[RFC3339_SIZE], int64_t t);

/*
 * Reads a date-time of RFC 3339 5.6: any offset, any fraction (dropped), `T`
 * and `Z` in either case, no leap second.
 * Returns 0, or -1 when `s` is not that; `*t` is then unmodified.
 */
int rfc3339_parse(const char *s, int64_t *t);

#endif
