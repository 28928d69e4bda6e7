#ifndef WRAP_DB_ENGINE_H
#define WRAP_DB_ENGINE_H

#include "wrap/db.h"

/*
 * What an engine has to have, for wrap/db*.c only.  Each function is the part
 * of that of wrap/db.h which is the engine's own, with the same contract; what
 * engines share, joined transactions for one, is in wrap/db.c.
 */
struct db_engine {
	const char *scheme; /* "sqlite:": how its URLs begin */

	/* Types and options by which the tokens of schema files are known. */
	const struct db_token {
		const char *token, *sql;
	} * tokens;
	size_t tokens_len;

	int (*load)(struct err *e); /* or NULL */
	char *(*path)(const char *url, struct err *e);
	struct db *(*open)(const char *url, enum db_mode mode, struct err *e);
	void (*close)(struct db *db);

	int (*version)(struct db *db, struct err *e);
	/* before the transaction that makes `version` */
	int (*before_version)(struct db *db, int version, struct err *e);
	/* within it: runs the text, notes the version */
	int (*make_version)(
	    struct db *db, const char *sql, int version, struct err *e);

	int (*begin)(struct db *db, enum db_durability d, struct err *e);
	int (*begin_snapshot)(struct db *db, struct err *e);
	int (*commit)(struct db *db, struct err *e);
	void (*rollback)(struct db *db); /* also when nothing is left to do */
	/*
	 * Whether what has failed is to be run again, for the `tries`th time
	 * (counted from 0), after a wait; NULL: never.
	 */
	bool (*wants_again)(struct db *db, int tries);

	struct db_stmt *(*prepare)(
	    struct db *db, const char *sql, struct err *e);
	void (*finalize)(struct db_stmt *s);
	void (*bind)(struct db_stmt *s, const char *types, va_list ap);
	int (*step)(struct db_stmt *s, struct err *e);
	void (*reset)(struct db_stmt *s);
	int64_t (*changes)(struct db_stmt *s); /* of the last that ended */
	int64_t (*column_int)(struct db_stmt *s, int column);
	const char *(*column_text)(struct db_stmt *s, int column);
	const void *(*column_blob)(struct db_stmt *s, int column, size_t *len);
	bool (*column_is_null)(struct db_stmt *s, int column);

	int (*backup)(struct db *db, const char *path, struct err *e);
	int (*verify)(struct db *db, struct strv *problems, struct err *e);
	/* `steps` with their tokens expanded */
	int (*verify_schema)(struct db *db, char *const *steps, size_t len,
	    struct strv *problems, struct err *e);
	int (*files)(struct db *db, struct strv *paths, struct err *e);
	int (*checkpoint)(struct db *db, struct err *e);
	int64_t (*size)(struct db *db, struct err *e);
	int (*plan)(
	    struct db *db, const char *sql, struct buf *out, struct err *e);
};

extern const struct db_engine db_sqlite;
extern const struct db_engine db_pg;

/* The beginning of an engine's handle; all but `engine` is wrap/db.c's. */
struct db {
	const struct db_engine *engine;
	enum db_durability durability; /* of the transaction at hand */
	int depth; /* of transactions that were joined */
	bool doomed; /* a part of the transaction failed */
};

/* The beginning of an engine's statement. */
struct db_stmt {
	struct db *db;
};

#endif
