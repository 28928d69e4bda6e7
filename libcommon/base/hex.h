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

/*
 * The first and the last of all that are `len` bytes (at most HEX_RANGE_MAX)
 * and begin with these digits of either case.  Returns how many digits there
 * are; 0 when `digits` is something else.
 */
#define HEX_RANGE_MAX 32
size_t hex_range(uint8_t *first, uint8_t *last, size_t len, const char *digits);

#endif
