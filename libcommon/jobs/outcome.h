#ifndef JOBS_OUTCOME_H
#define JOBS_OUTCOME_H

#include "client/cause.h"
#include "order/orders.h"
#include "store/queue.h"

/*
 * What has become of an order that was run for items of a queue, and what
 * follows for them: decisions, which are nothing but that.
 */
enum outcome_result {
	OUTCOME_DONE, /* there is a certificate */
	OUTCOME_GOES_ON, /* nothing has failed; not before `retry_at` */
	OUTCOME_FAILED
};

struct outcome {
	enum outcome_result result;
	int64_t retry_at; /* not before; 0: nobody says */
	enum cause cause;
	const char *word; /* of the cause, as the store has it, or NULL */
	const char *error; /* one line */
	bool order_is_over; /* or there is none */
	struct err why; /* to be told, by the kind of its cause */
};

/* `x` must stay.  {.err} alone: why there could be no order. */
void outcome_judge(
    const struct orders_result *x, int64_t now, struct outcome *out);

/* There is no order, for `why`, and this cause unless that is CAUSE_NONE. */
void outcome_judge_early(
    const struct err *why, enum cause cause, int64_t now, struct outcome *out);

/*
 * With which order an item goes on that has had this one (0: none): `*order`,
 * or 0 for a new one.  It was that of a process that died perhaps, which has
 * left something in place, also when the order has failed; but none that an
 * operator has cancelled, which was cleaned up then.
 */
int outcome_order(
    struct store *st, int64_t upstream_order_id, int64_t *order, struct err *e);

/* Of the certificate that is there still, if one is. */
struct outcome_life {
	int64_t not_before, not_after; /* 0: none */
};

/*
 * What is stored of one that has failed, with this behind it.  As the end comes
 * near the pauses are shorter.
 */
struct queue_failure outcome_failure(const struct outcome *a,
    const struct queue_past *past, const struct outcome_life *life,
    int64_t now);

/*
 * When the CA of an account has failed to answer last (store/upstream_ca.h),
 * `f` is no failure of this one, which is put off until the CA is asked again.
 */
void outcome_await_ca(struct store *st, int64_t upstream_account_id,
    const struct outcome *a, const struct queue_past *past,
    struct queue_failure *f);

/* The same for one that was not tried; false: the CA is not to be left alone.
 */
bool outcome_leave_ca(struct store *st, int64_t upstream_account_id,
    const struct queue_past *past, struct queue_failure *f, struct err *why);

/*
 * For struct orders: nothing sleeps.  What waits for long is for a later run.
 */
bool outcome_is_enough(
    void *arg, const struct upstream_order *o, int64_t steps);

/*
 * The lifetime that pauses go by: six times of what is left, when that is less
 * and not over, so that they are a quarter of that, but ten minutes at least.
 */
int64_t outcome_span(const struct outcome_life *life, int64_t now);

/*
 * Whether it is given up: by the cause, for how long and how often it has
 * failed by now.  Never for what goes away by itself; at once for what is
 * blocked here; a name that leads elsewhere after a week, or a lifetime if that
 * is less; all else after a month.
 */
bool outcome_parks(
    enum cause cause, int64_t attempts, int64_t seconds, int64_t lifetime);
#define OUTCOME_PARK_ATTEMPTS 5 /* at least */

#endif
