#include "wrap/db_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/file.h"

#define BUSY_MS DB_PATIENCE
#define BUSY_CHECKPOINT_MS 200
#define FILE_MODE 0660

/*
 * Pages in the write-ahead log before a commit moves them into the database.
 * An order dirties about a hundred; the default of 1000 would make every tenth
 * order pay for a checkpoint.
 */
#define CHECKPOINT_PAGES 8000

struct sqlite {
	struct db base;
	sqlite3 *handle;
	char *path;
	sqlite3_stmt *begin, *commit, *rollback;
	int64_t busy_ms; /* how long to wait for a lock */
	int64_t busy_since; /* when the present wait began */
};

struct sqlite_stmt {
	struct db_stmt base;
	sqlite3_stmt *handle;
};

static struct sqlite *
of(struct db *base)
{
	return (struct sqlite *)base;
}

static sqlite3_stmt *
handle_of(struct db_stmt *base)
{
	return ((struct sqlite_stmt *)base)->handle;
}

static int
fail(struct sqlite *db, const char *what, struct err *e)
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
sqlite_path(const char *url, struct err *e)
{
	if (str_starts(url, "sqlite:"))
		url += 7;
	if (url[0] == '/')
		return xstrdup(url);
	err_set(e, KIND_CONF, "%s: not an absolute path", url);
	return NULL;
}

/* The engine is there, and its files lie in one directory. */
static int
sqlite_load(
    const char *url, struct strv *files, struct strv *ports, struct err *e)
{
	char *path = sqlite_path(url, e);

	(void)files;
	(void)ports;
	free(path);
	return path ? 0 : -1;
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
exec(struct sqlite *db, const char *sql, struct err *e)
{
	if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail(db, "cannot run a statement", e);
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
	return exec(
	    db, "PRAGMA temp_store = MEMORY; PRAGMA synchronous = NORMAL", e);
}

static sqlite3_stmt *
prepare(struct sqlite *db, const char *sql, struct err *e)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
		&s, NULL) != SQLITE_OK)
		fail(db, "cannot prepare a statement", e);
	return s;
}

/* The integer that `sql` gives; -1 on failure. */
static int64_t
read_int(struct sqlite *db, const char *sql, struct err *e)
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

static int
sqlite_version(struct db *base, struct err *e)
{
	return (int)read_int(of(base), "PRAGMA user_version", e);
}

static int
open_handle(struct sqlite *db, enum db_mode mode, struct err *e)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
	    (mode == DB_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);

	if (sqlite3_open_v2(db->path, &db->handle, flags, NULL) != SQLITE_OK)
		return fail(db, "cannot open", e);
	if (set_up(db, e) < 0 || sqlite_version(&db->base, e) < 0)
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
sqlite_close(struct db *base)
{
	struct sqlite *db = of(base);

	sqlite3_finalize(db->begin);
	sqlite3_finalize(db->commit);
	sqlite3_finalize(db->rollback);
	sqlite3_close(db->handle);
	free(db->path);
	free(db);
}

static struct db *
sqlite_open(const char *url, enum db_mode mode, struct err *e)
{
	struct sqlite *db = xcalloc(1, sizeof(*db));

	set_up_library();
	db->base.engine = &db_sqlite;
	db->busy_ms = BUSY_MS;
	db->path = sqlite_path(url, e);
	if (!db->path)
		goto fail;
	if ((mode == DB_CREATE ? make_file : find_file)(db->path, e) < 0)
		goto fail;
	if (open_handle(db, mode, e) < 0)
		goto fail;
	return &db->base;
fail:
	sqlite_close(&db->base);
	return NULL;
}

static const char *const tokens[][2] = {
    {"@id", "INTEGER PRIMARY KEY"},
    {"@number", "INTEGER PRIMARY KEY AUTOINCREMENT"},
    {"@int", "INTEGER"},
    {"@text", "TEXT"},
    {"@blob", "BLOB"},
    {"@strict", "STRICT"},
    {"@keyed", "STRICT, WITHOUT ROWID"},
    {NULL, NULL},
};

struct migration {
	struct sqlite *db;
	const char *sql;
	int from, to;
};

static int
migrate(void *arg, struct err *e)
{
	struct migration *m = arg;
	int have = sqlite_version(&m->db->base, e);
	char set[64];

	if (have < 0)
		return -1;
	if (have != m->from)
		return err_set(e, KIND_CONFLICT, "%s: has version %d, not %d",
		    m->db->path, have, m->from);
	if (exec(m->db, m->sql, e) < 0)
		return -1;
	snprintf(set, sizeof(set), "PRAGMA user_version = %d", m->to);
	return exec(m->db, set, e);
}

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
	return rc == SQLITE_OK ? 0 : fail(db, "cannot begin its log", e);
}

static int
sqlite_migrate(
    struct db *base, const char *sql, int from, int to, struct err *e)
{
	struct sqlite *db = of(base);
	struct migration m = {.db = db, .sql = sql, .from = from, .to = to};

	/* The file may be what an interrupted run has left. */
	if (from == 0 && chmod(db->path, FILE_MODE) < 0)
		return err_sys(e, "%s: cannot chmod", db->path);
	if (begin_log(db, e) < 0)
		return -1;
	return db_transaction(base, DB_DURABLE, migrate, &m, e);
}

static int
set_durability(struct sqlite *db, enum db_durability d, struct err *e)
{
	if (db->base.durability == d)
		return 0;
	if (exec(db,
		d == DB_DURABLE ? "PRAGMA synchronous = FULL"
				: "PRAGMA synchronous = NORMAL",
		e) < 0)
		return -1;
	db->base.durability = d;
	return 0;
}

static int
run_once(struct sqlite *db, sqlite3_stmt **s, const char *sql, struct err *e)
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
sqlite_begin(struct db *base, enum db_durability durability, struct err *e)
{
	struct sqlite *db = of(base);

	if (set_durability(db, durability, e) < 0)
		return -1;
	return run_once(db, &db->begin, "BEGIN IMMEDIATE", e);
}

static int
sqlite_commit(struct db *base, struct err *e)
{
	return run_once(of(base), &of(base)->commit, "COMMIT", e);
}

/* A full disk has rolled back by itself. */
static int
sqlite_rollback(struct db *base, struct err *e)
{
	struct sqlite *db = of(base);
	struct err ignored = {0};

	(void)e;
	if (!sqlite3_get_autocommit(db->handle))
		run_once(db, &db->rollback, "ROLLBACK", &ignored);
	return 0;
}

static int
sqlite_begin_snapshot(struct db *base, struct err *e)
{
	return exec(of(base), "BEGIN", e);
}

static void
sqlite_end_snapshot(struct db *base)
{
	struct err ignored = {0};

	exec(of(base), "COMMIT", &ignored);
}

static struct db_stmt *
sqlite_prepare(struct db *base, const char *sql, struct err *e)
{
	sqlite3_stmt *handle = prepare(of(base), sql, e);
	struct sqlite_stmt *s;

	if (!handle)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->base.db = base;
	s->handle = handle;
	return &s->base;
}

static void
sqlite_finalize(struct db_stmt *s)
{
	sqlite3_finalize(handle_of(s));
	free(s);
}

static void
sqlite_bindv(struct db_stmt *s, const char *types, va_list ap)
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
sqlite_step(struct db_stmt *s, struct err *e)
{
	sqlite3_stmt *handle = handle_of(s);

	switch (sqlite3_step(handle)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		sqlite3_reset(handle);
		return 0;
	default:
		fail(of(s->db), "a statement failed", e);
		sqlite3_reset(handle);
		return -1;
	}
}

static void
sqlite_reset(struct db_stmt *s)
{
	sqlite3_reset(handle_of(s));
}

static int64_t
sqlite_changes(struct db_stmt *s)
{
	return sqlite3_changes64(of(s->db)->handle);
}

static int64_t
sqlite_int(struct db_stmt *s, int column)
{
	return sqlite3_column_int64(handle_of(s), column);
}

static const char *
sqlite_text(struct db_stmt *s, int column)
{
	return (const char *)sqlite3_column_text(handle_of(s), column);
}

static const void *
sqlite_blob(struct db_stmt *s, int column, size_t *len)
{
	const void *p = sqlite3_column_blob(handle_of(s), column);

	*len = (size_t)sqlite3_column_bytes(handle_of(s), column);
	return p;
}

static bool
sqlite_is_null(struct db_stmt *s, int column)
{
	return sqlite3_column_type(handle_of(s), column) == SQLITE_NULL;
}

/* Copies all pages in one step, hence as of one moment. */
static int
copy_pages(struct sqlite *db, const char *path, struct err *e)
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

static int
sqlite_backup(struct db *base, const char *path, struct err *e)
{
	struct sqlite *db = of(base);
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
add_integrity(struct sqlite *db, struct strv *problems, struct err *e)
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
add_foreign_keys(struct sqlite *db, struct strv *problems, struct err *e)
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

static int
sqlite_verify(struct db *base, struct strv *problems, struct err *e)
{
	struct sqlite *db = of(base);

	if (add_integrity(db, problems, e) < 0)
		return -1;
	return add_foreign_keys(db, problems, e);
}

/* A database in memory that has the schema as the steps make it. */
static int
make_model(
    struct sqlite *model, const char *const *steps, size_t len, struct err *e)
{
	struct buf sql;
	size_t i;
	int rc = 0;

	model->path = xstrdup(":memory:");
	buf_init(&sql, DB_SCHEMA_MAX);
	if (sqlite3_open_v2(model->path, &model->handle,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, NULL) != SQLITE_OK)
		rc = fail(model, "cannot open", e);
	for (i = 0; rc == 0 && i < len; i++) {
		buf_clear(&sql);
		rc = db_expand(&db_sqlite, steps[i], &sql, e);
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
compare_each(struct sqlite *from, struct sqlite *other,
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

static int
sqlite_verify_schema(struct db *base, const char *const *steps, size_t len,
    struct strv *problems, struct err *e)
{
	struct sqlite *db = of(base);
	struct sqlite *model = xcalloc(1, sizeof(*model));
	int rc = make_model(model, steps, len, e);

	if (rc == 0)
		rc = compare_each(model, db, compare_wanted, problems, e);
	if (rc == 0)
		rc = compare_each(db, model, compare_there, problems, e);
	sqlite_close(&model->base);
	return rc;
}

static int
sqlite_files(struct db *base, struct strv *paths, struct err *e)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_LEN(suffixes); i++) {
		char *path = xasprintf("%s%s", of(base)->path, suffixes[i]);

		if (stat(path, &st) == 0)
			strv_add(paths, path);
		else if (errno != ENOENT)
			err_sys(e, "%s: cannot stat", path);
		free(path);
	}
	return err_is_set(e) ? -1 : 0;
}

static void
sqlite_set_patience(struct db *base, int64_t ms)
{
	struct sqlite *db = (struct sqlite *)base;

	db->busy_ms = ms;
}

static void
sqlite_set_cache(struct db *base, int64_t bytes)
{
	char set[64];

	snprintf(set, sizeof(set), "PRAGMA cache_size = -%lld",
	    (long long)(bytes / 1024));
	sqlite3_exec(of(base)->handle, set, NULL, NULL, NULL);
}

static int
sqlite_checkpoint(struct db *base, struct err *e)
{
	struct sqlite *db = of(base);
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

static int64_t
sqlite_size(struct db *base, struct err *e)
{
	struct strv paths = {0};
	struct stat st;
	int64_t sum = 0;
	size_t i;

	if (sqlite_files(base, &paths, e) < 0)
		sum = -1;
	for (i = 0; sum >= 0 && i < paths.len; i++)
		if (stat(paths.v[i], &st) == 0)
			sum += st.st_size;
	strv_release(&paths);
	return sum;
}

static int
sqlite_plan(struct db *base, const char *sql, struct buf *out, struct err *e)
{
	char *explain = xasprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *s = prepare(of(base), explain, e);

	while (s && sqlite3_step(s) == SQLITE_ROW) {
		const char *line = (const char *)sqlite3_column_text(s, 3);

		if (str_starts(line, "USE TEMP B-TREE"))
			buf_addf(out, "SORT%s\n", line + 15);
		else
			buf_addf(out, "%s\n", line);
	}
	sqlite3_finalize(s);
	free(explain);
	return s ? 0 : -1;
}

const struct db_engine db_sqlite = {
    .scheme = "sqlite:",
    .tokens = tokens,
    .load = sqlite_load,
    .open = sqlite_open,
    .close = sqlite_close,
    .path = sqlite_path,
    .version = sqlite_version,
    .migrate = sqlite_migrate,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .begin_snapshot = sqlite_begin_snapshot,
    .end_snapshot = sqlite_end_snapshot,
    .prepare = sqlite_prepare,
    .finalize = sqlite_finalize,
    .bindv = sqlite_bindv,
    .step = sqlite_step,
    .reset = sqlite_reset,
    .changes = sqlite_changes,
    .get_int = sqlite_int,
    .get_text = sqlite_text,
    .get_blob = sqlite_blob,
    .is_null = sqlite_is_null,
    .backup = sqlite_backup,
    .verify = sqlite_verify,
    .verify_schema = sqlite_verify_schema,
    .files = sqlite_files,
    .checkpoint = sqlite_checkpoint,
    .set_patience = sqlite_set_patience,
    .set_cache = sqlite_set_cache,
    .size = sqlite_size,
    .plan = sqlite_plan,
};
