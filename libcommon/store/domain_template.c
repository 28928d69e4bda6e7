#include "store/domain_template.h"

#include "store/event.h"
#include "store/stmt.h"
#include "sys/clock.h"

enum {
	TEMPLATE_BY_NAME,
	TEMPLATE_BY_ID,
	TEMPLATE_PUT,
	TEMPLATE_IS_USED,
	TEMPLATE_REMOVE,
	TEMPLATE_EACH
};

#define SELECT                                                                 \
	"SELECT id, name, upstream_account_id, names, policy, profile,"        \
	" per_certificate, one_domain, created FROM domain_templates WHERE "

static const char *const sql[] = {
    [TEMPLATE_BY_NAME] = SELECT "name = ?1",
    [TEMPLATE_BY_ID] = SELECT "id = ?1",
    [TEMPLATE_PUT] =
	"INSERT INTO domain_templates (name, upstream_account_id, names,"
	" policy, profile, per_certificate, one_domain, created)"
	" VALUES (?1, NULLIF(CAST(?2 AS BIGINT), 0), ?3, ?4, ?5, ?6, ?7, ?8)"
	" ON CONFLICT (name) DO UPDATE SET"
	" upstream_account_id = excluded.upstream_account_id,"
	" names = excluded.names, policy = excluded.policy,"
	" profile = excluded.profile,"
	" per_certificate = excluded.per_certificate,"
	" one_domain = excluded.one_domain",
    [TEMPLATE_IS_USED] =
	"SELECT 1 FROM domain_queue WHERE domain_template_id = ?1 LIMIT 1",
    [TEMPLATE_REMOVE] = "DELETE FROM domain_templates WHERE id = ?1",
    [TEMPLATE_EACH] = SELECT "name > '' ORDER BY name",
};

const struct stmt_table domain_template_stmts = {
    "domain_template", sql, ARRAY_LEN(sql)};

#define M STMT_DOMAIN_TEMPLATE

/* ---- reading ------------------------------------------------------------- */

void
domain_template_release(struct domain_template *t)
{
	if (!t)
		return;
	free(t->name);
	free(t->names);
	free(t->policy);
	free(t->profile);
	*t = (struct domain_template){0};
}

static void
read_row(struct db_stmt *s, struct domain_template *t)
{
	*t = (struct domain_template){.id = db_int(s, 0),
	    .name = stmt_text_dup(s, 1),
	    .upstream_account_id = db_int(s, 2),
	    .names = stmt_text_dup(s, 3),
	    .policy = stmt_text_dup(s, 4),
	    .profile = stmt_text_dup(s, 5),
	    .per_certificate = db_int(s, 6),
	    .one_domain = db_int(s, 7) != 0,
	    .created = db_int(s, 8)};
}

/* 1, 0: no row, -1. */
static int
read_one(struct db_stmt *s, struct domain_template *t, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;

	*t = (struct domain_template){0};
	if (rc <= 0)
		return rc;
	read_row(s, t);
	db_reset(s);
	return 1;
}

int
domain_template_by_name(struct store *st, const char *name,
    struct domain_template *t, struct err *e)
{
	int rc =
	    read_one(stmt_query(st, M, TEMPLATE_BY_NAME, e, "t", name), t, e);

	if (rc == 0)
		return err_set(e, KIND_NOTFOUND, "%s: no such template", name);
	return rc < 0 ? -1 : 0;
}

int
domain_template_by_id(
    struct store *st, int64_t id, struct domain_template *t, struct err *e)
{
	int rc = read_one(stmt_query(st, M, TEMPLATE_BY_ID, e, "i", id), t, e);

	if (rc == 0)
		return err_set(e, KIND_NOTFOUND,
		    "domain_template/%lld: no such template", (long long)id);
	return rc < 0 ? -1 : 0;
}

int
domain_template_each(struct store *st,
    int (*fn)(void *arg, const struct domain_template *t, struct err *e),
    void *arg, struct err *e)
{
	struct db_stmt *s = stmt_query(st, M, TEMPLATE_EACH, e, "");
	int rc = s ? 0 : -1;

	while (rc == 0 && (rc = db_step(s, e)) > 0) {
		struct domain_template t;

		read_row(s, &t);
		rc = fn(arg, &t, e);
		domain_template_release(&t);
		if (rc < 0)
			db_reset(s);
	}
	return rc;
}

/* ---- changing ------------------------------------------------------------ */

struct change {
	struct store *st;
	const struct domain_template *to;
	const char *name;
};

static int
put(void *arg, struct err *e)
{
	const struct change *c = arg;
	const struct domain_template *t = c->to;

	if (stmt_run(c->st, M, TEMPLATE_PUT, e, "titttiii", t->name,
		t->upstream_account_id, t->names, t->policy, t->profile,
		t->per_certificate, (int64_t)t->one_domain, clock_now()) < 0)
		return -1;
	return event_add(
	    c->st, "domain_template.set", EVENT_STORE, 0, t->name, e);
}

static bool
is_name(const char *s)
{
	static const char of_names[] = "abcdefghijklmnopqrstuvwxyz"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789-_.";
	size_t len = strlen(s);

	return len > 0 && len <= DOMAIN_TEMPLATE_NAME_MAX && *s != '-' &&
	    strspn(s, of_names) == len;
}

int
domain_template_put(
    struct store *st, const struct domain_template *t, struct err *e)
{
	struct change c = {.st = st, .to = t};

	if (!is_name(t->name))
		return err_set(e, KIND_INPUT,
		    "%.80s: the name of a template is 1 to %d letters, digits, "
		    "\"-\", \"_\" and \".\", and does not begin with \"-\"",
		    t->name, DOMAIN_TEMPLATE_NAME_MAX);
	return db_transaction(st->db, DB_DURABLE, put, &c, e);
}

static int
take_away(void *arg, struct err *e)
{
	const struct change *c = arg;
	struct domain_template t;
	int64_t id, one;
	int rc;

	if (domain_template_by_name(c->st, c->name, &t, e) < 0)
		return -1;
	id = t.id;
	domain_template_release(&t);
	rc = stmt_int(c->st, M, TEMPLATE_IS_USED, &one, e, "i", id);
	if (rc > 0)
		return err_set(e, KIND_CONFLICT,
		    "%s: names in the queue are of this template", c->name);
	if (rc < 0 || stmt_run(c->st, M, TEMPLATE_REMOVE, e, "i", id) < 0)
		return -1;
	return event_add(
	    c->st, "domain_template.remove", EVENT_STORE, 0, c->name, e);
}

int
domain_template_remove(struct store *st, const char *name, struct err *e)
{
	struct change c = {.st = st, .name = name};

	if (strcmp(name, DOMAIN_TEMPLATE_DEFAULT) == 0)
		return err_set(e, KIND_CONFLICT,
		    "%s: there is always a template of this name; it can be "
		    "set",
		    name);
	return db_transaction(st->db, DB_DURABLE, take_away, &c, e);
}
