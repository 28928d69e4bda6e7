#include "wrap/db_engine.h"

#define SCHEMA_MAX (1 << 20)

/* The first is that of a URL without a scheme. */
static const struct db_engine *const engines[] = {&db_sqlite, &db_pg};

static const struct db_engine *
engine_of(const char *url, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(engines); i++)
		if (str_starts(url, engines[i]->scheme))
			return engines[i];
	if (url[0] == '/')
		return engines[0];
	if (strstr(url, "://"))
		err_set(
		    e, KIND_CONF, "%s: no engine for this kind of store", url);
	else
		err_set(e, KIND_CONF, "%s: not an absolute path", url);
	return NULL;
}

char *
db_path(const char *url, struct err *e)
{
	const struct db_engine *engine = engine_of(url, e);

	return engine ? engine->path(url, e) : NULL;
}

int
db_load(const char *url, struct err *e)
{
	const struct db_engine *engine = engine_of(url, e);

	if (!engine)
		return -1;
	return engine->load ? engine->load(e) : 0;
}

struct db *
db_open(const char *url, enum db_mode mode, struct err *e)
{
	const struct db_engine *engine = engine_of(url, e);

	return engine ? engine->open(url, mode, e) : NULL;
}

void
db_close(struct db *db)
{
	if (db)
		db->engine->close(db);
}

/* ---- schema ------------------------------------------------------------ */

int
db_version(struct db *db, struct err *e)
{
	return db->engine->version(db, e);
}

static size_t
token_len(const char *s)
{
	return 1 + strspn(s + 1, "abcdefghijklmnopqrstuvwxyz_");
}

static const char *
expansion(const struct db_engine *engine, const char *token, size_t len)
{
	for (size_t i = 0; i < engine->tokens_len; i++) {
		const struct db_token *t = &engine->tokens[i];

		if (strlen(t->token) == len &&
		    memcmp(t->token, token, len) == 0)
			return t->sql;
	}
	return NULL;
}

static int
expand(const struct db_engine *engine, const char *sql, struct buf *out,
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
		text = expansion(engine, sql, n);
		if (!text)
			return err_set(e, KIND_BUG,
			    "schema: unknown token %.*s", (int)n, sql);
		buf_adds(out, text);
		sql += n;
	}
	return out->full ? err_set(e, KIND_BUG, "schema: too long") : 0;
}

struct migration {
	struct db *db;
	const char *sql;
	int version;
};

static int
migrate(void *arg, struct err *e)
{
	struct migration *m = arg;
	int have = db_version(m->db, e);

	if (have < 0)
		return -1;
	if (have != m->version - 1)
		return err_set(e, KIND_CONFLICT,
		    "the store has version %d, not %d", have, m->version - 1);
	return m->db->engine->make_version(m->db, m->sql, m->version, e);
}

int
db_migrate(struct db *db, const char *sql, int version, struct err *e)
{
	struct migration m = {.db = db, .version = version};
	struct buf expanded;
	int rc;

	buf_init(&expanded, SCHEMA_MAX);
	rc = expand(db->engine, sql, &expanded, e);
	m.sql = expanded.data;
	if (rc == 0)
		rc = db->engine->before_version(db, version, e);
	if (rc == 0)
		rc = db_transaction(db, DB_DURABLE, migrate, &m, e);
	buf_release(&expanded);
	return rc;
}

int
db_verify_schema(struct db *db, const char *const *steps, size_t len,
    struct strv *problems, struct err *e)
{
	struct strv texts = {0};
	struct buf text;
	int rc = 0;

	buf_init(&text, SCHEMA_MAX);
	for (size_t i = 0; rc == 0 && i < len; i++) {
		buf_clear(&text);
		rc = expand(db->engine, steps[i], &text, e);
		strv_add(&texts, text.data);
	}
	if (rc == 0)
		rc = db->engine->verify_schema(
		    db, texts.v, texts.len, problems, e);
	buf_release(&text);
	strv_release(&texts);
	return rc;
}

/* ---- transactions ------------------------------------------------------ */

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

/* Runs `fn` in what has begun, to its end. */
static int
run(struct db *db, int (*fn)(void *arg, struct err *e), void *arg,
    struct err *e)
{
	int rc;

	db->depth = 1;
	db->doomed = false;
	rc = fn(arg, e);
	db->depth = 0;
	if (rc == 0 && db->doomed)
		rc = err_set(e, KIND_BUG, "a part of a transaction failed");
	return rc;
}

static int
transact(struct db *db, enum db_durability durability,
    int (*fn)(void *arg, struct err *e), void *arg, struct err *e)
{
	int rc;

	if (db->engine->begin(db, durability, e) < 0)
		return -1;
	db->durability = durability;
	rc = run(db, fn, arg, e);
	if (rc == 0)
		rc = db->engine->commit(db, e);
	if (rc != 0)
		db->engine->rollback(db);
	return rc;
}

int
db_transaction(struct db *db, enum db_durability durability,
    int (*fn)(void *arg, struct err *e), void *arg, struct err *e)
{
	const struct db_engine *engine = db->engine;
	int rc;

	if (db->depth > 0)
		return join(db, durability, fn, arg, e);
	rc = transact(db, durability, fn, arg, e);
	for (int tries = 0;
	     rc < 0 && engine->wants_again && engine->wants_again(db, tries);
	     tries++) {
		err_clear(e);
		rc = transact(db, durability, fn, arg, e);
	}
	return rc;
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
	db->durability = DB_QUICK;
	rc = run(db, fn, arg, e);
	db->engine->rollback(db); /* it has read only */
	return rc;
}

/* ---- statements -------------------------------------------------------- */

struct db_stmt *
db_prepare(struct db *db, const char *sql, struct err *e)
{
	struct db_stmt *s = db->engine->prepare(db, sql, e);

	if (s)
		s->db = db;
	else
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
	s->db->engine->bind(s, types, ap);
}

int
db_step(struct db_stmt *s, struct err *e)
{
	return s->db->engine->step(s, e);
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
	return s->db->engine->column_int(s, column);
}

const char *
db_text(struct db_stmt *s, int column)
{
	return s->db->engine->column_text(s, column);
}

const void *
db_blob(struct db_stmt *s, int column, size_t *len)
{
	return s->db->engine->column_blob(s, column, len);
}

bool
db_is_null(struct db_stmt *s, int column)
{
	return s->db->engine->column_is_null(s, column);
}

/* ---- the whole --------------------------------------------------------- */

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
db_files(struct db *db, struct strv *paths, struct err *e)
{
	return db->engine->files(db, paths, e);
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
