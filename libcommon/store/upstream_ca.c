#include "store/upstream_ca.h"

#include "store/event.h"
#include "store/stmt.h"
#include "sys/clock.h"

enum {
	UPSTREAM_CA_ADD,
	UPSTREAM_CA_BY_ID,
	UPSTREAM_CA_BY_NAME,
	UPSTREAM_CA_BY_URL,
	UPSTREAM_CA_EACH,
	UPSTREAM_CA_SET_DIRECTORY,
	UPSTREAM_CA_TOUCH,
	UPSTREAM_CA_ADD_DIRECTORY,
	UPSTREAM_CA_EACH_DIRECTORY,
	UPSTREAM_CA_HOLD_ALL,
	UPSTREAM_CA_HOLD_REGISTER,
	UPSTREAM_CA_HOLD_ORDER,
	UPSTREAM_CA_HELD,
	UPSTREAM_CA_FAILED,
	UPSTREAM_CA_ANSWERED,
	UPSTREAM_CA_OF_ACCOUNT
};

#define HELD_UNTIL                                                             \
	"CASE WHEN away_until > retry_at THEN away_until ELSE retry_at END"
#define COLUMNS                                                                \
	"id, name, directory_url, trust, directory, fetched, " HELD_UNTIL

#define AWAY_FAILURES 3 /* so many, and it is left alone */
#define AWAY_LEAST 60 /* seconds */
#define AWAY_MOST 3600

static const char *const sql[] = {
    [UPSTREAM_CA_ADD] =
	"INSERT INTO upstream_cas (name, directory_url, trust)"
	" VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING RETURNING id",
    [UPSTREAM_CA_BY_ID] = "SELECT " COLUMNS " FROM upstream_cas WHERE id = ?1",
    [UPSTREAM_CA_BY_NAME] =
	"SELECT " COLUMNS " FROM upstream_cas WHERE name = ?1",
    [UPSTREAM_CA_BY_URL] =
	"SELECT " COLUMNS " FROM upstream_cas WHERE directory_url = ?1",
    [UPSTREAM_CA_EACH] =
	"SELECT " COLUMNS " FROM upstream_cas WHERE id > 0 ORDER BY id",
    [UPSTREAM_CA_SET_DIRECTORY] =
	"UPDATE upstream_cas SET directory = ?2, fetched = ?3 WHERE id = ?1"
	" AND (directory IS NULL OR directory <> ?2)",
    [UPSTREAM_CA_TOUCH] = "UPDATE upstream_cas SET fetched = ?2 WHERE id = ?1",
    [UPSTREAM_CA_ADD_DIRECTORY] =
	"INSERT INTO upstream_directories (upstream_ca_id, at, directory)"
	" VALUES (?1, ?2, ?3)",
    [UPSTREAM_CA_EACH_DIRECTORY] =
	"SELECT at, directory FROM upstream_directories"
	" WHERE upstream_ca_id = ?1 ORDER BY id",
    [UPSTREAM_CA_HOLD_ALL] = "UPDATE upstream_cas SET retry_at = ?2"
			     " WHERE id = ?1 AND retry_at < ?2",
    [UPSTREAM_CA_HOLD_REGISTER] = "UPDATE upstream_cas SET register_at = ?2"
				  " WHERE id = ?1 AND register_at < ?2",
    [UPSTREAM_CA_HOLD_ORDER] = "UPDATE upstream_accounts SET retry_at = ?2"
			       " WHERE id = ?1 AND retry_at < ?2",
    [UPSTREAM_CA_HELD] =
	"SELECT c.retry_at, c.register_at, COALESCE((SELECT a.retry_at"
	" FROM upstream_accounts a WHERE a.id = ?2), 0), c.away_until,"
	" c.away_error"
	" FROM upstream_cas c WHERE c.id = ?1",
    /* for as long as it has been away already: each hold is twice the last */
    [UPSTREAM_CA_FAILED] =
	"UPDATE upstream_cas SET failures = failures + ?3, away_error = ?7,"
	" away_since = CASE WHEN failures = 0 THEN CAST(?2 AS BIGINT)"
	" ELSE away_since END,"
	" away_until = CASE WHEN failures + ?3 < ?4 THEN away_until"
	" WHEN failures = 0 OR ?2 - away_since < ?5"
	" THEN CAST(?2 AS BIGINT) + ?5"
	" WHEN ?2 - away_since > ?6 THEN CAST(?2 AS BIGINT) + ?6"
	" ELSE CAST(?2 AS BIGINT) + ?2 - away_since END WHERE id = ?1",
    [UPSTREAM_CA_ANSWERED] =
	"UPDATE upstream_cas SET failures = 0, away_since = 0, away_until = 0,"
	" away_error = NULL WHERE id = ?1 AND failures > 0",
    [UPSTREAM_CA_OF_ACCOUNT] =
	"SELECT " HELD_UNTIL
	", away_error FROM upstream_cas WHERE directory_url ="
	" (SELECT a.directory_url FROM upstream_accounts a WHERE a.id = ?1)"
	" AND failures > 0",
};

const struct stmt_table upstream_ca_stmts = {
    "upstream_ca", sql, ARRAY_LEN(sql)};

/* ---- adding -------------------------------------------------------------- */

struct addition {
	struct store *st;
	const char *name, *directory_url, *trust;
	int64_t id;
};

/* What is there already: -1. */
static int
explain(const struct addition *a, struct err *e)
{
	struct upstream_ca ca;
	struct err why = {0};

	if (upstream_ca_by_url(a->st, a->directory_url, &ca, &why) < 0 &&
	    upstream_ca_by_name(a->st, a->name, &ca, e) < 0)
		return -1;
	err_set(e, KIND_CONFLICT, "there is a CA %s already, at %s", ca.name,
	    ca.directory_url);
	upstream_ca_release(&ca);
	return -1;
}

static int
add(void *arg, struct err *e)
{
	struct addition *a = arg;
	int rc = stmt_int(a->st, STMT_UPSTREAM_CA, UPSTREAM_CA_ADD, &a->id, e,
	    "ttt", a->name, a->directory_url, a->trust);

	if (rc == 0)
		return explain(a, e);
	return rc < 0 ? -1
		      : event_add(a->st, "upstream_ca.add", EVENT_UPSTREAM_CA,
			    a->id, a->name, e);
}

static bool
is_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= UPSTREAM_CA_NAME_MAX &&
	    strspn(name,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-._") == len;
}

int
upstream_ca_add(struct store *st, const char *name, const char *directory_url,
    const char *trust, int64_t *id, struct err *e)
{
	struct addition a = {.st = st,
	    .name = name,
	    .directory_url = directory_url,
	    .trust = trust};

	if (!is_name(name))
		return err_set(e, KIND_INPUT,
		    "the name of a CA is letters, digits, -, . and _, at most "
		    "%d",
		    UPSTREAM_CA_NAME_MAX);
	if (trust && strlen(trust) > UPSTREAM_CA_TRUST_MAX)
		return err_set(e, KIND_INPUT,
		    "the roots of a CA are at most %zu bytes",
		    UPSTREAM_CA_TRUST_MAX);
	if (db_transaction(st->db, DB_DURABLE, add, &a, e) < 0)
		return -1;
	*id = a.id;
	return 0;
}

/* ---- reading ------------------------------------------------------------- */

void
upstream_ca_release(struct upstream_ca *ca)
{
	if (!ca)
		return;
	free(ca->name);
	free(ca->directory_url);
	free(ca->trust);
	free(ca->directory);
	*ca = (struct upstream_ca){0};
}

static void
read_row(struct db_stmt *s, struct upstream_ca *ca)
{
	*ca = (struct upstream_ca){.id = db_int(s, 0)};
	ca->name = stmt_text_dup(s, 1);
	ca->directory_url = stmt_text_dup(s, 2);
	ca->trust = stmt_text_dup(s, 3);
	ca->directory = stmt_text_dup(s, 4);
	ca->fetched = db_int(s, 5);
	ca->retry_at = db_int(s, 6);
}

static int
read_one(struct db_stmt *s, struct upstream_ca *ca, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;

	*ca = (struct upstream_ca){0};
	if (rc == 0)
		return err_set(e, KIND_NOTFOUND, "no such CA");
	if (rc < 0)
		return -1;
	read_row(s, ca);
	db_reset(s);
	return 0;
}

int
upstream_ca_by_id(
    struct store *st, int64_t id, struct upstream_ca *ca, struct err *e)
{
	return read_one(
	    stmt_query(st, STMT_UPSTREAM_CA, UPSTREAM_CA_BY_ID, e, "i", id), ca,
	    e);
}

int
upstream_ca_by_name(
    struct store *st, const char *name, struct upstream_ca *ca, struct err *e)
{
	return read_one(
	    stmt_query(st, STMT_UPSTREAM_CA, UPSTREAM_CA_BY_NAME, e, "t", name),
	    ca, e);
}

int
upstream_ca_by_url(
    struct store *st, const char *url, struct upstream_ca *ca, struct err *e)
{
	return read_one(
	    stmt_query(st, STMT_UPSTREAM_CA, UPSTREAM_CA_BY_URL, e, "t", url),
	    ca, e);
}

int
upstream_ca_each(struct store *st,
    int (*fn)(void *arg, const struct upstream_ca *ca, struct err *e),
    void *arg, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, STMT_UPSTREAM_CA, UPSTREAM_CA_EACH, e, "");
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		struct upstream_ca ca;
		int result;

		read_row(s, &ca);
		result = fn(arg, &ca, e);
		upstream_ca_release(&ca);
		if (result < 0) {
			db_reset(s);
			return -1;
		}
	}
	return rc;
}

/* ---- the directory ------------------------------------------------------- */

struct change {
	struct store *st;
	int64_t id;
	const char *directory;
	bool changed;
};

static int
set_directory(void *arg, struct err *e)
{
	struct change *c = arg;
	int64_t n = stmt_run(c->st, STMT_UPSTREAM_CA, UPSTREAM_CA_SET_DIRECTORY,
	    e, "iti", c->id, c->directory, clock_now());

	c->changed = n > 0;
	if (n < 0)
		return -1;
	if (!c->changed)
		return stmt_run(c->st, STMT_UPSTREAM_CA, UPSTREAM_CA_TOUCH, e,
			   "ii", c->id, clock_now()) < 0
		    ? -1
		    : 0;
	if (stmt_run(c->st, STMT_UPSTREAM_CA, UPSTREAM_CA_ADD_DIRECTORY, e,
		"iit", c->id, clock_now(), c->directory) < 0)
		return -1;
	return event_add(
	    c->st, "upstream_ca.directory", EVENT_UPSTREAM_CA, c->id, NULL, e);
}

int
upstream_ca_set_directory(struct store *st, int64_t id, const char *directory,
    bool *changed, struct err *e)
{
	struct change c = {.st = st, .id = id, .directory = directory};

	if (db_transaction(st->db, DB_QUICK, set_directory, &c, e) < 0)
		return -1;
	*changed = c.changed;
	return 0;
}

int
upstream_ca_each_directory(struct store *st, int64_t id,
    int (*fn)(void *arg, int64_t at, const char *directory, struct err *e),
    void *arg, struct err *e)
{
	struct db_stmt *s = stmt_query(
	    st, STMT_UPSTREAM_CA, UPSTREAM_CA_EACH_DIRECTORY, e, "i", id);
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0)
		if (fn(arg, db_int(s, 0), db_text(s, 1), e) < 0) {
			db_reset(s);
			return -1;
		}
	return rc;
}

/* ---- holds --------------------------------------------------------------- */

int
upstream_ca_hold(struct store *st, int64_t id, int64_t upstream_account_id,
    enum upstream_hold hold, int64_t until, struct err *e)
{
	static const size_t rows[] = {
	    [UPSTREAM_HOLD_ALL] = UPSTREAM_CA_HOLD_ALL,
	    [UPSTREAM_HOLD_REGISTER] = UPSTREAM_CA_HOLD_REGISTER,
	    [UPSTREAM_HOLD_ORDER] = UPSTREAM_CA_HOLD_ORDER,
	};
	int64_t object = hold == UPSTREAM_HOLD_ORDER ? upstream_account_id : id;

	_Static_assert(
	    ARRAY_LEN(rows) == UPSTREAM_HOLD__MAX, "a statement per hold");
	return stmt_run(
		   st, STMT_UPSTREAM_CA, rows[hold], e, "ii", object, until) < 0
	    ? -1
	    : 0;
}

static void
read_why(struct db_stmt *s, int column, struct upstream_held *held)
{
	if (!db_is_null(s, column))
		snprintf(
		    held->why, sizeof(held->why), "%s", db_text(s, column));
}

int
upstream_ca_held_until(struct store *st, int64_t id,
    int64_t upstream_account_id, enum upstream_hold hold,
    struct upstream_held *held, struct err *e)
{
	struct db_stmt *s = stmt_query(st, STMT_UPSTREAM_CA, UPSTREAM_CA_HELD,
	    e, "ii", id, upstream_account_id);
	int64_t own;
	int rc = s ? db_step(s, e) : -1;

	*held = (struct upstream_held){0};
	if (rc <= 0)
		return rc;
	held->until = db_int(s, UPSTREAM_HOLD_ALL);
	own = db_int(s, (int)hold);
	if (own > held->until)
		held->until = own;
	own = db_int(s, UPSTREAM_HOLD__MAX);
	held->is_away = held->until <= clock_now();
	if (own > held->until)
		held->until = own;
	read_why(s, UPSTREAM_HOLD__MAX + 1, held);
	db_reset(s);
	return 0;
}

int
upstream_ca_failed(
    struct store *st, int64_t id, bool is_all, const char *why, struct err *e)
{
	return stmt_run(st, STMT_UPSTREAM_CA, UPSTREAM_CA_FAILED, e, "iiiiiit",
		   id, clock_now(), (int64_t)(is_all ? AWAY_FAILURES : 1),
		   (int64_t)AWAY_FAILURES, (int64_t)AWAY_LEAST,
		   (int64_t)AWAY_MOST, why) < 0
	    ? -1
	    : 0;
}

int
upstream_ca_answered(struct store *st, int64_t id, struct err *e)
{
	return stmt_run(
		   st, STMT_UPSTREAM_CA, UPSTREAM_CA_ANSWERED, e, "i", id) < 0
	    ? -1
	    : 0;
}

int
upstream_ca_away_until(struct store *st, int64_t upstream_account_id,
    struct upstream_held *held, struct err *e)
{
	struct db_stmt *s = stmt_query(st, STMT_UPSTREAM_CA,
	    UPSTREAM_CA_OF_ACCOUNT, e, "i", upstream_account_id);
	int rc = s ? db_step(s, e) : -1;

	*held = (struct upstream_held){.is_away = rc > 0};
	if (rc <= 0)
		return rc;
	held->until = db_int(s, 0);
	read_why(s, 1, held);
	db_reset(s);
	return 1;
}
