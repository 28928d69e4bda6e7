#include "wrap/db.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/file.h"

#define BUSY_MS 10000
#define BUSY_CHECKPOINT_MS 200
#define FILE_MODE 0660

/*
 * Pages in the write-ahead log before a commit moves them into the database.
 * An order dirties about a hundred; the default of 1000 would make every tenth
 * order pay for a checkpoint.
 */
#define CHECKPOINT_PAGES 8000

struct db {
	sqlite3 *handle;
	char *path;
	sqlite3_stmt *begin, *commit, *rollback;
	enum db_durability durability; /* what the engine is set to now */
	int depth; /* of transactions that were joined */
	bool doomed; /* a part of the transaction failed */
	int64_t busy_ms; /* how long to wait for a lock */
	int64_t busy_since; /* when the present wait began */
};

struct db_stmt {
	struct db *db;
	sqlite3_stmt *handle;
};

static int
fail(struct db *db, const char *what, struct err *e)
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
	struct db *db = arg;
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

char *
db_path(const char *url, struct err *e)
{
	if (strncmp(url, "sqlite:", 7) == 0)
		url += 7;
	if (url[0] == '/')
		return xstrdup(url);
	if (strstr(url, "://"))
		err_set(
		    e, KIND_CONF, "%s: no engine for this kind of store", url);
	else
		err_set(e, KIND_CONF, "%s: not an absolute path", url);
	return NULL;
}

/* Makes the empty file, because SQLite would take its mode from the umask. */
static int
make_file(const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	int rc = 0;

	if (fd < 0 && errno == EEXIST)
		return err_set(e, KIND_CONFLICT, "%s: exists already", path);
	if (fd < 0)
		return err_sys(e, "%s: cannot create", path);
	if (fchmod(fd, FILE_MODE) < 0)
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

static int
exec(struct db *db, const char *sql, struct err *e)
{
	if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail(db, "cannot run a statement", e);
	return 0;
}

/* Sets what SQLite keeps per handle; the order does not matter. */
static int
set_up(struct db *db, struct err *e)
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
	return exec(
	    db, "PRAGMA temp_store = MEMORY; PRAGMA synchronous = NORMAL", e);
}

static sqlite3_stmt *
prepare(struct db *db, const char *sql, struct err *e)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
		&s, NULL) != SQLITE_OK)
		fail(db, "cannot prepare a statement", e);
	return s;
}

static int
open_handle(struct db *db, enum db_mode mode, struct err *e)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
	    (mode == DB_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);

	if (sqlite3_open_v2(db->path, &db->handle, flags, NULL) != SQLITE_OK)
		return fail(db, "cannot open", e);
	if (set_up(db, e) < 0 || db_version(db, e) < 0)
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

struct db *
db_open(const char *url, enum db_mode mode, struct err *e)
{
	struct db *db = xcalloc(1, sizeof(*db));

	set_up_library();
	db->busy_ms = BUSY_MS;
	db->path = db_path(url, e);
	if (!db->path)
		goto fail;
	if ((mode == DB_CREATE ? make_file : find_file)(db->path, e) < 0)
		goto fail;
	if (open_handle(db, mode, e) < 0)
		goto fail;
	return db;
fail:
	db_close(db);
	return NULL;
}

void
db_close(struct db *db)
{
	if (!db)
		return;
	sqlite3_finalize(db->begin);
	sqlite3_finalize(db->commit);
	sqlite3_finalize(db->rollback);
	sqlite3_close(db->handle);
	free(db->path);
	free(db);
}

/* The integer that `sql` gives; -1 on failure. */
static int64_t
get_int(struct db *db, const char *sql, struct err *e)
{
	sqlite3_stmt *s = prepare(db, sql, e);
	int64_t n = -1;

	if (!s)
		return -1;
	if (sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	else
		fail(db, "cannot read", e);
	sqlite3_finalize(s);
	return n;
}

int
db_version(struct db *db, struct err *e)
{
	return (int)get_int(db, "PRAGMA user_version", e);
}

static const struct {
	const char *token;
	const char *sql;
} tokens[] = {
    {"@id", "INTEGER PRIMARY KEY"},
    {"@int", "INTEGER"},
    {"@text", "TEXT"},
    {"@blob", "BLOB"},
    {"@strict", "STRICT"},
    {"@keyed", "STRICT, WITHOUT ROWID"},
};

static size_t
token_len(const char *s)
{
	return 1 + strspn(s + 1, "abcdefghijklmnopqrstuvwxyz_");
}

static int
expand(const char *sql, struct buf *out, struct err *e)
{
	while (*sql) {
		size_t n = strcspn(sql, "@"), i;

		buf_add(out, sql, n);
		sql += n;
		if (!*sql)
			break;
		n = token_len(sql);
		for (i = 0; i < ARRAY_LEN(tokens); i++)
			if (strlen(tokens[i].token) == n &&
			    memcmp(tokens[i].token, sql, n) == 0)
				break;
		if (i == ARRAY_LEN(tokens))
			return err_set(e, KIND_BUG,
			    "schema: unknown token %.*s", (int)n, sql);
		buf_adds(out, tokens[i].sql);
		sql += n;
	}
	return out->full ? err_set(e, KIND_BUG, "schema: too long") : 0;
}

struct migration {
	struct db *db;
	const char *sql;
	int version;
};

static int
migrate(void *arg, struct err *e)
{
	struct migration *m = arg;
	int have = db_version(m->db, e);
	char set[64];

	if (have < 0)
		return -1;
	if (have != m->version - 1)
		return err_set(e, KIND_CONFLICT, "%s: has version %d, not %d",
		    m->db->path, have, m->version - 1);
	if (exec(m->db, m->sql, e) < 0)
		return -1;
	snprintf(set, sizeof(set), "PRAGMA user_version = %d", m->version);
	return exec(m->db, set, e);
}

/*
 * The write-ahead log is a property of the file that no transaction can set;
 * SQLite does not call the busy handler when another process is at it as well.
 */
static int
begin_log(struct db *db, struct err *e)
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
	return rc == SQLITE_OK ? 0 : fail(db, "cannot begin its log", e);
}

int
db_migrate(struct db *db, const char *sql, int version, struct err *e)
{
	struct migration m = {.db = db, .version = version};
	struct buf expanded;
	int rc = -1;

	buf_init(&expanded, 1 << 20);
	if (expand(sql, &expanded, e) < 0)
		goto out;
	m.sql = expanded.data;
	/* The file may be what an interrupted run has left. */
	if (version == 1 && chmod(db->path, FILE_MODE) < 0) {
		err_sys(e, "%s: cannot chmod", db->path);
		goto out;
	}
	if (begin_log(db, e) < 0)
		goto out;
	rc = db_transaction(db, DB_DURABLE, migrate, &m, e);
out:
	buf_release(&expanded);
	return rc;
}

static int
set_durability(struct db *db, enum db_durability d, struct err *e)
{
	if (db->durability == d)
		return 0;
	if (exec(db,
		d == DB_DURABLE ? "PRAGMA synchronous = FULL"
				: "PRAGMA synchronous = NORMAL",
		e) < 0)
		return -1;
	db->durability = d;
	return 0;
}

static int
run_once(struct db *db, sqlite3_stmt **s, const char *sql, struct err *e)
{
	if (!*s && !(*s = prepare(db, sql, e)))
		return -1;
	if (sqlite3_step(*s) != SQLITE_DONE) {
		fail(db, sql, e);
		sqlite3_reset(*s);
		return -1;
	}
	sqlite3_reset(*s);
	return 0;
}

static int
join(struct db *db, enum db_durability durability,
    int (*fn)(void *arg, struct err *e), void *arg, struct err *e)
{
	int rc;

	if (durability == DB_DURABLE && db->durability != DB_DURABLE) {
		db->doomed = true;
		return err_set(e, KIND_BUG,
		    "a durable transaction within one that is not");
	}
	db->depth++;
	rc = fn(arg, e);
	db->depth--;
	if (rc != 0)
		db->doomed = true;
	return rc;
}

int
db_transaction(struct db *db, enum db_durability durability,
    int (*fn)(void *arg, struct err *e), void *arg, struct err *e)
{
	struct err ignored = {0};
	int rc;

	if (db->depth > 0)
		return join(db, durability, fn, arg, e);
	if (set_durability(db, durability, e) < 0 ||
	    run_once(db, &db->begin, "BEGIN IMMEDIATE", e) < 0)
		return -1;
	db->depth = 1;
	db->doomed = false;
	rc = fn(arg, e);
	db->depth = 0;
	if (rc == 0 && db->doomed)
		rc = err_set(e, KIND_BUG, "a part of a transaction failed");
	if (rc == 0)
		rc = run_once(db, &db->commit, "COMMIT", e);
	/* A full disk has rolled back by itself. */
	if (rc != 0 && !sqlite3_get_autocommit(db->handle))
		run_once(db, &db->rollback, "ROLLBACK", &ignored);
	return rc;
}

int
db_snapshot(struct db *db, int (*fn)(void *arg, struct err *e), void *arg,
    struct err *e)
{
	struct err ignored = {0};
	int rc;

	if (db->depth > 0)
		return join(db, DB_QUICK, fn, arg, e);
	if (exec(db, "BEGIN", e) < 0)
		return -1;
	db->depth = 1;
	rc = fn(arg, e);
	db->depth = 0;
	exec(db, "COMMIT", &ignored);
	return rc;
}

struct db_stmt *
db_prepare(struct db *db, const char *sql, struct err *e)
{
	sqlite3_stmt *handle = prepare(db, sql, e);
	struct db_stmt *s;

	if (!handle) {
		err_detail(e, "%s", sql);
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	s->db = db;
	s->handle = handle;
	return s;
}

void
db_finalize(struct db_stmt *s)
{
	if (!s)
		return;
	sqlite3_finalize(s->handle);
	free(s);
}

void
db_bindv(struct db_stmt *s, const char *types, va_list ap)
{
	const void *p;
	int i = 0;

	sqlite3_reset(s->handle);
	for (; *types; types++) {
		i++;
		switch (*types) {
		case 'i':
			sqlite3_bind_int64(s->handle, i, va_arg(ap, int64_t));
			break;
		case 't':
			p = va_arg(ap, const char *);
			sqlite3_bind_text(s->handle, i, p, -1, SQLITE_STATIC);
			break;
		default:
			p = va_arg(ap, const void *);
			sqlite3_bind_blob64(
			    s->handle, i, p, va_arg(ap, size_t), SQLITE_STATIC);
			break;
		}
	}
}

int
db_step(struct db_stmt *s, struct err *e)
{
	switch (sqlite3_step(s->handle)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		sqlite3_reset(s->handle);
		return 0;
	default:
		fail(s->db, "a statement failed", e);
		sqlite3_reset(s->handle);
		return -1;
	}
}

void
db_reset(struct db_stmt *s)
{
	sqlite3_reset(s->handle);
}

int64_t
db_run(struct db_stmt *s, struct err *e)
{
	int rc;

	while ((rc = db_step(s, e)) > 0)
		;
	return rc < 0 ? -1 : sqlite3_changes64(s->db->handle);
}

int64_t
db_int(struct db_stmt *s, int column)
{
	return sqlite3_column_int64(s->handle, column);
}

const char *
db_text(struct db_stmt *s, int column)
{
	return (const char *)sqlite3_column_text(s->handle, column);
}

const void *
db_blob(struct db_stmt *s, int column, size_t *len)
{
	const void *p = sqlite3_column_blob(s->handle, column);

	*len = (size_t)sqlite3_column_bytes(s->handle, column);
	return p;
}

bool
db_is_null(struct db_stmt *s, int column)
{
	return sqlite3_column_type(s->handle, column) == SQLITE_NULL;
}

/* Copies all pages in one step, hence as of one moment. */
static int
copy_pages(struct db *db, const char *path, struct err *e)
{
	sqlite3 *to = NULL;
	sqlite3_backup *b = NULL;
	int rc = -1;

	if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE, NULL) !=
	    SQLITE_OK)
		goto out;
	b = sqlite3_backup_init(to, "main", db->handle, "main");
	if (!b || sqlite3_backup_step(b, -1) != SQLITE_DONE)
		goto out;
	if (sqlite3_backup_finish(b) == SQLITE_OK)
		rc = 0;
	b = NULL;
out:
	if (rc < 0) {
		err_set(e, KIND_SYS, "%s: cannot write the copy", path);
		err_detail(e, "%s", sqlite3_errmsg(to));
	}
	sqlite3_backup_finish(b);
	sqlite3_close(to);
	return rc;
}

/*
 * Takes the file that the copy is made in, which may be left from a run that
 * was interrupted; -1 (KIND_BUSY) when another run is at it.
 */
static int
open_part(const char *path, struct err *e)
{
	int fd =
	    open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	struct stat ours, there;

	if (fd < 0)
		return err_sys(e, "%s: cannot create", path);
	/* Others may write to the directory: no way to a file elsewhere. */
	if (fstat(fd, &ours) < 0 || !S_ISREG(ours.st_mode) ||
	    ours.st_uid != geteuid() || ours.st_nlink > 1) {
		err_set(e, KIND_CONFLICT,
		    "%s: exists, and is no copy that we began", path);
		close(fd);
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &ours) < 0 ||
	    stat(path, &there) < 0 || ours.st_ino != there.st_ino) {
		err_set(e, KIND_BUSY, "%s: another copy is being made", path);
		close(fd);
		return -1;
	}
	if (ftruncate(fd, 0) < 0 || fchmod(fd, FILE_MODE) < 0) {
		err_sys(e, "%s: cannot write", path);
		close(fd);
		return -1;
	}
	return fd;
}

int
db_backup(struct db *db, const char *path, struct err *e)
{
	char *tmp = xasprintf("%s.part", path);
	int fd = open_part(tmp, e);
	int rc = -1;

	if (fd < 0)
		goto out;
	if (copy_pages(db, tmp, e) == 0) {
		if (fsync(fd) < 0)
			err_sys(e, "%s: cannot sync", tmp);
		else
			rc = file_publish(tmp, path, false, e);
	}
	if (rc < 0)
		unlink(tmp);
out:
	fd_close(&fd);
	free(tmp);
	return rc;
}

static int
add_integrity(struct db *db, struct strv *problems, struct err *e)
{
	sqlite3_stmt *s = prepare(db, "PRAGMA integrity_check", e);
	const char *line;
	int rc = SQLITE_DONE;

	while (s && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		line = (const char *)sqlite3_column_text(s, 0);
		if (strcmp(line, "ok") != 0)
			strv_add(problems, line);
	}
	if (s && (rc & 0xff) == SQLITE_CORRUPT)
		strv_add(problems, sqlite3_errmsg(db->handle));
	else if (!s || rc != SQLITE_DONE)
		fail(db, "cannot check the pages", e);
	sqlite3_finalize(s);
	return err_is_set(e) ? -1 : 0;
}

static int
add_foreign_keys(struct db *db, struct strv *problems, struct err *e)
{
	sqlite3_stmt *s = prepare(db, "PRAGMA foreign_key_check", e);
	int rc = SQLITE_DONE;
	char *line;

	while (s && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		line = xasprintf("%s row %lld names a row of %s that is not "
				 "there",
		    sqlite3_column_text(s, 0), sqlite3_column_int64(s, 1),
		    sqlite3_column_text(s, 2));
		strv_add(problems, line);
		free(line);
	}
	if (s && (rc & 0xff) == SQLITE_CORRUPT) {
		line = xasprintf("the foreign keys cannot be checked: %s",
		    sqlite3_errmsg(db->handle));
		strv_add(problems, line);
		free(line);
	} else if (!s || rc != SQLITE_DONE) {
		fail(db, "cannot check the foreign keys", e);
	}
	sqlite3_finalize(s);
	return err_is_set(e) ? -1 : 0;
}

int
db_verify(struct db *db, struct strv *problems, struct err *e)
{
	if (add_integrity(db, problems, e) < 0)
		return -1;
	return add_foreign_keys(db, problems, e);
}

/* A database in memory that has the schema as the steps make it. */
static int
make_model(
    struct db *model, const char *const *steps, size_t len, struct err *e)
{
	struct buf sql;
	size_t i;
	int rc = 0;

	model->path = xstrdup(":memory:");
	buf_init(&sql, 1 << 20);
	if (sqlite3_open_v2(model->path, &model->handle,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, NULL) != SQLITE_OK)
		rc = fail(model, "cannot open", e);
	for (i = 0; rc == 0 && i < len; i++) {
		buf_clear(&sql);
		rc = expand(steps[i], &sql, e);
		if (rc == 0)
			rc = exec(model, sql.data, e);
	}
	buf_release(&sql);
	return rc;
}

/*
 * The text of the table or index at hand in the other database, "" when it has
 * none; NULL when it is not there, or (`*rc` -1) cannot be looked for.
 */
static const char *
look_up(sqlite3_stmt *s, sqlite3_stmt *other, int *rc)
{
	const char *sql = NULL;
	int step;

	sqlite3_reset(other);
	sqlite3_bind_value(other, 1, sqlite3_column_value(s, 0));
	sqlite3_bind_value(other, 2, sqlite3_column_value(s, 1));
	step = sqlite3_step(other);
	if (step == SQLITE_ROW)
		sql = (const char *)sqlite3_column_text(other, 0);
	*rc = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : -1;
	return step == SQLITE_ROW && !sql ? "" : sql;
}

static void
add_object(struct strv *problems, sqlite3_stmt *s, const char *what)
{
	char *line = xasprintf("%s %s %s", sqlite3_column_text(s, 0),
	    sqlite3_column_text(s, 1), what);

	strv_add(problems, line);
	free(line);
}

/* An object of the model is in the database, with the same text. */
static int
compare_wanted(sqlite3_stmt *want, sqlite3_stmt *have, struct strv *problems)
{
	const char *sql = (const char *)sqlite3_column_text(want, 2);
	int rc;
	const char *found = look_up(want, have, &rc);

	if (rc == 0 && !found)
		add_object(problems, want, "is not there");
	else if (rc == 0 && strcmp(sql ? sql : "", found) != 0)
		add_object(problems, want, "is not as acmed made it");
	return rc;
}

/* An object of the database is in the model. */
static int
compare_there(sqlite3_stmt *have, sqlite3_stmt *want, struct strv *problems)
{
	int rc;

	if (!look_up(have, want, &rc) && rc == 0)
		add_object(problems, have, "is none that acmed made");
	return rc;
}

/* Compares each object of `from`, but for the engine's own, with `other`. */
static int
compare_each(struct db *from, struct db *other,
    int (*compare)(sqlite3_stmt *s, sqlite3_stmt *other, struct strv *problems),
    struct strv *problems, struct err *e)
{
	sqlite3_stmt *s = prepare(from,
	    "SELECT type, name, sql FROM sqlite_schema"
	    " WHERE name NOT LIKE 'sqlite^_%' ESCAPE '^' ORDER BY rowid",
	    e);
	sqlite3_stmt *o = prepare(other,
	    "SELECT sql FROM sqlite_schema WHERE type = ?1 AND name = ?2", e);
	int rc = s && o ? 0 : -1, step = SQLITE_DONE;

	while (rc == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
		rc = compare(s, o, problems);
	if (s && o && (rc < 0 || step != SQLITE_DONE))
		rc = fail(step == SQLITE_ROW ? other : from,
		    "cannot read the schema", e);
	sqlite3_finalize(s);
	sqlite3_finalize(o);
	return rc;
}

int
db_verify_schema(struct db *db, const char *const *steps, size_t len,
    struct strv *problems, struct err *e)
{
	struct db *model = xcalloc(1, sizeof(*model));
	int rc = make_model(model, steps, len, e);

	if (rc == 0)
		rc = compare_each(model, db, compare_wanted, problems, e);
	if (rc == 0)
		rc = compare_each(db, model, compare_there, problems, e);
	db_close(model);
	return rc;
}

int
db_files(struct db *db, struct strv *paths, struct err *e)
{
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

int
db_checkpoint(struct db *db, struct err *e)
{
	int rc = sqlite3_wal_checkpoint_v2(
	    db->handle, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

	if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
		return fail(db, "cannot move the write-ahead log", e);
	/* This one stops writers while it waits, so it does not wait long. */
	db->busy_ms = BUSY_CHECKPOINT_MS;
	rc = sqlite3_wal_checkpoint_v2(
	    db->handle, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	db->busy_ms = BUSY_MS;
	if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
		return fail(db, "cannot empty the write-ahead log", e);
	return 0;
}

int64_t
db_size(struct db *db, struct err *e)
{
	struct strv paths = {0};
	struct stat st;
	int64_t sum = 0;
	size_t i;

	if (db_files(db, &paths, e) < 0)
		sum = -1;
	for (i = 0; sum >= 0 && i < paths.len; i++)
		if (stat(paths.v[i], &st) == 0)
			sum += st.st_size;
	strv_release(&paths);
	return sum;
}

int
db_plan(struct db *db, const char *sql, struct buf *out, struct err *e)
{
	char *explain = xasprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *s = prepare(db, explain, e);

	while (s && sqlite3_step(s) == SQLITE_ROW)
		buf_addf(out, "%s\n", sqlite3_column_text(s, 3));
	sqlite3_finalize(s);
	free(explain);
	return s ? 0 : -1;
}
