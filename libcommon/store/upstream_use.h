#ifndef STORE_UPSTREAM_USE_H
#define STORE_UPSTREAM_USE_H

#include "base/str.h"
#include "store/store.h"

/*
 * What has been used of a CA's limits, out of our own log.  Times come newest
 * first, at most `max` of them, not before `since`.
 */
enum upstream_use_by {
	UPSTREAM_USE_BY_ALL,
	UPSTREAM_USE_BY_NEW, /* orders that no renewal has made */
	UPSTREAM_USE_BY_RENEWALS
};

struct upstream_use {
	int64_t *at; /* room for `max` */
	size_t max, len;
	size_t under_way; /* of these, the first: that may not come to it */
	int64_t since;
	enum upstream_use_by by; /* for orders and domains */
};

/*
 * Orders of an account that counted against it, and those but `but_order_id`
 * for which the CA is being asked (upstream_order_ask): neither those that
 * replaced a certificate nor those for names that had had one of this CA
 * together.
 */
int upstream_use_orders(struct store *st, int64_t upstream_account_id,
    int64_t but_order_id, struct upstream_use *out, struct err *e);

/*
 * Certificates for a set of names, by all accounts at the account's CA, and
 * those but `but_order_id` on which a process is at work.
 */
int upstream_use_set(struct store *st, int64_t fqdn_set_id,
    int64_t upstream_account_id, int64_t but_order_id, struct upstream_use *out,
    struct err *e);

/*
 * The same for names in a registered domain; those that counted against it, as
 * orders of an account do.
 */
int upstream_use_domain(struct store *st, const char *registered,
    int64_t upstream_account_id, int64_t but_order_id, struct upstream_use *out,
    struct err *e);

/*
 * The same for all registered domains: calls `fn` with each, newest first, not
 * before `since`.
 */
int upstream_use_each_domain(struct store *st, int64_t upstream_account_id,
    int64_t since, void (*fn)(void *arg, const char *registered, int64_t at),
    void *arg, struct err *e);

/*
 * Validations of a name, also for its wildcard, that have failed; before them,
 * those that are under way or soon will be, of orders but `but_order_id` on
 * which a process is at work.
 */
int upstream_use_failures(struct store *st, const char *name,
    int64_t upstream_account_id, int64_t but_order_id, struct upstream_use *out,
    struct err *e);

/* The registered domains of an order; added to `out`. */
int upstream_use_domains(struct store *st, int64_t upstream_order_id,
    struct strv *out, struct err *e);

/*
 * Whether there was a certificate of the account's CA for a set of names
 * before: one that was ordered there, or is known to belong to an account.
 */
int upstream_use_is_renewal(struct store *st, int64_t fqdn_set_id,
    int64_t upstream_account_id, bool *is_renewal, struct err *e);

#endif
