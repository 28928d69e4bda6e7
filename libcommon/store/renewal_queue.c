#include "store/renewal_queue.h"

#include "store/event.h"
#include "store/queue_part.h"
#include "store/renewal_configuration.h"
#include "store/upstream_order.h"
#include "sys/clock.h"

#define PAGE 200
#define DAY 86400

enum {
	QUEUE_UPDATE = QUEUE__MAX,
	QUEUE_ADD,
	QUEUE_REMOVE,
	QUEUE_OF,
	QUEUE_EACH,
	QUEUE_NEXT_ACCOUNT,
	QUEUE_IS_WAITING,
	QUEUE_EACH_POLICY,
	QUEUE_TAKE,
	QUEUE_NEXT_PARKED,
	QUEUE_TAKE_PARKED,
	QUEUE_RETURN,
	QUEUE_RETURN_ONCE,
	QUEUE_BY_ID,
	QUEUE_MARK_ORDER,
	QUEUE_COUNT,
	QUEUE_COUNT_DUE,
	QUEUE_NEXT_DUE
};

#define COLUMNS                                                                \
	"id, renewal_configuration_id, upstream_account_id, why, status,"      \
	" added, window_end, retry_at, attempts, failing_since, away_since,"   \
	" lease_until, upstream_order_id, cause, error"

/*
 * The certificate has come, and who got it has not said so yet, or never will:
 * what is asked for now is another.
 */
#define ITS_ORDER_IS_DONE                                                      \
	"EXISTS (SELECT 1 FROM upstream_orders o"                              \
	" WHERE o.id = renewal_queue.upstream_order_id"                        \
	" AND o.status = 'valid')"
/* Whoever holds it has nothing to say any more; a look at it, neither. */
#define IS_TAKEN_AWAY                                                          \
	"CASE WHEN renewal_queue.status = 'parked' OR " ITS_ORDER_IS_DONE

static const char *const sql[] = {
    QUEUE_STATEMENTS("renewal_queue", "renewal_configuration_id"),
    [QUEUE_UPDATE] =
	"INSERT INTO renewal_queue (renewal_configuration_id,"
	" upstream_account_id, why, status, added, window_end)"
	" SELECT r.id, r.upstream_account_id, r.due_rule, 'waiting',"
	" CAST(?1 AS BIGINT), r.due_by FROM renewal_configurations r"
	" WHERE r.active = 1 AND r.due_at <= ?1 AND NOT EXISTS"
	" (SELECT 1 FROM renewal_queue q"
	" WHERE q.renewal_configuration_id = r.id)"
	" ON CONFLICT (renewal_configuration_id) DO NOTHING",
    [QUEUE_ADD] =
	"INSERT INTO renewal_queue (renewal_configuration_id,"
	" upstream_account_id, why, status, added, window_end)"
	" SELECT r.id, r.upstream_account_id, 'asked', 'waiting',"
	" CAST(?2 AS BIGINT), CAST(?2 AS BIGINT)"
	" FROM renewal_configurations r WHERE r.id = ?1 AND r.active = 1"
	" ON CONFLICT (renewal_configuration_id) DO UPDATE SET"
	" lease = renewal_queue.lease + " IS_TAKEN_AWAY " THEN 1 ELSE 0 END,"
	" lease_until = " IS_TAKEN_AWAY
	" THEN 0 ELSE renewal_queue.lease_until END,"
	" upstream_order_id = CASE WHEN " ITS_ORDER_IS_DONE
	" THEN NULL ELSE renewal_queue.upstream_order_id END,"
	" why = 'asked', status = 'waiting',"
	" window_end = excluded.window_end, retry_at = 0, " QUEUE_FORGET
	" RETURNING id",
    [QUEUE_REMOVE] =
	"DELETE FROM renewal_queue WHERE renewal_configuration_id = ?1"
	" AND " QUEUE_IS_FREE("?2", "?3"),
    [QUEUE_OF] = "SELECT " COLUMNS " FROM renewal_queue"
		 " WHERE renewal_configuration_id = ?1",
    [QUEUE_EACH] = "SELECT " COLUMNS " FROM renewal_queue"
		   " WHERE (window_end, id) > (?1, ?2)"
		   " ORDER BY window_end, id LIMIT ?3",
    [QUEUE_NEXT_ACCOUNT] =
	"SELECT upstream_account_id, window_end FROM renewal_queue"
	" WHERE status = 'waiting' AND upstream_account_id > ?1"
	" AND retry_at <= ?2 AND " QUEUE_IS_FREE(
	    "?2", "?3") " ORDER BY upstream_account_id, window_end, id LIMIT 1",
    [QUEUE_IS_WAITING] =
	"SELECT 1 FROM renewal_queue WHERE upstream_account_id = ?1"
	" AND status = 'waiting' AND NOT " QUEUE_HAS_FAILED("") " LIMIT 1",
    [QUEUE_EACH_POLICY] =
	"SELECT DISTINCT r.policy FROM renewal_queue q"
	" JOIN renewal_configurations r ON r.id = q.renewal_configuration_id"
	" WHERE q.id > 0 AND q.retry_at <= ?1",
    [QUEUE_TAKE] =
	"UPDATE renewal_queue SET lease = lease + 1, lease_until = ?6"
	" WHERE id = (SELECT q.id FROM renewal_queue q"
	" WHERE q.upstream_account_id = ?1 AND q.status = 'waiting'"
	" AND (q.window_end, q.id) > (?2, ?3) AND q.retry_at <= ?4"
	" AND (q.lease_until <= ?4 OR q.lease_until > ?5)"
	" ORDER BY q.window_end, q.id LIMIT 1)"
	" AND status = 'waiting' AND " QUEUE_IS_FREE(
	    "?4", "?5") " RETURNING id, lease",
    [QUEUE_NEXT_PARKED] =
	"SELECT COALESCE(min(upstream_account_id), 0) FROM renewal_queue"
	" WHERE id > 0 AND status = 'parked' AND upstream_account_id > ?1"
	" AND retry_at <= ?2 AND " QUEUE_IS_FREE("?2", "?3"),
    [QUEUE_TAKE_PARKED] =
	"UPDATE renewal_queue SET lease = lease + 1, lease_until = ?5"
	" WHERE id = (SELECT q.id FROM renewal_queue q"
	" WHERE q.id > ?2 AND q.status = 'parked' AND q.retry_at <= ?3"
	" AND q.upstream_account_id = ?1"
	" AND (q.lease_until <= ?3 OR q.lease_until > ?4)"
	" ORDER BY q.id LIMIT 1)"
	" AND status = 'parked' AND " QUEUE_IS_FREE(
	    "?3", "?4") " RETURNING id, lease",
    [QUEUE_RETURN] =
	"UPDATE renewal_queue SET status = 'waiting', lease_until = 0,"
	" retry_at = 0, " QUEUE_FORGET
	" WHERE id = ?1 AND lease = ?2 AND status = 'parked'",
    [QUEUE_RETURN_ONCE] =
	"UPDATE renewal_queue SET status = 'waiting', lease_until = 0,"
	" retry_at = 0 WHERE id = ?1 AND lease = ?2 AND status = 'parked'",
    [QUEUE_BY_ID] = "SELECT " COLUMNS " FROM renewal_queue WHERE id = ?1",
    [QUEUE_MARK_ORDER] =
	"UPDATE upstream_orders SET renewal_configuration_id = ?2"
	" WHERE id = ?1",
    [QUEUE_COUNT] =
	"SELECT count(*), count(CASE WHEN status = 'parked' THEN 1 END),"
	" count(CASE WHEN status = 'waiting' AND " QUEUE_FAILS(
	    "") " THEN 1 END),"
		" count(CASE WHEN lease_until > ?1 THEN 1 END),"
		" count(CASE WHEN status = 'waiting' AND window_end < ?1"
		" AND why NOT IN ('asked', 'first', 'revoked') THEN 1 END),"
		" COALESCE(min(CASE WHEN status = 'waiting' THEN window_end "
		"END), 0)"
		" FROM renewal_queue WHERE id > 0",
    [QUEUE_COUNT_DUE] =
	"SELECT count(*) FROM renewal_configurations r"
	" WHERE r.active = 1 AND r.due_at > ?1 AND r.due_at <= ?2"
	" AND NOT EXISTS (SELECT 1 FROM renewal_queue q WHERE"
	" q.renewal_configuration_id = r.id AND q.status = 'parked')",
    [QUEUE_NEXT_DUE] = "SELECT due_at FROM renewal_configurations"
		       " WHERE active = 1 AND due_at > ?1"
		       " ORDER BY due_at, id LIMIT 1",
};

const struct stmt_table renewal_queue_stmts = {
    "renewal_queue", sql, ARRAY_LEN(sql)};

#define M STMT_RENEWAL_QUEUE

/* ---- reading ------------------------------------------------------------- */

void
renewal_item_release(struct renewal_item *i)
{
	if (!i)
		return;
	free(i->cause);
	free(i->error);
	*i = (struct renewal_item){0};
}

static void
read_row(struct db_stmt *s, struct renewal_item *i)
{
	*i = (struct renewal_item){.id = db_int(s, 0),
	    .renewal_configuration_id = db_int(s, 1),
	    .upstream_account_id = db_int(s, 2),
	    .why = renewal_rule_of(db_text(s, 3)),
	    .is_parked = strcmp(db_text(s, 4), "parked") == 0,
	    .added = db_int(s, 5),
	    .window_end = db_int(s, 6),
	    .retry_at = db_int(s, 7),
	    .past = {db_int(s, 8), db_int(s, 9), db_int(s, 10)},
	    .lease_until = db_int(s, 11),
	    .upstream_order_id = db_int(s, 12),
	    .cause = stmt_text_dup(s, 13),
	    .error = stmt_text_dup(s, 14)};
}

/* 1, 0: no row, -1. */
static int
read_one(struct db_stmt *s, struct renewal_item *i, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;

	*i = (struct renewal_item){0};
	if (rc <= 0)
		return rc;
	read_row(s, i);
	db_reset(s);
	return 1;
}

static int
not_queued(int64_t configuration, struct err *e)
{
	return err_set(e, KIND_NOTFOUND,
	    "renewal_configuration/%lld is not in the queue",
	    (long long)configuration);
}

int
renewal_queue_of(struct store *st, int64_t renewal_configuration_id,
    struct renewal_item *item, struct err *e)
{
	int rc = read_one(
	    stmt_query(st, M, QUEUE_OF, e, "i", renewal_configuration_id), item,
	    e);

	return rc == 0 ? not_queued(renewal_configuration_id, e)
	    : rc < 0   ? -1
		       : 0;
}

int
renewal_queue_each(struct store *st,
    int (*fn)(void *arg, const struct renewal_item *i, struct err *e),
    void *arg, struct err *e)
{
	struct renewal_item *page = xcalloc(PAGE, sizeof(*page));
	struct renewal_cursor at = {0};
	size_t len;
	int rc = 0;

	do {
		struct db_stmt *s = stmt_query(st, M, QUEUE_EACH, e, "iii",
		    at.window_end, at.id, (int64_t)PAGE);

		rc = s ? 0 : -1;
		for (len = 0; rc == 0 && (rc = db_step(s, e)) > 0; rc = 0)
			read_row(s, &page[len++]);
		for (size_t i = 0; i < len; i++) {
			at = (struct renewal_cursor){
			    page[i].window_end, page[i].id};
			if (rc == 0)
				rc = fn(arg, &page[i], e);
			renewal_item_release(&page[i]);
		}
	} while (rc == 0 && len == PAGE);
	free(page);
	return rc;
}

/* ---- in and out ---------------------------------------------------------- */

struct change {
	struct store *st;
	const struct queue_hold *hold;
	const struct queue_failure *failure;
	const struct upstream_order_new *new;
	int64_t configuration;
	int64_t retry_at;
	int64_t n;
};

static int
update(void *arg, struct err *e)
{
	struct change *c = arg;

	c->n = stmt_run(c->st, M, QUEUE_UPDATE, e, "i", clock_now());
	return c->n < 0 ? -1 : 0;
}

int
renewal_queue_update(struct store *st, int64_t *added, struct err *e)
{
	struct change c = {.st = st};

	if (db_transaction(st->db, DB_QUICK, update, &c, e) < 0)
		return -1;
	*added = c.n;
	return 0;
}

static int
note(struct store *st, const char *action, int64_t configuration,
    const char *detail, struct err *e)
{
	return event_add(
	    st, action, EVENT_RENEWAL_CONFIGURATION, configuration, detail, e);
}

static int
add(void *arg, struct err *e)
{
	struct change *c = arg;
	struct renewal_configuration now;
	int64_t id;
	int rc = stmt_int(
	    c->st, M, QUEUE_ADD, &id, e, "ii", c->configuration, clock_now());

	if (rc > 0)
		return note(
		    c->st, "renewal_queue.add", c->configuration, NULL, e);
	if (rc < 0 ||
	    renewal_configuration_by_id(c->st, c->configuration, &now, e) < 0)
		return -1;
	renewal_configuration_release(&now);
	return err_set(e, KIND_CONFLICT,
	    "renewal_configuration/%lld is deactivated; cert-manage renewal "
	    "activate is the way back",
	    (long long)c->configuration);
}

int
renewal_queue_add(
    struct store *st, int64_t renewal_configuration_id, struct err *e)
{
	struct change c = {.st = st, .configuration = renewal_configuration_id};

	return db_transaction(st->db, DB_DURABLE, add, &c, e);
}

static int
take_out(void *arg, struct err *e)
{
	struct change *c = arg;
	struct renewal_item item;
	int64_t now = clock_now();
	int64_t n = stmt_run(c->st, M, QUEUE_REMOVE, e, "iii", c->configuration,
	    now, now + QUEUE_HOLD_MAX);

	if (n > 0)
		return note(
		    c->st, "renewal_queue.remove", c->configuration, NULL, e);
	if (n < 0 || renewal_queue_of(c->st, c->configuration, &item, e) < 0)
		return -1;
	renewal_item_release(&item);
	return err_set(e, KIND_BUSY,
	    "renewal_configuration/%lld is just being renewed",
	    (long long)c->configuration);
}

int
renewal_queue_remove(
    struct store *st, int64_t renewal_configuration_id, struct err *e)
{
	struct change c = {.st = st, .configuration = renewal_configuration_id};

	return db_transaction(st->db, DB_DURABLE, take_out, &c, e);
}

/* ---- working it off ------------------------------------------------------ */

int
renewal_queue_next_account(
    struct store *st, int64_t *account, int64_t *window_end, struct err *e)
{
	int64_t now = clock_now();
	struct db_stmt *s = stmt_query(st, M, QUEUE_NEXT_ACCOUNT, e, "iii",
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

	return stmt_int(st, M, QUEUE_IS_WAITING, &one, e, "i", account);
}

int
renewal_queue_each_policy(struct store *st,
    int (*fn)(void *arg, const char *policy, struct err *e), void *arg,
    struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, M, QUEUE_EACH_POLICY, e, "i", clock_now());
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
	t->found = read_one(
	    stmt_query(t->st, M, QUEUE_BY_ID, e, "i", t->hold->id), t->item, e);
	return t->found < 0 ? -1 : 0;
}

static int
take(void *arg, struct err *e)
{
	struct item_taking *t = arg;
	int64_t now = clock_now();
	struct db_stmt *s = stmt_query(t->st, M, QUEUE_TAKE, e, "iiiiii",
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

	if (stmt_int(st, M, QUEUE_NEXT_PARKED, &next, e, "iii", *account, now,
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
	struct db_stmt *s = stmt_query(t->st, M, QUEUE_TAKE_PARKED, e, "iiiii",
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

static int
give_another(void *arg, struct err *e)
{
	struct change *c = arg;

	if (queue_held(c->st, M, c->hold, &c->configuration, e) < 0 ||
	    stmt_run(c->st, M, c->n ? QUEUE_RETURN_ONCE : QUEUE_RETURN, e, "ii",
		c->hold->id, c->hold->lease) < 0)
		return -1;
	return note(c->st, "renewal_queue.return", c->configuration,
	    c->n ? "for one attempt" : NULL, e);
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
	    stmt_run(c->st, M, QUEUE_MARK_ORDER, e, "ii", c->n,
		c->configuration) < 0)
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
	return note(c->st,
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

/* ---- looking ------------------------------------------------------------- */

static int
count_items(
    struct store *st, int64_t now, struct renewal_summary *to, struct err *e)
{
	struct db_stmt *s = stmt_query(st, M, QUEUE_COUNT, e, "i", now);
	int rc = s ? db_step(s, e) : -1;

	if (rc < 0)
		return -1;
	to->parked = db_int(s, 1);
	to->waiting = db_int(s, 0) - to->parked;
	to->failing = db_int(s, 2);
	to->held = db_int(s, 3);
	to->late = db_int(s, 4);
	to->first_end = db_int(s, 5);
	db_reset(s);
	return 0;
}

static int
count_due(struct store *st, int64_t from, int64_t to, int64_t *n, struct err *e)
{
	return stmt_int(st, M, QUEUE_COUNT_DUE, n, e, "ii", from, to) < 0 ? -1
									  : 0;
}

int
renewal_queue_summarize(
    struct store *st, struct renewal_summary *s, struct err *e)
{
	int64_t now = clock_now();

	*s = (struct renewal_summary){0};
	if (count_items(st, now, s, e) < 0 ||
	    count_due(st, -1, now, &s->due, e) < 0 ||
	    count_due(st, now, now + DAY, &s->due_day, e) < 0 ||
	    count_due(st, now, now + 7 * DAY, &s->due_week, e) < 0 ||
	    stmt_int(st, M, QUEUE_NEXT_DUE, &s->next_due, e, "i", now) < 0)
		return -1;
	return 0;
}
