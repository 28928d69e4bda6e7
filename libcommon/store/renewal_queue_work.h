#ifndef STORE_RENEWAL_QUEUE_WORK_H
#define STORE_RENEWAL_QUEUE_WORK_H

#include "store/renewal_queue.h"

/*
 * Working off the queue of renewals: an item is taken under a lease
 * (store/queue.h), by the end of its window, or by number when it is parked and
 * to be looked at.
 */
struct upstream_order_new;

/*
 * The next account that has something ready now, by number after `*account`:
 * 1, with the end of its first window; 0, -1.
 */
int renewal_queue_next_account(
    struct store *st, int64_t *account, int64_t *window_end, struct err *e);

/* Whether something waits for an account that has not failed: 1, 0, -1. */
int renewal_queue_is_waiting(struct store *st, int64_t account, struct err *e);

/*
 * Calls `fn` with the policy of each item that is ready now, or to be looked
 * at, until it returns -1, which is then the result.  `fn` must not call the
 * store.
 */
int renewal_queue_each_policy(struct store *st,
    int (*fn)(void *arg, const char *policy, struct err *e), void *arg,
    struct err *e);

/*
 * Takes the first item behind the cursor that is ready and nobody has, and
 * moves the cursor there: 1, and the caller releases `item`; 0, -1.
 */
int renewal_queue_take(struct store *st, int64_t account,
    struct renewal_cursor *at, int64_t until, struct queue_hold *hold,
    struct renewal_item *item, struct err *e);

/*
 * The same for what is parked and is to be looked at now: by number, the first
 * after `*account` or `after`.  What is taken is put back
 * (renewal_queue_put_back), parked still, for another look, or returned.
 */
int renewal_queue_next_parked(
    struct store *st, int64_t *account, struct err *e);
int renewal_queue_take_parked(struct store *st, int64_t account, int64_t after,
    int64_t until, struct queue_hold *hold, struct renewal_item *item,
    struct err *e);

/*
 * It is parked no more, and ready.  What has failed is forgotten, unless it is
 * for `once`: then what fails is parked again.  KIND_BUSY: the hold is lost.
 */
int renewal_queue_return(
    struct store *st, const struct queue_hold *hold, bool once, struct err *e);

/*
 * Makes the order of an item, or finds one like it that is open
 * (upstream_order_create), so that both are stored or neither.  Durable.
 */
int renewal_queue_order(struct store *st, const struct queue_hold *hold,
    const struct upstream_order_new *n, int64_t *upstream_order_id,
    struct err *e);

/* It is done, and leaves.  When the hold is lost, nothing happens. */
int renewal_queue_done(
    struct store *st, const struct queue_hold *hold, struct err *e);

/* Nothing has failed, but there is more to do. */
int renewal_queue_put_back(struct store *st, const struct queue_hold *hold,
    const struct queue_wait *w, struct err *e);

/* An attempt has failed. */
int renewal_queue_fail(struct store *st, const struct queue_hold *hold,
    const struct queue_failure *f, struct err *e);

#endif
