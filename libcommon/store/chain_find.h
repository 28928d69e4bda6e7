#ifndef STORE_CHAIN_FIND_H
#define STORE_CHAIN_FIND_H

#include "store/store.h"
#include "wrap/cert.h"

/*
 * Ways from a certificate up, by the CA certificates that are in the store.
 * They depend on who signed it and on nothing else: the certificates of one
 * subject and one key are as one issuer, so what it has signed has the ways
 * that begin with any of them.
 */
#define CHAIN_FIND_MAX 8 /* issuers in a way */
#define CHAIN_WAYS_MAX 8 /* that are found; chains of a certificate then */

/* Each has one CA certificate at least, but no root. */
struct chain_ways {
	struct cert_list v[CHAIN_WAYS_MAX];
	size_t len;
};

/*
 * Which issuer that is: the subject and the key of a CA certificate, as the
 * SHA-256 of their SHA-256.
 */
void chain_issuer_digest(const struct cert *ca, uint8_t out[32]);

/*
 * A CA certificate that has signed `c`, of several the one that ends latest,
 * for the caller to free; NULL: there is none.
 */
int chain_find_issuer(struct store *st, const struct cert *c,
    struct cert **issuer, struct err *e);

/*
 * All ways up from what `issuer`, which need not be in the store, has signed,
 * as far as they go, those by CA certificates that end latest first.  No way
 * uses a key twice.  `out` is released first.
 */
int chain_find_ways(struct store *st, const struct cert *issuer,
    struct chain_ways *out, struct err *e);

/* Whether a chain begins with the way, and then has a root at most. */
bool chain_is_way(
    const struct cert_list *way, const struct cert *const *chain, size_t len);

/* Frees what it owns; it is empty then.  NULL-safe. */
void chain_ways_release(struct chain_ways *w);

#endif
