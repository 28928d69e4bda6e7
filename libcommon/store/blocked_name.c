#include "store/blocked_name.h"

#include "store/domain.h"
#include "store/event.h"
#include "store/queue_part.h"
#include "store/stmt.h"
#include "sys/clock.h"

#define PAGE 1000

enum {
	BLOCKED_ADD,
	BLOCKED_REMOVE,
	BLOCKED_IS,
	BLOCKED_EACH
};

static const char *const sql[] = {
    [BLOCKED_ADD] = "INSERT INTO blocked_names (name, created)"
		    " VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
    [BLOCKED_REMOVE] = "DELETE FROM blocked_names WHERE name = ?1",
    [BLOCKED_IS] = "SELECT 1 FROM blocked_names WHERE name = ?1",
    [BLOCKED_EACH] = "SELECT name, created FROM blocked_names"
		     " WHERE name > ?1 ORDER BY name LIMIT ?2",
};

const struct stmt_table blocked_name_stmts = {
    "blocked_name", sql, ARRAY_LEN(sql)};

#define M STMT_BLOCKED_NAME

struct change {
	struct store *st;
	const char *name;
};

static int
add(void *arg, struct err *e)
{
	const struct change *c = arg;
	int64_t n =
	    stmt_run(c->st, M, BLOCKED_ADD, e, "ti", c->name, clock_now());

	if (n == 0)
		return err_set(
		    e, KIND_CONFLICT, "%s is on the blocklist", c->name);
	return n < 0
	    ? -1
	    : event_add(c->st, "blocked_name.add", EVENT_STORE, 0, c->name, e);
}

static int
take_off(void *arg, struct err *e)
{
	const struct change *c = arg;
	int64_t n = stmt_run(c->st, M, BLOCKED_REMOVE, e, "t", c->name);

	if (n == 0)
		return err_set(
		    e, KIND_NOTFOUND, "%s is not on the blocklist", c->name);
	return n < 0 || queue_wake_blocked(c->st, e) < 0
	    ? -1
	    : event_add(
		  c->st, "blocked_name.remove", EVENT_STORE, 0, c->name, e);
}

int
blocked_name_add(struct store *st, const char *name, struct err *e)
{
	struct change c = {st, name};

	return db_transaction(st->db, DB_DURABLE, add, &c, e);
}

int
blocked_name_remove(struct store *st, const char *name, struct err *e)
{
	struct change c = {st, name};

	return db_transaction(st->db, DB_DURABLE, take_off, &c, e);
}

/* 1: `*entry` is on the list, which the caller frees; 0: not, and it is gone.
 */
static int
is_listed(struct store *st, char *text, char **entry, struct err *e)
{
	int64_t one;
	int rc = stmt_int(st, M, BLOCKED_IS, &one, e, "t", text);

	if (rc > 0)
		*entry = text;
	else
		free(text);
	return rc;
}

int
blocked_name_of(struct store *st, const char *name, char **entry, struct err *e)
{
	int rc = is_listed(st, xstrdup(name), entry, e);

	for (const char *dot = strchr(name, '.'); rc == 0 && dot;
	     dot = strchr(dot + 1, '.'))
		rc = is_listed(st, xasprintf("*%s", dot), entry, e);
	return rc;
}

static int
is_disabled(struct store *st, const char *name, struct err *e)
{
	struct domain d;

	if (domain_by_value(st, name, &d, e) == 0)
		return !d.active;
	return err_forgive(e, KIND_NOTFOUND);
}

static int
check(struct store *st, const char *name, struct err *why, struct err *e)
{
	char *entry;
	int rc = is_disabled(st, name, e);

	if (rc > 0)
		err_set(why, KIND_DENIED,
		    "%s is disabled; cert-manage domain enable is the way back",
		    name);
	if (rc == 0 && (rc = blocked_name_of(st, name, &entry, e)) > 0) {
		err_set(why, KIND_DENIED,
		    "%s is blocked by %s on the blocklist; domain-queue "
		    "unblock is the way back",
		    name, entry);
		free(entry);
	}
	return rc;
}

int
blocked_name_check(
    struct store *st, const struct strv *names, struct err *why, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < names->len; i++)
		rc = check(st, names->v[i], why, e);
	return rc;
}

/* ---- looking ------------------------------------------------------------- */

struct page {
	struct strv names;
	int64_t created[PAGE];
};

static int
read_page(struct store *st, const char *after, struct page *p, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, M, BLOCKED_EACH, e, "ti", after, (int64_t)PAGE);
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		p->created[p->names.len] = db_int(s, 1);
		strv_add(&p->names, db_text(s, 0));
	}
	return rc;
}

int
blocked_name_each(struct store *st,
    int (*fn)(void *arg, const char *name, int64_t created, struct err *e),
    void *arg, struct err *e)
{
	struct page *p = xcalloc(1, sizeof(*p));
	char *after = xstrdup("");
	size_t len;
	int rc;

	do {
		rc = read_page(st, after, p, e);
		len = p->names.len;
		for (size_t i = 0; rc == 0 && i < len; i++)
			rc = fn(arg, p->names.v[i], p->created[i], e);
		free(after);
		after = xstrdup(len > 0 ? p->names.v[len - 1] : "");
		strv_release(&p->names);
	} while (rc == 0 && len == PAGE);
	free(after);
	free(p);
	return rc;
}
