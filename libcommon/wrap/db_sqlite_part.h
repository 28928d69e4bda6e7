#ifndef WRAP_DB_SQLITE_PART_H
#define WRAP_DB_SQLITE_PART_H

#include "wrap/db_engine.h"

/* What the files of the engine SQLite share; for them only. */
struct sqlite3;
struct sqlite3_stmt;

struct sqlite {
	struct db db;
	struct sqlite3 *handle;
	char *path;
	struct sqlite3_stmt *begin, *commit, *rollback;
	enum db_durability set_to; /* what `handle` is set to now */
	int64_t busy_ms; /* how long to wait for a lock */
	int64_t busy_since; /* when the present wait began */
};

#define SQLITE_FILE_MODE 0660

/* Sets `e` by what went wrong last. Returns -1. */
int sqlite_fail(struct sqlite *db, const char *what, struct err *e);

/* Runs statements whose rows do not matter. */
int sqlite_exec(struct sqlite *db, const char *sql, struct err *e);

/* The caller finalizes; NULL on failure. */
struct sqlite3_stmt *sqlite_prepare(
    struct sqlite *db, const char *sql, struct err *e);

/* Of the engine's table: db_sqlite_copy.c, and db_sqlite_check.c. */
int sqlite_backup(struct db *base, const char *path, struct err *e);
int sqlite_verify(struct db *base, struct strv *problems, struct err *e);
int sqlite_verify_schema(struct db *base, char *const *steps, size_t len,
    struct strv *problems, struct err *e);
int sqlite_plan(
    struct db *base, const char *sql, struct buf *out, struct err *e);

#endif
