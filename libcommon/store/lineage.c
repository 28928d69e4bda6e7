#include "store/lineage.h"

#include "store/event.h"
#include "store/stmt.h"
#include "sys/clock.h"

enum {
	LINEAGE_ADD,
	LINEAGE_ID,
	LINEAGE_SET,
	LINEAGE_BY_ID
};

static const char *const sql[] = {
    [LINEAGE_ADD] =
	"INSERT INTO lineages (source, name, fqdn_set_id, upstream_account_id,"
	" settings, created)"
	" VALUES (?1, ?2, ?3, NULLIF(CAST(?4 AS BIGINT), 0), ?5, ?6)"
	" ON CONFLICT (source, name, fqdn_set_id) DO NOTHING RETURNING id",
    [LINEAGE_ID] = "SELECT id FROM lineages WHERE source = ?1 AND name = ?2"
		   " AND fqdn_set_id = ?3",
    [LINEAGE_SET] =
	"UPDATE lineages SET settings = ?2, upstream_account_id ="
	" COALESCE(NULLIF(CAST(?3 AS BIGINT), 0), upstream_account_id)"
	" WHERE id = ?1",
    [LINEAGE_BY_ID] =
	"SELECT id, source, name, fqdn_set_id, upstream_account_id, settings,"
	" created FROM lineages WHERE id = ?1",
};

const struct stmt_table lineage_stmts = {"lineage", sql, ARRAY_LEN(sql)};

struct addition {
	struct store *st;
	const struct lineage_new *new;
	int64_t id;
	bool created;
};

static int
replace(struct addition *a, struct err *e)
{
	const struct lineage_new *n = a->new;
	int rc = stmt_int(a->st, STMT_LINEAGE, LINEAGE_ID, &a->id, e, "tti",
	    n->source, n->name, n->fqdn_set_id);

	if (rc == 0)
		return err_set(e, KIND_BUG, "a lineage has come and gone");
	if (rc < 0)
		return -1;
	return stmt_run(a->st, STMT_LINEAGE, LINEAGE_SET, e, "iti", a->id,
		   n->settings, n->upstream_account_id) < 0
	    ? -1
	    : 0;
}

static int
add(void *arg, struct err *e)
{
	struct addition *a = arg;
	const struct lineage_new *n = a->new;
	int rc = stmt_int(a->st, STMT_LINEAGE, LINEAGE_ADD, &a->id, e, "ttiiti",
	    n->source, n->name, n->fqdn_set_id, n->upstream_account_id,
	    n->settings, clock_now());

	a->created = rc > 0;
	if (rc == 0)
		return replace(a, e);
	return rc < 0 ? -1
		      : event_add(a->st, "lineage.add", EVENT_LINEAGE, a->id,
			    n->source, e);
}

int
lineage_add(struct store *st, const struct lineage_new *n, int64_t *id,
    bool *created, struct err *e)
{
	struct addition a = {.st = st, .new = n};

	if (db_transaction(st->db, DB_DURABLE, add, &a, e) < 0)
		return -1;
	*id = a.id;
	*created = a.created;
	return 0;
}

int
lineage_by_id(struct store *st, int64_t id, struct lineage *l, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, STMT_LINEAGE, LINEAGE_BY_ID, e, "i", id);
	int rc = s ? db_step(s, e) : -1;

	*l = (struct lineage){0};
	if (rc == 0)
		return err_set(e, KIND_NOTFOUND, "no such lineage");
	if (rc < 0)
		return -1;
	l->id = db_int(s, 0);
	l->source = stmt_text_dup(s, 1);
	l->name = stmt_text_dup(s, 2);
	l->fqdn_set_id = db_int(s, 3);
	l->upstream_account_id = db_int(s, 4);
	l->settings = stmt_text_dup(s, 5);
	l->created = db_int(s, 6);
	db_reset(s);
	return 0;
}

void
lineage_release(struct lineage *l)
{
	if (!l)
		return;
	free(l->source);
	free(l->name);
	free(l->settings);
	*l = (struct lineage){0};
}
