#ifndef STORE_RENEWAL_BACKUP_H
#define STORE_RENEWAL_BACKUP_H

#include "store/store.h"

/*
 * Spares.  A renewal configuration may have a backup: another one, for the same
 * names at another CA, whose certificates are renewed like all, but are not
 * active, so that they serve nothing.  A failover makes the backup the one that
 * serves, and what has served its backup.
 */
struct renewal_configuration;

struct renewal_backup_new {
	int64_t renewal_configuration_id;
	int64_t upstream_account_id; /* at another CA */
	const char
	    *policy; /* JSON, see order/orderpolicy.h: with another key */
};

/*
 * Makes one; its first certificate is due at once.  Durable.  KIND_CONFLICT: it
 * has one, is one, or is deactivated, or the account has a configuration for
 * these names; KIND_DENIED: the account is at the same CA; KIND_NOTFOUND.
 */
int renewal_backup_add(struct store *st, const struct renewal_backup_new *n,
    int64_t *id, struct err *e);

/* The number of the backup of one; 0: it has none. */
int renewal_backup_of(struct store *st, int64_t renewal_configuration_id,
    int64_t *backup_id, struct err *e);

/*
 * At most `max` configurations that have a backup, by number after `after`: all
 * (account and CA are 0 and NULL), of an account, or at the CA with this
 * directory.  How many, or -1.
 */
int64_t renewal_backup_list(struct store *st, int64_t after,
    int64_t upstream_account_id, const char *directory_url, int64_t *ids,
    size_t max, struct err *e);

/* How backups are to serve. */
struct renewal_failover_how {
	bool dry_run; /* only find out what cannot be done */
	/*
	 * Makes `c->policy` that of a backup, with a key of its own; may call
	 * the store.
	 */
	int (*spare)(void *arg, struct renewal_configuration *c, struct err *e);
	void *arg;
};

/*
 * Has the backups of these serve.  Each becomes active, all other certificates
 * for exactly its names are deactivated, and the roles change, so that the same
 * once more is the way back; `spare` says how the one that has served gets its
 * certificates then.  All in one transaction; what cannot be done is
 * told in `why` and does not stop the others: KIND_NOTFOUND (no such one, or it
 * has no backup), KIND_CONFLICT (the backup has no certificate that is valid
 * now, with its private key).  Durable.
 * -1: none was changed.
 */
int renewal_failover(struct store *st, const int64_t *ids, size_t len,
    const struct renewal_failover_how *how, struct err *why, struct err *e);

/* ---- for the modules of store/, in the transaction at hand --------------- */

/* A certificate of a configuration has arrived: that of a backup sleeps. */
int renewal_backup_arrived(
    struct store *st, int64_t renewal_configuration_id, struct err *e);

/* A certificate is activated: that of a backup only by a failover.
 * KIND_CONFLICT. */
int renewal_backup_check_awake(
    struct store *st, int64_t certificate_id, struct err *e);

#endif
