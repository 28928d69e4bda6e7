#ifndef STORE_ISSUER_H
#define STORE_ISSUER_H

#include "store/event.h"
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

/*
 * An issuer of which no certificate is in the store, and the certificate that
 * it has signed and that ends last.
 */
struct issuer_gap {
	int64_t issuer_id;
	char *name; /* RFC 2253 */
	enum event_object type; /* EVENT_CERTIFICATE, EVENT_CA_CERTIFICATE */
	int64_t id;
	uint8_t *der; /* NULL: it has signed none that is still there */
	size_t der_len;
};

/*
 * The first one whose number is above `after`: 1, 0 when there is none, -1.
 * The caller releases, also to give the same struct again; issuer_id stays.
 */
int issuer_next_unknown(
    struct store *st, int64_t after, struct issuer_gap *out, struct err *e);
void issuer_gap_release(struct issuer_gap *g);

/* Writes an event about the certificate. */
int issuer_note(struct store *st, const struct issuer_gap *g,
    const char *action, const char *detail, struct err *e);

#endif
