#include "wrap/db_peter.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include "base/buf.h"

#define VALUE_MAX (4 * 1024 * 1024)

struct db_peter {
	sqlite3 *handle;
};

/* CROSS: the order of the first is that of the rows. */
static const char *const statements[] = {
    [DB_PETER_ACCOUNTS] =
	"SELECT a.id, a.contact, a.account_url, p.directory, k.key_pem "
	"FROM acme_account a JOIN acme_account_key k "
	"ON k.acme_account_id = a.id LEFT JOIN acme_account_provider p "
	"ON p.id = a.acme_account_provider_id "
	"WHERE k.is_active = 1 ORDER BY a.id",
    [DB_PETER_CERTIFICATES] =
	"WITH o AS (SELECT id, unique_fqdn_set_id s, "
	"LEAD(unique_fqdn_set_id) OVER (ORDER BY unique_fqdn_set_id, "
	"COALESCE(is_active, 0), id) next FROM certificate_signed) "
	"SELECT c.id, o.s, o.next IS NOT o.s AND COALESCE(c.is_active, 0), "
	"c.cert_pem, k.key_pem, r.csr_pem, COALESCE(c.is_revoked, 0), "
	"COALESCE(c.is_compromised_private_key, 0) OR "
	"COALESCE(k.is_compromised, 0) "
	"FROM o CROSS JOIN certificate_signed c ON c.id = o.id "
	"LEFT JOIN private_key k ON k.id = c.private_key_id AND k.id <> 0 "
	"LEFT JOIN certificate_request r ON r.id = c.certificate_request_id",
    [DB_PETER_CHAINS] =
	"SELECT h.chain_pem FROM certificate_signed_chain l "
	"JOIN certificate_ca_chain h ON h.id = l.certificate_ca_chain_id "
	"WHERE l.certificate_signed_id = CAST(?1 AS INTEGER) "
	"ORDER BY COALESCE(l.is_upstream_default, 0) DESC, l.id",
};
_Static_assert(ARRAY_LEN(statements) == DB_PETER__MAX, "one per kind of row");

static int
fail(struct db_peter *db, const char *text, struct err *e)
{
	err_set(e, KIND_INPUT, "%s", text);
	return err_detail(e, "%s", sqlite3_errmsg(db->handle));
}

/* What is in a journal is not seen by who only reads the file. */
static int
check_complete(const char *path, struct err *e)
{
	static const char *const suffixes[] = {"-wal", "-journal"};
	bool busy = false;
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		char *beside = xasprintf("%s%s", path, suffixes[i]);

		busy |= stat(beside, &st) == 0 && st.st_size > 0;
		free(beside);
	}
	if (busy)
		return err_set(e, KIND_BUSY,
		    "in use, or was not closed: stop peter_sslers, or copy the "
		    "file with VACUUM INTO");
	if (stat(path, &st) < 0)
		return err_set(e, KIND_NOTFOUND, "no such file");
	return 0;
}

/* As the path of a URI (RFC 3986 3.3). */
static char *
uri_of(const char *path)
{
	struct buf uri;

	buf_init(&uri, 4 * PATH_MAX);
	buf_adds(&uri, "file:");
	for (const char *p = path; *p; p++)
		if (strchr("?#%", *p))
			buf_addf(&uri, "%%%02x", (unsigned)*p);
		else
			buf_addc(&uri, *p);
	buf_adds(&uri, "?mode=ro&immutable=1");
	return buf_detach(&uri);
}

/* It is a stranger's: nothing in its schema is run. */
static void
distrust(sqlite3 *handle)
{
	sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, VALUE_MAX);
	sqlite3_exec(handle,
	    "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON", NULL,
	    NULL, NULL);
}

struct db_peter *
db_peter_open(const char *path, struct err *e)
{
	struct db_peter *db;
	char *uri;
	int rc;

	if (check_complete(path, e) < 0)
		return NULL;
	db = xcalloc(1, sizeof(*db));
	uri = uri_of(path);
	rc = sqlite3_open_v2(
	    uri, &db->handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
	free(uri);
	if (rc == SQLITE_OK) {
		distrust(db->handle);
		return db;
	}
	fail(db, "cannot be opened as an SQLite file", e);
	db_peter_close(db);
	return NULL;
}

void
db_peter_close(struct db_peter *db)
{
	if (!db)
		return;
	sqlite3_close(db->handle);
	free(db);
}

static int
take_row(sqlite3_stmt *s,
    int (*each)(void *arg, const char *const *columns, struct err *e),
    void *arg, struct err *e)
{
	const char *row[DB_PETER_COLUMNS_MAX] = {NULL};

	for (int i = 0; i < sqlite3_column_count(s); i++)
		row[i] = (const char *)sqlite3_column_text(s, i);
	return each(arg, row, e);
}

int
db_peter_each(struct db_peter *db, enum db_peter_rows rows, const char *of,
    int (*each)(void *arg, const char *const *columns, struct err *e),
    void *arg, struct err *e)
{
	sqlite3_stmt *s = NULL;
	int rc = 0, step = SQLITE_DONE;

	if (sqlite3_prepare_v2(db->handle, statements[rows], -1, &s, NULL) !=
	    SQLITE_OK)
		return fail(db, "no database of peter_sslers 0.5", e);
	if (of)
		sqlite3_bind_text(s, 1, of, -1, SQLITE_TRANSIENT);
	while (rc == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
		rc = take_row(s, each, arg, e);
	if (rc == 0 && step != SQLITE_DONE)
		rc = fail(db, "a damaged database", e);
	sqlite3_finalize(s);
	return rc;
}
