#ifndef SYS_WORKERS_H
#define SYS_WORKERS_H

#include "base/err.h"

/*
 * A pool of processes that live on and share one listening socket.  Each has
 * one connection at a time: what it holds is of one client, and its death is
 * one client's loss.  The first process, the master, only forks and reaps: it
 * keeps one worker idle as long as there are fewer than `max`, and puts another
 * in the place of one that has died.
 */
struct workers_options {
	int listener; /* becomes non-blocking, for all who share it */
	int64_t max; /* workers at once, 1 to WORKERS_MAX */
	int64_t linger; /* ms without a connection, then all end; 0: never */
	/* asked now and then: whether all shall end, to be started anew */
	bool (*is_stale)(void *arg); /* or NULL */
	void *arg;
};

#define WORKERS_MAX 1000

struct workers;

/*
 * Runs the pool and returns like fork(2), more than once:
 *   in each worker  a pool for workers_accept; the caller opens what it needs,
 *                   serves, and ends the process; an exit code other than 0
 *                   is a failure
 *   in the master   NULL, when all workers have ended after SIGTERM
 *                   (sig_catch_term), which they get as well; or after `linger`
 *                   or when is_stale says so, and then those that have a
 *                   request in hand may go on; `e` is not set.  With `e`
 *                   set: KIND_CONF or KIND_SYS when workers fail time after
 *                   time and none of them has accepted anything.
 * A worker whose master has been killed ends after the connection in hand.
 */
struct workers *workers_run(
    const struct workers_options *options, struct err *e);

/* Frees what the worker has of the pool; NULL-safe. */
void workers_leave(struct workers *w);

/*
 * Waits for the next connection.  Returns its descriptor (the caller closes
 * it), or -1: when the worker shall end, `e` is not set; KIND_SYS.
 */
int workers_accept(struct workers *w, struct err *e);

/* Whether all shall end: then a worker ends after the request in hand. */
bool workers_are_over(const struct workers *w);

/*
 * Whether a worker that has nothing to do at the moment had better give its
 * connection up: all are taken and somebody waits, or all shall end.
 */
bool workers_are_wanted(const struct workers *w);

#endif
