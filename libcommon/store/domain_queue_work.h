#ifndef STORE_DOMAIN_QUEUE_WORK_H
#define STORE_DOMAIN_QUEUE_WORK_H

#include "store/domain_queue.h"

/*
 * Working off the queue of domains: names are taken in groups, each for one
 * order, under a lease each (store/queue.h).
 */
struct upstream_order_new;

struct domain_group {
	struct domain_item *items;
	struct queue_hold *holds; /* of the items, one each */
	size_t len;
};

/* Frees what it owns; it is empty then.  NULL-safe. */
void domain_group_release(struct domain_group *g);

/*
 * At the beginning of a run: names that are parked, and whose time to be looked
 * at or tried has come, have one attempt more, no more than `max` of them.
 * Their `retry_at` is 0 then.
 */
int domain_queue_return(struct store *st, size_t max, struct err *e);

/*
 * Somebody wants this name now: it is due, and has one attempt if it is parked.
 * `*id` is that of the item.  KIND_NOTFOUND: it is not in the queue; KIND_BUSY:
 * a process is at it.
 */
int domain_queue_call(struct store *st, const char *name, int64_t *id,
    int64_t *domain_template_id, struct err *e);

/*
 * The next template, by number after `*id`, of which a name is ready now: 1, 0,
 * -1.
 */
int domain_queue_next_template(struct store *st, int64_t *id, struct err *e);

/* Whether a name waits that has not failed: 1, 0, -1. */
int domain_queue_is_waiting(struct store *st, struct err *e);

struct domain_ids {
	int64_t *v;
	size_t len;
};

struct domain_taking {
	int64_t domain_template_id;
	size_t per_certificate; /* at least 1 */
	bool one_domain; /* all in the registered domain of the first */
	const struct domain_ids *only; /* no other items, or NULL */
	int64_t until; /* the lease */
};

/*
 * Takes the first name that is ready and nobody has, and what goes with it: the
 * names of its order, if it has one; or others that have not failed and are not
 * to be alone.  1, and the caller releases `g`; 0, -1.
 */
int domain_queue_take(struct store *st, const struct domain_taking *t,
    struct domain_group *g, struct err *e);

/*
 * Makes the order of a group, or finds one like it that is open
 * (upstream_order_create), so that all is stored or nothing.  Durable.
 */
int domain_queue_order(struct store *st, const struct domain_group *g,
    const struct upstream_order_new *n, int64_t *upstream_order_id,
    struct err *e);

/* There is a certificate: they leave.  Of lost holds nothing happens. */
int domain_queue_done(
    struct store *st, const struct domain_group *g, struct err *e);

/* Nothing has failed, but there is more to do. */
int domain_queue_put_back(struct store *st, const struct domain_group *g,
    const struct queue_wait *how, struct err *e);

/*
 * What is left of a group whose order is over: each begins anew, at once, and
 * with `alone` by itself.
 */
int domain_queue_regroup(
    struct store *st, const struct domain_group *g, bool alone, struct err *e);

/* An attempt has failed for one name, which goes by itself from now on. */
int domain_queue_fail(struct store *st, const struct queue_hold *hold,
    const char *name, const struct queue_failure *f, struct err *e);

/* No name in a registered domain that has no order is tried before that. */
int domain_queue_delay(struct store *st, int64_t domain_template_id,
    const char *registered, const struct queue_wait *how, struct err *e);

#endif
