#include "wrap/db_sqlite_part.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/file.h"

#define BUSY_MS 10000
#define BUSY_CHECKPOINT_MS 200
#define SCHEME "sqlite:"

/*
 * Pages in the write-ahead log before a commit moves them into the database.
 * An order dirties about a hundred; the default of 1000 would make every tenth
 * order pay for a checkpoint.
 */
#define CHECKPOINT_PAGES 8000

struct stmt {
	struct db_stmt stmt;
	sqlite3_stmt *handle;
};

static sqlite3_stmt *
handle_of(const struct db_stmt *s)
{
	return ((const struct stmt *)s)->handle;
}

int
sqlite_fail(struct sqlite *db, const char *what, struct err *e)
{
	int code = sqlite3_extended_errcode(db->handle);
	enum err_kind kind = KIND_BUG;

	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(
		    e, KIND_BUSY, "the store is locked by another process");
	case SQLITE_FULL:
		err_set(e, KIND_BUSY, "there is no room for the store");
		return err_detail(e, "%s: %s", db->path, sqlite3_errstr(code));
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT: /* no later run will mend it */
		kind = KIND_CONF;
		break;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_NOMEM:
	case SQLITE_PERM:
	case SQLITE_PROTOCOL:
		kind = KIND_SYS;
		break;
	case SQLITE_CONSTRAINT:
		if (code == SQLITE_CONSTRAINT_UNIQUE ||
		    code == SQLITE_CONSTRAINT_PRIMARYKEY ||
		    code == SQLITE_CONSTRAINT_FOREIGNKEY)
			kind = KIND_CONFLICT;
		break;
	default:
		break;
	}
	err_set(e, kind, "%s: %s", db->path, what);
	return err_detail(e, "%s (%d)", sqlite3_errmsg(db->handle), code);
}

/*
 * The engine's own handler sleeps up to 100 ms between two tries; a transaction
 * of ours takes less than one.
 */
static int
on_busy(void *arg, int tries)
{
	struct sqlite *db = arg;
	int64_t now = clock_mono();
	unsigned us;

	if (tries == 0)
		db->busy_since = now;
	else if (now - db->busy_since >= db->busy_ms)
		return 0;
	us = 500u << (tries < 3 ? tries : 3);
	usleep(us / 2 + arc4random_uniform(us));
	return 1;
}

static char *
file_path(const char *url, struct err *e)
{
	if (str_starts(url, SCHEME))
		url += strlen(SCHEME);
	if (url[0] == '/')
		return xstrdup(url);
	err_set(e, KIND_CONF, "%s: not an absolute path", url);
	return NULL;
}

/* Makes the empty file, because SQLite would take its mode from the umask. */
static int
make_file(const char *path, struct err *e)
{
	int fd =
	    open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, SQLITE_FILE_MODE);
	int rc = 0;

	if (fd < 0 && errno == EEXIST)
		return err_set(e, KIND_CONFLICT, "%s: exists already", path);
	if (fd < 0)
		return err_sys(e, "%s: cannot create", path);
	if (fchmod(fd, SQLITE_FILE_MODE) < 0)
		rc = err_sys(e, "%s: cannot chmod", path);
	close(fd);
	return rc < 0 ? -1 : file_sync_directory(path, e);
}

static int
find_file(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) == 0)
		return S_ISREG(st.st_mode)
		    ? 0
		    : err_set(e, KIND_CONF, "%s: not a regular file", path);
	if (errno == ENOENT || errno == ENOTDIR)
		return err_set(e, KIND_NOTFOUND, "%s: no such store", path);
	return err_sys(e, "%s: cannot stat", path);
}

int
sqlite_exec(struct sqlite *db, const char *sql, struct err *e)
{
	if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sqlite_fail(db, "cannot run a statement", e);
	return 0;
}

/* Sets what SQLite keeps per handle; the order does not matter. */
static int
set_up(struct sqlite *db, struct err *e)
{
	int on = 1;

	sqlite3_busy_handler(db->handle, on_busy, db);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	/* Else each short-lived process moves the log and deletes it. */
	sqlite3_db_config(
	    db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
	sqlite3_wal_autocheckpoint(db->handle, CHECKPOINT_PAGES);
	return sqlite_exec(
	    db, "PRAGMA temp_store = MEMORY; PRAGMA synchronous = NORMAL", e);
}

sqlite3_stmt *
sqlite_prepare(struct sqlite *db, const char *sql, struct err *e)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
		&s, NULL) != SQLITE_OK)
		sqlite_fail(db, "cannot prepare a statement", e);
	return s;
}

/* The integer that `sql` gives; -1 on failure. */
static int64_t
get_int(struct sqlite *db, const char *sql, struct err *e)
{
	sqlite3_stmt *s = sqlite_prepare(db, sql, e);
	int64_t n = -1;

	if (!s)
		return -1;
	if (sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	else
		sqlite_fail(db, "cannot read", e);
	sqlite3_finalize(s);
	return n;
}

static int
version(struct db *db, struct err *e)
{
	return (int)get_int((struct sqlite *)db, "PRAGMA user_version", e);
}

static int
open_handle(struct sqlite *db, enum db_mode mode, struct err *e)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
	    (mode == DB_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);

	if (sqlite3_open_v2(db->path, &db->handle, flags, NULL) != SQLITE_OK)
		return sqlite_fail(db, "cannot open", e);
	if (set_up(db, e) < 0 || version(&db->db, e) < 0)
		return -1;
	/* SQLite falls back to reading without a word. */
	if (mode != DB_READ && sqlite3_db_readonly(db->handle, "main") == 1)
		return err_set(e, KIND_SYS, "%s: may not be written", db->path);
	return 0;
}

/*
 * No program of ours has a thread that touches a database, and nobody asks how
 * much memory SQLite has; each of its allocations would take two locks.  It can
 * only be said before the first database.
 */
static void
set_up_library(void)
{
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static void
close_handle(struct db *base)
{
	struct sqlite *db = (struct sqlite *)base;

	sqlite3_finalize(db->begin);
	sqlite3_finalize(db->commit);
	sqlite3_finalize(db->rollback);
	sqlite3_close(db->handle);
	free(db->path);
	free(db);
}

static struct db *
open_file(const char *url, enum db_mode mode, struct err *e)
{
	struct sqlite *db = xcalloc(1, sizeof(*db));

	set_up_library();
	db->db.engine = &db_sqlite;
	db->busy_ms = BUSY_MS;
	db->path = file_path(url, e);
	if (!db->path)
		goto fail;
	if ((mode == DB_CREATE ? make_file : find_file)(db->path, e) < 0)
		goto fail;
	if (open_handle(db, mode, e) < 0)
		goto fail;
	return &db->db;
fail:
	close_handle(&db->db);
	return NULL;
}

/* ---- schema ------------------------------------------------------------ */

static const struct db_token tokens[] = {
    {"@id", "INTEGER PRIMARY KEY"},
    {"@int", "INTEGER"},
    {"@text", "TEXT"},
    {"@blob", "BLOB"},
    {"@strict", "STRICT"},
    {"@keyed", "STRICT, WITHOUT ROWID"},
};

/*
 * The write-ahead log is a property of the file that no transaction can set;
 * SQLite does not call the busy handler when another process is at it as well.
 */
static int
begin_log(struct sqlite *db, struct err *e)
{
	int64_t end = clock_mono() + db->busy_ms;
	int rc;

	do {
		rc = sqlite3_exec(
		    db->handle, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
		if ((rc & 0xff) != SQLITE_BUSY)
			break;
		usleep(1000);
	} while (clock_mono() < end);
	return rc == SQLITE_OK ? 0 : sqlite_fail(db, "cannot begin its log", e);
}

static int
before_version(struct db *base, int number, struct err *e)
{
	struct sqlite *db = (struct sqlite *)base;

	/* The file may be what an interrupted run has left. */
	if (number == 1 && chmod(db->path, SQLITE_FILE_MODE) < 0)
		return err_sys(e, "%s: cannot chmod", db->path);
	return begin_log(db, e);
}

static int
make_version(struct db *base, const char *sql, int number, struct err *e)
{
	struct sqlite *db = (struct sqlite *)base;
	char set[64];

	if (sqlite_exec(db, sql, e) < 0)
		return -1;
	snprintf(set, sizeof(set), "PRAGMA user_version = %d", number);
	return sqlite_exec(db, set, e);
}

/* ---- transactions ------------------------------------------------------ */

static int
set_durability(struct sqlite *db, enum db_durability d, struct err *e)
{
	if (db->set_to == d)
		return 0;
	if (sqlite_exec(db,
		d == DB_DURABLE ? "PRAGMA synchronous = FULL"
				: "PRAGMA synchronous = NORMAL",
		e) < 0)
		return -1;
	db->set_to = d;
	return 0;
}

static int
run_once(struct sqlite *db, sqlite3_stmt **s, const char *sql, struct err *e)
{
	if (!*s && !(*s = sqlite_prepare(db, sql, e)))
		return -1;
	if (sqlite3_step(*s) != SQLITE_DONE) {
		sqlite_fail(db, sql, e);
		sqlite3_reset(*s);
		return -1;
	}
	sqlite3_reset(*s);
	return 0;
}

static int
begin(struct db *base, enum db_durability durability, struct err *e)
{
	struct sqlite *db = (struct sqlite *)base;

	if (set_durability(db, durability, e) < 0)
		return -1;
	return run_once(db, &db->begin, "BEGIN IMMEDIATE", e);
}

static int
begin_snapshot(struct db *base, struct err *e)
{
	return sqlite_exec((struct sqlite *)base, "BEGIN", e);
}

static int
commit(struct db *base, struct err *e)
{
	struct sqlite *db = (struct sqlite *)base;

	return run_once(db, &db->commit, "COMMIT", e);
}

/* A full disk has rolled back by itself. */
static void
rollback(struct db *base)
{
	struct sqlite *db = (struct sqlite *)base;
	struct err ignored = {0};

	if (!sqlite3_get_autocommit(db->handle))
		run_once(db, &db->rollback, "ROLLBACK", &ignored);
}

/* ---- statements -------------------------------------------------------- */

static struct db_stmt *
prepare(struct db *base, const char *sql, struct err *e)
{
	sqlite3_stmt *handle = sqlite_prepare((struct sqlite *)base, sql, e);
	struct stmt *s;

	if (!handle)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->handle = handle;
	return &s->stmt;
}

static void
finalize(struct db_stmt *s)
{
	sqlite3_finalize(handle_of(s));
	free(s);
}

static void
bind_all(struct db_stmt *s, const char *types, va_list ap)
{
	sqlite3_stmt *handle = handle_of(s);
	const void *p;
	int i = 0;

	sqlite3_reset(handle);
	for (; *types; types++) {
		i++;
		switch (*types) {
		case 'i':
			sqlite3_bind_int64(handle, i, va_arg(ap, int64_t));
			break;
		case 't':
			p = va_arg(ap, const char *);
			sqlite3_bind_text(handle, i, p, -1, SQLITE_STATIC);
			break;
		default:
			p = va_arg(ap, const void *);
			sqlite3_bind_blob64(
			    handle, i, p, va_arg(ap, size_t), SQLITE_STATIC);
			break;
		}
	}
}

static int
step(struct db_stmt *s, struct err *e)
{
	switch (sqlite3_step(handle_of(s))) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		sqlite3_reset(handle_of(s));
		return 0;
	default:
		sqlite_fail((struct sqlite *)s->db, "a statement failed", e);
		sqlite3_reset(handle_of(s));
		return -1;
	}
}

static void
reset(struct db_stmt *s)
{
	sqlite3_reset(handle_of(s));
}

static int64_t
changes(struct db_stmt *s)
{
	return sqlite3_changes64(((struct sqlite *)s->db)->handle);
}

static int64_t
column_int(struct db_stmt *s, int column)
{
	return sqlite3_column_int64(handle_of(s), column);
}

static const char *
column_text(struct db_stmt *s, int column)
{
	return (const char *)sqlite3_column_text(handle_of(s), column);
}

static const void *
column_blob(struct db_stmt *s, int column, size_t *len)
{
	const void *p = sqlite3_column_blob(handle_of(s), column);

	*len = (size_t)sqlite3_column_bytes(handle_of(s), column);
	return p;
}

static bool
column_is_null(struct db_stmt *s, int column)
{
	return sqlite3_column_type(handle_of(s), column) == SQLITE_NULL;
}

/* ---- files ------------------------------------------------------------- */

static int
files(struct db *base, struct strv *paths, struct err *e)
{
	struct sqlite *db = (struct sqlite *)base;
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_LEN(suffixes); i++) {
		char *path = xasprintf("%s%s", db->path, suffixes[i]);

		if (stat(path, &st) == 0)
			strv_add(paths, path);
		else if (errno != ENOENT)
			err_sys(e, "%s: cannot stat", path);
		free(path);
	}
	return err_is_set(e) ? -1 : 0;
}

static int
checkpoint(struct db *base, struct err *e)
{
	struct sqlite *db = (struct sqlite *)base;
	int rc = sqlite3_wal_checkpoint_v2(
	    db->handle, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

	if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
		return sqlite_fail(db, "cannot move the write-ahead log", e);
	/* This one stops writers while it waits, so it does not wait long. */
	db->busy_ms = BUSY_CHECKPOINT_MS;
	rc = sqlite3_wal_checkpoint_v2(
	    db->handle, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	db->busy_ms = BUSY_MS;
	if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
		return sqlite_fail(db, "cannot empty the write-ahead log", e);
	return 0;
}

static int64_t
size(struct db *base, struct err *e)
{
	struct strv paths = {0};
	struct stat st;
	int64_t sum = 0;
	size_t i;

	if (files(base, &paths, e) < 0)
		sum = -1;
	for (i = 0; sum >= 0 && i < paths.len; i++)
		if (stat(paths.v[i], &st) == 0)
			sum += st.st_size;
	strv_release(&paths);
	return sum;
}

const struct db_engine db_sqlite = {.scheme = SCHEME,
    .tokens = tokens,
    .tokens_len = ARRAY_LEN(tokens),
    .path = file_path,
    .open = open_file,
    .close = close_handle,
    .version = version,
    .before_version = before_version,
    .make_version = make_version,
    .begin = begin,
    .begin_snapshot = begin_snapshot,
    .commit = commit,
    .rollback = rollback,
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
    .backup = sqlite_backup,
    .verify = sqlite_verify,
    .verify_schema = sqlite_verify_schema,
    .files = files,
    .checkpoint = checkpoint,
    .size = size,
    .plan = sqlite_plan};
