#ifndef JOBS_PARKED_H
#define JOBS_PARKED_H

#include "jobs/probe.h"
#include "store/renewal_configuration.h"

/*
 * Looks at what is parked for one account (store/renewal_queue.h), so that who
 * has gone elsewhere costs the CA nothing, and comes back by itself: when all
 * names of a certificate lead here again, or none is blocked any more, it is
 * ready.  What cannot be looked at has one attempt at the CA.  Several
 * processes may do so at once, and each may be killed.
 */
struct parked {
	struct store *st;
	int64_t account;
	const struct prober *prober; /* NULL: all is put off */
	int64_t *left; /* how many may be looked at; of several accounts */
	int64_t until; /* nothing is taken up then (clock_now) */
	int64_t hold_until; /* whoever is not done then has died */
	size_t returned; /* so many are ready now */
	/* private */
	int64_t after;
};

/* -1: the store, or the process that looks. */
int parked_look(struct parked *p, struct err *e);

/*
 * When what is parked now, for `cause`, is looked at or tried again: one with
 * `added` in the queue then, whose next attempt would have been at `retry_at`.
 */
int64_t parked_again(struct store *st, const struct prober *prober,
    const struct renewal_configuration *c, const char *cause, int64_t added,
    int64_t retry_at);

/* When what is parked and cannot be looked at is tried. */
int64_t parked_pace(void);

#define PARKED_PACE ((int64_t)30 * 86400) /* of attempts */
#define PARKED_LOOKS ((int64_t)60 * 86400) /* what fails on is not believed */

#endif
