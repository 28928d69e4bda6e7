#ifndef WRAP_DB_H
#define WRAP_DB_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * The database engine behind the store: SQLite, or PostgreSQL when the URL says
 * so.  Only store/ uses this header.
 *
 * SQL is written once, in the subset that SQLite 3.40 and PostgreSQL 15 both
 * understand, with parameters ?1 ?2 ...; schema files use these tokens, which
 * the engine expands:
 *   @id      an integer primary key that the engine counts up
 *   @number  the same, where no number may come again when its row is gone
 *   @int     a 64-bit integer        @text    text
 *   @blob    bytes                   @strict  the table option, if there is one
 *   @keyed   as @strict, for a table best kept in the order of its primary key
 */
struct db;
struct db_stmt;

enum db_mode {
	DB_READ, /* read only; the database must exist */
	DB_WRITE, /* read and write; the database must exist */
	DB_CREATE /* as DB_WRITE, but makes a new, empty database */
};

/*
 * Opens the database at `url`: an absolute path, or `sqlite:` and one, for a
 * file; `postgresql://...` for a schema of a server, as libpq reads it, but
 * without a password.  A process may give up its rights to files afterwards.  A
 * handle must not cross a fork.
 * A new file has mode 0660 whatever the umask, and so has all that belongs to
 * it; users of one group share it when its directory is theirs (mode 2770).
 * NULL on failure: KIND_NOTFOUND when it is absent, KIND_CONFLICT when
 * DB_CREATE finds one, KIND_CONF (the URL; the file or schema is something
 * else, or damaged), KIND_BUSY as db_transaction, KIND_SYS (also when it may
 * not be written, or the server cannot be reached).
 */
struct db *db_open(const char *url, enum db_mode mode, struct err *e);

/* Closes; all statements must be finalized before. NULL-safe. */
void db_close(struct db *db);

/*
 * Loads what db_open needs of the engine, and adds what else it reaches for,
 * besides the directory of a file: `files` and directories that are read, TCP
 * ports.  KIND_CONF when `url` is none, or its engine is not there.
 */
int db_load(
    const char *url, struct strv *files, struct strv *ports, struct err *e);

/*
 * Whether the connection to a server was lost.  It is made anew with the next
 * query or transaction; when that cannot be, they fail (KIND_BUSY), and this
 * stays so.
 */
bool db_is_lost(struct db *db);

/* Whether the database at `url` would be a file, see db_path. */
bool db_is_file(const char *url);

/*
 * The file behind `url`; the caller frees.  NULL (KIND_CONF) when the URL is
 * wrong or its engine keeps no file here.
 */
char *db_path(const char *url, struct err *e);

/* The schema version that the database carries; 0 for a new one, -1 on error.
 */
int db_version(struct db *db, struct err *e);

/*
 * Runs the schema text `sql` (several statements, tokens expanded) and raises
 * the schema version `from` to `to`, in one durable transaction.  KIND_CONFLICT
 * when the database has another version by now, otherwise as db_transaction.
 */
int db_migrate(struct db *db, const char *sql, int from, int to, struct err *e);

/*
 * Runs `fn(arg, e)` in one write transaction; commits when it returns 0, rolls
 * back otherwise.  `fn` may be run again from the start (another engine's
 * serialization failure), so it must reset what it leaves in `arg`.  Within a
 * running transaction the call joins it: nothing is committed before the outer
 * one ends, and when an inner `fn` fails the whole can only be rolled back.
 * With DB_DURABLE the commit is on disk (fsync) when the call returns; with
 * DB_QUICK a power cut may lose the last commits, never a part of one.
 * -1 with the error of `fn`, KIND_BUSY when the database stayed locked for ten
 * seconds, the disk is full or the connection was lost (at the commit: then
 * nobody knows whether it was made), KIND_SYS, KIND_CONF when the database is
 * damaged, KIND_BUG when a durable transaction would join a quick one, or a
 * statement in it has failed and `fn` returns 0 all the same.
 */
enum db_durability {
	DB_QUICK,
	DB_DURABLE
};
int db_transaction(struct db *db, enum db_durability durability,
    int (*fn)(void *arg, struct err *e), void *arg, struct err *e);

/*
 * In a transaction, until it ends: whoever asks for the same table waits.  What
 * is inserted into it after that has larger numbers than what others have put
 * there, and can be seen only when all of that can.  An engine with one writer
 * at a time does so without.  Fails as db_step.
 */
int db_lock(struct db *db, const char *table, struct err *e);

/*
 * From now on a transaction waits so many milliseconds, and no longer, for
 * another one to end.  For an engine where writers wait for nobody who is not
 * at the same rows it changes nothing.
 */
#define DB_PATIENCE 10000
void db_set_patience(struct db *db, int64_t ms);

/*
 * How much of a file may stay in memory, for who reads much of it, and in
 * another order than it lies there.  For an engine that is a server it changes
 * nothing.
 */
void db_set_cache(struct db *db, int64_t bytes);

/*
 * Runs `fn(arg, e)`, which only reads, so that all it reads is as of one
 * moment; it takes no lock that writers would wait for.  Fails as
 * db_transaction.
 */
int db_snapshot(struct db *db, int (*fn)(void *arg, struct err *e), void *arg,
    struct err *e);

/*
 * Prepares one statement.  NULL on failure: KIND_BUG when it is wrong,
 * otherwise as db_transaction, since the schema may have to be read.
 */
struct db_stmt *db_prepare(struct db *db, const char *sql, struct err *e);
void db_finalize(struct db_stmt *s);

/*
 * Resets `s` and binds its parameters in order, by `types`, a letter each:
 *   i  int64_t               t  const char * (NULL binds NULL)
 *   b  const void *, size_t (NULL pointer binds NULL)
 * Bound memory must live until the statement is reset or bound again.
 */
void db_bindv(struct db_stmt *s, const char *types, va_list ap);

/*
 * Goes to the next row.  1 with a row, 0 at the end (the statement is reset),
 * -1: KIND_CONFLICT for a uniqueness or foreign key that is violated, otherwise
 * as db_transaction (the statement is reset).  After -1 a transaction can only
 * be rolled back.
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

/*
 * Copies the database, as of one moment, to a new file (0660, fsynced), by way
 * of `path` with .part after it.  KIND_CONF when the engine leaves that to a
 * tool of its own; KIND_CONFLICT when `path` exists, or
 * there is something of others in the way; KIND_BUSY when another process makes
 * the same copy; KIND_SYS.
 */
int db_backup(struct db *db, const char *path, struct err *e);

/*
 * Reads all of the database and adds a line to `problems` for each page, index,
 * constraint or foreign key that is broken.  -1 when reading itself failed,
 * for another reason than that the database is broken.
 */
int db_verify(struct db *db, struct strv *problems, struct err *e);

/*
 * Adds a line to `problems` for each table and index that the schema texts
 * `steps` make and that is not there, or not so, in the database, and for each
 * table, index, view and trigger in the database that they do not make.
 */
int db_verify_schema(struct db *db, const char *const *steps, size_t len,
    struct strv *problems, struct err *e);

/* Adds the paths of the files here that make up the database and exist. */
int db_files(struct db *db, struct strv *paths, struct err *e);

/*
 * Moves the write-ahead log into the database, as much as readers allow, and
 * empties the log when nobody is in the way.
 */
int db_checkpoint(struct db *db, struct err *e);

int64_t db_size(struct db *db, struct err *e); /* bytes on disk */

/*
 * The engine's plan of a statement, a line per step, for tests.  A step that
 * reads a whole table or index begins with "SCAN ", one that sorts with "SORT".
 * KIND_BUG also for a parameter whose type the engine guesses too narrow.
 */
int db_plan(struct db *db, const char *sql, struct buf *out, struct err *e);

#endif
