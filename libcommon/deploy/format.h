#ifndef DEPLOY_FORMAT_H
#define DEPLOY_FORMAT_H

#include "deploy/material.h"
#include "wrap/p12.h"

/*
 * What an object is as bytes.  PEM has Unix newlines, one at the end, and no
 * line that is empty; nothing is parsed for it.
 */
#define FORMAT_LEAF 1U
#define FORMAT_CHAIN 2U
#define FORMAT_KEY 4U
#define FORMAT_FULLCHAIN (FORMAT_LEAF | FORMAT_CHAIN)
#define FORMAT_BUNDLE (FORMAT_FULLCHAIN | FORMAT_KEY)

#define FORMAT_MAX P12_MAX /* bytes: the most that a buffer here need hold */

/*
 * Each appends to `out`, which is a secret when the key is in it.  Parts come
 * in the order leaf, chain, key.  KIND_BUG: it does not fit.
 */
int format_pem(
    const struct material *m, unsigned parts, struct buf *out, struct err *e);

/* PKCS#7 of the certificates among the parts, as DER.  As p7_write. */
int format_p7(
    const struct material *m, unsigned parts, struct buf *out, struct err *e);

/* PKCS#12 of everything.  As p12_write. */
int format_p12(const struct material *m, enum p12_style style,
    const char *password, const char *name, struct buf *out, struct err *e);

#endif
