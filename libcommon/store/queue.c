#include "store/queue_part.h"

#include "sys/clock.h"

int
queue_held(struct store *st, enum stmt_module m, const struct queue_hold *hold,
    int64_t *object, struct err *e)
{
	int rc =
	    stmt_int(st, m, QUEUE_HELD, object, e, "ii", hold->id, hold->lease);

	if (rc == 0)
		return err_set(e, KIND_BUSY,
		    "item %lld of the queue: another process has taken it",
		    (long long)hold->id);
	return rc < 0 ? -1 : 0;
}

int
queue_set_order(struct store *st, enum stmt_module m,
    const struct queue_hold *hold, int64_t upstream_order_id, struct err *e)
{
	return stmt_run(st, m, QUEUE_SET_ORDER, e, "iii", hold->id, hold->lease,
		   upstream_order_id) < 0
	    ? -1
	    : 0;
}

int
queue_done(struct store *st, enum stmt_module m, const struct queue_hold *hold,
    struct err *e)
{
	return stmt_run(st, m, QUEUE_DONE, e, "ii", hold->id, hold->lease) < 0
	    ? -1
	    : 0;
}

int
queue_put_back(struct store *st, enum stmt_module m,
    const struct queue_hold *hold, const struct queue_wait *w, struct err *e)
{
	return stmt_run(st, m, QUEUE_PUT_BACK, e, "iiitt", hold->id,
		   hold->lease, w->retry_at, w->cause, w->error) < 0
	    ? -1
	    : 0;
}

int
queue_fail(struct store *st, enum stmt_module m, const struct queue_hold *hold,
    const struct queue_failure *f, struct err *e)
{
	return stmt_run(st, m, QUEUE_FAIL, e, "iiiittiii", hold->id,
		   hold->lease, f->retry_at, clock_now(), f->cause, f->error,
		   (int64_t)f->order_is_over, (int64_t)f->parks,
		   (int64_t)f->is_of_ca) < 0
	    ? -1
	    : 0;
}

int
queue_wake_blocked(struct store *st, struct err *e)
{
	static const enum stmt_module queues[] = {
	    STMT_RENEWAL_QUEUE, STMT_DOMAIN_QUEUE_WORK};
	int64_t now = clock_now();

	for (size_t i = 0; i < ARRAY_LEN(queues); i++)
		if (stmt_run(st, queues[i], QUEUE_WAKE_BLOCKED, e, "i", now) <
		    0)
			return -1;
	return 0;
}
