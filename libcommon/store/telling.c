#include "store/telling.h"

#include "store/served_name.h"
#include "store/stmt.h"
#include "sys/clock.h"

#define PAGE 200

/* For each kind of rows, one after the other. */
enum {
	OF_CLAIM,
	OF_NOTE,
	OF_LEAVE,
	OF__MAX
};

enum {
	TELLING_QUEUED = OF__MAX * TELLING_OF__MAX,
	TELLING_TOLD,
	TELLING_SERVED,
	TELLING_TARGET,
	TELLING_COUNT,
	TELLING_COUNT_SERVED,
	TELLING_ACCOUNTS,
	TELLING_COUNT_OF,
	TELLING_NEXT_EXPIRY,
	TELLING_SET_RUN,
	TELLING_LAST_RUN
};

#define COLUMNS                                                                \
	"r.id, r.told, r.told_at, r.fqdn_set_id, r.active, c.not_before,"      \
	" c.not_after"
#define CERTIFICATE " LEFT JOIN certificates c ON c.id = r.certificate_id"

#define IS_AS_READ " WHERE id = ?1 AND told = ?2 AND told_at = ?3"
#define STATEMENTS_OF(of, table)                                               \
	[OF__MAX * (of) +                                                      \
	    OF_CLAIM] = "UPDATE " table " SET telling_until = ?5" IS_AS_READ   \
			" AND (telling_until <= ?4"                            \
			" OR telling_until > ?5)",                             \
	    [OF__MAX * (of) + OF_NOTE] =                                       \
		"UPDATE " table                                                \
		" SET told = ?5, told_at = ?4, telling_until = 0" IS_AS_READ,  \
	    [OF__MAX * (of) + OF_LEAVE] =                                      \
		"UPDATE " table " SET telling_until = 0" IS_AS_READ

static const char *const sql[] = {
    STATEMENTS_OF(TELLING_OF_RENEWAL, "renewal_configurations"),
    STATEMENTS_OF(TELLING_OF_NAME, "served_names"),
    STATEMENTS_OF(TELLING_OF_TARGET, "deploy_targets"),
    [TELLING_QUEUED] = "SELECT q.id, " COLUMNS ", q.status, q.failing_since,"
		       " q.retry_at, q.error FROM renewal_queue q"
		       " JOIN renewal_configurations r ON r.id = "
		       "q.renewal_configuration_id" CERTIFICATE
		       " WHERE q.id > ?1 ORDER BY q.id LIMIT ?2",
    [TELLING_TOLD] =
	"SELECT r.id, " COLUMNS " FROM renewal_configurations r" CERTIFICATE
	" WHERE r.told <> 'ok' AND r.id > ?1 AND (SELECT q.id FROM "
	"renewal_queue q"
	" WHERE q.renewal_configuration_id = r.id) IS NULL ORDER BY r.id LIMIT "
	"?2",
    [TELLING_SERVED] =
	"SELECT s.id, s.id, s.told, s.told_at, 0, 1, 0, 0, q.status,"
	" q.failing_since, q.retry_at, q.error, q.name,"
	" s.certificate_id FROM served_names s"
	" JOIN domain_queue q ON q.id = s.id"
	" WHERE s.id > ?1 AND q.id > ?1 ORDER BY s.id LIMIT ?2",
    [TELLING_TARGET] =
	"SELECT id, told, told_at FROM deploy_targets WHERE id = ?1",
    [TELLING_COUNT] = "SELECT count(*) FROM renewal_configurations"
		      " WHERE active = 1 AND due_at > -1",
    [TELLING_COUNT_SERVED] =
	"SELECT count(*) FROM served_names WHERE certificate_id > 0",
    [TELLING_ACCOUNTS] =
	"SELECT id, directory_url FROM upstream_accounts WHERE id > 0"
	" ORDER BY id",
    [TELLING_COUNT_OF] =
	"SELECT count(CASE WHEN active = 1 THEN 1 END)"
	" FROM renewal_configurations WHERE upstream_account_id = ?1",
    [TELLING_NEXT_EXPIRY] =
	"SELECT c.not_after FROM certificates c WHERE c.active = 1"
	" AND c.status = 'valid' AND c.not_after > 0 AND EXISTS"
	" (SELECT 1 FROM renewal_configurations r"
	" WHERE r.certificate_id = c.id AND r.active = 1 AND NOT EXISTS"
	" (SELECT 1 FROM renewal_queue q WHERE"
	" q.renewal_configuration_id = r.id AND q.status = 'parked'))"
	" ORDER BY c.not_after, c.id LIMIT 1",
    [TELLING_SET_RUN] = "INSERT INTO runs (name, succeeded_at) VALUES (?1, ?2)"
			" ON CONFLICT (name) DO UPDATE SET succeeded_at = ?2",
    [TELLING_LAST_RUN] = "SELECT succeeded_at FROM runs WHERE name = ?1",
};

const struct stmt_table telling_stmts = {"telling", sql, ARRAY_LEN(sql)};

#define M STMT_TELLING

static const char *const names[] = {
    [TELLING_OK] = "ok",
    [TELLING_FAILING] = "failing",
    [TELLING_URGENT] = "urgent",
    [TELLING_EXPIRED] = "expired",
    [TELLING_PARKED] = "parked",
};
_Static_assert(ARRAY_LEN(names) == TELLING__MAX, "one per state");

const char *
telling_state_name(enum telling_state state)
{
	return state < TELLING__MAX ? names[state] : "?";
}

/* ---- reading ------------------------------------------------------------- */

static enum telling_state
read_state(struct db_stmt *s, int column)
{
	size_t i = stmt_word(s, column, names, TELLING__MAX);

	return i < TELLING__MAX ? (enum telling_state)i : TELLING_OK;
}

static void
read_row(struct db_stmt *s, size_t statement, struct telling_renewal *r)
{
	*r = (struct telling_renewal){.row = {.id = db_int(s, 1),
					  .told = read_state(s, 2),
					  .told_at = db_int(s, 3)},
	    .fqdn_set_id = db_int(s, 4),
	    .active = db_int(s, 5) != 0,
	    .not_before = db_int(s, 6),
	    .not_after = db_int(s, 7)};
	if (statement == TELLING_TOLD)
		return;
	r->is_queued = true;
	r->is_parked = strcmp(db_text(s, 8), "parked") == 0;
	r->failing_since = db_int(s, 9);
	r->retry_at = db_int(s, 10);
	r->error = stmt_text_dup(s, 11);
	if (statement != TELLING_SERVED)
		return;
	r->row.of = TELLING_OF_NAME;
	r->name = stmt_text_dup(s, 12);
	r->certificate_id = db_int(s, 13);
}

static int
find_life(struct store *st, struct telling_renewal *r, struct err *e)
{
	struct served_life life;

	if (!r->name)
		return 0;
	if (served_name_life(st, r->name, r->certificate_id, &life, e) < 0)
		return -1;
	r->not_before = life.not_before;
	r->not_after = life.not_after;
	return 0;
}

static int
each_of(struct store *st, size_t statement,
    int (*fn)(void *arg, const struct telling_renewal *r, struct err *e),
    void *arg, struct err *e)
{
	struct telling_renewal *page = xcalloc(PAGE, sizeof(*page));
	int64_t after = 0;
	size_t len;
	int rc = 0;

	do {
		struct db_stmt *s =
		    stmt_query(st, M, statement, e, "ii", after, (int64_t)PAGE);

		rc = s ? 0 : -1;
		for (len = 0; rc == 0 && (rc = db_step(s, e)) > 0; rc = 0) {
			after = db_int(s, 0);
			read_row(s, statement, &page[len++]);
		}
		for (size_t i = 0; i < len; i++) {
			if (rc == 0)
				rc = find_life(st, &page[i], e);
			if (rc == 0)
				rc = fn(arg, &page[i], e);
			free(page[i].name);
			free(page[i].error);
		}
	} while (rc == 0 && len == PAGE);
	free(page);
	return rc;
}

int
telling_each_renewal(struct store *st,
    int (*fn)(void *arg, const struct telling_renewal *r, struct err *e),
    void *arg, struct err *e)
{
	return each_of(st, TELLING_QUEUED, fn, arg, e) < 0 ||
		each_of(st, TELLING_TOLD, fn, arg, e) < 0
	    ? -1
	    : each_of(st, TELLING_SERVED, fn, arg, e);
}

int
telling_target(struct store *st, int64_t deploy_target_id,
    struct telling_row *row, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, M, TELLING_TARGET, e, "i", deploy_target_id);
	int rc = s ? db_step(s, e) : -1;

	*row = (struct telling_row){0};
	if (rc == 0)
		return err_set(e, KIND_NOTFOUND, "no such deploy target");
	if (rc < 0)
		return -1;
	*row = (struct telling_row){
	    TELLING_OF_TARGET, db_int(s, 0), read_state(s, 1), db_int(s, 2)};
	db_reset(s);
	return 0;
}

/* ---- noting -------------------------------------------------------------- */

static size_t
statement(const struct telling_row *row, size_t what)
{
	return (size_t)row->of * OF__MAX + what;
}

int
telling_claim(struct store *st, const struct telling_row *row, struct err *e)
{
	int64_t now = clock_now();
	int64_t n = stmt_run(st, M, statement(row, OF_CLAIM), e, "itiii",
	    row->id, names[row->told], row->told_at, now, now + TELLING_TIME);

	return n < 0 ? -1 : n > 0;
}

int
telling_note(struct store *st, const struct telling_row *row,
    enum telling_state to, struct err *e)
{
	return stmt_run(st, M, statement(row, OF_NOTE), e, "itiit", row->id,
		   names[row->told], row->told_at, clock_now(), names[to]) < 0
	    ? -1
	    : 0;
}

int
telling_leave(struct store *st, const struct telling_row *row, struct err *e)
{
	return stmt_run(st, M, statement(row, OF_LEAVE), e, "iti", row->id,
		   names[row->told], row->told_at) < 0
	    ? -1
	    : 0;
}

/* ---- counting ------------------------------------------------------------ */

int
telling_count_renewals(struct store *st, int64_t *n, struct err *e)
{
	int64_t served = 0;

	if (stmt_int(st, M, TELLING_COUNT, n, e, "") < 0 ||
	    stmt_int(st, M, TELLING_COUNT_SERVED, &served, e, "") < 0)
		return -1;
	*n += served;
	return 0;
}

int
telling_each_ca(struct store *st,
    int (*fn)(void *arg, const char *directory_url, int64_t n, struct err *e),
    void *arg, struct err *e)
{
	struct db_stmt *s = stmt_query(st, M, TELLING_ACCOUNTS, e, "");
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		int64_t n = 0;

		if (stmt_int(st, M, TELLING_COUNT_OF, &n, e, "i",
			db_int(s, 0)) < 0 ||
		    fn(arg, db_text(s, 1), n, e) < 0) {
			db_reset(s);
			return -1;
		}
	}
	return rc;
}

static int
end_first(void *arg, const struct telling_renewal *r, struct err *e)
{
	int64_t *not_after = arg;

	(void)e;
	if (!r->is_parked && (*not_after == 0 || r->not_after < *not_after))
		*not_after = r->not_after;
	return 0;
}

int
telling_next_expiry(struct store *st, int64_t *not_after, struct err *e)
{
	*not_after = 0;
	return stmt_int(st, M, TELLING_NEXT_EXPIRY, not_after, e, "") < 0
	    ? -1
	    : each_of(st, TELLING_SERVED, end_first, not_after, e);
}

int
telling_note_run(struct store *st, const char *name, struct err *e)
{
	return stmt_run(st, M, TELLING_SET_RUN, e, "ti", name, clock_now()) < 0
	    ? -1
	    : 0;
}

int
telling_last_run(struct store *st, const char *name, int64_t *at, struct err *e)
{
	*at = 0;
	return stmt_int(st, M, TELLING_LAST_RUN, at, e, "t", name) < 0 ? -1 : 0;
}
