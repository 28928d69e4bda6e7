#include "wrap/db_engine.h"

static const struct db_engine *const engines[] = {&db_sqlite, &db_pg};

/* The engine of `url`; an absolute path is SQLite's. */
static const struct db_engine *
find_engine(const char *url, struct err *e)
{
	size_t i;

	if (url[0] == '/')
		return &db_sqlite;
	for (i = 0; i < ARRAY_LEN(engines); i++)
		if (str_starts(url, engines[i]->scheme))
			return engines[i];
	if (strstr(url, "://"))
		err_set(
		    e, KIND_CONF, "%s: no engine for this kind of store", url);
	else
		err_set(e, KIND_CONF, "%s: not an absolute path", url);
	return NULL;
}

int
db_load(const char *url, struct strv *files, struct strv *ports, struct err *e)
{
	const struct db_engine *engine = find_engine(url, e);

	return engine ? engine->load(url, files, ports, e) : -1;
}

bool
db_is_lost(struct db *db)
{
	return db->engine->is_lost && db->engine->is_lost(db);
}

bool
db_is_file(const char *url)
{
	return !str_starts(url, db_pg.scheme);
}

struct db *
db_open(const char *url, enum db_mode mode, struct err *e)
{
	const struct db_engine *engine = find_engine(url, e);

	return engine ? engine->open(url, mode, e) : NULL;
}

void
db_close(struct db *db)
{
	if (db)
		db->engine->close(db);
}

char *
db_path(const char *url, struct err *e)
{
	const struct db_engine *engine = find_engine(url, e);

	return engine ? engine->path(url, e) : NULL;
}

int
db_version(struct db *db, struct err *e)
{
	return db->engine->version(db, e);
}

/* ---- schema -------------------------------------------------------------- */

static size_t
token_len(const char *s)
{
	return 1 + strspn(s + 1, "abcdefghijklmnopqrstuvwxyz_");
}

static const char *
find_token(const struct db_engine *engine, const char *s, size_t n)
{
	size_t i;

	for (i = 0; engine->tokens[i][0]; i++)
		if (strlen(engine->tokens[i][0]) == n &&
		    memcmp(engine->tokens[i][0], s, n) == 0)
			return engine->tokens[i][1];
	return NULL;
}

int
db_expand(const struct db_engine *engine, const char *sql, struct buf *out,
    struct err *e)
{
	while (*sql) {
		size_t n = strcspn(sql, "@");
		const char *text;

		buf_add(out, sql, n);
		sql += n;
		if (!*sql)
			break;
		n = token_len(sql);
		text = find_token(engine, sql, n);
		if (!text)
			return err_set(e, KIND_BUG,
			    "schema: unknown token %.*s", (int)n, sql);
		buf_adds(out, text);
		sql += n;
	}
	return out->full ? err_set(e, KIND_BUG, "schema: too long") : 0;
}

int
db_migrate(struct db *db, const char *sql, int from, int to, struct err *e)
{
	struct buf expanded;
	int rc;

	buf_init(&expanded, DB_SCHEMA_MAX);
	rc = db_expand(db->engine, sql, &expanded, e);
	if (rc == 0)
		rc = db->engine->migrate(db, expanded.data, from, to, e);
	buf_release(&expanded);
	return rc;
}

/* ---- transactions -------------------------------------------------------- */

static int
join(struct db *db, enum db_durability durability,
    int (*fn)(void *arg, struct err *e), void *arg, struct err *e)
{
	int rc;

	if (durability == DB_DURABLE && db->durability != DB_DURABLE) {
		db->doomed = true;
		return err_set(e, KIND_BUG,
		    "a durable transaction within one that is not");
	}
	db->depth++;
	rc = fn(arg, e);
	db->depth--;
	if (rc != 0)
		db->doomed = true;
	return rc;
}

int
db_transaction(struct db *db, enum db_durability durability,
    int (*fn)(void *arg, struct err *e), void *arg, struct err *e)
{
	int rc;

	if (db->depth > 0)
		return join(db, durability, fn, arg, e);
	do {
		if (db->engine->begin(db, durability, e) < 0)
			return -1;
		db->depth = 1;
		db->doomed = false;
		rc = fn(arg, e);
		db->depth = 0;
		if (rc == 0 && db->doomed)
			rc = err_set(
			    e, KIND_BUG, "a part of a transaction failed");
		if (rc == 0)
			rc = db->engine->commit(db, e);
	} while (rc != 0 && db->engine->rollback(db, e) > 0);
	return rc;
}

int
db_lock(struct db *db, const char *table, struct err *e)
{
	if (!db->engine->lock || db->engine->lock(db, table, e) == 0)
		return 0;
	db->doomed = true;
	return -1;
}

int
db_snapshot(struct db *db, int (*fn)(void *arg, struct err *e), void *arg,
    struct err *e)
{
	int rc;

	if (db->depth > 0)
		return join(db, DB_QUICK, fn, arg, e);
	if (db->engine->begin_snapshot(db, e) < 0)
		return -1;
	db->depth = 1;
	rc = fn(arg, e);
	db->depth = 0;
	db->engine->end_snapshot(db);
	return rc;
}

/* ---- statements ---------------------------------------------------------- */

struct db_stmt *
db_prepare(struct db *db, const char *sql, struct err *e)
{
	struct db_stmt *s = db->engine->prepare(db, sql, e);

	if (!s)
		err_detail(e, "%s", sql);
	return s;
}

void
db_finalize(struct db_stmt *s)
{
	if (s)
		s->db->engine->finalize(s);
}

void
db_bindv(struct db_stmt *s, const char *types, va_list ap)
{
	s->db->engine->bindv(s, types, ap);
}

int
db_step(struct db_stmt *s, struct err *e)
{
	int rc = s->db->engine->step(s, e);

	/* Not every engine could go on with the transaction. */
	if (rc < 0)
		s->db->doomed = true;
	return rc;
}

void
db_reset(struct db_stmt *s)
{
	s->db->engine->reset(s);
}

int64_t
db_run(struct db_stmt *s, struct err *e)
{
	int rc;

	while ((rc = db_step(s, e)) > 0)
		;
	return rc < 0 ? -1 : s->db->engine->changes(s);
}

int64_t
db_int(struct db_stmt *s, int column)
{
	return s->db->engine->get_int(s, column);
}

const char *
db_text(struct db_stmt *s, int column)
{
	return s->db->engine->get_text(s, column);
}

const void *
db_blob(struct db_stmt *s, int column, size_t *len)
{
	return s->db->engine->get_blob(s, column, len);
}

bool
db_is_null(struct db_stmt *s, int column)
{
	return s->db->engine->is_null(s, column);
}

/* ---- the whole ----------------------------------------------------------- */

int
db_backup(struct db *db, const char *path, struct err *e)
{
	return db->engine->backup(db, path, e);
}

int
db_verify(struct db *db, struct strv *problems, struct err *e)
{
	return db->engine->verify(db, problems, e);
}

int
db_verify_schema(struct db *db, const char *const *steps, size_t len,
    struct strv *problems, struct err *e)
{
	return db->engine->verify_schema(db, steps, len, problems, e);
}

int
db_files(struct db *db, struct strv *paths, struct err *e)
{
	return db->engine->files(db, paths, e);
}

void
db_set_patience(struct db *db, int64_t ms)
{
	if (db->engine->set_patience)
		db->engine->set_patience(db, ms);
}

void
db_set_cache(struct db *db, int64_t bytes)
{
	if (db->engine->set_cache)
		db->engine->set_cache(db, bytes);
}

int
db_checkpoint(struct db *db, struct err *e)
{
	return db->engine->checkpoint(db, e);
}

int64_t
db_size(struct db *db, struct err *e)
{
	return db->engine->size(db, e);
}

int
db_plan(struct db *db, const char *sql, struct buf *out, struct err *e)
{
	return db->engine->plan(db, sql, out, e);
}
