#ifndef WRAP_WEAK_H
#define WRAP_WEAK_H

#include "base/base.h"

/* RSA moduli (big-endian, odd) that somebody can factor. */

/* The smallest prime factor below 752, or 0. */
unsigned weak_small_factor(const uint8_t *n, size_t len);

/*
 * Whether the modulus has the fingerprint of CVE-2017-15361 (ROCA): modulo
 * each prime up to 167 it is a power of 65537.  One in 2^27 other moduli has.
 */
bool weak_is_roca(const uint8_t *n, size_t len);

/* Whether `rounds` steps of Fermat's method find two factors. */
bool weak_is_fermat(const uint8_t *n, size_t len, int rounds);

#endif
