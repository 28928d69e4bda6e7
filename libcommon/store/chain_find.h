#ifndef STORE_CHAIN_FIND_H
#define STORE_CHAIN_FIND_H

#include "store/store.h"

/* Chains of what the store knows of CAs. */
struct cert;
struct cert_list;

#define CHAIN_FIND_MAX 8 /* issuers in a chain */

/*
 * Appends the issuers of `c` that are in the store, each of which has signed
 * the one before, as far as there are any, but no root and none that `out` has
 * already.  Of several the one that ends latest.
 */
int chain_find(struct store *st, const struct cert *c, struct cert_list *out,
    struct err *e);

/*
 * Gives the certificates that have no chain the one that there is now, if they
 * were issued by a CA whose number (struct ca_certificate) is above `after`; 0:
 * by any.  A transaction each, durable.  Ends early, and well, on SIGTERM
 * (sys/sig.h).
 */
int chain_find_for_issued(struct store *st, int64_t after, struct err *e);

#endif
