#ifndef STORE_CHAIN_H
#define STORE_CHAIN_H

#include "store/store.h"

/*
 * Chains: sequences of CA certificates, of which the first signed the leaf and
 * each the one before.  Two equal sequences are one row.
 */
struct cert_list;

struct certificate_der {
	uint8_t *der;
	size_t len;
};

struct chain {
	int64_t id;
	bool is_default; /* of the certificate it was loaded for */
	struct certificate_der *certs;
	size_t len;
};

/*
 * Stores a chain by itself, the lowest certificate first; each must have been
 * signed by the next, which the caller has verified.  Durable.
 */
int chain_add(struct store *st, const struct cert_list *certs, int64_t *id,
    bool *created, struct err *e);

/* Loads the certificates of a chain (none when there is no such chain). */
int chain_load(struct store *st, int64_t id, struct chain *out, struct err *e);

/*
 * Loads all chains of a certificate, the default one first, then as they came.
 * The caller frees with chains_free.
 */
int chain_load_all(struct store *st, int64_t certificate_id, struct chain **out,
    size_t *len, struct err *e);

/* Frees what it owns; it is empty then.  NULL-safe. */
void chain_release(struct chain *c);
void chains_free(struct chain *chains, size_t len);

/*
 * For the modules of store/ only, in the transaction at hand: finds or makes
 * the chain certs->v[from] and what follows; `*id` is 0 when that is nothing.
 */
int chain_put(struct store *st, const struct cert_list *certs, size_t from,
    int64_t *id, bool *created, struct err *e);

#endif
