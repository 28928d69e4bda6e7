#include "store/domain.h"

#include "store/certificate.h"
#include "store/domain_part.h"
#include "store/event.h"
#include "store/queue_part.h"
#include "store/serving_change.h"
#include "store/stmt.h"
#include "sys/clock.h"

/* Names in one transaction, while others wait. */
#define REFRESH_AT_ONCE 5000

enum {
	DOMAIN_ADD,
	DOMAIN_ID,
	DOMAIN_BY_VALUE,
	DOMAIN_BY_ID,
	DOMAIN_SET_ACTIVE,
	DOMAIN_NOTE_SINGLE,
	DOMAIN_NOTE_MULTI,
	DOMAIN_REFRESH_SET,
	DOMAIN_REFRESH_SOME,
	DOMAIN_REFRESH_ENDING,
	DOMAIN_COUNT_STALE,
	DOMAIN_LAST
};

#define COLUMNS                                                                \
	"id, type, value, active, created, latest_single_id, latest_multi_id"

#define REFRESH                                                                \
	"UPDATE domains SET latest_single_id = NULLIF(" DOMAIN_SINGLE ", 0),"  \
	" latest_multi_id = NULLIF(" DOMAIN_MULTI ", 0)"

#define MEMBERS                                                                \
	" WHERE id IN (SELECT m.domain_id FROM fqdn_set_members m"             \
	" WHERE m.fqdn_set_id = ?1)"

#define STALE                                                                  \
	" WHERE domains.id > ?1 AND domains.id <= ?2 "                         \
	"AND " DOMAIN_IS_NOT_LATEST

/* What is latest and ends later stays so. */
#define NOT_LATER(column)                                                      \
	" AND NOT EXISTS (SELECT 1 FROM certificates c WHERE c.id = " column   \
	" AND c.not_after > ?3)"

static const char *const sql[] = {
    [DOMAIN_ADD] = "INSERT INTO domains (type, value, active, created)"
		   " VALUES (?1, ?2, 1, ?3)"
		   " ON CONFLICT (value) DO NOTHING RETURNING id",
    [DOMAIN_ID] = "SELECT id FROM domains WHERE value = ?1",
    [DOMAIN_BY_VALUE] = "SELECT " COLUMNS " FROM domains WHERE value = ?1",
    [DOMAIN_BY_ID] = "SELECT " COLUMNS " FROM domains WHERE id = ?1",
    [DOMAIN_SET_ACTIVE] = "UPDATE domains SET active = ?2"
			  " WHERE id = ?1 AND active <> ?2",
    [DOMAIN_NOTE_SINGLE] =
	"UPDATE domains SET latest_single_id = ?2" MEMBERS NOT_LATER(
	    "domains.latest_single_id"),
    [DOMAIN_NOTE_MULTI] =
	"UPDATE domains SET latest_multi_id = ?2" MEMBERS NOT_LATER(
	    "domains.latest_multi_id"),
    [DOMAIN_REFRESH_SET] = REFRESH MEMBERS,
    [DOMAIN_REFRESH_SOME] = REFRESH STALE,
    [DOMAIN_REFRESH_ENDING] = REFRESH
    " WHERE domains.id IN (SELECT x.domain_id FROM certificates a"
    " JOIN fqdn_set_members x ON x.fqdn_set_id = a.fqdn_set_id"
    " WHERE a.active = 1 AND a.status = 'valid'"
    " AND (a.not_after, a.id) > (?1, ?2)"
    " AND (a.not_after, a.id) <= (?3, ?4)) AND " DOMAIN_IS_NOT_LATEST,
    [DOMAIN_COUNT_STALE] = "SELECT count(*) FROM domains" STALE,
    [DOMAIN_LAST] =
	"SELECT id FROM domains WHERE id > 0 ORDER BY id DESC LIMIT 1",
};

const struct stmt_table domain_stmts = {"domain", sql, ARRAY_LEN(sql)};

/* The one row of `s`; KIND_NOTFOUND. */
static int
read_one(struct db_stmt *s, struct domain *d, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;
	const char *type;

	memset(d, 0, sizeof(*d));
	if (rc == 0)
		return err_set(e, KIND_NOTFOUND, "no such domain");
	if (rc < 0)
		return -1;
	d->id = db_int(s, 0);
	type = db_text(s, 1);
	if (!type || identifier_type_by_name(type, &d->type) < 0)
		d->type = IDENTIFIER_DNS;
	stmt_text_to(s, 2, d->value, sizeof(d->value));
	d->active = db_int(s, 3) != 0;
	d->created = db_int(s, 4);
	d->latest_single_id = db_int(s, 5);
	d->latest_multi_id = db_int(s, 6);
	db_reset(s);
	return 0;
}

int
domain_by_value(
    struct store *st, const char *value, struct domain *d, struct err *e)
{
	return read_one(
	    stmt_query(st, STMT_DOMAIN, DOMAIN_BY_VALUE, e, "t", value), d, e);
}

int
domain_by_id(struct store *st, int64_t id, struct domain *d, struct err *e)
{
	return read_one(
	    stmt_query(st, STMT_DOMAIN, DOMAIN_BY_ID, e, "i", id), d, e);
}

int
domain_put(struct store *st, enum identifier_type type, const char *value,
    int64_t *id, struct err *e)
{
	int rc = stmt_int(st, STMT_DOMAIN, DOMAIN_ADD, id, e, "tti",
	    identifier_type_name(type), value, clock_now());

	if (rc == 0)
		rc = stmt_int(st, STMT_DOMAIN, DOMAIN_ID, id, e, "t", value);
	if (rc == 0)
		return err_set(e, KIND_BUG, "a domain has vanished");
	return rc < 0 ? -1 : 0;
}

struct change {
	struct store *st;
	int64_t id;
	bool active;
};

static int
set_active(void *arg, struct err *e)
{
	struct change *c = arg;
	struct domain d;
	int64_t n = stmt_run(c->st, STMT_DOMAIN, DOMAIN_SET_ACTIVE, e, "ii",
	    c->id, (int64_t)c->active);

	if (n < 0 || domain_by_id(c->st, c->id, &d, e) < 0)
		return -1;
	if (n == 0)
		return err_set(e, KIND_CONFLICT, "%s is %s", d.value,
		    c->active ? "enabled" : "disabled");
	if ((c->active && queue_wake_blocked(c->st, e) < 0) ||
	    serving_change_note_domain(c->st, c->id, c->active, e) < 0)
		return -1;
	return event_add(c->st, c->active ? "domain.enable" : "domain.disable",
	    EVENT_DOMAIN, c->id, d.value, e);
}

int
domain_set_active(struct store *st, int64_t id, bool active, struct err *e)
{
	struct change c = {.st = st, .id = id, .active = active};

	return db_transaction(st->db, DB_DURABLE, set_active, &c, e);
}

/* ---- the latest certificates --------------------------------------------- */

int
domain_note_added(struct store *st, int64_t fqdn_set_id, size_t set_size,
    int64_t certificate_id, int64_t not_after, struct err *e)
{
	return stmt_run(st, STMT_DOMAIN,
		   set_size > 1 ? DOMAIN_NOTE_MULTI : DOMAIN_NOTE_SINGLE, e,
		   "iii", fqdn_set_id, certificate_id, not_after) < 0
	    ? -1
	    : serving_change_note(st, fqdn_set_id, e);
}

int
domain_refresh_set(struct store *st, int64_t fqdn_set_id, struct err *e)
{
	return stmt_run(
		   st, STMT_DOMAIN, DOMAIN_REFRESH_SET, e, "i", fqdn_set_id) < 0
	    ? -1
	    : serving_change_note(st, fqdn_set_id, e);
}

int
domain_refresh_ending(struct store *st, int64_t after, int64_t after_id,
    int64_t to, int64_t to_id, struct err *e)
{
	return stmt_run(st, STMT_DOMAIN, DOMAIN_REFRESH_ENDING, e, "iiii",
		   after, after_id, to, to_id) < 0
	    ? -1
	    : 0;
}

struct refresh {
	struct store *st;
	int64_t after, changed;
};

static int
refresh_some(void *arg, struct err *e)
{
	struct refresh *r = arg;

	r->changed = stmt_run(r->st, STMT_DOMAIN, DOMAIN_REFRESH_SOME, e, "ii",
	    r->after, r->after + REFRESH_AT_ONCE);
	return r->changed < 0 ? -1 : 0;
}

static int
count_some(struct refresh *r, struct err *e)
{
	return stmt_int(r->st, STMT_DOMAIN, DOMAIN_COUNT_STALE, &r->changed, e,
		   "ii", r->after, r->after + REFRESH_AT_ONCE) < 0
	    ? -1
	    : 0;
}

static int
note_refresh(void *arg, struct err *e)
{
	struct refresh *r = arg;
	char detail[32];

	snprintf(detail, sizeof(detail), "%lld", (long long)r->changed);
	return event_add(r->st, "domain.refresh", EVENT_STORE, 0, detail, e);
}

int
domain_refresh_all(
    struct store *st, bool dry_run, int64_t *changed, struct err *e)
{
	struct refresh r = {.st = st};
	int64_t last = 0;
	int rc = stmt_int(st, STMT_DOMAIN, DOMAIN_LAST, &last, e, "");

	*changed = 0;
	for (; rc >= 0 && r.after < last; r.after += REFRESH_AT_ONCE) {
		rc = dry_run
		    ? count_some(&r, e)
		    : db_transaction(st->db, DB_DURABLE, refresh_some, &r, e);
		*changed += r.changed;
	}
	if (rc < 0)
		return -1;
	r.changed = *changed;
	return dry_run || *changed == 0
	    ? 0
	    : db_transaction(st->db, DB_DURABLE, note_refresh, &r, e);
}
