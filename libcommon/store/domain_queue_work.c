#include "store/domain_queue_work.h"

#include "store/clock_step.h"
#include "store/domain_queue_part.h"
#include "store/event.h"
#include "store/queue_part.h"
#include "store/upstream_order.h"
#include "sys/clock.h"

enum {
	WORK_RETURN = QUEUE__MAX,
	WORK_CALL,
	WORK_NEXT_TEMPLATE,
	WORK_IS_WAITING,
	WORK_FIRST,
	WORK_ONE,
	WORK_OF_ORDER,
	WORK_MORE,
	WORK_MORE_OF_DOMAIN,
	WORK_LEASE,
	WORK_REGROUP,
	WORK_ALONE,
	WORK_DELAY
};

#define IS_READY(now, max)                                                     \
	"status = 'waiting' AND retry_at <= " now                              \
	" AND " QUEUE_IS_FREE(now, max)
/* May go with others. */
#define IS_FRESH                                                               \
	" AND upstream_order_id IS NULL AND alone = 0"                         \
	" AND NOT " QUEUE_HAS_FAILED

static const char *const sql[] = {
    QUEUE_STATEMENTS("domain_queue", "id"),
    [WORK_RETURN] =
	"UPDATE domain_queue SET status = 'waiting', was_parked = 1,"
	" retry_at = 0"
	" WHERE id IN (SELECT q.id FROM domain_queue q WHERE q.id > 0"
	" AND q.status = 'parked' AND (q.retry_at <= ?1 OR q.retry_at > ?2)"
	" ORDER BY q.id LIMIT ?3)",
    [WORK_CALL] = "UPDATE domain_queue SET retry_at = ?2, was_parked ="
		  " CASE WHEN status = 'parked' THEN 1 ELSE was_parked END,"
		  " status = 'waiting' WHERE name = ?1 AND " QUEUE_IS_FREE(
		      "?2", "?3") " RETURNING id, domain_template_id",
    [WORK_NEXT_TEMPLATE] =
	"SELECT domain_template_id FROM domain_queue"
	" WHERE domain_template_id > ?1 AND " IS_READY(
	    "?2", "?3") " ORDER BY domain_template_id, retry_at, id LIMIT 1",
    [WORK_IS_WAITING] =
	"SELECT 1 FROM domain_queue WHERE domain_template_id > 0"
	" AND status = 'waiting' AND NOT " QUEUE_HAS_FAILED " LIMIT 1",
    [WORK_FIRST] = DOMAIN_QUEUE_SELECT "domain_template_id = ?1 AND " IS_READY(
	"?2", "?3") " ORDER BY retry_at, id LIMIT 1",
    [WORK_ONE] = DOMAIN_QUEUE_SELECT
    "id = ?4 AND domain_template_id = ?1 AND " IS_READY("?2", "?3"),
    [WORK_OF_ORDER] = DOMAIN_QUEUE_SELECT
    "upstream_order_id = ?1 AND status = 'waiting' AND " QUEUE_IS_FREE(
	"?2", "?3"),
    [WORK_MORE] = DOMAIN_QUEUE_SELECT "domain_template_id = ?1 AND " IS_READY(
	"?2", "?3") IS_FRESH " AND id <> ?4 ORDER BY retry_at, id LIMIT ?5",
    [WORK_MORE_OF_DOMAIN] = DOMAIN_QUEUE_SELECT
    "registered = ?6 AND domain_template_id = ?1 AND " IS_READY("?2", "?3")
	IS_FRESH " AND id <> ?4 ORDER BY retry_at, id LIMIT ?5",
    [WORK_LEASE] = "UPDATE domain_queue SET lease = lease + 1, lease_until = ?2"
		   " WHERE id = ?1 AND status = 'waiting' AND " QUEUE_IS_FREE(
		       "?3", "?4") " RETURNING lease",
    [WORK_REGROUP] =
	"UPDATE domain_queue SET lease_until = 0, upstream_order_id = NULL,"
	" alone = CASE WHEN CAST(?3 AS BIGINT) = 1 THEN 1 ELSE alone END"
	" WHERE id = ?1 AND lease = ?2",
    [WORK_ALONE] = "UPDATE domain_queue SET alone = 1"
		   " WHERE id = ?1 AND lease = ?2",
    [WORK_DELAY] =
	"UPDATE domain_queue SET retry_at = ?3, failing_since ="
	" CASE WHEN " QUEUE_HAS_FAILED " THEN " QUEUE_FAILING_SINCE
	" END, away_since = NULL,"
	" cause = ?6, error = ?7"
	" WHERE registered = ?2 AND domain_template_id = ?1"
	" AND status = 'waiting' AND retry_at < ?3"
	" AND upstream_order_id IS NULL AND " QUEUE_IS_FREE("?4", "?5"),
};

const struct stmt_table domain_queue_work_stmts = {
    "domain_queue_work", sql, ARRAY_LEN(sql)};

#define M STMT_DOMAIN_QUEUE_WORK

/* ---- what there is ------------------------------------------------------- */

int
domain_queue_return(struct store *st, size_t max, struct err *e)
{
	int64_t now = clock_now();

	return stmt_run(st, M, WORK_RETURN, e, "iii", now, now + CLOCK_STEP_CA,
		   (int64_t)max) < 0
	    ? -1
	    : 0;
}

int
domain_queue_call(struct store *st, const char *name, int64_t *id,
    int64_t *domain_template_id, struct err *e)
{
	int64_t now = clock_now();
	struct db_stmt *s = stmt_query(
	    st, M, WORK_CALL, e, "tii", name, now, now + QUEUE_HOLD_MAX);
	int rc = s ? db_step(s, e) : -1;
	struct domain_item i;

	if (rc > 0) {
		*id = db_int(s, 0);
		*domain_template_id = db_int(s, 1);
		/* to its end, or it is not done */
		return db_step(s, e) < 0 ? -1 : 0;
	}
	if (rc < 0 || domain_queue_by_name(st, name, &i, e) < 0)
		return -1;
	domain_item_release(&i);
	return err_set(e, KIND_BUSY, "another process is at it");
}

int
domain_queue_next_template(struct store *st, int64_t *id, struct err *e)
{
	int64_t now = clock_now();

	return stmt_int(st, M, WORK_NEXT_TEMPLATE, id, e, "iii", *id, now,
	    now + QUEUE_HOLD_MAX);
}

int
domain_queue_is_waiting(struct store *st, struct err *e)
{
	int64_t one;

	return stmt_int(st, M, WORK_IS_WAITING, &one, e, "");
}

/* ---- taking -------------------------------------------------------------- */

void
domain_group_release(struct domain_group *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->len; i++)
		domain_item_release(&g->items[i]);
	free(g->items);
	free(g->holds);
	*g = (struct domain_group){0};
}

static struct domain_item *
add_room(struct domain_group *g)
{
	g->items = xreallocarray(g->items, g->len + 1, sizeof(*g->items));
	g->holds = xreallocarray(g->holds, g->len + 1, sizeof(*g->holds));
	g->holds[g->len] = (struct queue_hold){0};
	return &g->items[g->len++];
}

static int
add_rows(struct db_stmt *s, struct domain_group *g, struct err *e)
{
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0)
		domain_item_read(s, add_room(g));
	return rc;
}

struct work {
	struct store *st;
	const struct domain_taking *how;
	struct domain_group *taken;
	const struct domain_group *group;
	const struct queue_hold *hold;
	const struct queue_failure *failure;
	const struct upstream_order_new *new;
	const char *name;
	int64_t order;
	const struct queue_wait *wait;
	bool alone;
};

/* Item `id` is the first, or the next, if it is ready: 1, 0, -1. */
static int
take_one(struct work *w, int64_t id, int64_t now, struct err *e)
{
	struct domain_group *g = w->taken;
	int rc = domain_item_read_one(
	    stmt_query(w->st, M, WORK_ONE, e, "iiii",
		w->how->domain_template_id, now, now + QUEUE_HOLD_MAX, id),
	    add_room(g), e);

	if (rc <= 0)
		g->len--;
	return rc;
}

/* Whether two may share an order. */
static bool
is_company(const struct work *w, const struct domain_item *a,
    const struct domain_item *b)
{
	return a->id != b->id && b->upstream_order_id == 0 && !b->alone &&
	    b->past.attempts == 0 &&
	    (!w->how->one_domain || strcmp(a->registered, b->registered) == 0);
}

/* What may go with the first, of those that were named. */
static int
find_company(struct work *w, int64_t now, struct err *e)
{
	const struct domain_ids *l = w->how->only;
	struct domain_group *g = w->taken;
	int rc = 0;

	for (size_t i = 0;
	     rc >= 0 && i < l->len && g->len < w->how->per_certificate; i++) {
		rc = take_one(w, l->v[i], now, e);
		if (rc > 0 &&
		    !is_company(w, &g->items[0], &g->items[g->len - 1]))
			domain_item_release(&g->items[--g->len]);
	}
	return rc < 0 ? -1 : 0;
}

/* The others of the order of the first, or those that may go with it. */
static int
find_others(struct work *w, int64_t now, struct err *e)
{
	const struct domain_taking *t = w->how;
	const struct domain_item first = w->taken->items[0];
	int64_t max = now + QUEUE_HOLD_MAX;
	int64_t room = (int64_t)t->per_certificate - 1;

	if (first.upstream_order_id != 0) {
		domain_group_release(w->taken);
		return add_rows(stmt_query(w->st, M, WORK_OF_ORDER, e, "iii",
				    first.upstream_order_id, now, max),
		    w->taken, e);
	}
	if (room == 0 || first.alone || first.past.attempts > 0)
		return 0;
	if (t->only)
		return find_company(w, now, e);
	return add_rows(t->one_domain
		? stmt_query(w->st, M, WORK_MORE_OF_DOMAIN, e, "iiiiit",
		      t->domain_template_id, now, max, first.id, room,
		      first.registered)
		: stmt_query(w->st, M, WORK_MORE, e, "iiiii",
		      t->domain_template_id, now, max, first.id, room),
	    w->taken, e);
}

static int
lease(struct work *w, int64_t now, struct err *e)
{
	struct domain_group *g = w->taken;

	for (size_t i = 0; i < g->len; i++) {
		int rc = stmt_int(w->st, M, WORK_LEASE, &g->holds[i].lease, e,
		    "iiii", g->items[i].id, w->how->until, now,
		    now + QUEUE_HOLD_MAX);

		if (rc <= 0)
			return rc < 0 ? -1
				      : err_set(e, KIND_BUSY,
					    "%s: another process has taken it",
					    g->items[i].name);
		g->holds[i].id = g->items[i].id;
	}
	return 0;
}

static int
take_first(struct work *w, int64_t now, struct err *e)
{
	int rc = domain_item_read_one(
	    stmt_query(w->st, M, WORK_FIRST, e, "iii",
		w->how->domain_template_id, now, now + QUEUE_HOLD_MAX),
	    add_room(w->taken), e);

	if (rc == 0)
		w->taken->len = 0;
	return rc;
}

static int
take_first_of(struct work *w, int64_t now, struct err *e)
{
	const struct domain_ids *l = w->how->only;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < l->len; i++)
		rc = take_one(w, l->v[i], now, e);
	return rc;
}

static int
take(void *arg, struct err *e)
{
	struct work *w = arg;
	int64_t now = clock_now();
	int rc;

	domain_group_release(w->taken);
	rc = w->how->only ? take_first_of(w, now, e) : take_first(w, now, e);
	if (rc <= 0)
		return rc;
	return find_others(w, now, e) < 0 ? -1 : lease(w, now, e);
}

int
domain_queue_take(struct store *st, const struct domain_taking *t,
    struct domain_group *g, struct err *e)
{
	struct work w = {.st = st, .how = t, .taken = g};
	int rc;

	*g = (struct domain_group){0};
	rc = db_transaction(st->db, DB_QUICK, take, &w, e);
	if (rc == 0 && g->len > 0)
		return 1;
	domain_group_release(g);
	return rc;
}

/* ---- what becomes of them ------------------------------------------------ */

static int
order(void *arg, struct err *e)
{
	struct work *w = arg;
	const struct domain_group *g = w->group;
	int64_t ignored;
	bool created;

	for (size_t i = 0; i < g->len; i++)
		if (queue_held(w->st, M, &g->holds[i], &ignored, e) < 0)
			return -1;
	if (upstream_order_create(w->st, w->new, &w->order, &created, e) < 0)
		return -1;
	for (size_t i = 0; i < g->len; i++)
		if (queue_set_order(w->st, M, &g->holds[i], w->order, e) < 0)
			return -1;
	return 0;
}

int
domain_queue_order(struct store *st, const struct domain_group *g,
    const struct upstream_order_new *n, int64_t *upstream_order_id,
    struct err *e)
{
	struct work w = {.st = st, .group = g, .new = n};

	if (db_transaction(st->db, DB_DURABLE, order, &w, e) < 0)
		return -1;
	*upstream_order_id = w.order;
	return 0;
}

static int
done(void *arg, struct err *e)
{
	const struct work *w = arg;

	for (size_t i = 0; i < w->group->len; i++)
		if (queue_done(w->st, M, &w->group->holds[i], e) < 0)
			return -1;
	return 0;
}

int
domain_queue_done(struct store *st, const struct domain_group *g, struct err *e)
{
	struct work w = {.st = st, .group = g};

	return db_transaction(st->db, DB_QUICK, done, &w, e);
}

static int
put_back(void *arg, struct err *e)
{
	const struct work *w = arg;

	for (size_t i = 0; i < w->group->len; i++)
		if (queue_put_back(w->st, M, &w->group->holds[i], w->wait, e) <
		    0)
			return -1;
	return 0;
}

int
domain_queue_put_back(struct store *st, const struct domain_group *g,
    const struct queue_wait *how, struct err *e)
{
	struct work w = {.st = st, .group = g, .wait = how};

	return db_transaction(st->db, DB_QUICK, put_back, &w, e);
}

static int
regroup(void *arg, struct err *e)
{
	const struct work *w = arg;
	const struct domain_group *g = w->group;

	for (size_t i = 0; i < g->len; i++)
		if (stmt_run(w->st, M, WORK_REGROUP, e, "iii", g->holds[i].id,
			g->holds[i].lease, (int64_t)w->alone) < 0)
			return -1;
	return 0;
}

int
domain_queue_regroup(
    struct store *st, const struct domain_group *g, bool alone, struct err *e)
{
	struct work w = {.st = st, .group = g, .alone = alone};

	return db_transaction(st->db, DB_QUICK, regroup, &w, e);
}

static int
fail(void *arg, struct err *e)
{
	const struct work *w = arg;
	const struct queue_failure *f = w->failure;
	int64_t ignored;
	char *detail;
	int rc;

	if (queue_held(w->st, M, w->hold, &ignored, e) < 0 ||
	    (!f->is_of_ca &&
		stmt_run(w->st, M, WORK_ALONE, e, "ii", w->hold->id,
		    w->hold->lease) < 0) ||
	    queue_fail(w->st, M, w->hold, f, e) < 0)
		return -1;
	if (f->is_known)
		return 0;
	detail = xasprintf(
	    "%s%s%s", w->name, f->error ? ": " : "", f->error ? f->error : "");
	rc = event_add(w->st,
	    f->parks ? "domain_queue.park" : "domain_queue.fail", EVENT_STORE,
	    0, detail, e);
	free(detail);
	return rc;
}

int
domain_queue_fail(struct store *st, const struct queue_hold *hold,
    const char *name, const struct queue_failure *f, struct err *e)
{
	struct work w = {.st = st, .hold = hold, .name = name, .failure = f};

	return db_transaction(st->db, DB_QUICK, fail, &w, e);
}

int
domain_queue_delay(struct store *st, int64_t domain_template_id,
    const char *registered, const struct queue_wait *how, struct err *e)
{
	int64_t now = clock_now();

	return stmt_run(st, M, WORK_DELAY, e, "itiiitt", domain_template_id,
		   registered, how->retry_at, now, now + QUEUE_HOLD_MAX,
		   how->cause, how->error) < 0
	    ? -1
	    : 0;
}
