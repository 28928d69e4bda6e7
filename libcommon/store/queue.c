#include "store/queue_part.h"

#include "sys/clock.h"

enum queue_state
queue_state_of(const struct queue_past *p, const char *error)
{
	return p->attempts > 0	? QUEUE_FAILING
	    : p->away_since > 0 ? QUEUE_AWAY
	    : error		? QUEUE_LIMITED
				: QUEUE_FRESH;
}

int64_t
queue_failing_since(const struct queue_past *p, int64_t now)
{
	return p->away_since > 0 ? p->failing_since + now - p->away_since
				 : p->failing_since;
}

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
	return stmt_run(st, m, QUEUE_PUT_BACK, e, "iiiitt", hold->id,
		   hold->lease, w->retry_at, clock_now(), w->cause,
		   w->error) < 0
	    ? -1
	    : 0;
}

int
queue_fail(struct store *st, enum stmt_module m, const struct queue_hold *hold,
    const struct queue_failure *f, struct err *e)
{
	const int64_t now = clock_now(), is_over = f->order_is_over;
	int64_t n = f->is_of_ca
	    ? stmt_run(st, m, QUEUE_PUT_OFF, e, "iiiitti", hold->id,
		  hold->lease, f->retry_at, now, f->cause, f->error, is_over)
	    : stmt_run(st, m, QUEUE_FAIL, e, "iiiittii", hold->id, hold->lease,
		  f->retry_at, now, f->cause, f->error, is_over,
		  (int64_t)f->parks);

	return n < 0 ? -1 : 0;
}

int
queue_wake_blocked(struct store *st, struct err *e)
{
	static const enum stmt_module queues[] = {
	    STMT_RENEWAL_QUEUE_WORK, STMT_DOMAIN_QUEUE_WORK};
	int64_t now = clock_now();

	for (size_t i = 0; i < ARRAY_LEN(queues); i++)
		if (stmt_run(st, queues[i], QUEUE_WAKE_BLOCKED, e, "i", now) <
		    0)
			return -1;
	return 0;
}
