#ifndef STORE_SERVING_CHANGE_H
#define STORE_SERVING_CHANGE_H

#include "store/store.h"

/*
 * When something else comes to serve a name (store/serving.h): whatever may
 * change it notes the set of names, in its own transaction, and settling finds
 * out what serves them now and makes it pending at each target it is for
 * (store/deployment.h).  Without targets nothing is noted.
 */

/*
 * Settles all that is noted, and what has expired or begun by now: some names
 * at a time, each lot with its deployments or not at all.  Whoever was killed,
 * or comes at the same time, does no harm.
 */
int serving_change_settle(struct store *st, struct err *e);

/* All names are looked at by the next serving_change_settle. */
int serving_change_note_all(struct store *st, struct err *e);

/*
 * For the modules of store/ only, in the transaction at hand: the names of this
 * set, of this certificate, or of those with this key, may be served by
 * another, or with another chain.
 */
int serving_change_note(struct store *st, int64_t fqdn_set_id, struct err *e);
int serving_change_note_certificate(
    struct store *st, int64_t certificate_id, struct err *e);
int serving_change_note_key(
    struct store *st, const uint8_t spki_sha256[32], struct err *e);

/*
 * The same: gateways that ask for this name, or those below it, get what serves
 * it again, or no more.
 */
int serving_change_note_domain(
    struct store *st, int64_t domain_id, bool enabled, struct err *e);

#endif
