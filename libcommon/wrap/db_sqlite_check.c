#include "wrap/db_sqlite_part.h"

#include <sqlite3.h>

static int
add_integrity(struct sqlite *db, struct strv *problems, struct err *e)
{
	sqlite3_stmt *s = sqlite_prepare(db, "PRAGMA integrity_check", e);
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
		sqlite_fail(db, "cannot check the pages", e);
	sqlite3_finalize(s);
	return err_is_set(e) ? -1 : 0;
}

static int
add_foreign_keys(struct sqlite *db, struct strv *problems, struct err *e)
{
	sqlite3_stmt *s = sqlite_prepare(db, "PRAGMA foreign_key_check", e);
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
		sqlite_fail(db, "cannot check the foreign keys", e);
	}
	sqlite3_finalize(s);
	return err_is_set(e) ? -1 : 0;
}

int
sqlite_verify(struct db *base, struct strv *problems, struct err *e)
{
	struct sqlite *db = (struct sqlite *)base;

	if (add_integrity(db, problems, e) < 0)
		return -1;
	return add_foreign_keys(db, problems, e);
}

/* A database in memory that has the schema as the steps make it. */
static int
make_model(struct sqlite *model, char *const *steps, size_t len, struct err *e)
{
	int rc = 0;

	model->path = xstrdup(":memory:");
	if (sqlite3_open_v2(model->path, &model->handle,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, NULL) != SQLITE_OK)
		rc = sqlite_fail(model, "cannot open", e);
	for (size_t i = 0; rc == 0 && i < len; i++)
		rc = sqlite_exec(model, steps[i], e);
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
	sqlite3_stmt *s = sqlite_prepare(from,
	    "SELECT type, name, sql FROM sqlite_schema"
	    " WHERE name NOT LIKE 'sqlite^_%' ESCAPE '^' ORDER BY rowid",
	    e);
	sqlite3_stmt *o = sqlite_prepare(other,
	    "SELECT sql FROM sqlite_schema WHERE type = ?1 AND name = ?2", e);
	int rc = s && o ? 0 : -1, step = SQLITE_DONE;

	while (rc == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
		rc = compare(s, o, problems);
	if (s && o && (rc < 0 || step != SQLITE_DONE))
		rc = sqlite_fail(step == SQLITE_ROW ? other : from,
		    "cannot read the schema", e);
	sqlite3_finalize(s);
	sqlite3_finalize(o);
	return rc;
}

int
sqlite_verify_schema(struct db *base, char *const *steps, size_t len,
    struct strv *problems, struct err *e)
{
	struct sqlite model = {0}, *db = (struct sqlite *)base;
	int rc = make_model(&model, steps, len, e);

	if (rc == 0)
		rc = compare_each(&model, db, compare_wanted, problems, e);
	if (rc == 0)
		rc = compare_each(db, &model, compare_there, problems, e);
	sqlite3_close(model.handle);
	free(model.path);
	return rc;
}

int
sqlite_plan(struct db *base, const char *sql, struct buf *out, struct err *e)
{
	char *explain = xasprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *s = sqlite_prepare((struct sqlite *)base, explain, e);

	while (s && sqlite3_step(s) == SQLITE_ROW)
		buf_addf(out, "%s\n", sqlite3_column_text(s, 3));
	sqlite3_finalize(s);
	free(explain);
	return s ? 0 : -1;
}
