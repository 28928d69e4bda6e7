#include "store/renewal_queue_work.h"

#include "store/queue_part.h"
#include "store/renewal_queue_part.h"
#include "store/upstream_order.h"
#include "sys/clock.h"

enum {
	WORK_NEXT_ACCOUNT = QUEUE__MAX,
	WORK_IS_WAITING,
	WORK_EACH_POLICY,
	WORK_TAKE,
	WORK_NEXT_PARKED,
	WORK_TAKE_PARKED,
	WORK_RETURN,
	WORK_RETURN_ONCE,
	WORK_BY_ID,
	WORK_MARK_ORDER
};

static const char *const sql[] = {
    QUEUE_STATEMENTS("renewal_queue", "renewal_configuration_id"),
    [WORK_NEXT_ACCOUNT] =
	"SELECT upstream_account_id, window_end FROM renewal_queue"
	" WHERE status = 'waiting' AND upstream_account_id > ?1"
	" AND retry_at <= ?2 AND " QUEUE_IS_FREE(
	    "?2", "?3") " ORDER BY upstream_account_id, window_end, id LIMIT 1",
    [WORK_IS_WAITING] =
	"SELECT 1 FROM renewal_queue WHERE upstream_account_id = ?1"
	" AND status = 'waiting' AND NOT " QUEUE_HAS_FAILED " LIMIT 1",
    [WORK_EACH_POLICY] =
	"SELECT DISTINCT r.policy FROM renewal_queue q"
	" JOIN renewal_configurations r ON r.id = q.renewal_configuration_id"
	" WHERE q.id > 0 AND q.retry_at <= ?1",
    [WORK_TAKE] = "UPDATE renewal_queue SET lease = lease + 1, lease_until = ?6"
		  " WHERE id = (SELECT q.id FROM renewal_queue q"
		  " WHERE q.upstream_account_id = ?1 AND q.status = 'waiting'"
		  " AND (q.window_end, q.id) > (?2, ?3) AND q.retry_at <= ?4"
		  " AND (q.lease_until <= ?4 OR q.lease_until > ?5)"
		  " ORDER BY q.window_end, q.id LIMIT 1)"
		  " AND status = 'waiting' AND " QUEUE_IS_FREE(
		      "?4", "?5") " RETURNING id, lease",
    [WORK_NEXT_PARKED] =
	"SELECT COALESCE(min(upstream_account_id), 0) FROM renewal_queue"
	" WHERE id > 0 AND status = 'parked' AND upstream_account_id > ?1"
	" AND retry_at <= ?2 AND " QUEUE_IS_FREE("?2", "?3"),
    [WORK_TAKE_PARKED] =
	"UPDATE renewal_queue SET lease = lease + 1, lease_until = ?5"
	" WHERE id = (SELECT q.id FROM renewal_queue q"
	" WHERE q.id > ?2 AND q.status = 'parked' AND q.retry_at <= ?3"
	" AND q.upstream_account_id = ?1"
	" AND (q.lease_until <= ?3 OR q.lease_until > ?4)"
	" ORDER BY q.id LIMIT 1)"
	" AND status = 'parked' AND " QUEUE_IS_FREE(
	    "?3", "?4") " RETURNING id, lease",
    [WORK_RETURN] =
	"UPDATE renewal_queue SET status = 'waiting', lease_until = 0,"
	" retry_at = 0, " QUEUE_FORGET
	" WHERE id = ?1 AND lease = ?2 AND status = 'parked'",
    [WORK_RETURN_ONCE] =
	"UPDATE renewal_queue SET status = 'waiting', lease_until = 0,"
	" retry_at = 0 WHERE id = ?1 AND lease = ?2 AND status = 'parked'",
    [WORK_BY_ID] =
	"SELECT " RENEWAL_QUEUE_COLUMNS " FROM renewal_queue WHERE id = ?1",
    [WORK_MARK_ORDER] =
	"UPDATE upstream_orders SET renewal_configuration_id = ?2"
	" WHERE id = ?1",
};

const struct stmt_table renewal_queue_work_stmts = {
    "renewal_queue_work", sql, ARRAY_LEN(sql)};

#define M STMT_RENEWAL_QUEUE_WORK

/* ---- working it off ------------------------------------------------------ */

int
renewal_queue_next_account(
    struct store *st, int64_t *account, int64_t *window_end, struct err *e)
{
	int64_t now = clock_now();
	struct db_stmt *s = stmt_query(st, M, WORK_NEXT_ACCOUNT, e, "iii",
	    *account, now, now + QUEUE_HOLD_MAX);
	int rc = s ? db_step(s, e) : -1;

	if (rc <= 0)
		return rc;
	*account = db_int(s, 0);
	*window_end = db_int(s, 1);
	db_reset(s);
	return 1;
}

int
renewal_queue_is_waiting(struct store *st, int64_t account, struct err *e)
{
	int64_t one;

	return stmt_int(st, M, WORK_IS_WAITING, &one, e, "i", account);
}

int
renewal_queue_each_policy(struct store *st,
    int (*fn)(void *arg, const char *policy, struct err *e), void *arg,
    struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, M, WORK_EACH_POLICY, e, "i", clock_now());
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0)
		if (fn(arg, db_text(s, 0), e) < 0) {
			db_reset(s);
			return -1;
		}
	return rc;
}

struct item_taking {
	struct store *st;
	int64_t account;
	struct renewal_cursor at;
	int64_t until;
	struct queue_hold *hold;
	struct renewal_item *item;
	int found;
};

static int
read_taken(struct item_taking *t, struct db_stmt *s, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;

	t->found = 0;
	if (rc <= 0)
		return rc;
	*t->hold = (struct queue_hold){db_int(s, 0), db_int(s, 1)};
	db_reset(s);
	renewal_item_release(t->item);
	t->found = renewal_item_read_one(
	    stmt_query(t->st, M, WORK_BY_ID, e, "i", t->hold->id), t->item, e);
	return t->found < 0 ? -1 : 0;
}

static int
take(void *arg, struct err *e)
{
	struct item_taking *t = arg;
	int64_t now = clock_now();
	struct db_stmt *s = stmt_query(t->st, M, WORK_TAKE, e, "iiiiii",
	    t->account, t->at.window_end, t->at.id, now, now + QUEUE_HOLD_MAX,
	    t->until);

	return read_taken(t, s, e);
}

static int
take_item(
    struct item_taking *t, int (*fn)(void *arg, struct err *e), struct err *e)
{
	*t->item = (struct renewal_item){0};
	if (db_transaction(t->st->db, DB_QUICK, fn, t, e) < 0) {
		renewal_item_release(t->item);
		return -1;
	}
	return t->found;
}

int
renewal_queue_take(struct store *st, int64_t account, struct renewal_cursor *at,
    int64_t until, struct queue_hold *hold, struct renewal_item *item,
    struct err *e)
{
	struct item_taking t = {.st = st,
	    .account = account,
	    .at = *at,
	    .until = until,
	    .hold = hold,
	    .item = item};
	int rc = take_item(&t, take, e);

	if (rc > 0)
		*at = (struct renewal_cursor){item->window_end, item->id};
	return rc;
}

/* ---- what is parked ------------------------------------------------------ */

int
renewal_queue_next_parked(struct store *st, int64_t *account, struct err *e)
{
	int64_t now = clock_now(), next = 0;

	if (stmt_int(st, M, WORK_NEXT_PARKED, &next, e, "iii", *account, now,
		now + QUEUE_HOLD_MAX) < 0)
		return -1;
	*account = next;
	return next != 0;
}

static int
take_parked(void *arg, struct err *e)
{
	struct item_taking *t = arg;
	int64_t now = clock_now();
	struct db_stmt *s = stmt_query(t->st, M, WORK_TAKE_PARKED, e, "iiiii",
	    t->account, t->at.id, now, now + QUEUE_HOLD_MAX, t->until);

	return read_taken(t, s, e);
}

int
renewal_queue_take_parked(struct store *st, int64_t account, int64_t after,
    int64_t until, struct queue_hold *hold, struct renewal_item *item,
    struct err *e)
{
	struct item_taking t = {.st = st,
	    .account = account,
	    .at = {.id = after},
	    .until = until,
	    .hold = hold,
	    .item = item};

	return take_item(&t, take_parked, e);
}

struct change {
	struct store *st;
	const struct queue_hold *hold;
	const struct queue_failure *failure;
	const struct upstream_order_new *new;
	int64_t configuration;
	int64_t n;
};

static int
give_another(void *arg, struct err *e)
{
	struct change *c = arg;

	if (queue_held(c->st, M, c->hold, &c->configuration, e) < 0 ||
	    stmt_run(c->st, M, c->n ? WORK_RETURN_ONCE : WORK_RETURN, e, "ii",
		c->hold->id, c->hold->lease) < 0)
		return -1;
	return renewal_queue_note(c->st, "renewal_queue.return",
	    c->configuration, c->n ? "for one attempt" : NULL, e);
}

int
renewal_queue_return(
    struct store *st, const struct queue_hold *hold, bool once, struct err *e)
{
	struct change c = {.st = st, .hold = hold, .n = once};

	return db_transaction(st->db, DB_QUICK, give_another, &c, e);
}

/* ---- what becomes of it -------------------------------------------------- */

static int
order(void *arg, struct err *e)
{
	struct change *c = arg;
	bool created;

	if (queue_held(c->st, M, c->hold, &c->configuration, e) < 0)
		return -1;
	if (upstream_order_create(c->st, c->new, &c->n, &created, e) < 0)
		return -1;
	if (queue_set_order(c->st, M, c->hold, c->n, e) < 0 ||
	    stmt_run(
		c->st, M, WORK_MARK_ORDER, e, "ii", c->n, c->configuration) < 0)
		return -1;
	return 0;
}

int
renewal_queue_order(struct store *st, const struct queue_hold *hold,
    const struct upstream_order_new *n, int64_t *upstream_order_id,
    struct err *e)
{
	struct change c = {.st = st, .hold = hold, .new = n};

	if (db_transaction(st->db, DB_DURABLE, order, &c, e) < 0)
		return -1;
	*upstream_order_id = c.n;
	return 0;
}

int
renewal_queue_done(
    struct store *st, const struct queue_hold *hold, struct err *e)
{
	return queue_done(st, M, hold, e);
}

int
renewal_queue_put_back(struct store *st, const struct queue_hold *hold,
    const struct queue_wait *w, struct err *e)
{
	return queue_put_back(st, M, hold, w, e);
}

static int
fail(void *arg, struct err *e)
{
	struct change *c = arg;
	const struct queue_failure *f = c->failure;

	if (queue_held(c->st, M, c->hold, &c->configuration, e) < 0 ||
	    queue_fail(c->st, M, c->hold, f, e) < 0)
		return -1;
	if (f->is_known)
		return 0;
	return renewal_queue_note(c->st,
	    f->parks ? "renewal_queue.park" : "renewal_queue.fail",
	    c->configuration, f->error, e);
}

int
renewal_queue_fail(struct store *st, const struct queue_hold *hold,
    const struct queue_failure *f, struct err *e)
{
	struct change c = {.st = st, .hold = hold, .failure = f};

	return db_transaction(st->db, DB_QUICK, fail, &c, e);
}
