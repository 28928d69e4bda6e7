#ifndef WRAP_PBE_PART_H
#define WRAP_PBE_PART_H

#include "base/base.h"

/* Encryption under a password (RFC 8018, RFC 7292 appendix C): what it costs.
 */
struct X509_algor_st;

/*
 * How many rounds of hashing the algorithm asks for; INT64_MAX when it does not
 * say.  Of scrypt (RFC 7914), N times r times p, which costs as much;
 * INT64_MAX when it takes more than 32 MiB, which is OpenSSL's limit.
 */
int64_t pbe_iterations(const struct X509_algor_st *a);

/*
 * The KIND_INPUT of `what` for which that is more than KEY_ITERATIONS_MAX; `a`
 * may be NULL.
 */
struct err;
int pbe_refuse(const char *what, const struct X509_algor_st *a, struct err *e);

/* The value of such a number; INT64_MAX when it is out of range or missing. */
struct asn1_string_st;
int64_t pbe_number(const struct asn1_string_st *n);

#endif
