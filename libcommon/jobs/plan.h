#ifndef JOBS_PLAN_H
#define JOBS_PLAN_H

#include "client/limit.h"

/*
 * When what is to be ordered will be, under limits: arithmetic alone, with
 * neither a store nor a network.  Renewals go first, by the end of their
 * window, and are bound by our own rate only, but for those that are the first
 * at the CA; new names go in the order in which they were added, those of a
 * registered domain together.  While both wait, each has its part of what they
 * share.  Times are seconds since the epoch.
 */
struct plan;

enum plan_rule {
	PLAN_FREE, /* it need not wait */
	PLAN_ACCOUNT, /* orders_per_account */
	PLAN_DOMAIN, /* certificates_per_domain */
	PLAN_RATE, /* our own */
	PLAN_RULE__MAX
};

/* As the limits are called: "free", "orders_per_account" and so on. */
const char *plan_rule_name(enum plan_rule rule);

struct plan_how {
	int64_t now;
	struct limit account, domain; /* of the CA */
	struct limit rate; /* orders that we make */
	int new_percent; /* of limits for new names, while both wait; 0: no part
			  */
	size_t per_order; /* names of a registered domain in one, at most */
};

struct plan *plan_new(const struct plan_how *how);

/* NULL-safe. */
void plan_free(struct plan *p);

/*
 * What was used of a limit before; `used` is newest first, of all, and again of
 * each kind.  Those of domains come one by one, oldest first or not.
 */
enum plan_kind {
	PLAN_ALL,
	PLAN_NEW,
	PLAN_RENEWALS,
	PLAN_KIND__MAX
};
void plan_spent_account(
    struct plan *p, enum plan_kind kind, const int64_t *used, size_t len);
void plan_spent_domain(struct plan *p, const char *registered, int64_t at);

/* A name that has no certificate; the texts must live as long as the plan. */
void plan_add_name(struct plan *p, const char *name, const char *registered);

/*
 * Renewal `id`, due at `at`, and in its window until `by`.  One that `is_first`
 * is an order like any other for the CA's limit of accounts.
 */
void plan_add_renewal(
    struct plan *p, int64_t id, int64_t at, int64_t by, bool is_first);

/* An order, in the order of time. */
struct plan_step {
	int64_t at;
	enum plan_rule rule; /* what it had to wait for last */
	int64_t renewal_id; /* 0: of new names */
	int64_t by; /* of a renewal */
	const char *registered; /* of new names */
	const char *const *names;
	size_t len;
};

/* Works it out, once: calls `fn` with each step. */
void plan_run(struct plan *p, void (*fn)(void *arg, const struct plan_step *s),
    void *arg);

#endif
