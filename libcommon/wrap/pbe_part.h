#ifndef WRAP_PBE_PART_H
#define WRAP_PBE_PART_H

#include "base/base.h"

/* Encryption under a password (RFC 8018, RFC 7292 appendix C): what it costs.
 */
struct X509_algor_st;

/*
 * How many rounds of hashing the algorithm asks for; INT64_MAX when it does not
 * say, or is none whose cost that number would tell (scrypt).
 */
int64_t pbe_iterations(const struct X509_algor_st *a);

/* The value of such a number; INT64_MAX when it is out of range or missing. */
struct asn1_string_st;
int64_t pbe_number(const struct asn1_string_st *n);

#endif
