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

/*
 * What is behind an item, parked or not:
 *
 *		 attempts  failing_since  away_since  cause, error
 *	FRESH	 0	   -		  -	      -
 *	LIMITED	 0	   -		  -	      the limit
 *	AWAY	 0	   as away_since  since when  of the CA
 *	FAILING	 1 ...	   the first	  - or so     of the last
 *
 * A FAILING one that meets a limit, or a CA that is away, stays that: its error
 * says what keeps it now.
 */
enum queue_state {
	QUEUE_FRESH, /* nothing is known of it */
	QUEUE_LIMITED, /* nothing has failed: it waits for a limit of the CA */
	QUEUE_AWAY, /* it was put off as its CA is away, for all */
	QUEUE_FAILING /* attempts of its own have failed, the last one too */
};

struct queue_past {
	int64_t attempts; /* that failed, one after the other */
	int64_t failing_since; /* 0: it is FRESH or LIMITED */
	int64_t away_since; /* 0: it is not put off by its CA */
};

enum queue_state queue_state_of(const struct queue_past *p, const char *error);

/* While the CA is away, nothing has time to fail; 0: nothing has. */
int64_t queue_failing_since(const struct queue_past *p, int64_t now);

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
	bool is_of_ca; /* which is away, for all: QUEUE_AWAY */
};

#endif
