#ifndef HTTP_PERCENT_H
#define HTTP_PERCENT_H

#include "base/base.h"

#include <sys/types.h>

/*
 * Replaces "%41" by "A" (RFC 3986 2.1), in place.  The length of what is left,
 * with a NUL behind it if that is shorter; -1 when two digits are missing.
 */
ssize_t percent_decode(char *text, size_t len);

#endif
