#ifndef CLI_SINCE_H
#define CLI_SINCE_H

#include "base/err.h"

/*
 * Reads the value of `option` into `*t`: a time (RFC 3339), or an age, which is
 * a number and one of s m h d w, and means so long before now.
 * KIND_USAGE otherwise.
 */
int since_parse(
    const char *option, const char *text, int64_t *t, struct err *e);

/* The same for a time ahead: so long after now, and not after the year 9999. */
int since_parse_ahead(
    const char *option, const char *text, int64_t *t, struct err *e);

/* How many seconds so long is; -1: it is a time, or nothing. */
int64_t since_seconds(const char *text);

/* The same for a time that must not have passed. */
int since_parse_future(
    const char *option, const char *text, int64_t *t, struct err *e);

#endif
