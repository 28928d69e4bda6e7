#ifndef STORE_ISSUER_H
#define STORE_ISSUER_H

#include "store/store.h"

/*
 * Who signs: the name of an issuer, once.  It is known by the SHA-256 of its
 * DER, which is also a CA certificate's subject_sha256.
 */
struct cert;

/*
 * For the modules of store/ only, in the transaction at hand: finds or makes
 * the row of the issuer of `c`.
 */
int issuer_put(
    struct store *st, const struct cert *c, int64_t *id, struct err *e);

#endif
