#ifndef STORE_KEY_CYCLE_H
#define STORE_KEY_CYCLE_H

#include "store/store.h"

/*
 * Which private key a new certificate gets: the cycles by which keys are used
 * again, and the pool of keys that were made ahead, since an RSA key takes long
 * to make.  A key is chosen when an order is finalized, not before.
 */
struct key;
struct seal_key;

enum key_cycle {
	KEY_CYCLE_SINGLE_CERTIFICATE, /* a new key each time */
	KEY_CYCLE_ACCOUNT_DAILY, /* one for an account and a day, UTC */
	KEY_CYCLE_ACCOUNT_WEEKLY, /* and an ISO week: none ends at New Year */
	KEY_CYCLE_GLOBAL_DAILY, /* one for all accounts */
	KEY_CYCLE_GLOBAL_WEEKLY,
	KEY_CYCLE_REUSE_YEAR, /* one for a renewal configuration, that is for
				 an account and names, for 365 days */
	KEY_CYCLE__MAX
};

/* "single_certificate" and so on; the cycle of that name, -1: there is none. */
const char *key_cycle_name(enum key_cycle cycle);
int key_cycle_by_name(const char *name, enum key_cycle *cycle);

/*
 * The period of a cycle at a time: "2026-11-26", "2026-W48" (ISO 8601, UTC), or
 * "" where there is none.
 */
#define KEY_CYCLE_PERIOD_SIZE 16
void key_cycle_period(
    enum key_cycle cycle, int64_t now, char out[KEY_CYCLE_PERIOD_SIZE]);

/* What a key is wanted for. */
struct key_cycle_use {
	enum key_cycle cycle;
	int64_t account_id; /* of store/upstream_account.h */
	int64_t fqdn_set_id; /* of the renewal; reuse_year */
	const char *type; /* as key_type_parse has it */
	int64_t now;
};

/*
 * The key that the cycle has for this use already, or else one of the pool,
 * which is the cycle's from now on.  Only active keys are taken: one that was
 * retired or compromised is replaced.  Durable.  KIND_NOTFOUND: there is
 * neither, and the caller makes one for key_cycle_add.
 */
int key_cycle_take(struct store *st, const struct key_cycle_use *use,
    int64_t *id, struct err *e);

/*
 * Gives a key that was just made to a use.  When somebody else was quicker, the
 * key of the cycle is theirs, and `k` is not stored.  Durable.
 */
int key_cycle_add(struct store *st, const struct key_cycle_use *use,
    const struct key *k, const struct seal_key *seal, int64_t *id,
    struct err *e);

/*
 * The account whose certificates a key is for by its cycle, and no other's; 0:
 * any.
 */
int key_cycle_owner(struct store *st, int64_t private_key_id,
    int64_t *account_id, struct err *e);

/* How many keys of a type are ready in the pool. */
int key_cycle_pool_size(
    struct store *st, const char *type, int64_t *n, struct err *e);

/* Puts a key that was just made into the pool.  Durable. */
int key_cycle_pool_add(struct store *st, const struct key *k,
    const struct seal_key *seal, int64_t *id, struct err *e);

#endif
