#ifndef JOBS_RENEWER_H
#define JOBS_RENEWER_H

#include "client/limit.h"
#include "jobs/probe.h"
#include "order/ordercheck.h"
#include "order/orders.h"
#include "store/renewal_queue_work.h"

/*
 * Works off what is due for one account (store/renewal_queue.h): gives each
 * item its order, for orders_run to bring to its end, and stores what became of
 * it.  Several processes may do so at once, and each may be killed.
 */
struct renewer_flight;

struct renewer_result {
	const char *names; /* "a.example and 2 others" */
	const struct err *err;
	bool is_kept; /* in the queue, which says it (jobs/teller.h) */
};

struct renewer {
	struct store *st;
	int64_t account;
	const struct upstream_account *row; /* of the account */
	struct client *client; /* with a directory */
	struct solvers *solvers;
	const struct prober *prober; /* for what is parked (jobs/parked.h) */
	const struct suffix_list *suffixes; /* for limits of domains */
	int64_t *left; /* how many more may be taken; of several renewers */
	int64_t take_until; /* nothing is taken then (clock_now) */
	int64_t hold_until; /* whoever is not done then has died */
	/* What has not been done, or was put off. */
	void (*tell)(void *arg, const struct renewer_result *r);
	void *arg;
	/* private */
	struct renewal_cursor at;
	int64_t rest; /* the order whose chains were fetched last */
	struct renewer_flight *flights;
	size_t len;
};

/* For struct orders, whose `arg` is the renewer. */
int renewer_next(void *renewer, int64_t *order, struct err *e);
void renewer_told(void *renewer, const struct orders_result *r);

/*
 * Nothing can be done for the account: `why` is what has failed for all its
 * items that are ready.  -1: the store.
 */
int renewer_fail_all(struct renewer *r, const struct err *why, struct err *e);

/* Gives back what is still held.  NULL-safe. */
void renewer_release(struct renewer *r);

#endif
