#ifndef WRAP_CRL_H
#define WRAP_CRL_H

#include "base/buf.h"
#include "base/err.h"

/* Making certificate revocation lists (RFC 5280 5). */
struct cert;
struct key;

#define CRL_MAX (256u * 1024 * 1024) /* bytes of DER */

struct crl;

/*
 * Begins a list of `issuer`; `number` (RFC 5280 5.2.3) grows from list to
 * list.  Nothing can fail before crl_sign.  The caller frees with crl_free.
 */
struct crl *crl_new(const struct cert *issuer, uint64_t number,
    int64_t this_update, int64_t next_update);

/*
 * Adds a revoked certificate: its serial (big-endian), the moment, and the
 * reason (RFC 5280 5.3.1; 0 and below is left out, as 5.3.1 asks).
 */
void crl_add(struct crl *c, const void *serial, size_t len, int64_t revoked_at,
    int reason);

/*
 * Signs with the issuer's private key and appends the DER to `out` (a buffer
 * of at least CRL_MAX for large lists).  KIND_SYS on failure.
 */
int crl_sign(
    struct crl *c, const struct key *key, struct buf *out, struct err *e);

/* The number of a list that crl_sign has made; KIND_INPUT for other bytes. */
int crl_number(const void *der, size_t len, uint64_t *number, struct err *e);

/* NULL-safe. */
void crl_free(struct crl *c);

#endif
