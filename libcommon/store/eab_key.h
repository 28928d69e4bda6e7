#ifndef STORE_EAB_KEY_H
#define STORE_EAB_KEY_H

#include "store/store.h"

/*
 * Keys of external account binding (RFC 8555 7.3.4): who has one may register
 * at our server.  The secret is sealed (wrap/seal.h) when there is a sealing
 * key, and bound to the key's id, so that no row can stand for another.
 */
struct buf;
struct seal_key;

enum eab_key_status {
	EAB_KEY_VALID,
	EAB_KEY_REVOKED, /* for good; accounts that it has bound stay */
	EAB_KEY__MAX
};

/* As long as HS512 wants it at least (RFC 7518 3.2). */
#define EAB_KEY_SECRET_SIZE 64

#define EAB_KEY_ANY_USES (-1)
#define EAB_KEY_NOTE_MAX 200 /* bytes */

/* What is public of a key. */
struct eab_key {
	int64_t id;
	char key_id[STORE_URL_ID_SIZE]; /* what clients call it, the kid */
	enum eab_key_status status;
	int64_t uses_left; /* accounts, or EAB_KEY_ANY_USES */
	int64_t created;
	int64_t expires; /* 0: never */
	const char *note; /* may be NULL */
	bool sealed;
	int64_t accounts; /* that it has bound; only from eab_key_each */
};

/* "valid", "revoked". */
const char *eab_key_status_name(enum eab_key_status status);

/*
 * Makes a key with a new id and a new secret, which is appended to `secret` and
 * is not to be had again by people.  Of `k`, uses_left, expires and note are
 * the caller's, and the rest is filled in.  Without `seal` the secret is stored
 * in the clear.  Durable.  KIND_INPUT when the note is too long or no UTF-8.
 */
int eab_key_add(struct store *st, struct eab_key *k,
    const struct seal_key *seal, struct buf *secret, struct err *e);

/*
 * For the server: the number of the key that clients call `key_id`, whatever
 * its state, and its secret appended to `secret`.  KIND_NOTFOUND; KIND_CONF
 * when it is sealed and `seal` is NULL or another; KIND_SYS when it is broken.
 */
int eab_key_secret(struct store *st, const char *key_id,
    const struct seal_key *seal, int64_t *id, struct buf *secret,
    struct err *e);

/*
 * For the modules of store/ only, in the transaction at hand: counts one more
 * account.  KIND_DENIED when the key is revoked, has expired or is used up.
 */
int eab_key_use(
    struct store *st, int64_t id, int64_t account_id, struct err *e);

/*
 * valid -> revoked.  Durable.  KIND_NOTFOUND; KIND_CONFLICT when it is revoked
 * already.
 */
int eab_key_revoke(struct store *st, const char *key_id, struct err *e);

/*
 * Calls `fn` for each key, oldest first, until it returns -1, which is then the
 * result.  `fn` must not call the store; the note lives during the call only.
 */
int eab_key_each(struct store *st,
    int (*fn)(void *arg, const struct eab_key *k, struct err *e), void *arg,
    struct err *e);

#endif
