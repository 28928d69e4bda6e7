#include "wrap/db_engine.h"

#include <dlfcn.h>
#include <errno.h>
#include <unistd.h>

#include "base/hex.h"
#include "sys/clock.h"

#define LIBRARY "libpq.so.5"
#define BUSY_MS 10000 /* for locks, and for what must be run again */
#define NAME_SIZE 32 /* of a prepared statement */

/*
 * libpq is loaded when a URL asks for it, so that no program needs it, and no
 * machine to build on its headers: what follows is its documented interface.
 */
struct pg_conn;
struct pg_result;

enum { /* ConnStatusType, ExecStatusType, PGTransactionStatusType */
	CONNECTION_OK = 0,
	PGRES_COMMAND_OK = 1,
	PGRES_TUPLES_OK = 2,
	PQTRANS_IDLE = 0
};
#define PG_DIAG_SQLSTATE 'C'

/* pg_type_d.h: the types that parameters have. */
#define INT8OID 20
#define TEXTOID 25
#define BYTEAOID 17

static struct {
	struct pg_conn *(*connectdb_params)(
	    const char *const *words, const char *const *values, int expand);
	int (*status)(const struct pg_conn *c);
	int (*transaction_status)(const struct pg_conn *c);
	char *(*error_message)(const struct pg_conn *c);
	void (*reset)(struct pg_conn *c);
	void (*finish)(struct pg_conn *c);
	struct pg_result *(*exec)(struct pg_conn *c, const char *sql);
	struct pg_result *(*prepare)(struct pg_conn *c, const char *name,
	    const char *sql, int n, const unsigned *types);
	struct pg_result *(*exec_prepared)(struct pg_conn *c, const char *name,
	    int n, const char *const *values, const int *lengths,
	    const int *formats, int format);
	int (*result_status)(const struct pg_result *r);
	char *(*error_field)(const struct pg_result *r, int field);
	int (*ntuples)(const struct pg_result *r);
	char *(*getvalue)(const struct pg_result *r, int row, int column);
	int (*getisnull)(const struct pg_result *r, int row, int column);
	char *(*cmd_tuples)(struct pg_result *r);
	void (*clear)(struct pg_result *r);
	void *(*set_notice_processor)(struct pg_conn *c,
	    void (*fn)(void *arg, const char *text), void *arg);
} pq;

static const struct {
	const char *name;
	void *place;
} symbols[] = {
    {"PQconnectdbParams", &pq.connectdb_params},
    {"PQstatus", &pq.status},
    {"PQtransactionStatus", &pq.transaction_status},
    {"PQerrorMessage", &pq.error_message},
    {"PQreset", &pq.reset},
    {"PQfinish", &pq.finish},
    {"PQexec", &pq.exec},
    {"PQprepare", &pq.prepare},
    {"PQexecPrepared", &pq.exec_prepared},
    {"PQresultStatus", &pq.result_status},
    {"PQresultErrorField", &pq.error_field},
    {"PQntuples", &pq.ntuples},
    {"PQgetvalue", &pq.getvalue},
    {"PQgetisnull", &pq.getisnull},
    {"PQcmdTuples", &pq.cmd_tuples},
    {"PQclear", &pq.clear},
    {"PQsetNoticeProcessor", &pq.set_notice_processor},
};

static int
load_library(struct err *e)
{
	static void *handle;

	if (handle)
		return 0;
	handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; handle && i < ARRAY_LEN(symbols); i++) {
		void *p = dlsym(handle, symbols[i].name);

		memcpy(symbols[i].place, &p, sizeof(p));
		if (!p) {
			dlclose(handle);
			handle = NULL;
		}
	}
	if (handle)
		return 0;
	return err_set(e, KIND_CONF,
	    "a store in PostgreSQL needs " LIBRARY ", which is not there (the "
	    "package libpq5)");
}

/* ---- handle ------------------------------------------------------------ */

struct pg {
	struct db db;
	struct pg_conn *conn;
	enum db_mode mode;
	unsigned statements; /* so far, for their names */
	unsigned connections; /* so far: each has statements of its own */
	bool must_retry; /* the server asks for the transaction again */
	int64_t retry_until; /* clock_mono() */
};

struct stmt {
	struct db_stmt stmt;
	char *sql; /* with $1 for ?1 */
	char name[NAME_SIZE]; /* "" before the first use */
	unsigned connection; /* that knows it by this name */
	struct pg_result *result;
	int row; /* of `result`: the one at hand */
	int64_t changed; /* rows, by the last that ended */
	/* parameters, in the order of their numbers */
	int n;
	unsigned *types;
	const char **values;
	int *lengths, *formats;
	char (*numbers)[24];
	char **blobs; /* columns of the row at hand that were decoded */
	size_t blobs_len;
};

static void
drop_notice(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

/* The kind of an SQLSTATE (PostgreSQL, appendix A). */
static enum err_kind
kind_of(struct pg *db, const char *state)
{
	if (!state || pq.status(db->conn) != CONNECTION_OK)
		return KIND_BUSY; /* the connection is gone */
	if (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0) {
		db->must_retry = true;
		return KIND_BUSY;
	}
	if (strcmp(state, "23505") == 0 || strcmp(state, "23503") == 0)
		return KIND_CONFLICT;
	if (strcmp(state, "55P03") == 0 || strncmp(state, "53", 2) == 0)
		return KIND_BUSY; /* locked; out of space or connections */
	if (strncmp(state, "57P", 3) == 0 || strncmp(state, "08", 2) == 0)
		return KIND_BUSY; /* it shuts down, or starts */
	if (strncmp(state, "58", 2) == 0)
		return KIND_SYS;
	if (strcmp(state, "42501") == 0 || strncmp(state, "XX", 2) == 0)
		return KIND_CONF; /* may not; damaged */
	return KIND_BUG;
}

static int
fail(struct pg *db, const char *what, const struct pg_result *r, struct err *e)
{
	const char *state = r ? pq.error_field(r, PG_DIAG_SQLSTATE) : NULL;
	enum err_kind kind = kind_of(db, state);
	const char *text = pq.error_message(db->conn);

	if (kind == KIND_BUSY)
		err_set(e, kind, "the store is locked, full or away");
	else
		err_set(e, kind, "the store: %s", what);
	return err_detail(e, "%.*s (%s)", (int)strcspn(text, "\n"), text,
	    state ? state : "no answer");
}

/* Runs statements whose rows do not matter. */
static int
exec(struct pg *db, const char *sql, struct err *e)
{
	struct pg_result *r = pq.exec(db->conn, sql);
	int status = pq.result_status(r);
	int rc = 0;

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		rc = fail(db, "cannot run a statement", r, e);
	pq.clear(r);
	return rc;
}

/* The number that `sql` gives, `none` for NULL or no row; -1 on failure. */
static int64_t
get_int(struct pg *db, const char *sql, int64_t none, struct err *e)
{
	struct pg_result *r = pq.exec(db->conn, sql);
	int64_t n = none;

	if (pq.result_status(r) != PGRES_TUPLES_OK)
		n = fail(db, "cannot read", r, e);
	else if (pq.ntuples(r) > 0 && !pq.getisnull(r, 0, 0))
		n = strtoll(pq.getvalue(r, 0, 0), NULL, 10);
	pq.clear(r);
	return n;
}

/* A password in a URL would be seen by all who see the configuration. */
static int
check_url(const char *url, struct err *e)
{
	const char *host = strstr(url, "://") + 3;
	size_t user = strcspn(host, "@/?");
	const char *query = strchr(host, '?');

	if ((host[user] == '@' && memchr(host, ':', user)) ||
	    (query && strstr(query, "password=")))
		return err_set(e, KIND_CONF,
		    "[store] url: a password does not belong there; name a "
		    "file with passfile=");
	return 0;
}

static void
close_connection(struct db *base)
{
	struct pg *db = (struct pg *)base;

	if (db->conn)
		pq.finish(db->conn);
	free(db);
}

static int
version(struct db *base, struct err *e)
{
	struct pg *db = (struct pg *)base;

	if (get_int(db,
		"SELECT count(*) FROM pg_catalog.pg_class WHERE oid ="
		" to_regclass('schema_version')",
		0, e) != 1)
		return err_is_set(e) ? -1 : 0;
	return (int)get_int(db, "SELECT version FROM schema_version", 0, e);
}

/* What every connection of ours relies on. */
static int
set_up(struct pg *db, struct err *e)
{
	pq.set_notice_processor(db->conn, drop_notice, NULL);
	db->connections++;
	return exec(db,
	    db->mode == DB_READ
		? "SET bytea_output TO hex;"
		  "SET default_transaction_read_only TO on"
		: "SET bytea_output TO hex; SET lock_timeout TO '10s';"
		  "SET default_transaction_isolation TO serializable",
	    e);
}

static bool
is_lost(const struct pg *db)
{
	return pq.status(db->conn) != CONNECTION_OK;
}

static int
explain_loss(const struct pg *db, struct err *e)
{
	const char *text = db->conn ? pq.error_message(db->conn) : "no memory";

	err_set(e, KIND_BUSY, "the server of the store does not answer");
	return err_detail(e, "%.*s", (int)strcspn(text, "\n"), text);
}

/* A server that was started anew has forgotten us. */
static int
reconnect(struct pg *db, struct err *e)
{
	pq.reset(db->conn);
	return is_lost(db) ? explain_loss(db, e) : set_up(db, e);
}

static int
connect_to(struct pg *db, const char *url, struct err *e)
{
	static const char *const words[] = {
	    "dbname", "fallback_application_name", NULL};
	const char *const values[] = {url, program_invocation_short_name, NULL};

	db->conn = pq.connectdb_params(words, values, 1);
	if (!db->conn || is_lost(db))
		return explain_loss(db, e);
	return set_up(db, e);
}

static int
check_version(struct pg *db, enum db_mode mode, struct err *e)
{
	int have = version(&db->db, e);

	if (have > 0 && mode == DB_CREATE)
		return err_set(e, KIND_CONFLICT, "the store: exists already");
	return have < 0 ? -1 : 0;
}

static struct db *
open_connection(const char *url, enum db_mode mode, struct err *e)
{
	struct pg *db;

	if (check_url(url, e) < 0 || load_library(e) < 0)
		return NULL;
	db = xcalloc(1, sizeof(*db));
	db->db.engine = &db_pg;
	db->mode = mode;
	if (connect_to(db, url, e) == 0 && check_version(db, mode, e) == 0)
		return &db->db;
	close_connection(&db->db);
	return NULL;
}

static char *
no_path(const char *url, struct err *e)
{
	(void)url;
	err_set(e, KIND_NOTFOUND, "the store is no file of this machine");
	return NULL;
}

/* ---- schema ------------------------------------------------------------ */

static const struct db_token tokens[] = {
    {"@id", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"},
    {"@int", "BIGINT"},
    {"@text", "TEXT"},
    {"@blob", "BYTEA"},
    {"@strict", ""},
    {"@keyed", ""},
};

static int
before_version(struct db *base, int number, struct err *e)
{
	(void)base;
	(void)number;
	(void)e;
	return 0;
}

static int
make_version(struct db *base, const char *sql, int number, struct err *e)
{
	struct pg *db = (struct pg *)base;
	char set[128];

	if (number == 1 &&
	    exec(db,
		"CREATE TABLE schema_version (version INTEGER NOT NULL);"
		"INSERT INTO schema_version VALUES (0)",
		e) < 0)
		return -1;
	if (exec(db, sql, e) < 0)
		return -1;
	snprintf(
	    set, sizeof(set), "UPDATE schema_version SET version = %d", number);
	return exec(db, set, e);
}

/* ---- transactions ------------------------------------------------------ */

/* Nothing has been done yet, so a connection that is lost is made anew. */
static int
exec_first(struct pg *db, const char *sql, struct err *e)
{
	if (exec(db, sql, e) == 0)
		return 0;
	if (!is_lost(db))
		return -1;
	err_clear(e);
	return reconnect(db, e) < 0 ? -1 : exec(db, sql, e);
}

/*
 * SERIALIZABLE: what a transaction reads counts as much as what it writes, as
 * with the one writer that SQLite has.  So it may have to be run again.
 */
static int
begin(struct db *base, enum db_durability durability, struct err *e)
{
	struct pg *db = (struct pg *)base;

	db->must_retry = false;
	return exec_first(db,
	    durability == DB_DURABLE
		? "BEGIN; SET LOCAL synchronous_commit TO on"
		: "BEGIN; SET LOCAL synchronous_commit TO off",
	    e);
}

static int
begin_snapshot(struct db *base, struct err *e)
{
	return exec_first((struct pg *)base,
	    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", e);
}

static int
commit(struct db *base, struct err *e)
{
	return exec((struct pg *)base, "COMMIT", e);
}

static void
rollback(struct db *base)
{
	struct pg *db = (struct pg *)base;
	struct err ignored = {0};

	if (pq.transaction_status(db->conn) != PQTRANS_IDLE)
		exec(db, "ROLLBACK", &ignored);
}

/* Waits a little, more each time; false when it has been tried for long. */
static bool
wants_again(struct db *base, int tries)
{
	struct pg *db = (struct pg *)base;
	int64_t now = clock_mono();
	unsigned us = 500u << (tries < 6 ? tries : 6);

	if (!db->must_retry)
		return false;
	db->must_retry = false;
	if (tries == 0)
		db->retry_until = now + BUSY_MS;
	if (now >= db->retry_until)
		return false;
	usleep(us / 2 + arc4random_uniform(us));
	return true;
}

/* ---- statements -------------------------------------------------------- */

/* ?1 becomes $1, except in strings. */
static char *
translate(const char *sql)
{
	char *out = xstrdup(sql);
	bool quoted = false;

	for (char *p = out; *p; p++) {
		if (*p == '\'')
			quoted = !quoted;
		else if (*p == '?' && !quoted)
			*p = '$';
	}
	return out;
}

static struct db_stmt *
prepare(struct db *base, const char *sql, struct err *e)
{
	struct stmt *s = xcalloc(1, sizeof(*s));

	(void)base;
	(void)e; /* the server sees it when the parameters' types are known */
	s->sql = translate(sql);
	s->row = -1;
	return &s->stmt;
}

static void
drop_blobs(struct stmt *s)
{
	for (size_t i = 0; i < s->blobs_len; i++)
		free(s->blobs[i]);
	free(s->blobs);
	s->blobs = NULL;
	s->blobs_len = 0;
}

static void
reset(struct db_stmt *base)
{
	struct stmt *s = (struct stmt *)base;

	drop_blobs(s);
	if (s->result)
		pq.clear(s->result);
	s->result = NULL;
	s->row = -1;
}

static void
finalize(struct db_stmt *base)
{
	struct stmt *s = (struct stmt *)base;
	struct pg *db = (struct pg *)base->db;
	struct err ignored = {0};
	char sql[NAME_SIZE + 16];

	reset(base);
	if (s->name[0] && s->connection == db->connections) {
		snprintf(sql, sizeof(sql), "DEALLOCATE %s", s->name);
		exec(db, sql, &ignored);
	}
	free(s->sql);
	free(s->types);
	free(s->values);
	free(s->lengths);
	free(s->formats);
	free(s->numbers);
	free(s);
}

static void
make_room(struct stmt *s, int n)
{
	size_t count = (size_t)n;

	s->n = n;
	s->types = xreallocarray(s->types, count, sizeof(*s->types));
	s->values = xreallocarray(s->values, count, sizeof(*s->values));
	s->lengths = xreallocarray(s->lengths, count, sizeof(*s->lengths));
	s->formats = xreallocarray(s->formats, count, sizeof(*s->formats));
	s->numbers = xreallocarray(s->numbers, count, sizeof(*s->numbers));
}

static void
bind_all(struct db_stmt *base, const char *types, va_list ap)
{
	struct stmt *s = (struct stmt *)base;

	reset(base);
	if (*types)
		make_room(s, (int)strlen(types));
	for (int i = 0; types[i]; i++) {
		s->lengths[i] = 0;
		s->formats[i] = 0;
		switch (types[i]) {
		case 'i':
			s->types[i] = INT8OID;
			snprintf(s->numbers[i], sizeof(s->numbers[i]), "%lld",
			    (long long)va_arg(ap, int64_t));
			s->values[i] = s->numbers[i];
			break;
		case 't':
			s->types[i] = TEXTOID;
			s->values[i] = va_arg(ap, const char *);
			break;
		default:
			s->types[i] = BYTEAOID;
			s->formats[i] = 1;
			s->values[i] = va_arg(ap, const void *);
			s->lengths[i] = (int)va_arg(ap, size_t);
			break;
		}
	}
}

static int
make_known(struct stmt *s, struct err *e)
{
	struct pg *db = (struct pg *)s->stmt.db;
	struct pg_result *r;
	int rc = 0;

	if (s->name[0] && s->connection == db->connections)
		return 0;
	s->connection = db->connections;
	snprintf(s->name, sizeof(s->name), "s%u", ++db->statements);
	r = pq.prepare(db->conn, s->name, s->sql, s->n, s->types);
	if (pq.result_status(r) != PGRES_COMMAND_OK) {
		rc = fail(db, "cannot prepare a statement", r, e);
		s->name[0] = '\0';
	}
	pq.clear(r);
	return rc;
}

static int
execute(struct stmt *s, struct err *e)
{
	struct pg *db = (struct pg *)s->stmt.db;
	int status;

	if (make_known(s, e) < 0)
		return -1;
	s->result = pq.exec_prepared(
	    db->conn, s->name, s->n, s->values, s->lengths, s->formats, 0);
	status = pq.result_status(s->result);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return 0;
	fail(db, "a statement failed", s->result, e);
	reset(&s->stmt);
	return -1;
}

static bool
only_reads(const struct stmt *s)
{
	return str_starts(s->sql, "SELECT ");
}

/*
 * By itself a statement is a transaction, which may have to be run again; also
 * on a new connection, when it cannot have changed anything.
 */
static int
execute_again(struct stmt *s, struct err *e)
{
	struct db *base = s->stmt.db;
	struct pg *db = (struct pg *)base;
	int rc = execute(s, e);

	if (rc < 0 && base->depth == 0 && is_lost(db)) {
		struct err lost = *e;

		err_clear(e);
		if (reconnect(db, e) == 0 && only_reads(s))
			rc = execute(s, e);
		else if (!err_is_set(e))
			*e = lost;
	}
	for (int tries = 0;
	     rc < 0 && base->depth == 0 && wants_again(base, tries); tries++) {
		err_clear(e);
		rc = execute(s, e);
	}
	return rc;
}

static int
step(struct db_stmt *base, struct err *e)
{
	struct stmt *s = (struct stmt *)base;

	drop_blobs(s);
	if (!s->result && execute_again(s, e) < 0)
		return -1;
	if (++s->row < pq.ntuples(s->result))
		return 1;
	s->changed = strtoll(pq.cmd_tuples(s->result), NULL, 10);
	reset(base);
	return 0;
}

static int64_t
changes(struct db_stmt *base)
{
	return ((struct stmt *)base)->changed;
}

static bool
column_is_null(struct db_stmt *base, int column)
{
	struct stmt *s = (struct stmt *)base;

	return pq.getisnull(s->result, s->row, column) != 0;
}

static const char *
column_text(struct db_stmt *base, int column)
{
	struct stmt *s = (struct stmt *)base;

	return column_is_null(base, column)
	    ? NULL
	    : pq.getvalue(s->result, s->row, column);
}

static int64_t
column_int(struct db_stmt *base, int column)
{
	const char *text = column_text(base, column);

	if (!text)
		return 0;
	if (text[0] == 't' || text[0] == 'f') /* a condition */
		return text[0] == 't';
	return strtoll(text, NULL, 10);
}

/* Bytes come as \x and hex digits. */
static const void *
column_blob(struct db_stmt *base, int column, size_t *len)
{
	struct stmt *s = (struct stmt *)base;
	const char *text = column_text(base, column);
	char *bytes;

	*len = 0;
	if (!text)
		return NULL;
	if (text[0] != '\\' || text[1] != 'x') {
		*len = strlen(text);
		return text;
	}
	*len = strlen(text + 2) / 2;
	bytes = xmalloc(*len + 1);
	hex_decode(bytes, *len, text + 2);
	s->blobs = xreallocarray(s->blobs, s->blobs_len + 1, sizeof(*s->blobs));
	s->blobs[s->blobs_len++] = bytes;
	return bytes;
}

/* ---- the whole --------------------------------------------------------- */

static int
backup(struct db *base, const char *path, struct err *e)
{
	(void)base;
	return err_set(e, KIND_CONF,
	    "%s: a store in PostgreSQL is copied by pg_dump", path);
}

/* The server checks its pages itself, and foreign keys always hold. */
static int
verify(struct db *base, struct strv *problems, struct err *e)
{
	(void)base;
	(void)problems;
	(void)e;
	return 0;
}

#define MODEL "acmed_model"

/*
 * What two schemas have and one has not: columns with their types, indexes with
 * their texts.  The first %s is the schema that should have it.
 */
#define COLUMNS_OF(schema)                                                     \
	"SELECT 'column ' || table_name || '.' || column_name || ' '"          \
	" || data_type || ' ' || is_nullable FROM information_schema.columns"  \
	" WHERE table_schema = " schema " AND table_name <> 'schema_version'"
#define INDEXES_OF(schema)                                                     \
	"SELECT 'index ' || replace(indexdef, ' ON ' || "                      \
	"quote_ident(schemaname) || '.',"                                      \
	" ' ON ') FROM pg_catalog.pg_indexes WHERE schemaname = " schema
#define ALL_OF(schema)                                                         \
	"(" COLUMNS_OF(schema) " UNION ALL " INDEXES_OF(schema) ")"
#define HOME "current_setting('acmed.home')"

static int
add_lines(struct pg *db, const char *sql, const char *what,
    struct strv *problems, struct err *e)
{
	struct pg_result *r = pq.exec(db->conn, sql);
	int rc = 0;

	if (pq.result_status(r) != PGRES_TUPLES_OK)
		rc = fail(db, "cannot read the schema", r, e);
	for (int i = 0; rc == 0 && i < pq.ntuples(r); i++) {
		char *line = xasprintf("%s %s", pq.getvalue(r, i, 0), what);

		strv_add(problems, line);
		free(line);
	}
	pq.clear(r);
	return rc;
}

/* Makes a model beside the tables, compares, and lets it vanish again. */
static int
verify_schema(struct db *base, char *const *steps, size_t len,
    struct strv *problems, struct err *e)
{
	struct pg *db = (struct pg *)base;
	struct err ignored = {0};
	int rc = exec(db,
	    "BEGIN; SELECT set_config('acmed.home', current_schema(), true);"
	    " CREATE SCHEMA " MODEL "; SET LOCAL search_path TO " MODEL,
	    e);

	for (size_t i = 0; rc == 0 && i < len; i++)
		rc = exec(db, steps[i], e);
	if (rc == 0)
		rc = add_lines(db,
		    ALL_OF("'" MODEL "'") " EXCEPT " ALL_OF(HOME) " ORDER BY 1",
		    "is not there, or not as acmed made it", problems, e);
	if (rc == 0)
		rc = add_lines(db,
		    ALL_OF(HOME) " EXCEPT " ALL_OF("'" MODEL "'") " ORDER BY 1",
		    "is none that acmed made", problems, e);
	exec(db, "ROLLBACK", &ignored);
	return rc;
}

static int
files(struct db *base, struct strv *paths, struct err *e)
{
	(void)base;
	(void)paths;
	(void)e;
	return 0;
}

static int
checkpoint(struct db *base, struct err *e)
{
	(void)base;
	(void)e;
	return 0; /* the server does it */
}

static int64_t
size(struct db *base, struct err *e)
{
	return get_int((struct pg *)base,
	    "SELECT pg_database_size(current_database())", 0, e);
}

static int
plan(struct db *base, const char *sql, struct buf *out, struct err *e)
{
	(void)base;
	(void)sql;
	(void)out;
	return err_set(
	    e, KIND_BUG, "PostgreSQL plans by what is in the tables");
}

const struct db_engine db_pg = {.scheme = "postgresql://",
    .tokens = tokens,
    .tokens_len = ARRAY_LEN(tokens),
    .load = load_library,
    .path = no_path,
    .open = open_connection,
    .close = close_connection,
    .version = version,
    .before_version = before_version,
    .make_version = make_version,
    .begin = begin,
    .begin_snapshot = begin_snapshot,
    .commit = commit,
    .rollback = rollback,
    .wants_again = wants_again,
    .prepare = prepare,
    .finalize = finalize,
    .bind = bind_all,
    .step = step,
    .reset = reset,
    .changes = changes,
    .column_int = column_int,
    .column_text = column_text,
    .column_blob = column_blob,
    .column_is_null = column_is_null,
    .backup = backup,
    .verify = verify,
    .verify_schema = verify_schema,
    .files = files,
    .checkpoint = checkpoint,
    .size = size,
    .plan = plan};
