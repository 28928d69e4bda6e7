#ifndef WRAP_DB_ENGINE_H
#define WRAP_DB_ENGINE_H

#include "wrap/db.h"

/*
 * An engine of wrap/db: what the functions of db.h do that is not the same for
 * all.  For db*.c only.  A member has the contract of the function of its name
 * in db.h where nothing else is said here.
 */
struct db_engine {
	const char *scheme; /* of its URLs, with the colon */
	const char *const (*tokens)[2]; /* token, SQL; ends with NULL */

	int (*load)(const char *url, struct strv *files, struct strv *ports,
	    struct err *e);
	bool (*is_lost)(struct db *db); /* NULL: never */
	struct db *(*open)(const char *url, enum db_mode mode, struct err *e);
	void (*close)(struct db *db);
	char *(*path)(const char *url, struct err *e);
	int (*version)(struct db *db, struct err *e);

	/*
	 * Runs `sql`, in which no token is left, and sets the version, in one
	 * durable transaction; KIND_CONFLICT unless the version was `version` -
	 * 1.
	 */
	int (*migrate)(
	    struct db *db, const char *sql, int from, int to, struct err *e);

	/*
	 * The outermost transaction.  `begin` leaves its durability in the
	 * handle.  `rollback` follows each that was begun and did not commit; 1
	 * when the cause is that others were at the same rows, and all of it is
	 * to be run again (`e` is cleared); else 0.
	 */
	int (*begin)(
	    struct db *db, enum db_durability durability, struct err *e);
	int (*commit)(struct db *db, struct err *e);
	int (*rollback)(struct db *db, struct err *e);

	int (*lock)(struct db *db, const char *table,
	    struct err *e); /* NULL: for nothing */
	void (*set_patience)(struct db *db, int64_t ms); /* NULL: for nothing */
	void (*set_cache)(struct db *db, int64_t bytes); /* NULL: for nothing */

	int (*begin_snapshot)(struct db *db, struct err *e);
	void (*end_snapshot)(struct db *db);

	struct db_stmt *(*prepare)(
	    struct db *db, const char *sql, struct err *e);
	void (*finalize)(struct db_stmt *s); /* never NULL */
	void (*bindv)(struct db_stmt *s, const char *types, va_list ap);
	int (*step)(struct db_stmt *s, struct err *e);
	void (*reset)(struct db_stmt *s);
	int64_t (*changes)(struct db_stmt *s); /* of what was run last */
	int64_t (*get_int)(struct db_stmt *s, int column);
	const char *(*get_text)(struct db_stmt *s, int column);
	const void *(*get_blob)(struct db_stmt *s, int column, size_t *len);
	bool (*is_null)(struct db_stmt *s, int column);

	int (*backup)(struct db *db, const char *path, struct err *e);
	int (*verify)(struct db *db, struct strv *problems, struct err *e);
	int (*verify_schema)(struct db *db, const char *const *steps,
	    size_t len, struct strv *problems, struct err *e);
	int (*files)(struct db *db, struct strv *paths, struct err *e);
	int (*checkpoint)(struct db *db, struct err *e);
	int64_t (*size)(struct db *db, struct err *e);
	int (*plan)(
	    struct db *db, const char *sql, struct buf *out, struct err *e);
};

/* What a handle of any engine begins with. */
struct db {
	const struct db_engine *engine;
	enum db_durability durability; /* of the transaction, or the last one */
	int depth; /* of transactions that were joined */
	bool doomed; /* a part of the transaction failed */
};

struct db_stmt {
	struct db *db;
};

/* Adds `sql` to `out` with its tokens expanded; KIND_BUG for an unknown one. */
int db_expand(const struct db_engine *engine, const char *sql, struct buf *out,
    struct err *e);

#define DB_SCHEMA_MAX (1 << 20) /* bytes of a schema text */

extern const struct db_engine db_sqlite;
extern const struct db_engine db_pg;

#endif
