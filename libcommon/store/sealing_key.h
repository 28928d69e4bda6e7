#ifndef STORE_SEALING_KEY_H
#define STORE_SEALING_KEY_H

#include "store/store.h"

/*
 * Which sealing keys are the store's, by their ids (wrap/seal.h), which are
 * public: one for each setting of [store] that names a file of such a key.  It
 * is not known before something is sealed.
 */
struct seal_key;

/*
 * For who is going to seal or open: KIND_CONF when `k` is not the store's.
 * Nothing when `k` is NULL, or which one is the store's is not known.
 */
int sealing_key_check(struct store *st, const char *setting,
    const struct seal_key *k, struct err *e);

/* Whether the store has a key for a setting: 1, 0, -1. */
int sealing_key_is_known(struct store *st, const char *setting, struct err *e);

/*
 * For the modules of store/, in the transaction in which they store what is
 * sealed: as sealing_key_check, and makes it the store's when that is not
 * known.  Nothing when `sealed` is not (NULL, or no seal).
 */
struct buf;
int sealing_key_note(struct store *st, const char *setting,
    const struct buf *sealed, struct err *e);

/* Makes another key the store's, in the transaction that has sealed all anew.
 */
int sealing_key_replace(struct store *st, const char *setting,
    const struct seal_key *k, struct err *e);

#endif
