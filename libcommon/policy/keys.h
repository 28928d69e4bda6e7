#ifndef POLICY_KEYS_H
#define POLICY_KEYS_H

#include "base/err.h"

/* Which keys are good enough, for certificates and for accounts. */
struct key;
struct keys_blocklist;

/*
 * Reads a file of SPKI SHA-256 in hex, one on each line; empty lines and
 * lines that begin with # are skipped, as is what follows a blank.  A NULL or
 * empty path gives an empty list.  KIND_CONF with file:line for a bad line,
 * or when the file cannot be read.  The caller frees with
 * keys_blocklist_free.
 */
struct keys_blocklist *keys_blocklist_load(const char *path, struct err *e);
void keys_blocklist_free(struct keys_blocklist *l);

/* Whether the list has this key; a NULL list has none. */
bool keys_blocklist_has(const struct keys_blocklist *l, const struct key *k);

/*
 * Refuses RSA below 2048 or above 8192 bits or not of whole bytes, an
 * exponent that is even, not above 2^16 or longer than 32 bits, small prime
 * factors, primes close to each other (Fermat), the fingerprint of
 * CVE-2017-15361 (ROCA), and what the blocklist (may be NULL) names.  P-256,
 * P-384, P-521 and Ed25519 are good.  KIND_INPUT with `acme_type` ("badCSR",
 * "badPublicKey"; a static string).
 */
int keys_check(const struct key *k, const struct keys_blocklist *l,
    const char *acme_type, struct err *e);

#endif
