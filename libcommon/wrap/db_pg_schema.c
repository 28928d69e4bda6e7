#include "wrap/db_pg.h"

/* What a constraint or an index that was made in a hurry leaves unproven. */
static const char unproven_sql[] =
    "SELECT 'constraint ' || conname || ' was never checked'"
    " FROM pg_constraint WHERE NOT convalidated"
    " AND connamespace = current_schema()::regnamespace"
    " UNION ALL SELECT 'index ' || c.relname || ' is not complete'"
    " FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " WHERE NOT i.indisvalid"
    " AND c.relnamespace = current_schema()::regnamespace";

/*
 * Every object of two schemas with a text that says all of it, and where the
 * two differ.  The model is temporary.  An index that a constraint has made is
 * in the text of its table; so is the sequence of an identity.
 */
static const char difference_sql[] =
    "WITH s AS (SELECT oid, oid = pg_my_temp_schema() AS is_model,"
    " CASE WHEN oid = pg_my_temp_schema() THEN 'pg_temp.'"
    " ELSE quote_ident(nspname) || '.' END AS prefix FROM pg_namespace"
    " WHERE oid = pg_my_temp_schema()"
    " OR oid = current_schema()::regnamespace),"
    " columns AS (SELECT attrelid, string_agg(concat_ws(' ', attname,"
    " format_type(atttypid, atttypmod), attnotnull, attidentity,"
    " pg_get_expr(adbin, adrelid)), ', ' ORDER BY attnum) AS text"
    " FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
    " JOIN s ON s.oid = c.relnamespace LEFT JOIN pg_attrdef"
    " ON adrelid = attrelid AND adnum = attnum"
    " WHERE attnum > 0 AND NOT attisdropped GROUP BY attrelid),"
    " constraints AS (SELECT conrelid, string_agg(replace("
    " pg_get_constraintdef(k.oid), s.prefix, ''), ', '"
    " ORDER BY conname) AS text FROM pg_constraint k"
    " JOIN s ON s.oid = connamespace GROUP BY conrelid),"
    " o AS (SELECT s.is_model, CASE c.relkind WHEN 'r' THEN 'table'"
    " WHEN 'i' THEN 'index' WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence'"
    " ELSE 'relation' END AS type, c.relname::text AS name,"
    " CASE c.relkind WHEN 'i' THEN"
    " replace(pg_get_indexdef(c.oid), s.prefix, '')"
    " ELSE concat_ws('; ', columns.text, constraints.text) END AS text"
    " FROM pg_class c JOIN s ON s.oid = c.relnamespace"
    " LEFT JOIN columns ON columns.attrelid = c.oid"
    " LEFT JOIN constraints ON constraints.conrelid = c.oid"
    " WHERE c.relname <> 'acmed_version' AND NOT EXISTS (SELECT 1"
    " FROM pg_depend d WHERE d.classid = 'pg_class'::regclass"
    " AND d.objid = c.oid AND d.deptype = 'i')"
    " UNION ALL SELECT s.is_model, 'trigger', t.tgname, ''"
    " FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
    " JOIN s ON s.oid = c.relnamespace WHERE NOT t.tgisinternal)"
    " SELECT concat_ws(' ', COALESCE(m.type, h.type),"
    " COALESCE(m.name, h.name), CASE WHEN h.name IS NULL"
    " THEN 'is not there' WHEN m.name IS NULL"
    " THEN 'is none that acmed made'"
    " ELSE 'is not as acmed made it' END)"
    " FROM (SELECT * FROM o WHERE is_model) m"
    " FULL JOIN (SELECT * FROM o WHERE NOT is_model) h"
    " ON m.type = h.type AND m.name = h.name"
    " WHERE m.text IS DISTINCT FROM h.text"
    " OR m.name IS NULL OR h.name IS NULL ORDER BY 1";

static int
add_rows(struct db *db, const char *sql, struct strv *out, struct err *e)
{
	struct db_stmt *s = db_prepare(db, sql, e);
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0)
		strv_add(out, db_text(s, 0));
	db_finalize(s);
	return rc;
}

int
pg_verify(struct db *db, struct strv *problems, struct err *e)
{
	return add_rows(db, unproven_sql, problems, e);
}

struct comparison {
	struct db *db;
	const char *const *steps;
	size_t len;
	struct strv *found;
};

/* The steps make their tables anew, where nobody else sees them. */
static int
make_model(struct comparison *c, struct err *e)
{
	struct buf sql;
	size_t i;
	int rc = 0;

	buf_init(&sql, DB_SCHEMA_MAX);
	for (i = 0; rc == 0 && i < c->len; i++) {
		buf_clear(&sql);
		buf_adds(&sql, "SET LOCAL search_path = pg_temp;");
		rc = db_expand(c->db->engine, c->steps[i], &sql, e);
		if (rc == 0)
			rc = pg_exec(c->db, sql.data, e);
	}
	buf_release(&sql);
	return rc;
}

/* What search_path is, as a statement that makes it so again. */
static char *
path_back(struct db *db, struct err *e)
{
	struct strv path = {0};
	char *sql = NULL;

	if (add_rows(db, "SELECT current_setting('search_path')", &path, e) ==
	    0)
		sql = xasprintf("SET LOCAL search_path = %s", path.v[0]);
	strv_release(&path);
	return sql;
}

/* Fails always, so that the model goes as it came. */
static int
compare(void *arg, struct err *e)
{
	struct comparison *c = arg;
	char *back;
	int rc = pg_exec(c->db,
	    "SET TRANSACTION READ WRITE; SET LOCAL enable_seqscan = on;"
	    " SET LOCAL enable_bitmapscan = on",
	    e);

	strv_release(c->found);
	*c->found = (struct strv){0};
	back = rc == 0 ? path_back(c->db, e) : NULL;
	if (!back)
		return -1;
	if (make_model(c, e) == 0 && pg_exec(c->db, back, e) == 0 &&
	    add_rows(c->db, difference_sql, c->found, e) == 0)
		err_set(e, KIND_NOTFOUND, "rolled back");
	free(back);
	return -1;
}

int
pg_verify_schema(struct db *db, const char *const *steps, size_t len,
    struct strv *problems, struct err *e)
{
	struct strv found = {0};
	struct comparison c = {
	    .db = db, .steps = steps, .len = len, .found = &found};
	struct err why = {0};
	size_t i;
	int rc = 0;

	db_transaction(db, DB_QUICK, compare, &c, &why);
	if (why.kind != KIND_NOTFOUND) {
		if (!err_is_set(e))
			*e = why;
		rc = -1;
	}
	for (i = 0; rc == 0 && i < found.len; i++)
		strv_add(problems, found.v[i]);
	strv_release(&found);
	return rc;
}

int64_t
pg_size(struct db *db, struct err *e)
{
	struct db_stmt *s =
	    db_prepare(db, "SELECT pg_database_size(current_database())", e);
	int64_t size = -1;

	if (s && db_step(s, e) > 0)
		size = db_int(s, 0);
	db_finalize(s);
	return size;
}

/* ---- plans --------------------------------------------------------------- */

/* The words of a node behind "on": the table, and what it is called. */
static void
add_table(const char *node, struct buf *out)
{
	const char *on = strstr(node, " on ");

	buf_adds(out, on ? on + 4 : node);
}

/*
 * Whether the index of the node, which goes on in `next`, is searched: the
 * condition has its first column, or it is an index of some rows only.
 */
static int
is_search(struct db *db, const char *node, const char *next, struct err *e)
{
	const char *name = strstr(node, " using ");
	const char *condition = next ? strstr(next, "Index Cond: ") : NULL;
	struct strv column = {0};
	char *sql;
	int rc;

	if (!name)
		return 0;
	name += strlen(" using ");
	sql = xasprintf("SELECT CASE WHEN indpred IS NULL THEN"
			" pg_get_indexdef(indexrelid, 1, false) ELSE '' END"
			" FROM pg_index WHERE indexrelid = '%.*s'::regclass",
	    (int)strcspn(name, " "), name);
	rc = add_rows(db, sql, &column, e);
	if (rc == 0 && column.len > 0)
		rc = column.v[0][0] == '\0' ||
		    (condition && strstr(condition, column.v[0]));
	strv_release(&column);
	free(sql);
	return rc;
}

/* A node in the words of db.h; `next` is the line that follows it. */
static int
add_step(struct db *db, const char *line, const char *next, struct buf *out,
    struct err *e)
{
	const char *node = line + strspn(line, " ->");
	int searches = 1;

	if (str_starts(node, "Index ") && strstr(node, " Scan "))
		searches = is_search(db, node, next, e);
	if (searches < 0)
		return -1;
	if (str_starts(node, "Seq Scan on ")) {
		buf_adds(out, "SCAN ");
		add_table(node, out);
	} else if (!searches) {
		buf_adds(out, "SCAN ");
		add_table(node, out);
		buf_adds(out, " by its index");
	} else if (str_starts(node, "Sort") && !str_starts(node, "Sort Key")) {
		buf_adds(out, "SORT");
	} else {
		buf_adds(out, node);
	}
	buf_adds(out, "\n");
	return 0;
}

/* Any value will do: the plan is the one for all. */
static char *
explain(const struct db_stmt *s)
{
	struct buf sql;
	size_t i, n = pg_stmt_params(s);

	buf_init(&sql, 4096);
	buf_addf(&sql, "EXPLAIN (COSTS OFF) EXECUTE %s", pg_stmt_name(s));
	for (i = 0; i < n; i++)
		buf_adds(&sql, i == 0 ? "(NULL" : ", NULL");
	buf_adds(&sql, n > 0 ? ")" : "");
	return buf_detach(&sql);
}

int
pg_plan(struct db *db, const char *sql, struct buf *out, struct err *e)
{
	struct db_stmt *s = db_prepare(db, sql, e);
	struct strv lines = {0};
	char *text;
	size_t i;
	int rc;

	if (!s)
		return -1;
	text = explain(s);
	rc = pg_stmt_check(s, e);
	if (rc == 0)
		rc = add_rows(db, text, &lines, e);
	for (i = 0; rc == 0 && i < lines.len; i++)
		rc = add_step(db, lines.v[i],
		    i + 1 < lines.len ? lines.v[i + 1] : NULL, out, e);
	strv_release(&lines);
	free(text);
	db_finalize(s);
	return rc;
}
