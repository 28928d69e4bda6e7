#ifndef DEPLOY_MATERIAL_H
#define DEPLOY_MATERIAL_H

#include "base/buf.h"
#include "deploy/chainpick.h"
#include "store/certificate.h"

/* A certificate with what it is exported with, as DER out of the store. */
struct seal_key;

struct material {
	struct certificate cert;
	struct chain chain; /* id 0: not loaded, or none */
	int64_t key_id; /* 0: not loaded */
	struct buf key; /* PKCS#8; a secret */
};

/* Makes an empty one; the certificate is put in by the caller. */
void material_init(struct material *m);

/* Frees all, and overwrites the key.  It must be made again before use. */
void material_release(struct material *m);

/*
 * Loads the chain.  When none fits: KIND_NOTFOUND, or with `or_default` the
 * preferred one.  A certificate that has no chain at all is given none, unless
 * one is wished for.
 */
int material_add_chain(struct store *st, struct material *m,
    const struct chainpick *pick, bool or_default, struct err *e);

/* The same with the chain of this number, which must be one of it. */
int material_take_chain(
    struct store *st, struct material *m, int64_t chain_id, struct err *e);

/* Loads the private key.  KIND_NOTFOUND; else as private_key_der. */
int material_add_key(struct store *st, struct material *m,
    const struct seal_key *seal, struct err *e);

/* The number of its private key, which is not loaded.  KIND_NOTFOUND. */
int material_key_id(
    struct store *st, const struct material *m, int64_t *id, struct err *e);

#endif
