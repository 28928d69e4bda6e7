#include "wrap/db_pg.h"

#include <dlfcn.h>
#include <errno.h>
#include <libpq-fe.h>
#include <unistd.h>

#include "sys/clock.h"

#define BUSY_MS 10000
#define PORT "5432"
#define TURN "(1633905005)" /* an advisory lock of the database */
#define PARAMS_MAX 16
#define ROWS_EACH 1000 /* fetched at a time from a large result */
#define FORMAT_BINARY 1

/* Types of columns, by their numbers in pg_type, which never change. */
enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25
};

/*
 * What we call of libpq.  It is loaded when a URL asks for it: most stores are
 * SQLite's, and it costs more to load than all else together.
 */
#define LIBRARY "libpq.so.5"
#define FUNCTIONS(F)                                                           \
	F(PQclear)                                                             \
	F(PQcmdStatus)                                                         \
	F(PQcmdTuples)                                                         \
	F(PQconnectdbParams)                                                   \
	F(PQconninfoFree)                                                      \
	F(PQconninfoParse)                                                     \
	F(PQdescribePrepared)                                                  \
	F(PQerrorMessage)                                                      \
	F(PQexec)                                                              \
	F(PQexecParams)                                                        \
	F(PQexecPrepared)                                                      \
	F(PQfinish)                                                            \
	F(PQfreemem)                                                           \
	F(PQftype)                                                             \
	F(PQgetisnull)                                                         \
	F(PQgetlength)                                                         \
	F(PQgetvalue)                                                          \
	F(PQnparams)                                                           \
	F(PQntuples)                                                           \
	F(PQparamtype)                                                         \
	F(PQprepare)                                                           \
	F(PQreset)                                                             \
	F(PQresultErrorField)                                                  \
	F(PQresultStatus)                                                      \
	F(PQsetNoticeProcessor)                                                \
	F(PQstatus)                                                            \
	F(PQtransactionStatus)

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a member cannot stand in them */
#define MEMBER(name) __typeof__(name) *name;
static struct {
	FUNCTIONS(MEMBER)
} pq;

struct pg {
	struct db base;
	PGconn *conn;
	char *name; /* for messages: the URL without what is only for libpq */
	enum db_mode mode;
	char durable[96]; /* what begins a durable transaction */
	unsigned connection; /* counts those that were made */
	unsigned statements; /* counts, for their names */
	unsigned snapshots; /* counts; the number of the present one */
	bool in_snapshot;
	bool again; /* the transaction is to be run again */
	unsigned runs; /* of the transaction, that were in vain */
	int64_t since; /* when the first of them began */
	bool has_turn; /* holds TURN */
};

struct pg_stmt {
	struct db_stmt base;
	char *sql; /* with parameters as PostgreSQL writes them */
	char name[16];
	unsigned connection; /* that it is prepared on */
	bool writes;
	size_t params;
	const char *values[PARAMS_MAX];
	int lengths[PARAMS_MAX], formats[PARAMS_MAX];
	char numbers[PARAMS_MAX][24];
	PGresult *rows; /* NULL: not run yet, or reset */
	int row; /* the one at hand */
	unsigned cursor; /* the snapshot that a cursor is open in, or 0 */
	int64_t changes;
};

static struct pg *
of(struct db *base)
{
	return (struct pg *)base;
}

static struct pg_stmt *
stmt_of(struct db_stmt *base)
{
	return (struct pg_stmt *)base;
}

/* ---- the library --------------------------------------------------------- */

static int
load_library(struct err *e)
{
	static void *library;

	if (library)
		return 0;
	library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		err_set(e, KIND_CONF,
		    "the store is PostgreSQL's, and %s is not there; install "
		    "the package libpq5",
		    LIBRARY);
		return err_detail(e, "%s", dlerror());
	}
#define LOAD(name)                                                             \
	pq.name = (__typeof__(name) *)dlsym(library, #name);                   \
	if (!pq.name)                                                          \
		return err_set(e, KIND_CONF, "%s has no %s", LIBRARY, #name);
	FUNCTIONS(LOAD)
	return 0;
}

/* ---- errors -------------------------------------------------------------- */

/* By SQLSTATE, or the class in front of it; the first that fits. */
static const struct {
	const char *state;
	enum err_kind kind;
	const char *text; /* instead of what was tried, or NULL */
} states[] = {
    {"23503", KIND_CONFLICT, NULL}, /* foreign key */
    {"23505", KIND_CONFLICT, NULL}, /* unique */
    {"40001", KIND_BUSY, "the store is busy with others' transactions"},
    {"40P01", KIND_BUSY, "the store is busy with others' transactions"},
    {"55P03", KIND_BUSY, "the store is locked by another process"},
    {"57014", KIND_BUSY, "the store has taken too long"},
    {"57P", KIND_BUSY, "the server of the store goes down or comes up"},
    {"53100", KIND_BUSY, "there is no room for the store"},
    {"53300", KIND_BUSY, "the server of the store has no free connection"},
    {"53", KIND_SYS, NULL}, /* out of something */
    {"3F", KIND_CONF, NULL}, /* no such schema */
    {"08", KIND_BUSY, "the connection to the store was lost"},
    {"25006", KIND_SYS, NULL}, /* read only */
    {"25P03", KIND_BUSY, "the store has waited too long for this process"},
    {"42501", KIND_SYS, NULL}, /* privileges */
    {"58", KIND_SYS, NULL}, /* I/O */
    {"XX001", KIND_CONF, NULL}, /* damage: no later run will mend it */
    {"XX002", KIND_CONF, NULL},
};

static void
add_detail(struct pg *db, const char *state, struct err *e)
{
	const char *text = pq.PQerrorMessage(db->conn);

	err_detail(e, "%s: %.*s (%s)", db->name, (int)strcspn(text, "\n"), text,
	    state ? state : "no connection");
}

/* Of the call that was made last; `r` may be NULL. */
static int
fail(struct pg *db, const PGresult *r, const char *what, struct err *e)
{
	const char *state =
	    r ? pq.PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
	size_t i;

	if (!state || pq.PQstatus(db->conn) == CONNECTION_BAD)
		state = state && str_starts(state, "57P") ? state : "08006";
	if (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0)
		db->again = true;
	for (i = 0; i < ARRAY_LEN(states); i++)
		if (str_starts(state, states[i].state))
			break;
	if (i == ARRAY_LEN(states))
		err_set(e, KIND_BUG, "%s: %s", db->name, what);
	else if (states[i].text)
		err_set(e, states[i].kind, "%s", states[i].text);
	else
		err_set(e, states[i].kind, "%s: %s", db->name, what);
	add_detail(db, state, e);
	return -1;
}

static bool
is_lost(const struct pg *db)
{
	return pq.PQstatus(db->conn) != CONNECTION_OK;
}

static bool
pg_is_lost(struct db *base)
{
	return is_lost(of(base));
}

static bool
is_good(const PGresult *r)
{
	ExecStatusType status = pq.PQresultStatus(r);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
	    status == PGRES_EMPTY_QUERY;
}

/* Takes `r`: 0 when it is a success. */
static int
finish(struct pg *db, PGresult *r, const char *what, struct err *e)
{
	int rc = is_good(r) ? 0 : fail(db, r, what, e);

	pq.PQclear(r);
	return rc;
}

int
pg_exec(struct db *base, const char *sql, struct err *e)
{
	struct pg *db = of(base);

	return finish(
	    db, pq.PQexec(db->conn, sql), "cannot run a statement", e);
}

/* ---- the connection ------------------------------------------------------ */

static void
ignore_notice(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

/*
 * Sets what the server keeps per connection; tells how it is set up.
 * Every statement of store/ is made for an index.  With so few rows that the
 * planner would rather read the table, a serializable transaction would come
 * in the way of all others.  A scan that is made all the same has a cost beyond
 * everything, and would be compiled.
 */
static const char set_up_sql[] =
    "SELECT current_setting('synchronous_commit'), current_schema(),"
    " to_regclass(quote_ident(current_schema()) || '.acmed_version')"
    " IS NOT NULL,"
    " set_config('synchronous_commit', 'off', false),"
    " set_config('default_transaction_read_only', $1, false),"
    " set_config('lock_timeout', '10s', false),"
    " set_config('idle_in_transaction_session_timeout', '60s', false),"
    " set_config('plan_cache_mode', 'force_generic_plan', false),"
    " set_config('enable_seqscan', 'off', false),"
    " set_config('enable_bitmapscan', 'off', false),"
    " set_config('jit', 'off', false),"
    " set_config('client_min_messages', 'error', false)";

static int
set_up(struct pg *db, bool *is_store, struct err *e)
{
	const char *read_only = db->mode == DB_READ ? "on" : "off";
	PGresult *r = pq.PQexecParams(
	    db->conn, set_up_sql, 1, NULL, &read_only, NULL, NULL, 0);
	int rc = 0;

	*is_store = false;
	if (!is_good(r)) {
		rc = fail(db, r, "cannot set up the connection", e);
	} else {
		const char *level = pq.PQgetvalue(r, 0, 0);

		snprintf(db->durable, sizeof(db->durable),
		    "BEGIN ISOLATION LEVEL SERIALIZABLE;"
		    " SET LOCAL synchronous_commit = %s",
		    strcmp(level, "off") == 0 ? "on" : level);
		*is_store = pq.PQgetvalue(r, 0, 2)[0] == 't';
		db->has_turn = false; /* it went with the last one */
		db->connection++;
	}
	pq.PQclear(r);
	return rc;
}

/*
 * Connects anew, once, what was lost between two transactions.  A process that
 * has given up its rights may be unable to; then the store is lost for it.
 */
static int
reconnect(struct pg *db, struct err *e)
{
	bool is_store;

	pq.PQreset(db->conn);
	if (is_lost(db))
		return fail(db, NULL, "cannot connect", e);
	return set_up(db, &is_store, e);
}

/*
 * Runs `sql` where no transaction is; when the connection turns out to be lost,
 * nothing was, and it is made anew.
 */
static int
exec_first(struct pg *db, const char *sql, struct err *e)
{
	PGresult *r;

	if (is_lost(db) && reconnect(db, e) < 0)
		return -1;
	r = pq.PQexec(db->conn, sql);
	if (!is_good(r) && is_lost(db)) {
		pq.PQclear(r);
		if (reconnect(db, e) < 0)
			return -1;
		r = pq.PQexec(db->conn, sql);
	}
	return finish(db, r, sql, e);
}

/* ---- opening ------------------------------------------------------------- */

/* Without the user and what follows the database. */
static char *
name_of(const char *url)
{
	const char *host = url + strlen("postgresql://");
	size_t len = strcspn(host, "?");
	const char *at = memchr(host, '@', len);

	if (at) {
		len -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	return xasprintf("postgresql://%.*s", (int)len, host);
}

static bool
is_one_of(const char *word, const char *const *list, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (strcmp(word, list[i]) == 0)
			break;
	return i < len;
}

/*
 * What the URL says.  It may be in error messages and on command lines: there
 * must be no password in it.  NULL on failure.
 */
static PQconninfoOption *
read_url(const char *url, struct err *e)
{
	static const char *const secrets[] = {"password", "sslpassword"};
	char *why = NULL;
	PQconninfoOption *options, *o;

	if (load_library(e) < 0)
		return NULL;
	if (!str_starts(url, "postgresql://")) {
		err_set(e, KIND_CONF,
		    "the URL of the store does not begin with postgresql://");
		return NULL;
	}
	options = pq.PQconninfoParse(url, &why);
	if (!options) {
		err_set(e, KIND_CONF,
		    "the URL of the store is not one that libpq reads");
		pq.PQfreemem(why); /* it may show a password */
		return NULL;
	}
	for (o = options; o->keyword; o++) {
		if (!o->val ||
		    !is_one_of(o->keyword, secrets, ARRAY_LEN(secrets)))
			continue;
		err_set(e, KIND_CONF,
		    "the URL of the store has a password in it; give the path "
		    "of a password file as passfile=");
		pq.PQconninfoFree(options);
		return NULL;
	}
	return options;
}

/* What libc, libssl and libpq read to find the server and to know it. */
static int
pg_load(const char *url, struct strv *files, struct strv *ports, struct err *e)
{
	static const char *const paths[] = {"/etc/hosts", "/etc/resolv.conf",
	    "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf",
	    "/etc/services", "/etc/passwd", "/etc/ssl", "/usr/lib/ssl"};
	static const char *const named[] = {
	    "passfile", "sslcert", "sslkey", "sslrootcert", "sslcrl"};
	PQconninfoOption *options = read_url(url, e), *o;
	const char *port = PORT;
	size_t i;

	if (!options)
		return -1;
	for (i = 0; i < ARRAY_LEN(paths); i++)
		strv_add(files, paths[i]);
	for (o = options; o->keyword; o++) {
		if (!o->val)
			continue;
		if (is_one_of(o->keyword, named, ARRAY_LEN(named)))
			strv_add(files, o->val);
		else if (strcmp(o->keyword, "port") == 0)
			port = o->val;
	}
	for (; *port; port += strspn(port, ",")) {
		char *one = xstrndup(port, strcspn(port, ","));

		strv_add(ports, one);
		port += strlen(one);
		free(one);
	}
	pq.PQconninfoFree(options);
	return 0;
}

/*
 * What stands before dbname, the URL can change.  A server that is gone must
 * not hold us for longer than a lock.
 */
static int
connect_to(struct pg *db, const char *url, struct err *e)
{
	static const char *const keywords[] = {"connect_timeout",
	    "tcp_user_timeout", "keepalives_idle", "keepalives_interval",
	    "keepalives_count", "fallback_application_name", "dbname",
	    "client_encoding", NULL};
	const char *values[] = {"10", "10000", "10", "5", "3",
	    program_invocation_short_name, url, "UTF8", NULL};

	db->conn = pq.PQconnectdbParams(keywords, values, 1);
	if (!db->conn || is_lost(db)) {
		err_set(e, KIND_SYS, "%s: cannot connect", db->name);
		if (db->conn)
			add_detail(db, NULL, e);
		return -1;
	}
	pq.PQsetNoticeProcessor(db->conn, ignore_notice, NULL);
	return 0;
}

/* Makes the schema that search_path begins with, when it names one alone. */
static const char make_schema_sql[] =
    "DO $$ BEGIN IF current_schema() IS NULL AND"
    " current_setting('search_path') !~ ',' THEN EXECUTE"
    " 'CREATE SCHEMA ' || current_setting('search_path');"
    " END IF; END $$";

/* Makes the version's table, which makes a schema that is empty a store. */
static int
begin_store(struct pg *db, struct err *e)
{
	struct err why = {0};
	PGresult *r;
	bool is_empty;

	if (pg_exec(&db->base, make_schema_sql, e) < 0)
		return -1;
	r = pq.PQexec(db->conn,
	    "SELECT 1 FROM pg_class"
	    " WHERE relnamespace = current_schema()::regnamespace LIMIT 1");
	is_empty = is_good(r) && pq.PQntuples(r) == 0;
	if (finish(db, r, "cannot look at the schema", e) < 0)
		return -1;
	if (!is_empty)
		return err_set(e, KIND_CONF,
		    "%s: the schema is not empty, and no store of acmed",
		    db->name);
	if (pg_exec(&db->base,
		"CREATE TABLE acmed_version (version BIGINT NOT NULL);"
		" INSERT INTO acmed_version VALUES (0)",
		&why) == 0)
		return 0;
	/* Another process was faster. */
	if (why.kind == KIND_CONFLICT || strstr(why.detail, "(42P07)"))
		return err_set(
		    e, KIND_CONFLICT, "%s: exists already", db->name);
	*e = why;
	return -1;
}

static int
open_store(struct pg *db, const char *url, struct err *e)
{
	bool is_store;

	if (connect_to(db, url, e) < 0 || set_up(db, &is_store, e) < 0)
		return -1;
	if (db->mode == DB_CREATE)
		return is_store
		    ? err_set(e, KIND_CONFLICT, "%s: exists already", db->name)
		    : begin_store(db, e);
	if (!is_store)
		return err_set(e, KIND_NOTFOUND, "%s: no such store", db->name);
	return 0;
}

static void
pg_close(struct db *base)
{
	struct pg *db = of(base);

	if (db->conn)
		pq.PQfinish(db->conn);
	free(db->name);
	free(db);
}

static struct db *
pg_open(const char *url, enum db_mode mode, struct err *e)
{
	PQconninfoOption *options = read_url(url, e);
	struct pg *db;

	if (!options)
		return NULL;
	pq.PQconninfoFree(options);
	db = xcalloc(1, sizeof(*db));
	db->base.engine = &db_pg;
	db->mode = mode;
	db->name = name_of(url);
	if (open_store(db, url, e) == 0)
		return &db->base;
	pg_close(&db->base);
	return NULL;
}

static char *
pg_path(const char *url, struct err *e)
{
	(void)url;
	err_set(
	    e, KIND_CONF, "a store of PostgreSQL has no file on this machine");
	return NULL;
}

/* ---- schema -------------------------------------------------------------- */

static const char *const tokens[][2] = {
    {"@id", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"},
    {"@number", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"},
    {"@int", "BIGINT"},
    {"@text", "TEXT"},
    {"@blob", "BYTEA"},
    {"@strict", ""},
    {"@keyed", ""},
    {NULL, NULL},
};

static int
pg_version(struct db *base, struct err *e)
{
	struct pg *db = of(base);
	PGresult *r = pq.PQexec(db->conn, "SELECT version FROM acmed_version");
	int version = -1;

	if (is_good(r) && pq.PQntuples(r) == 1)
		version = (int)strtol(pq.PQgetvalue(r, 0, 0), NULL, 10);
	else if (is_good(r))
		err_set(e, KIND_CONF, "%s: acmed_version has not one row",
		    db->name);
	else
		fail(db, r, "cannot read the version", e);
	pq.PQclear(r);
	return version;
}

struct migration {
	struct db *db;
	const char *sql;
	int from, to;
};

static int
migrate(void *arg, struct err *e)
{
	struct migration *m = arg;
	char set[64];
	int have;

	/* Before the transaction has seen anything. */
	if (pg_exec(m->db, "LOCK TABLE acmed_version IN EXCLUSIVE MODE", e) < 0)
		return -1;
	have = pg_version(m->db, e);
	if (have < 0)
		return -1;
	if (have != m->from)
		return err_set(e, KIND_CONFLICT, "%s: has version %d, not %d",
		    of(m->db)->name, have, m->from);
	snprintf(
	    set, sizeof(set), "UPDATE acmed_version SET version = %d", m->to);
	if (pg_exec(m->db, m->sql, e) < 0)
		return -1;
	return pg_exec(m->db, set, e);
}

static int
pg_migrate(struct db *base, const char *sql, int from, int to, struct err *e)
{
	struct migration m = {.db = base, .sql = sql, .from = from, .to = to};

	return db_transaction(base, DB_DURABLE, migrate, &m, e);
}

/* ---- transactions -------------------------------------------------------- */

/* Who came in another's way queues with all who did, rather than try again. */
static int
take_turn(struct pg *db, struct err *e)
{
	if (exec_first(db, "SELECT pg_advisory_lock" TURN, e) < 0)
		return -1;
	db->has_turn = true;
	return 0;
}

static void
end_turn(struct pg *db)
{
	if (db->has_turn && !is_lost(db))
		pq.PQclear(
		    pq.PQexec(db->conn, "SELECT pg_advisory_unlock" TURN));
	db->has_turn = false;
	db->runs = 0;
}

/*
 * Serializable: what store/ does in a transaction is right when no other runs
 * at the same time, as with SQLite, and not everything in it is a
 * compare-and-set of one row (two validations that each leave the order to the
 * other).  Who comes in another's way is run again.
 */
static int
pg_begin(struct db *base, enum db_durability durability, struct err *e)
{
	struct pg *db = of(base);

	if (db->runs == 0)
		db->since = clock_mono();
	db->again = false;
	if ((db->runs > 0 && !db->has_turn && take_turn(db, e) < 0) ||
	    exec_first(db,
		durability == DB_DURABLE ? db->durable
					 : "BEGIN ISOLATION LEVEL SERIALIZABLE",
		e) < 0) {
		end_turn(db);
		return -1;
	}
	base->durability = durability;
	return 0;
}

/* The server answers ROLLBACK when a statement failed that we let pass. */
static int
pg_commit(struct db *base, struct err *e)
{
	struct pg *db = of(base);
	PGresult *r = pq.PQexec(db->conn, "COMMIT");
	int rc = 0;

	if (!is_good(r))
		rc = fail(db, r, "cannot commit", e);
	else if (strcmp(pq.PQcmdStatus(r), "COMMIT") != 0)
		rc = err_set(e, KIND_BUG, "a part of a transaction failed");
	pq.PQclear(r);
	if (rc == 0)
		end_turn(db);
	return rc;
}

static int
pg_rollback(struct db *base, struct err *e)
{
	struct pg *db = of(base);
	unsigned us = 500u << (db->runs < 6 ? db->runs : 6);

	if (!is_lost(db) && pq.PQtransactionStatus(db->conn) != PQTRANS_IDLE)
		pq.PQclear(pq.PQexec(db->conn, "ROLLBACK"));
	if (!db->again || is_lost(db) || clock_mono() - db->since >= BUSY_MS) {
		end_turn(db);
		return 0;
	}
	if (db->runs++ > 1) /* somebody does not wait for a turn */
		usleep(us / 2 + arc4random_uniform(us));
	err_clear(e);
	return 1;
}

/* Not the lock of the table, for which also those would wait who read it. */
static int
pg_lock(struct db *base, const char *table, struct err *e)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
	    "SELECT pg_advisory_xact_lock('%s'::regclass::oid::bigint)", table);
	return pg_exec(base, sql, e);
}

static int
pg_begin_snapshot(struct db *base, struct err *e)
{
	struct pg *db = of(base);

	if (exec_first(
		db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", e) < 0)
		return -1;
	db->in_snapshot = true;
	db->snapshots++;
	return 0;
}

static void
pg_end_snapshot(struct db *base)
{
	struct pg *db = of(base);

	db->in_snapshot = false;
	if (!is_lost(db))
		pq.PQclear(pq.PQexec(db->conn, "ROLLBACK"));
}

/* ---- statements ---------------------------------------------------------- */

/* The length of what stands at `s` and is no place for a parameter, or 0. */
static size_t
opaque_len(const char *s)
{
	const char *end;

	if (*s == '\'' || *s == '"') {
		end = strchr(s + 1, *s);
		return end ? (size_t)(end - s) + 1 : strlen(s);
	}
	if (str_starts(s, "--"))
		return strcspn(s, "\n");
	if (str_starts(s, "/*")) {
		end = strstr(s + 2, "*/");
		return end ? (size_t)(end - s) + 2 : strlen(s);
	}
	return 0;
}

/* ?1 becomes $1; `*params` is the highest of them. */
static char *
translate(const char *sql, size_t *params)
{
	struct buf out;

	*params = 0;
	buf_init(&out, DB_SCHEMA_MAX);
	while (*sql) {
		size_t n = opaque_len(sql);

		if (n == 0 && *sql == '?') {
			size_t number = strtoul(sql + 1, NULL, 10);

			if (number > *params)
				*params = number;
			buf_adds(&out, "$");
			sql++;
			continue;
		}
		n = n ? n : 1;
		buf_add(&out, sql, n);
		sql += n;
	}
	return buf_detach(&out);
}

static int
prepare_here(struct pg_stmt *s, struct err *e)
{
	struct pg *db = of(s->base.db);
	PGresult *r = pq.PQprepare(db->conn, s->name, s->sql, 0, NULL);
	int rc = finish(db, r, "cannot prepare a statement", e);

	if (rc == 0)
		s->connection = db->connection;
	return rc;
}

/*
 * What does no harm when it is done twice, outside of a transaction: when the
 * connection turns out to be lost, it is made anew.
 */
static int
twice(struct pg_stmt *s, int (*fn)(struct pg_stmt *s, struct err *e),
    struct err *e)
{
	struct pg *db = of(s->base.db);
	struct err why = {0};

	if (is_lost(db) && reconnect(db, e) < 0)
		return -1;
	if (fn(s, &why) == 0)
		return 0;
	if (is_lost(db))
		return reconnect(db, e) < 0 ? -1 : fn(s, e);
	if (!err_is_set(e))
		*e = why;
	return -1;
}

static void
pg_finalize(struct db_stmt *base)
{
	struct pg_stmt *s = stmt_of(base);

	/* The server drops it with the connection; most go then. */
	pq.PQclear(s->rows);
	free(s->sql);
	free(s);
}

static bool
is_change(const char *sql)
{
	return str_starts(sql, "INSERT") || str_starts(sql, "UPDATE") ||
	    str_starts(sql, "DELETE");
}

static struct db_stmt *
pg_prepare(struct db *base, const char *sql, struct err *e)
{
	struct pg *db = of(base);
	struct pg_stmt *s = xcalloc(1, sizeof(*s));
	int rc = 0;

	s->base.db = base;
	s->sql = translate(sql, &s->params);
	s->writes = is_change(sql);
	snprintf(s->name, sizeof(s->name), "s%u", ++db->statements);
	if (s->params > PARAMS_MAX)
		rc =
		    err_set(e, KIND_BUG, "a statement has too many parameters");
	if (rc == 0)
		rc = base->depth > 0 ? prepare_here(s, e)
				     : twice(s, prepare_here, e);
	if (rc == 0)
		return &s->base;
	pg_finalize(&s->base);
	return NULL;
}

const char *
pg_stmt_name(const struct db_stmt *s)
{
	return ((const struct pg_stmt *)s)->name;
}

size_t
pg_stmt_params(const struct db_stmt *s)
{
	return ((const struct pg_stmt *)s)->params;
}

int
pg_stmt_check(struct db_stmt *base, struct err *e)
{
	struct pg *db = of(base->db);
	struct pg_stmt *s = stmt_of(base);
	PGresult *r = pq.PQdescribePrepared(db->conn, s->name);
	int i, rc = is_good(r) ? 0 : fail(db, r, "cannot describe", e);

	for (i = 0; rc == 0 && i < pq.PQnparams(r); i++) {
		Oid type = pq.PQparamtype(r, i);

		if (type != OID_INT8 && type != OID_TEXT && type != OID_BYTEA)
			rc = err_set(e, KIND_BUG,
			    "parameter %d is of type %u; say CAST: %s", i + 1,
			    type, s->sql);
	}
	pq.PQclear(r);
	return rc;
}

static void
pg_reset(struct db_stmt *base)
{
	struct pg_stmt *s = stmt_of(base);
	struct pg *db = of(base->db);
	char close[32];

	if (s->cursor == db->snapshots && db->in_snapshot && !is_lost(db)) {
		snprintf(close, sizeof(close), "CLOSE %s", s->name);
		pq.PQclear(pq.PQexec(db->conn, close));
	}
	s->cursor = 0;
	pq.PQclear(s->rows);
	s->rows = NULL;
}

static void
pg_bindv(struct db_stmt *base, const char *types, va_list ap)
{
	struct pg_stmt *s = stmt_of(base);
	size_t i;

	pg_reset(base);
	for (i = 0; i < PARAMS_MAX && types[i]; i++) {
		s->lengths[i] = 0;
		s->formats[i] = 0;
		switch (types[i]) {
		case 'i':
			snprintf(s->numbers[i], sizeof(s->numbers[i]), "%lld",
			    (long long)va_arg(ap, int64_t));
			s->values[i] = s->numbers[i];
			break;
		case 't':
			s->values[i] = va_arg(ap, const char *);
			break;
		default:
			s->values[i] = va_arg(ap, const void *);
			s->lengths[i] = (int)va_arg(ap, size_t);
			s->formats[i] = FORMAT_BINARY;
			break;
		}
	}
}

/* Takes `r` as the rows; 0, or -1. */
static int
take_rows(struct pg_stmt *s, PGresult *r, struct err *e)
{
	const char *changes;

	if (!is_good(r))
		return finish(of(s->base.db), r, "a statement failed", e);
	changes = pq.PQcmdTuples(r);
	s->changes = s->writes ? strtoll(changes, NULL, 10) : 0;
	pq.PQclear(s->rows);
	s->rows = r;
	s->row = -1;
	return 0;
}

static int
run_here(struct pg_stmt *s, struct err *e)
{
	struct pg *db = of(s->base.db);

	if (s->connection != db->connection && prepare_here(s, e) < 0)
		return -1;
	return take_rows(s,
	    pq.PQexecPrepared(db->conn, s->name, (int)s->params, s->values,
		s->lengths, s->formats, FORMAT_BINARY),
	    e);
}

static int
fetch(struct pg_stmt *s, struct err *e)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "FETCH %d FROM %s", ROWS_EACH, s->name);
	return take_rows(s,
	    pq.PQexecParams(of(s->base.db)->conn, sql, 0, NULL, NULL, NULL,
		NULL, FORMAT_BINARY),
	    e);
}

/* What has no parameter reads a whole table: not all of it at once. */
static int
run_cursor(struct pg_stmt *s, struct err *e)
{
	struct pg *db = of(s->base.db);
	char *sql =
	    xasprintf("DECLARE %s NO SCROLL CURSOR FOR %s", s->name, s->sql);
	int rc = pg_exec(s->base.db, sql, e);

	free(sql);
	if (rc < 0)
		return -1;
	s->cursor = db->snapshots;
	return fetch(s, e);
}

static int
run_change(void *arg, struct err *e)
{
	return run_here(arg, e);
}

static int
run(struct pg_stmt *s, struct err *e)
{
	struct pg *db = of(s->base.db);

	if (db->base.depth == 0)
		return s->writes
		    ? db_transaction(&db->base, DB_QUICK, run_change, s, e)
		    : twice(s, run_here, e);
	if (db->in_snapshot && s->params == 0 && str_starts(s->sql, "SELECT"))
		return run_cursor(s, e);
	return run_here(s, e);
}

static int
pg_step(struct db_stmt *base, struct err *e)
{
	struct pg_stmt *s = stmt_of(base);

	if (!s->rows && run(s, e) < 0) {
		pg_reset(base);
		return -1;
	}
	if (++s->row < pq.PQntuples(s->rows))
		return 1;
	if (s->cursor && s->row == ROWS_EACH) {
		if (fetch(s, e) < 0) {
			pg_reset(base);
			return -1;
		}
		if (++s->row < pq.PQntuples(s->rows))
			return 1;
	}
	pg_reset(base);
	return 0;
}

static int64_t
pg_changes(struct db_stmt *s)
{
	return stmt_of(s)->changes;
}

static int64_t
pg_int(struct db_stmt *base, int column)
{
	struct pg_stmt *s = stmt_of(base);
	const uint8_t *p =
	    (const uint8_t *)pq.PQgetvalue(s->rows, s->row, column);
	int i, len = pq.PQgetlength(s->rows, s->row, column);
	uint64_t n = 0;

	switch (pq.PQftype(s->rows, column)) {
	case OID_BOOL:
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
		break;
	default:
		return 0;
	}
	/* Big-endian; all but the highest byte of a negative one are ones. */
	if (len > 1 && p[0] & 0x80)
		n = UINT64_MAX;
	for (i = 0; i < len; i++)
		n = n << 8 | p[i];
	return (int64_t)n;
}

static const void *
pg_blob(struct db_stmt *base, int column, size_t *len)
{
	struct pg_stmt *s = stmt_of(base);

	*len = (size_t)pq.PQgetlength(s->rows, s->row, column);
	if (pq.PQgetisnull(s->rows, s->row, column))
		return NULL;
	return pq.PQgetvalue(s->rows, s->row, column);
}

static const char *
pg_text(struct db_stmt *s, int column)
{
	size_t len;

	return pg_blob(s, column, &len); /* libpq ends it with a NUL */
}

static bool
pg_is_null(struct db_stmt *base, int column)
{
	struct pg_stmt *s = stmt_of(base);

	return pq.PQgetisnull(s->rows, s->row, column);
}

/* ---- what the server's own tools do -------------------------------------- */

static int
pg_backup(struct db *base, const char *path, struct err *e)
{
	(void)path;
	return err_set(e, KIND_CONF, "%s: pg_dump(1) copies a store like this",
	    of(base)->name);
}

static int
pg_files(struct db *base, struct strv *paths, struct err *e)
{
	(void)base;
	(void)paths;
	(void)e;
	return 0;
}

static int
pg_checkpoint(struct db *base, struct err *e)
{
	(void)base;
	(void)e;
	return 0;
}

const struct db_engine db_pg = {
    .scheme = "postgresql:",
    .tokens = tokens,
    .load = pg_load,
    .is_lost = pg_is_lost,
    .open = pg_open,
    .close = pg_close,
    .path = pg_path,
    .version = pg_version,
    .migrate = pg_migrate,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .lock = pg_lock,
    .begin_snapshot = pg_begin_snapshot,
    .end_snapshot = pg_end_snapshot,
    .prepare = pg_prepare,
    .finalize = pg_finalize,
    .bindv = pg_bindv,
    .step = pg_step,
    .reset = pg_reset,
    .changes = pg_changes,
    .get_int = pg_int,
    .get_text = pg_text,
    .get_blob = pg_blob,
    .is_null = pg_is_null,
    .backup = pg_backup,
    .verify = pg_verify,
    .verify_schema = pg_verify_schema,
    .files = pg_files,
    .checkpoint = pg_checkpoint,
    .size = pg_size,
    .plan = pg_plan,
};
