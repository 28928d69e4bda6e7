#ifndef STORE_RENEWAL_QUEUE_H
#define STORE_RENEWAL_QUEUE_H

#include "store/queue.h"
#include "store/renewal_due.h"
#include "store/store.h"

/*
 * What is due: one item for a configuration at most, which is gone when it is
 * done.  What came of it is in the orders and events.
 */
struct renewal_item {
	int64_t id;
	int64_t renewal_configuration_id;
	int64_t upstream_account_id;
	enum renewal_rule why;
	bool is_parked; /* nothing is tried until renewal_queue_return, or _add
			 */
	int64_t added;
	int64_t window_end; /* what ends first goes first */
	int64_t retry_at; /* not before; parked: looked at then */
	struct queue_past past;
	int64_t lease_until; /* a process works on it until then */
	int64_t upstream_order_id; /* 0: none, or it is over */
	/* Of the last failure, or what it waits for; or NULL. */
	char *cause, *error;
};

/* Where a process is in the queue of an account; {0} is its beginning. */
struct renewal_cursor {
	int64_t window_end, id;
};

/* Frees what it owns; it is empty then.  NULL-safe. */
void renewal_item_release(struct renewal_item *i);

/* Puts in what is due by now and is not in it; how many those were. */
int renewal_queue_update(struct store *st, int64_t *added, struct err *e);

/*
 * Puts a configuration in, or what is there of it to the front: it need not be
 * due, is no longer parked, and its failures are forgotten.  An order that has
 * come to its certificate is not what is asked for: there will be another.
 * Durable.
 * KIND_CONFLICT: it is deactivated; KIND_NOTFOUND.
 */
int renewal_queue_add(
    struct store *st, int64_t renewal_configuration_id, struct err *e);

/*
 * Takes one out; the next update puts it in again if it is due.  Durable.
 * KIND_BUSY: it is just being worked on; KIND_NOTFOUND.
 */
int renewal_queue_remove(
    struct store *st, int64_t renewal_configuration_id, struct err *e);

/* KIND_NOTFOUND: there is nothing of it; the caller releases. */
int renewal_queue_of(struct store *st, int64_t renewal_configuration_id,
    struct renewal_item *item, struct err *e);

/*
 * Calls `fn` for each, by the end of its window, until it returns -1, which is
 * then the result.  `fn` may call the store.
 */
int renewal_queue_each(struct store *st,
    int (*fn)(void *arg, const struct renewal_item *i, struct err *e),
    void *arg, struct err *e);

/* ---- looking ------------------------------------------------------------- */

struct renewal_summary {
	int64_t waiting, parked;
	int64_t failing; /* of those that wait */
	int64_t held; /* a process works on them */
	int64_t late; /* the window is over */
	int64_t first_end; /* of a window; 0: nothing waits */
	int64_t due; /* by now, in the queue or not, but not parked */
	int64_t due_day, due_week; /* from now on */
	int64_t next_due; /* after now; 0: none */
};

int renewal_queue_summarize(
    struct store *st, struct renewal_summary *s, struct err *e);

#endif
