#ifndef STORE_CHAIN_SPREAD_H
#define STORE_CHAIN_SPREAD_H

#include "store/store.h"

/*
 * Gives the certificates that are in the store the ways up (store/chain_find.h)
 * that CA certificates make which came after them: as further chains, at most
 * CHAIN_WAYS_MAX in all.  A certificate that has none gets one when the CA
 * certificate has signed it, which is verified for each.  Those that have one
 * are taken by the chain, whole pages of them in a transaction, since what is
 * signed by the key of its first certificate is so by any with that key.  A
 * chain that was found here, and that goes on now, makes way for the longer
 * one.
 *
 * Durable.  Ends early, and well, on SIGTERM (sys/sig.h); what was not done is
 * noted with the CA certificates (ca_certificate_next_unspread).
 */

/* What the CA certificates with these numbers make, also further down. */
int chain_spread(
    struct store *st, const int64_t *ids, size_t len, struct err *e);

/* What all of them make. */
int chain_spread_all(struct store *st, struct err *e);

#endif
