#ifndef ORDER_ORDERS_H
#define ORDER_ORDERS_H

#include "order/ordering.h"

/*
 * Very many orders at once, of one account: so many in flight, and none waits
 * for another but where a solver takes its time.
 */
struct orders_result {
	int64_t id;
	const struct upstream_order *order; /* NULL: it could not be taken */
	/*
	 * Not set when the order is over, or as far as was wanted; else why
	 * not, by cause_kind.
	 */
	const struct err *err;
};

struct orders {
	const struct ordering_env *env; /* without give_up_at */
	size_t in_flight; /* at least 1 */
	int64_t give_up_at; /* clock_now; orders that wait longer are left */
	/* The next order: 1 with `*id`, 0 when there is none, -1. */
	int (*next)(void *arg, int64_t *id, struct err *e);
	/*
	 * Whether an order is as far as it is wanted, after so many steps; NULL
	 * for as far as it goes.
	 */
	bool (*is_enough)(
	    void *arg, const struct upstream_order *o, int64_t steps);
	/* What has become of one. */
	void (*tell)(void *arg, const struct orders_result *r);
	/*
	 * All that are in flight wait, this one until then (clock_now), and the
	 * others for longer; at most once for each `until`.  Or NULL.
	 */
	void (*tell_wait)(void *arg, int64_t id, int64_t until);
	/* Whether to stop: what is in flight comes to its end. */
	bool (*is_stopped)(void);
	void *arg;
};

/*
 * -1: `next`, the process with the network, or (KIND_BUSY) it was stopped
 * before `next` had no more; all are given back.
 */
int orders_run(const struct orders *r, struct err *e);

/* Why an order is not valid (yet), as its row says; not set when it is. */
void orders_why(const struct upstream_order *o, struct err *e);

#endif
