#ifndef WRAP_DB_H
#define WRAP_DB_H

#include "base/buf.h"
#include "base/err.h"

/*
 * The database engine behind the store.  Today that is SQLite; a second engine
 * fits behind the same calls, and so nothing here names one.  Only store/ uses
 * this header.
 *
 * SQL is written once, in the subset that SQLite 3.40 and PostgreSQL 15 both
 * understand, with parameters ?1 ?2 ...; schema files use these tokens, which
 * the engine expands:
 *   @id      an integer primary key that the engine counts up
 *   @int     a 64-bit integer        @text    text
 *   @blob    bytes                   @strict  the table option, if there is one
 */
struct db;
struct db_stmt;

enum db_mode {
	DB_READ, /* read only; the database must exist */
	DB_WRITE, /* read and write; the database must exist */
	DB_CREATE /* as DB_WRITE, but makes a new, empty database */
};

/*
 * Opens the database at `url`: an absolute path, or `sqlite:` and one; other
 * schemes are KIND_CONF until their engine exists.  The descriptor of a
 * database must not cross a fork.
 * NULL on failure: KIND_NOTFOUND when it is absent, KIND_CONFLICT when
 * DB_CREATE finds one, KIND_CONF, KIND_SYS.
 */
struct db *db_open(const char *url, enum db_mode mode, struct err *e);

/* Closes; all statements must be finalized before. NULL-safe. */
void db_close(struct db *db);

/* The schema version that the database carries; 0 for a new one. */
int db_version(struct db *db, struct err *e);

/*
 * Runs the schema text `sql` (several statements, tokens expanded) and sets the
 * schema version, in one transaction.
 */
int db_migrate(struct db *db, const char *sql, int version, struct err *e);

/*
 * Runs `fn(arg, e)` in one write transaction; commits when it returns 0, rolls
 * back otherwise.  `fn` may be run again from the start (another engine's
 * serialization failure), so it must reset what it leaves in `arg`.  Within a
 * running transaction the call joins it.
 * With DB_DURABLE the commit is on disk (fsync) when the call returns; with
 * DB_QUICK a power cut may lose the last commits, never a part of one.
 * -1 with the error of `fn`, or KIND_BUSY when the store stayed locked.
 */
enum db_durability {
	DB_QUICK,
	DB_DURABLE
};
int db_transaction(struct db *db, enum db_durability durability,
    int (*fn)(void *arg, struct err *e), void *arg, struct err *e);

/* Prepares one statement.  NULL on failure (KIND_BUG). */
struct db_stmt *db_prepare(struct db *db, const char *sql, struct err *e);
void db_finalize(struct db_stmt *s);

/*
 * Resets `s` and binds its parameters in order, by `types`, a letter each:
 *   i  int64_t               t  const char * (NULL binds NULL)
 *   b  const void *, size_t (NULL pointer binds NULL)
 * Bound memory must live until the statement is reset or bound again.
 */
void db_bind(struct db_stmt *s, const char *types, ...);

/*
 * Goes to the next row.  1 with a row, 0 at the end (the statement is reset),
 * -1: KIND_CONFLICT for a uniqueness or foreign key that is violated,
 * KIND_BUSY, KIND_SYS (the statement is reset).
 */
int db_step(struct db_stmt *s, struct err *e);

/* Drops what is left of the rows. */
void db_reset(struct db_stmt *s);

/*
 * Runs a statement that gives no rows, or whose rows do not matter, to its end.
 * Returns the number of rows it changed, or -1 as db_step.
 */
int64_t db_run(struct db_stmt *s, struct err *e);

/* Columns of the row at hand, counted from 0; pointers until the next step. */
int64_t db_int(struct db_stmt *s, int column);
const char *db_text(struct db_stmt *s, int column); /* NULL for NULL */
const void *db_blob(struct db_stmt *s, int column, size_t *len);
bool db_is_null(struct db_stmt *s, int column);

/* Whole-database chores; each says what is wrong in `e` or lines in `out`. */
int db_backup(struct db *db, const char *path, struct err *e);
int db_verify(struct db *db, struct buf *out, struct err *e); /* 0: sound */
int db_checkpoint(struct db *db, struct err *e);
int64_t db_size(struct db *db, struct err *e); /* bytes on disk */

/* The engine's plan of a statement, a line per step, for tests. */
int db_plan(struct db *db, const char *sql, struct buf *out, struct err *e);

#endif
