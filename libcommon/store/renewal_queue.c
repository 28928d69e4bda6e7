#include "store/renewal_queue.h"

#include "store/event.h"
#include "store/queue_part.h"
#include "store/renewal_configuration.h"
#include "store/renewal_queue_part.h"
#include "sys/clock.h"

#define PAGE 200
#define DAY 86400

enum {
	RENEWALS_UPDATE,
	RENEWALS_ADD,
	RENEWALS_REMOVE,
	RENEWALS_OF,
	RENEWALS_EACH,
	RENEWALS_COUNT,
	RENEWALS_COUNT_DUE,
	RENEWALS_NEXT_DUE
};

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
    [RENEWALS_UPDATE] =
	"INSERT INTO renewal_queue (renewal_configuration_id,"
	" upstream_account_id, why, status, added, window_end)"
	" SELECT r.id, r.upstream_account_id, r.due_rule, 'waiting',"
	" CAST(?1 AS BIGINT), r.due_by FROM renewal_configurations r"
	" WHERE r.active = 1 AND r.due_at <= ?1 AND NOT EXISTS"
	" (SELECT 1 FROM renewal_queue q"
	" WHERE q.renewal_configuration_id = r.id)"
	" ON CONFLICT (renewal_configuration_id) DO NOTHING",
    [RENEWALS_ADD] =
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
    [RENEWALS_REMOVE] =
	"DELETE FROM renewal_queue WHERE renewal_configuration_id = ?1"
	" AND " QUEUE_IS_FREE("?2", "?3"),
    [RENEWALS_OF] = "SELECT " RENEWAL_QUEUE_COLUMNS " FROM renewal_queue"
		    " WHERE renewal_configuration_id = ?1",
    [RENEWALS_EACH] = "SELECT " RENEWAL_QUEUE_COLUMNS " FROM renewal_queue"
		      " WHERE (window_end, id) > (?1, ?2)"
		      " ORDER BY window_end, id LIMIT ?3",
    [RENEWALS_COUNT] =
	"SELECT count(*), count(CASE WHEN status = 'parked' THEN 1 END),"
	" count(CASE WHEN status = 'waiting' AND " QUEUE_FAILS " THEN 1 END),"
	" count(CASE WHEN lease_until > ?1 THEN 1 END),"
	" count(CASE WHEN status = 'waiting' AND window_end < ?1"
	" AND why NOT IN ('asked', 'first', 'revoked') THEN 1 END),"
	" COALESCE(min(CASE WHEN status = 'waiting' THEN window_end "
	"END), 0)"
	" FROM renewal_queue WHERE id > 0",
    [RENEWALS_COUNT_DUE] =
	"SELECT count(*) FROM renewal_configurations r"
	" WHERE r.active = 1 AND r.due_at > ?1 AND r.due_at <= ?2"
	" AND NOT EXISTS (SELECT 1 FROM renewal_queue q WHERE"
	" q.renewal_configuration_id = r.id AND q.status = 'parked')",
    [RENEWALS_NEXT_DUE] = "SELECT due_at FROM renewal_configurations"
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

void
renewal_item_read(struct db_stmt *s, struct renewal_item *i)
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

int
renewal_item_read_one(struct db_stmt *s, struct renewal_item *i, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;

	*i = (struct renewal_item){0};
	if (rc <= 0)
		return rc;
	renewal_item_read(s, i);
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
	int rc = renewal_item_read_one(
	    stmt_query(st, M, RENEWALS_OF, e, "i", renewal_configuration_id),
	    item, e);

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
		struct db_stmt *s = stmt_query(st, M, RENEWALS_EACH, e, "iii",
		    at.window_end, at.id, (int64_t)PAGE);

		rc = s ? 0 : -1;
		for (len = 0; rc == 0 && (rc = db_step(s, e)) > 0; rc = 0)
			renewal_item_read(s, &page[len++]);
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
	int64_t configuration;
	int64_t n;
};

static int
update(void *arg, struct err *e)
{
	struct change *c = arg;

	c->n = stmt_run(c->st, M, RENEWALS_UPDATE, e, "i", clock_now());
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

int
renewal_queue_note(struct store *st, const char *action, int64_t configuration,
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
	int rc = stmt_int(c->st, M, RENEWALS_ADD, &id, e, "ii",
	    c->configuration, clock_now());

	if (rc > 0)
		return renewal_queue_note(
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
	int64_t n = stmt_run(c->st, M, RENEWALS_REMOVE, e, "iii",
	    c->configuration, now, now + QUEUE_HOLD_MAX);

	if (n > 0)
		return renewal_queue_note(
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

/* ---- looking ------------------------------------------------------------- */

static int
count_items(
    struct store *st, int64_t now, struct renewal_summary *to, struct err *e)
{
	struct db_stmt *s = stmt_query(st, M, RENEWALS_COUNT, e, "i", now);
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
	return stmt_int(st, M, RENEWALS_COUNT_DUE, n, e, "ii", from, to) < 0
	    ? -1
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
	    stmt_int(st, M, RENEWALS_NEXT_DUE, &s->next_due, e, "i", now) < 0)
		return -1;
	return 0;
}
