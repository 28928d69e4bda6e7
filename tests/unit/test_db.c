#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"
#include "unit.h"
#include "wrap/db.h"

static char dir[64];
static char path[96];
static char url[ENGINE_URL_SIZE]; /* of the engine; SQLite's is `path` */
static struct err e;

static int
setup(void **state)
{
	(void)state;
	err_clear(&e);
	snprintf(dir, sizeof(dir), "/tmp/acmed-unit-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/t.sqlite", dir);
	if (engine_is_other())
		engine_url(url, sizeof(url));
	else
		snprintf(url, sizeof(url), "%s", path);
	return 0;
}

static int
teardown(void **state)
{
	static const char *const files[] = {"t.sqlite", "t.sqlite-wal",
	    "t.sqlite-shm", "copy", "copy-wal", "copy-shm", "copy.part"};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(files); i++) {
		char *p = xasprintf("%s/%s", dir, files[i]);

		unlink(p);
		free(p);
	}
	return rmdir(dir);
}

static const char schema[] =
    "CREATE TABLE parents (id @id, name @text NOT NULL UNIQUE) @strict;"
    "CREATE TABLE children (parent @int NOT NULL REFERENCES parents (id),"
    " n @int NOT NULL CHECK (n > 0), data @blob,"
    " PRIMARY KEY (parent, n)) @keyed;";

static struct db *
create(void)
{
	struct db *db = db_open(url, DB_CREATE, &e);

	assert_non_null(db);
	assert_ok(db_migrate(db, schema, 0, 1, &e), &e);
	return db;
}

static int64_t
run(struct db *db, const char *sql)
{
	struct db_stmt *s = db_prepare(db, sql, &e);
	int64_t n = s ? db_run(s, &e) : -1;

	db_finalize(s);
	return n;
}

static int64_t
ask(struct db *db, const char *sql)
{
	struct db_stmt *s = db_prepare(db, sql, &e);
	int64_t n;

	assert_non_null(s);
	assert_int_equal(db_step(s, &e), 1);
	n = db_int(s, 0);
	db_finalize(s);
	return n;
}

static void
test_opens(void **state)
{
	struct db *db;
	struct stat st;
	mode_t old;

	(void)state;
	assert_null(db_open(path, DB_WRITE, &e));
	assert_int_equal(e.kind, KIND_NOTFOUND);
	err_clear(&e);
	assert_null(db_open("relative", DB_WRITE, &e));
	assert_int_equal(e.kind, KIND_CONF);
	err_clear(&e);
	assert_null(db_open("mysql://x/y", DB_WRITE, &e));
	assert_int_equal(e.kind, KIND_CONF);
	err_clear(&e);

	old = umask(077);
	db = create();
	assert_int_equal(run(db, "INSERT INTO parents VALUES (1, 'a')"), 1);
	umask(old);
	assert_int_equal(db_version(db, &e), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	db_close(db);
	/* The log outlives its maker, with the mode of the database. */
	db = db_open(path, DB_READ, &e);
	assert_non_null(db);
	{
		struct strv files = {0};
		size_t i;

		assert_ok(db_files(db, &files, &e), &e);
		assert_int_equal(files.len, 3);
		for (i = 0; i < files.len; i++) {
			assert_int_equal(stat(files.v[i], &st), 0);
			assert_int_equal(st.st_mode & 0777, 0660);
		}
		strv_release(&files);
	}
	assert_true(db_size(db, &e) > 4096);
	db_close(db);

	assert_null(db_open(path, DB_CREATE, &e));
	assert_int_equal(e.kind, KIND_CONFLICT);
	err_clear(&e);
}

static void
test_is_no_database(void **state)
{
	FILE *f = fopen(path, "w");
	int i;

	(void)state;
	assert_non_null(f);
	for (i = 0; i < 4096; i++)
		fputc('x', f);
	fclose(f);
	assert_null(db_open(path, DB_WRITE, &e));
	assert_int_equal(e.kind, KIND_CONF);
	err_clear(&e);
}

static void
test_read_only(void **state)
{
	struct db *w = create(), *r;

	(void)state;
	r = db_open(url, DB_READ, &e);
	assert_non_null(r);
	assert_int_equal(run(w, "INSERT INTO parents VALUES (1, 'a')"), 1);
	assert_int_equal(ask(r, "SELECT count(*) FROM parents"), 1);
	assert_int_equal(run(r, "DELETE FROM parents"), -1);
	assert_int_equal(e.kind, KIND_SYS);
	err_clear(&e);
	db_close(r);
	db_close(w);
}

static void
bind(struct db_stmt *s, const char *types, ...)
{
	va_list ap;

	va_start(ap, types);
	db_bindv(s, types, ap);
	va_end(ap);
}

static void
test_binds(void **state)
{
	struct db *db = create();
	struct db_stmt *s;
	const char *bytes;
	size_t len;

	(void)state;
	assert_int_equal(run(db, "INSERT INTO parents VALUES (1, 'a')"), 1);
	s = db_prepare(db, "INSERT INTO children VALUES (?1, ?2, ?3)", &e);
	assert_non_null(s);
	bind(s, "iib", (int64_t)1, (int64_t)5000000000, "x\0y", (size_t)3);
	assert_int_equal(db_run(s, &e), 1);
	bind(s, "iib", (int64_t)1, (int64_t)2, NULL, (size_t)0);
	assert_int_equal(db_run(s, &e), 1);
	db_finalize(s);
	s = db_prepare(db, "SELECT n, data FROM children ORDER BY n", &e);
	assert_int_equal(db_step(s, &e), 1);
	assert_true(db_is_null(s, 1));
	assert_null(db_text(s, 1));
	assert_int_equal(db_step(s, &e), 1);
	assert_true(db_int(s, 0) == 5000000000);
	bytes = db_blob(s, 1, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(bytes, "x\0y", 3);
	assert_int_equal(db_step(s, &e), 0);
	db_finalize(s);
	db_close(db);
}

static void
test_maps_errors(void **state)
{
	static const struct {
		const char *sql;
		enum err_kind want;
	} cases[] = {
	    {"INSERT INTO parents VALUES (2, 'a')", KIND_CONFLICT},
	    {"INSERT INTO parents VALUES (1, 'b')", KIND_CONFLICT},
	    {"INSERT INTO children VALUES (9, 1, NULL)", KIND_CONFLICT},
	    {"INSERT INTO children VALUES (1, 0, NULL)", KIND_BUG},
	    {"INSERT INTO parents VALUES (3, NULL)", KIND_BUG},
	    {"INSERT INTO children VALUES (1, 'text', NULL)", KIND_BUG},
	};
	struct db *db = create();
	size_t i;

	(void)state;
	assert_int_equal(run(db, "INSERT INTO parents VALUES (1, 'a')"), 1);
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(run(db, cases[i].sql), -1);
		assert_int_equal(e.kind, cases[i].want);
		err_clear(&e);
	}
	assert_null(db_prepare(db, "SELECT nothing FROM parents", &e));
	assert_int_equal(e.kind, KIND_BUG);
	err_clear(&e);
	assert_int_equal(ask(db, "SELECT count(*) FROM parents"), 1);
	db_close(db);
}

/* As a full disk does. */
static void
test_full(void **state)
{
	struct db *db = create();

	(void)state;
	assert_true(run(db, "PRAGMA max_page_count = 1") >= 0);
	assert_int_equal(
	    run(db,
		"WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1"
		" FROM n WHERE i < 99) INSERT INTO parents"
		" SELECT i, hex(zeroblob(900 + i)) FROM n"),
	    -1);
	assert_int_equal(e.kind, KIND_BUSY);
	err_clear(&e);
	db_close(db);
}

/* The schema may not be edited through SQL, whatever a statement says. */
static void
test_is_defensive(void **state)
{
	struct db *db = create();

	(void)state;
	run(db, "PRAGMA writable_schema = ON");
	assert_null(db_prepare(db, "DELETE FROM sqlite_schema", &e));
	err_clear(&e);
	db_close(db);
}

struct work {
	struct db *db;
	bool inner_fails, outer_fails;
	enum db_durability inner;
};

static int
inner(void *arg, struct err *err)
{
	struct work *w = arg;

	assert_int_equal(
	    run(w->db, "INSERT INTO parents (name) VALUES ('inner')"), 1);
	return w->inner_fails ? err_set(err, KIND_DENIED, "inner") : 0;
}

/* Hides the failure of the inner one on purpose. */
static int
outer(void *arg, struct err *err)
{
	struct work *w = arg;
	struct err hidden = {0};

	assert_int_equal(
	    run(w->db, "INSERT INTO parents (name) VALUES ('outer')"), 1);
	db_transaction(w->db, w->inner, inner, w, &hidden);
	return w->outer_fails ? err_set(err, KIND_DENIED, "outer") : 0;
}

/* Hides that a statement of it has failed. */
static int
conflict(void *arg, struct err *err)
{
	struct err hidden = {0};
	struct db_stmt *s =
	    db_prepare(arg, "INSERT INTO parents VALUES (1, 'a')", err);

	assert_int_equal(db_run(s, err), 1);
	assert_int_equal(db_run(s, &hidden), -1);
	assert_int_equal(hidden.kind, KIND_CONFLICT);
	db_finalize(s);
	return 0;
}

static void
test_hidden_failure(void **state)
{
	struct db *db = create();

	(void)state;
	assert_kind(
	    db_transaction(db, DB_QUICK, conflict, db, &e), KIND_BUG, &e);
	assert_int_equal(ask(db, "SELECT count(*) FROM parents"), 0);
	assert_int_equal(run(db, "INSERT INTO parents VALUES (1, 'a')"), 1);
	db_close(db);
}

static void
test_transactions(void **state)
{
	struct db *db = create();
	struct work w = {.db = db};

	(void)state;
	w.outer_fails = true;
	assert_kind(
	    db_transaction(db, DB_QUICK, outer, &w, &e), KIND_DENIED, &e);
	assert_int_equal(ask(db, "SELECT count(*) FROM parents"), 0);
	w.outer_fails = false;
	w.inner_fails = true;
	assert_kind(db_transaction(db, DB_QUICK, outer, &w, &e), KIND_BUG, &e);
	assert_int_equal(ask(db, "SELECT count(*) FROM parents"), 0);
	w.inner_fails = false;
	w.inner = DB_DURABLE;
	assert_kind(db_transaction(db, DB_QUICK, outer, &w, &e), KIND_BUG, &e);
	assert_ok(db_transaction(db, DB_DURABLE, outer, &w, &e), &e);
	assert_int_equal(ask(db, "SELECT count(*) FROM parents"), 2);
	db_close(db);
}

static int
read_level(void *arg, struct err *err)
{
	struct work *w = arg;

	(void)err;
	return (int)ask(w->db, "PRAGMA synchronous") + 100;
}

/* SQLite's levels: 1 is NORMAL, 2 is FULL. */
static void
test_durability(void **state)
{
	struct db *db = create();
	struct work w = {.db = db};

	(void)state;
	assert_int_equal(
	    db_transaction(db, DB_DURABLE, read_level, &w, &e), 102);
	assert_int_equal(db_transaction(db, DB_QUICK, read_level, &w, &e), 101);
	assert_int_equal(
	    db_transaction(db, DB_DURABLE, read_level, &w, &e), 102);
	db_close(db);
}

static int
count_twice(void *arg, struct err *err)
{
	struct work *w = arg;
	struct db *other = db_open(url, DB_WRITE, err);
	int64_t before = ask(w->db, "SELECT count(*) FROM parents");

	assert_int_equal(
	    run(other, "INSERT INTO parents (name) VALUES ('new')"), 1);
	db_close(other);
	assert_int_equal(ask(w->db, "SELECT count(*) FROM parents"), before);
	return 0;
}

static void
test_snapshot(void **state)
{
	struct db *db = create();
	struct work w = {.db = db};

	(void)state;
	assert_ok(db_snapshot(db, count_twice, &w, &e), &e);
	assert_int_equal(ask(db, "SELECT count(*) FROM parents"), 1);
	db_close(db);
}

static void
test_migrates(void **state)
{
	struct db *db = create();

	(void)state;
	assert_kind(db_migrate(db, schema, 0, 1, &e), KIND_CONFLICT, &e);
	assert_kind(db_migrate(db, "CREATE TABLE x (id @id)", 2, 3, &e),
	    KIND_CONFLICT, &e);
	assert_kind(db_migrate(db, "CREATE TABLE x (id @nonsense)", 1, 2, &e),
	    KIND_BUG, &e);
	/* All of a step or none of it. */
	assert_kind(
	    db_migrate(db, "CREATE TABLE x (id @id) @strict; SELECT nothing", 1,
		2, &e),
	    KIND_BUG, &e);
	assert_int_equal(db_version(db, &e), 1);
	assert_null(db_prepare(db, "SELECT id FROM x", &e));
	err_clear(&e);
	assert_ok(
	    db_migrate(db, "CREATE TABLE x (id @id) @strict", 1, 2, &e), &e);
	assert_int_equal(db_version(db, &e), 2);
	db_close(db);
}

static void
test_copies(void **state)
{
	struct db *db = create(), *copy;
	char *to = xasprintf("%s/copy", dir);
	struct strv problems = {0};
	struct stat st;

	(void)state;
	run(db, "INSERT INTO parents (name) VALUES ('a')");
	assert_ok(db_backup(db, to, &e), &e);
	assert_kind(db_backup(db, to, &e), KIND_CONFLICT, &e);
	assert_int_equal(stat(to, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	copy = db_open(to, DB_WRITE, &e);
	assert_non_null(copy);
	assert_int_equal(ask(copy, "SELECT count(*) FROM parents"), 1);
	assert_int_equal(db_version(copy, &e), 1);
	assert_ok(db_verify(copy, &problems, &e), &e);
	assert_int_equal(problems.len, 0);
	/* What no foreign key would have let in. */
	run(copy, "PRAGMA foreign_keys = OFF");
	run(copy, "INSERT INTO children VALUES (77, 1, NULL)");
	assert_ok(db_verify(copy, &problems, &e), &e);
	assert_int_equal(problems.len, 1);
	strv_release(&problems);
	db_close(copy);
	db_close(db);
	free(to);
}

static void
test_checkpoint_empties_the_log(void **state)
{
	struct db *db = create();
	char *wal = xasprintf("%s-wal", path);
	struct stat st;

	(void)state;
	run(db, "INSERT INTO parents (name) VALUES ('a')");
	assert_int_equal(stat(wal, &st), 0);
	assert_true(st.st_size > 0);
	assert_ok(db_checkpoint(db, &e), &e);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_size, 0);
	free(wal);
	db_close(db);
}

static int
die_half_way(void *arg, struct err *err)
{
	(void)err;
	run(arg, "INSERT INTO parents (name) VALUES ('half')");
	raise(SIGKILL);
	return 0;
}

/* A process killed within a transaction leaves nothing of it. */
static void
test_survives_a_kill(void **state)
{
	struct db *db = create();
	int status;
	pid_t pid;

	(void)state;
	db_close(db);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		db = db_open(url, DB_WRITE, &e);
		run(db, "INSERT INTO parents (name) VALUES ('committed')");
		db_transaction(db, DB_QUICK, die_half_way, db, &e);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	db = db_open(url, DB_WRITE, &e);
	assert_non_null(db);
	assert_int_equal(ask(db, "SELECT count(*) FROM parents"), 1);
	run(db, "INSERT INTO parents (name) VALUES ('after')");
	db_close(db);
}

static void
test_plan(void **state)
{
	struct db *db = create();
	struct buf plan;

	(void)state;
	buf_init(&plan, 1000);
	assert_ok(
	    db_plan(db, "SELECT * FROM parents WHERE name = ?1", &plan, &e),
	    &e);
	assert_null(strstr(plan.data, "SCAN "));
	assert_non_null(strstr(plan.data, "parents"));
	buf_clear(&plan);
	assert_ok(
	    db_plan(db, "SELECT * FROM children WHERE n = ?1", &plan, &e), &e);
	assert_true(str_starts(plan.data, "SCAN children"));
	buf_clear(&plan);
	assert_ok(
	    db_plan(db, "SELECT * FROM children ORDER BY data", &plan, &e), &e);
	assert_non_null(strstr(plan.data, "SORT"));
	buf_release(&plan);
	db_close(db);
}

/* ---- what only PostgreSQL does ------------------------------------------- */

static void
test_url(void **state)
{
	static const char *const wrong[] = {"postgresql://u:secret@/db",
	    "postgresql:///db?password=secret", "postgresql:db",
	    "postgresql://h/db?nonsense=secret"};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(wrong); i++) {
		assert_null(db_open(wrong[i], DB_WRITE, &e));
		assert_int_equal(e.kind, KIND_CONF);
		assert_null(strstr(e.text, "secret"));
		assert_null(strstr(e.detail, "secret"));
		err_clear(&e);
	}
	assert_null(db_open("postgresql:///db?host=/nowhere", DB_WRITE, &e));
	assert_int_equal(e.kind, KIND_SYS);
	err_clear(&e);
	assert_null(db_path(url, &e));
	assert_int_equal(e.kind, KIND_CONF);
	err_clear(&e);
}

static void
test_schemas(void **state)
{
	struct db *db;

	(void)state;
	assert_null(db_open(url, DB_WRITE, &e));
	assert_int_equal(e.kind, KIND_NOTFOUND);
	err_clear(&e);
	db = create();
	assert_int_equal(db_version(db, &e), 1);
	assert_null(db_open(url, DB_CREATE, &e));
	assert_int_equal(e.kind, KIND_CONFLICT);
	err_clear(&e);
	/* What is of something else stays so. */
	assert_int_equal(run(db, "DROP TABLE acmed_version"), 0);
	assert_null(db_open(url, DB_CREATE, &e));
	assert_int_equal(e.kind, KIND_CONF);
	err_clear(&e);
	assert_null(db_open(url, DB_READ, &e));
	assert_int_equal(e.kind, KIND_NOTFOUND);
	err_clear(&e);
	assert_kind(db_backup(db, path, &e), KIND_CONF, &e);
	assert_ok(db_checkpoint(db, &e), &e);
	assert_true(db_size(db, &e) > 4096);
	db_close(db);
}

struct race {
	struct db *db, *other;
	int runs;
	int interfere; /* in so many runs */
};

/* The other one changes what this one has read. */
static int
race(void *arg, struct err *err)
{
	struct race *r = arg;
	int64_t n = ask(r->db, "SELECT count(*) FROM parents");
	struct db_stmt *s;
	int rc;

	if (r->runs++ < r->interfere)
		assert_int_equal(run(r->other,
				     "UPDATE parents SET name = name || 'x'"
				     " WHERE id = 1"),
		    1);
	s = db_prepare(
	    r->db, "UPDATE parents SET name = name || 'y' WHERE id = 1", err);
	assert_non_null(s);
	rc = n > 0 && db_run(s, err) == 1 ? 0 : -1;
	db_finalize(s);
	return rc;
}

static void
test_runs_again(void **state)
{
	struct race r = {.db = create(), .interfere = 2};

	(void)state;
	r.other = db_open(url, DB_WRITE, &e);
	assert_int_equal(run(r.db, "INSERT INTO parents VALUES (1, 'a')"), 1);
	assert_ok(db_transaction(r.db, DB_QUICK, race, &r, &e), &e);
	assert_int_equal(r.runs, 3);
	assert_false(err_is_set(&e));
	assert_int_equal(
	    ask(r.db, "SELECT count(*) FROM parents WHERE name = 'axxy'"), 1);
	db_close(r.other);
	db_close(r.db);
}

/* After ten seconds; then the next one can succeed. */
static void
test_gives_up(void **state)
{
	struct race r = {.db = create(), .interfere = INT_MAX};

	(void)state;
	r.other = db_open(url, DB_WRITE, &e);
	assert_int_equal(run(r.db, "INSERT INTO parents VALUES (1, 'a')"), 1);
	assert_kind(
	    db_transaction(r.db, DB_QUICK, race, &r, &e), KIND_BUSY, &e);
	assert_true(r.runs > 20);
	r.interfere = 0;
	assert_ok(db_transaction(r.db, DB_QUICK, race, &r, &e), &e);
	db_close(r.other);
	db_close(r.db);
}

/* The server ends the connection of `db`. */
static void
cut(struct db *db)
{
	struct db *other = db_open(url, DB_WRITE, &e);
	char sql[64];

	snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%lld, 5000)",
	    (long long)ask(db, "SELECT pg_backend_pid()"));
	assert_int_equal(ask(other, sql), 1);
	db_close(other);
}

static int
insert(void *arg, struct err *err)
{
	struct db_stmt *s =
	    db_prepare(arg, "INSERT INTO parents (name) VALUES ('b')", err);
	int rc = s && db_run(s, err) == 1 ? 0 : -1;

	db_finalize(s);
	return rc;
}

static void
test_reconnects(void **state)
{
	struct db *db = create();
	struct db_stmt *s = db_prepare(db, "SELECT count(*) FROM parents", &e);

	(void)state;
	assert_int_equal(db_step(s, &e), 1);
	cut(db);
	db_reset(s);
	assert_int_equal(db_step(s, &e), 1); /* was prepared on the first */
	db_reset(s);
	cut(db);
	assert_ok(db_transaction(db, DB_QUICK, insert, db, &e), &e);
	cut(db);
	assert_int_equal(run(db, "INSERT INTO parents (name) VALUES ('c')"), 1);
	assert_int_equal(db_step(s, &e), 1);
	assert_int_equal(db_int(s, 0), 2);
	db_finalize(s);
	db_close(db);
}

static int
insert_and_cut(void *arg, struct err *err)
{
	if (insert(arg, err) < 0)
		return -1;
	cut(arg);
	return insert(arg, err);
}

static void
test_lost_half_way(void **state)
{
	struct db *db = create();

	(void)state;
	assert_kind(db_transaction(db, DB_QUICK, insert_and_cut, db, &e),
	    KIND_BUSY, &e);
	assert_int_equal(ask(db, "SELECT count(*) FROM parents"), 0);
	db_close(db);
}

static int
add_up(void *arg, struct err *err)
{
	struct db_stmt *all =
	    db_prepare(arg, "SELECT id FROM parents ORDER BY id", err);
	int64_t n = 0, sum = 0;

	while (db_step(all, err) > 0) {
		n++;
		sum += db_int(all, 0);
		if (n % 500 == 1)
			assert_int_equal(
			    ask(arg, "SELECT count(*) FROM parents"), 2500);
	}
	db_finalize(all);
	assert_int_equal(n, 2500);
	assert_int_equal(sum, 2500 * 2501 / 2);
	return 0;
}

/* More rows than are fetched at a time, with other queries between. */
static void
test_reads_in_parts(void **state)
{
	struct db *db = create();

	(void)state;
	assert_int_equal(run(db,
			     "INSERT INTO parents SELECT n, 'n' || n"
			     " FROM generate_series(1, 2500) n"),
	    2500);
	assert_ok(db_snapshot(db, add_up, db, &e), &e);
	assert_ok(db_snapshot(db, add_up, db, &e), &e);
	db_close(db);
}

static int
read_setting(void *arg, struct err *err)
{
	(void)err;
	return (int)ask(arg,
		   "SELECT CASE current_setting('synchronous_commit')"
		   " WHEN 'on' THEN 2 WHEN 'off' THEN 1 ELSE 0 END") +
	    100;
}

static void
test_other_durability(void **state)
{
	struct db *db = create();

	(void)state;
	assert_int_equal(
	    db_transaction(db, DB_DURABLE, read_setting, db, &e), 102);
	assert_int_equal(
	    db_transaction(db, DB_QUICK, read_setting, db, &e), 101);
	db_close(db);
}

static void
test_verifies(void **state)
{
	static const char *const steps[] = {schema};
	struct db *db = create();
	struct strv problems = {0};

	(void)state;
	assert_ok(db_verify_schema(db, steps, 1, &problems, &e), &e);
	assert_int_equal(problems.len, 0);
	assert_int_equal(run(db, "CREATE INDEX more ON children (n)"), 0);
	assert_int_equal(run(db,
			     "ALTER TABLE children ADD CONSTRAINT other"
			     " FOREIGN KEY (n) REFERENCES parents (id)"
			     " NOT VALID"),
	    0);
	assert_int_equal(run(db, "CREATE VIEW none AS SELECT 1 AS one"), 0);
	assert_ok(db_verify_schema(db, steps, 1, &problems, &e), &e);
	assert_int_equal(problems.len, 3);
	assert_string_equal(
	    problems.v[0], "index more is none that acmed made");
	assert_string_equal(
	    problems.v[1], "table children is not as acmed made it");
	assert_string_equal(problems.v[2], "view none is none that acmed made");
	assert_ok(db_verify(db, &problems, &e), &e);
	assert_int_equal(problems.len, 4);
	assert_string_equal(
	    problems.v[3], "constraint other was never checked");
	assert_int_equal(run(db, "DROP TABLE children"), 0);
	assert_ok(db_verify_schema(db, steps, 1, &problems, &e), &e);
	assert_string_equal(problems.v[4], "table children is not there");
	strv_release(&problems);
	/* Nothing is left of how it looked. */
	assert_int_equal(ask(db,
			     "SELECT count(*) FROM pg_class WHERE"
			     " relnamespace = pg_my_temp_schema()"),
	    0);
	db_close(db);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define SHARED                                                                 \
	T(test_read_only), T(test_binds), T(test_maps_errors),                 \
	    T(test_transactions), T(test_hidden_failure), T(test_snapshot),    \
	    T(test_migrates), T(test_survives_a_kill), T(test_plan)

static const struct CMUnitTest sqlite_tests[] = {
    SHARED,
    T(test_opens),
    T(test_is_no_database),
    T(test_full),
    T(test_is_defensive),
    T(test_durability),
    T(test_copies),
    T(test_checkpoint_empties_the_log),
};

static const struct CMUnitTest postgres_tests[] = {
    SHARED,
    T(test_url),
    T(test_schemas),
    T(test_runs_again),
    T(test_gives_up),
    T(test_reconnects),
    T(test_lost_half_way),
    T(test_reads_in_parts),
    T(test_other_durability),
    T(test_verifies),
};

int
main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return engine_is_other()
	    ? cmocka_run_group_tests(postgres_tests, NULL, NULL)
	    : cmocka_run_group_tests(sqlite_tests, NULL, NULL);
}
