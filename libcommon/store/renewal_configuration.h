#ifndef STORE_RENEWAL_CONFIGURATION_H
#define STORE_RENEWAL_CONFIGURATION_H

#include "store/renewal_due.h"
#include "store/store.h"

/*
 * What is kept alive: an account at a CA and the set of names that is wanted,
 * how a certificate for them is to be got, the last one, and when the next is
 * due.  One is made when the certificate of an order arrives that is to be
 * renewed, and removed by an operator only.
 */
struct renewal_configuration {
	int64_t id;
	char *label; /* or NULL */
	bool active; /* false: nothing is ordered */
	int64_t upstream_account_id;
	int64_t fqdn_set_id;
	char *policy; /* JSON, see order/orderpolicy.h */
	char *profile; /* or NULL */
	int64_t part_left; /* thousandths of the lifetime; 0: the rule */
	int64_t certificate_id; /* 0: none yet */
	int64_t not_before, not_after; /* of that certificate, or 0 */
	struct renewal_due due;
	int64_t backup_of_id; /* store/renewal_backup.h; 0: of none */
	int64_t created;
};

/*
 * Loads one; the caller releases.  KIND_NOTFOUND.  `c` need not be initialised,
 * and is empty on failure.  By certificate: the one whose last it is, or else
 * one for the same names.
 */
int renewal_configuration_by_id(struct store *st, int64_t id,
    struct renewal_configuration *c, struct err *e);
int renewal_configuration_by_certificate(struct store *st,
    int64_t certificate_id, struct renewal_configuration *c, struct err *e);

/* That which an order is for.  1, 0: it is for none, -1. */
int renewal_configuration_by_order(struct store *st, int64_t upstream_order_id,
    struct renewal_configuration *c, struct err *e);

/*
 * What an operator may write: a number, also with "renewal_configuration/"
 * before it; a label; a name, as certificate_serving, or that of a set when
 * nothing serves it.  Fails as above, and KIND_INPUT: none of these.
 */
int renewal_configuration_pick(struct store *st, const char *text,
    struct renewal_configuration *c, struct err *e);

/* The same for a certificate, as certificate_find understands it. */
int renewal_configuration_find(struct store *st, const char *text,
    struct renewal_configuration *c, struct err *e);

/* NULL-safe; it is empty then. */
void renewal_configuration_release(struct renewal_configuration *c);

/* Which ones; {0} is all. */
struct renewal_configuration_filter {
	int64_t upstream_account_id; /* 0: any */
	bool only_inactive;
};

/*
 * Calls `fn` for each, by number, until it returns -1, which is then the
 * result.  `fn` may call the store.
 */
int renewal_configuration_each(struct store *st,
    const struct renewal_configuration_filter *f,
    int (*fn)(void *arg, const struct renewal_configuration *c, struct err *e),
    void *arg, struct err *e);

/*
 * Calls `fn` for each of an account that is active and not parked in the queue
 * and is due until `until`, by when it is due, or is to be tried again; `by` is
 * the end of its window; `is_first`: it has no certificate yet.  `fn` must not
 * call the store.
 */
int renewal_configuration_each_due(struct store *st,
    int64_t upstream_account_id, int64_t until,
    void (*fn)(void *arg, int64_t id, int64_t at, int64_t by, bool is_first),
    void *arg, struct err *e);

/* ---- making ------------------------------------------------------------- */

struct renewal_configuration_new {
	int64_t upstream_account_id;
	int64_t certificate_id; /* for all of its names */
	const char *policy; /* JSON, see order/orderpolicy.h */
	const char *label, *profile; /* or NULL */
	int64_t part_left; /* thousandths of the lifetime; 0: the rule */
};

/*
 * Makes one for the names of a certificate, whoever has ordered it; the last
 * one is this, or an active one for the same names that ends later.  Durable.
 * KIND_CONFLICT: there is one for the account and names, the label is
 * another's, or the account is not valid; KIND_INPUT, as
 * renewal_configuration_set; KIND_NOTFOUND.
 */
int renewal_configuration_add(struct store *st,
    const struct renewal_configuration_new *n, int64_t *id, struct err *e);

/* ---- changing ------------------------------------------------------------ */

/*
 * Stores label, policy, profile and part_left as they are in `c`; the rest of
 * it does not matter but the number.  Durable.  KIND_CONFLICT: the label is
 * another's; KIND_INPUT: it is a number; KIND_NOTFOUND.
 */
int renewal_configuration_set(
    struct store *st, const struct renewal_configuration *c, struct err *e);
#define RENEWAL_LABEL_MAX 100

/*
 * Whether anything is ordered for it; its certificate says so as well.  What is
 * in the queue of one that is deactivated leaves it.  Durable.  KIND_CONFLICT
 * when it is so already; KIND_NOTFOUND.
 */
int renewal_configuration_set_active(
    struct store *st, int64_t id, bool active, struct err *e);

/*
 * Removes one, with what is in the queue.  Its certificates stay, and are not
 * renewed.  Durable.  KIND_BUSY: it is just being worked on; KIND_CONFLICT: it
 * has a backup; KIND_NOTFOUND.
 */
int renewal_configuration_remove(struct store *st, int64_t id, struct err *e);

/* ---- for the modules of store/, in the transaction at hand --------------- */

/*
 * The certificate of an order has arrived: it is the last one of the
 * configuration that the order is for.  When it is for none and is to be
 * renewed, that of its account and names is made, or gets the order's ways,
 * unless it is a backup, whose key must stay its own.
 */
int renewal_configuration_arrived(struct store *st, int64_t upstream_order_id,
    bool auto_renew, struct err *e);

/* Something has changed that decides when a certificate is due. */
int renewal_configuration_refresh(
    struct store *st, int64_t certificate_id, struct err *e);

/*
 * A certificate is to be renewed, or is not.  One that an order has got and
 * that has no configuration gets one.
 */
int renewal_configuration_switch(
    struct store *st, int64_t certificate_id, bool on, struct err *e);

#endif
