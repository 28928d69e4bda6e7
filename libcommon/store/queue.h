#ifndef STORE_QUEUE_H
#define STORE_QUEUE_H

#include "base/base.h"

/*
 * What the queues of the store have in common: renewal_queue.h of what is due,
 * domain_queue.h of names that wait for their first certificate.  A process
 * takes an item under a lease, so that several share the work and one that is
 * killed loses nothing.
 */

/*
 * That nobody else works on an item until the lease ends.  Whoever takes it
 * after that has a greater `lease`, and what the one before still wants to
 * store fails with KIND_BUSY.
 */
struct queue_hold {
	int64_t id;
	int64_t lease;
};
#define QUEUE_HOLD_MAX 86400 /* seconds; no honest one is longer */

/* Nothing has failed, but there is more to do. */
struct queue_wait {
	int64_t retry_at; /* not before */
	/*
	 * What for, or NULL: then that of the last failure stays, if the last
	 * attempt has failed.
	 */
	const char *cause, *error;
};

/* An attempt has failed. */
struct queue_failure {
	int64_t retry_at;
	const char *cause; /* client/cause.h, or NULL */
	const char *error; /* one line */
	bool order_is_over; /* the next attempt begins with another */
	bool parks; /* it is given up; looked at, or tried, at `retry_at` */
	bool is_known; /* it was so before: no event tells it */
	/*
	 * The CA is away, for all: it is no attempt, and its own failures, when
	 * they come, begin then.
	 */
	bool is_of_ca;
};

#endif
