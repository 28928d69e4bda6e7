#ifndef WRAP_DB_PG_H
#define WRAP_DB_PG_H

#include "wrap/db_engine.h"

/*
 * PostgreSQL, the second engine.  db_pg.c is all that calls libpq; what
 * db_pg_schema.c looks at in the catalogs, it asks by statements as store/
 * does.  For these two only.
 */

/* Runs statements without parameters, in one go; fails as db_step. */
int pg_exec(struct db *db, const char *sql, struct err *e);

/* What the server calls a statement, and how many parameters it has. */
const char *pg_stmt_name(const struct db_stmt *s);
size_t pg_stmt_params(const struct db_stmt *s);

/*
 * KIND_BUG unless the server takes each parameter for a type that is bound:
 * it guesses the narrowest integer, and then a larger one does not fit.
 */
int pg_stmt_check(struct db_stmt *s, struct err *e);

/* db_pg_schema.c */
int pg_verify(struct db *db, struct strv *problems, struct err *e);
int pg_verify_schema(struct db *db, const char *const *steps, size_t len,
    struct strv *problems, struct err *e);
int64_t pg_size(struct db *db, struct err *e);
int pg_plan(struct db *db, const char *sql, struct buf *out, struct err *e);

#endif
