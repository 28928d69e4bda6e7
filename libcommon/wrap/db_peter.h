#ifndef WRAP_DB_PETER_H
#define WRAP_DB_PETER_H

#include "base/err.h"

/*
 * The SQLite file of peter_sslers 0.5, read only.  Its statements stand here
 * and not in store/, which knows one schema, ours; nobody else sees SQL.
 */
struct db_peter;

/* What can be read, and the columns of each row; any of them may be NULL. */
enum db_peter_rows {
	DB_PETER_ACCOUNTS, /* with their active key */
	DB_PETER_CERTIFICATES, /* by sets of names, the one in use last */
	DB_PETER_CHAINS, /* of a certificate, the upstream's default first */
	DB_PETER__MAX
};
enum {
	DB_PETER_ID,
	DB_PETER_CONTACT,
	DB_PETER_URL,
	DB_PETER_DIRECTORY,
	DB_PETER_KEY,
};
enum {
	DB_PETER_CERTIFICATE_ID,
	DB_PETER_SET_ID,
	DB_PETER_IN_USE, /* "1" or "0" */
	DB_PETER_CERTIFICATE_PEM,
	DB_PETER_KEY_PEM,
	DB_PETER_CSR_PEM,
	DB_PETER_REVOKED, /* "1" or "0", and so the next */
	DB_PETER_COMPROMISED, /* its key */
};
#define DB_PETER_CHAIN_PEM 0
#define DB_PETER_COLUMNS_MAX 8

/*
 * Opens the file without writing anything to it or beside it.  NULL: KIND_BUSY
 * when something beside it says that it is not complete by itself,
 * KIND_NOTFOUND, KIND_INPUT when it is no such database.
 */
struct db_peter *db_peter_open(const char *path, struct err *e);

/* NULL-safe. */
void db_peter_close(struct db_peter *db);

/*
 * Calls `each` for every row, whose columns are valid during the call, until it
 * returns -1.  `of` is the id of the certificate, for chains.  -1: what `each`
 * has set; KIND_INPUT when the file is damaged or has other tables.
 */
int db_peter_each(struct db_peter *db, enum db_peter_rows rows, const char *of,
    int (*each)(void *arg, const char *const *columns, struct err *e),
    void *arg, struct err *e);

#endif
