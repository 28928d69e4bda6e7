#ifndef BASE_HEX_H
#define BASE_HEX_H

#include "base/base.h"

/* Writes 2 * len lower-case digits and a NUL to `out`. */
void hex_encode(char *out, const void *p, size_t len);

/*
 * Reads exactly 2 * len digits of either case, then a NUL.
 * Returns 0, or -1 when `hex` is not that; `out` is then undefined.
 */
int hex_decode(void *out, size_t len, const char *hex);

#endif
