#include "store/renewal_configuration.h"

#include "store/certificate.h"
#include "store/event.h"
#include "store/queue_part.h"
#include "store/renewal_backup.h"
#include "store/served_name.h"
#include "store/upstream_account.h"
#include "sys/clock.h"
#include "wrap/name.h"

#define PAGE 200

enum {
	CONFIGURATION_BY_ID,
	CONFIGURATION_BY_LABEL,
	CONFIGURATION_BY_CERTIFICATE,
	CONFIGURATION_BY_ORDER,
	CONFIGURATION_BY_SET,
	CONFIGURATION_BY_NAME,
	CONFIGURATION_EACH,
	CONFIGURATION_EACH_ACCOUNT,
	CONFIGURATION_EACH_DUE,
	CONFIGURATION_FACTS,
	CONFIGURATION_FACTS_OF_CERTIFICATE,
	CONFIGURATION_SET_DUE,
	CONFIGURATION_SET_QUEUED,
	CONFIGURATION_SET,
	CONFIGURATION_SET_ACTIVE,
	CONFIGURATION_SET_CERTIFICATE_ACTIVE,
	CONFIGURATION_LEAVE_QUEUE,
	CONFIGURATION_FORGET_FAILED,
	CONFIGURATION_TRY_AGAIN,
	CONFIGURATION_NAMES_ARRIVED,
	CONFIGURATION_IS_BUSY,
	CONFIGURATION_REMOVE,
	CONFIGURATION_RENEWED,
	CONFIGURATION_ADD,
	CONFIGURATION_ADD_FOR,
	CONFIGURATION_OTHER,
	CONFIGURATION_PUT,
	CONFIGURATION_ORDER_OF
};

#define COLUMNS                                                                \
	"r.id, r.label, r.active, r.upstream_account_id, r.fqdn_set_id,"       \
	" r.policy, r.profile, r.part_left, r.certificate_id, c.not_before,"   \
	" c.not_after, r.due_at, r.due_by, r.due_rule, r.created, "            \
	"r.backup_of_id"
#define SELECT                                                                 \
	"SELECT " COLUMNS " FROM renewal_configurations r"                     \
	" LEFT JOIN certificates c ON c.id = r.certificate_id WHERE "

/*
 * Deactivated, and nothing else that is active has exactly its names: what is
 * deactivated as a duplicate is not ordered again, which would make the next
 * duplicate.  That of a backup sleeps.
 */
#define FACTS                                                                  \
	"SELECT r.id, r.part_left, c.not_before, c.not_after, CASE"            \
	" WHEN c.status = 'revoked' THEN 1 WHEN c.active = 1"                  \
	" OR r.backup_of_id IS NOT NULL THEN 0"                                \
	" WHEN EXISTS (SELECT 1 FROM certificates k"                           \
	" WHERE k.fqdn_set_id = c.fqdn_set_id AND k.not_after > ?2"            \
	" AND +k.active = 1 AND k.status || '' = 'valid') THEN 0"              \
	" ELSE 1 END, i.window_start, i.window_end, i.chosen"                  \
	" FROM renewal_configurations r"                                       \
	" LEFT JOIN certificates c ON c.id = r.certificate_id"                 \
	" LEFT JOIN renewal_infos i ON i.certificate_id = r.certificate_id"    \
	" WHERE "

static const char *const sql[] = {
    [CONFIGURATION_BY_ID] = SELECT "r.id = ?1",
    [CONFIGURATION_BY_LABEL] = SELECT "r.label = ?1",
    [CONFIGURATION_BY_CERTIFICATE] =
	SELECT "r.certificate_id = ?1 ORDER BY r.id LIMIT 1",
    [CONFIGURATION_BY_ORDER] =
	SELECT "r.id = (SELECT o.renewal_configuration_id"
	       " FROM upstream_orders o WHERE o.id = ?1)",
    [CONFIGURATION_BY_SET] =
	SELECT "r.fqdn_set_id = (SELECT x.fqdn_set_id FROM certificates x"
	       " WHERE x.id = ?1) ORDER BY r.upstream_account_id LIMIT 1",
    [CONFIGURATION_BY_NAME] =
	"SELECT r.id FROM domains d"
	" JOIN fqdn_set_members m ON m.domain_id = d.id"
	" JOIN renewal_configurations r ON r.fqdn_set_id = m.fqdn_set_id"
	" WHERE d.value = ?1 LIMIT 1",
    [CONFIGURATION_EACH] = SELECT "r.id > ?1 ORDER BY r.id LIMIT ?2",
    [CONFIGURATION_EACH_ACCOUNT] =
	SELECT "r.upstream_account_id = ?3 AND r.id > ?1"
	       " ORDER BY r.id LIMIT ?2",
    [CONFIGURATION_EACH_DUE] =
	"SELECT r.id, CASE WHEN q.retry_at > r.due_at THEN q.retry_at"
	" ELSE r.due_at END, r.due_by, r.certificate_id"
	" FROM renewal_configurations r"
	" LEFT JOIN renewal_queue q ON q.renewal_configuration_id = r.id"
	" WHERE r.active = 1 AND r.due_at <= ?2"
	" AND r.upstream_account_id + 0 = ?1"
	" AND (q.status IS NULL OR q.status = 'waiting')"
	" ORDER BY r.due_at, r.id",
    [CONFIGURATION_FACTS] = FACTS "r.id = ?1",
    [CONFIGURATION_FACTS_OF_CERTIFICATE] = FACTS "r.certificate_id = ?1",
    [CONFIGURATION_SET_DUE] =
	"UPDATE renewal_configurations SET due_at = ?2, due_by = ?3,"
	" due_rule = ?4 WHERE id = ?1",
    [CONFIGURATION_SET_QUEUED] =
	"UPDATE renewal_queue SET window_end = ?2, why = CASE"
	" WHEN why = 'asked' THEN why ELSE ?3 END"
	" WHERE renewal_configuration_id = ?1",
    [CONFIGURATION_SET] =
	"UPDATE renewal_configurations SET label = ?2, policy = ?3,"
	" profile = ?4, part_left = NULLIF(CAST(?5 AS BIGINT), 0)"
	" WHERE id = ?1",
    [CONFIGURATION_SET_ACTIVE] = "UPDATE renewal_configurations SET active = ?2"
				 " WHERE id = ?1 AND active <> ?2",
    [CONFIGURATION_SET_CERTIFICATE_ACTIVE] =
	"UPDATE certificates SET auto_renew = ?2 WHERE id = (SELECT"
	" r.certificate_id FROM renewal_configurations r WHERE r.id = ?1)",
    [CONFIGURATION_LEAVE_QUEUE] =
	"DELETE FROM renewal_queue WHERE renewal_configuration_id = ?1",
    [CONFIGURATION_FORGET_FAILED] =
	"DELETE FROM renewal_queue WHERE renewal_configuration_id = ?1"
	" AND " QUEUE_IS_STUCK
	" AND (status = 'parked' OR " QUEUE_IS_FREE("?2", "?3") ")",
    [CONFIGURATION_TRY_AGAIN] =
	"UPDATE renewal_queue SET status = 'waiting', retry_at = 0,"
	" " QUEUE_FORGET ", lease = lease + 1, lease_until = 0"
	" WHERE renewal_configuration_id = ?1 AND " QUEUE_IS_STUCK
	" AND (status = 'parked' OR " QUEUE_IS_FREE("?2", "?3") ")",
    [CONFIGURATION_NAMES_ARRIVED] =
	"DELETE FROM domain_queue WHERE name IN (SELECT d.value"
	" FROM renewal_configurations r"
	" JOIN fqdn_set_members m ON m.fqdn_set_id = r.fqdn_set_id"
	" JOIN domains d ON d.id = m.domain_id"
	" WHERE r.id = ?1 AND r.backup_of_id IS NULL)"
	" AND " QUEUE_IS_FREE("?2", "?3"),
    [CONFIGURATION_IS_BUSY] =
	"SELECT 1 FROM renewal_queue WHERE renewal_configuration_id = ?1"
	" AND lease_until > ?2",
    [CONFIGURATION_REMOVE] = "DELETE FROM renewal_configurations WHERE id = ?1",
    [CONFIGURATION_RENEWED] =
	"UPDATE renewal_configurations SET certificate_id = (SELECT"
	" o.certificate_id FROM upstream_orders o WHERE o.id = ?1) WHERE id ="
	" (SELECT o.renewal_configuration_id FROM upstream_orders o"
	" WHERE o.id = ?1) RETURNING id",
    [CONFIGURATION_ADD] =
	"INSERT INTO renewal_configurations (active, upstream_account_id,"
	" fqdn_set_id, policy, profile, certificate_id, due_at, due_by,"
	" due_rule, created) SELECT 1, o.upstream_account_id, o.fqdn_set_id,"
	" o.policy, o.profile, o.certificate_id, CAST(?2 AS BIGINT),"
	" CAST(?2 AS BIGINT), 'first', CAST(?2 AS BIGINT)"
	" FROM upstream_orders o WHERE o.id = ?1"
	" ON CONFLICT (fqdn_set_id, upstream_account_id) DO NOTHING"
	" RETURNING id",
    [CONFIGURATION_ADD_FOR] =
	"INSERT INTO renewal_configurations (label, active,"
	" upstream_account_id, fqdn_set_id, policy, profile, part_left,"
	" certificate_id, due_at, due_by, due_rule, created)"
	" SELECT CAST(?3 AS TEXT), 1, CAST(?2 AS BIGINT), c.fqdn_set_id,"
	" CAST(?4 AS TEXT), CAST(?5 AS TEXT), NULLIF(CAST(?6 AS BIGINT), 0),"
	" COALESCE((SELECT k.id FROM certificates k"
	" WHERE k.fqdn_set_id = c.fqdn_set_id AND k.not_after > c.not_after"
	" AND +k.active = 1 AND k.status || '' = 'valid'"
	" ORDER BY k.not_after DESC LIMIT 1), c.id),"
	" CAST(?7 AS BIGINT), CAST(?7 AS BIGINT), 'first',"
	" CAST(?7 AS BIGINT) FROM certificates c WHERE c.id = ?1"
	" ON CONFLICT (fqdn_set_id, upstream_account_id) DO NOTHING"
	" RETURNING id",
    [CONFIGURATION_OTHER] =
	"SELECT r.id FROM renewal_configurations r WHERE r.fqdn_set_id ="
	" (SELECT c.fqdn_set_id FROM certificates c WHERE c.id = ?1)"
	" AND r.upstream_account_id = ?2",
    [CONFIGURATION_PUT] =
	"UPDATE renewal_configurations SET active = 1, policy = CASE"
	" WHEN backup_of_id IS NOT NULL THEN policy ELSE (SELECT"
	" o.policy FROM upstream_orders o WHERE o.id = ?1) END, profile = "
	"(SELECT"
	" o.profile FROM upstream_orders o WHERE o.id = ?1), certificate_id ="
	" (SELECT o.certificate_id FROM upstream_orders o WHERE o.id = ?1)"
	" WHERE (fqdn_set_id, upstream_account_id) = (SELECT o.fqdn_set_id,"
	" o.upstream_account_id FROM upstream_orders o WHERE o.id = ?1)"
	" RETURNING id",
    [CONFIGURATION_ORDER_OF] =
	"SELECT id FROM upstream_orders WHERE certificate_id = ?1"
	" ORDER BY id DESC LIMIT 1",
};

const struct stmt_table renewal_configuration_stmts = {
    "renewal_configuration", sql, ARRAY_LEN(sql)};

#define M STMT_RENEWAL_CONFIGURATION

/* ---- reading ------------------------------------------------------------- */

void
renewal_configuration_release(struct renewal_configuration *c)
{
	if (!c)
		return;
	free(c->label);
	free(c->policy);
	free(c->profile);
	*c = (struct renewal_configuration){0};
}

static void
read_row(struct db_stmt *s, struct renewal_configuration *c)
{
	*c = (struct renewal_configuration){.id = db_int(s, 0),
	    .label = stmt_text_dup(s, 1),
	    .active = db_int(s, 2) != 0,
	    .upstream_account_id = db_int(s, 3),
	    .fqdn_set_id = db_int(s, 4),
	    .policy = stmt_text_dup(s, 5),
	    .profile = stmt_text_dup(s, 6),
	    .part_left = db_int(s, 7),
	    .certificate_id = db_int(s, 8),
	    .not_before = db_int(s, 9),
	    .not_after = db_int(s, 10),
	    .due = {db_int(s, 11), db_int(s, 12),
		renewal_rule_of(db_text(s, 13))},
	    .created = db_int(s, 14),
	    .backup_of_id = db_int(s, 15)};
}

/* 1, 0: no row, -1. */
static int
read_one(struct db_stmt *s, struct renewal_configuration *c, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;

	*c = (struct renewal_configuration){0};
	if (rc <= 0)
		return rc;
	read_row(s, c);
	db_reset(s);
	return 1;
}

static int
not_found(int64_t id, struct err *e)
{
	return err_set(e, KIND_NOTFOUND,
	    "renewal_configuration/%lld: no such configuration", (long long)id);
}

int
renewal_configuration_by_id(struct store *st, int64_t id,
    struct renewal_configuration *c, struct err *e)
{
	int rc =
	    read_one(stmt_query(st, M, CONFIGURATION_BY_ID, e, "i", id), c, e);

	return rc == 0 ? not_found(id, e) : rc < 0 ? -1 : 0;
}

int
renewal_configuration_by_order(struct store *st, int64_t upstream_order_id,
    struct renewal_configuration *c, struct err *e)
{
	return read_one(stmt_query(st, M, CONFIGURATION_BY_ORDER, e, "i",
			    upstream_order_id),
	    c, e);
}

int
renewal_configuration_by_certificate(struct store *st, int64_t certificate_id,
    struct renewal_configuration *c, struct err *e)
{
	int rc = read_one(stmt_query(st, M, CONFIGURATION_BY_CERTIFICATE, e,
			      "i", certificate_id),
	    c, e);

	if (rc == 0)
		rc = read_one(stmt_query(st, M, CONFIGURATION_BY_SET, e, "i",
				  certificate_id),
		    c, e);
	if (rc == 0)
		return err_set(e, KIND_NOTFOUND,
		    "certificate/%lld: no renewal configuration; "
		    "cert-manage renewal add makes one",
		    (long long)certificate_id);
	return rc < 0 ? -1 : 0;
}

static int
by_name(struct store *st, const char *text, struct renewal_configuration *c,
    struct err *e)
{
	char *name = name_spell(text);
	int64_t id;
	int rc = stmt_int(st, M, CONFIGURATION_BY_NAME, &id, e, "t", name);

	free(name);
	if (rc > 0)
		return renewal_configuration_by_id(st, id, c, e);
	return rc < 0
	    ? -1
	    : err_set(e, KIND_NOTFOUND, "%s: no renewal configuration", text);
}

int
renewal_configuration_find(struct store *st, const char *text,
    struct renewal_configuration *c, struct err *e)
{
	struct certificate cert;
	int64_t id;

	*c = (struct renewal_configuration){0};
	if (certificate_find(st, text, clock_now(), &cert, e) < 0) {
		uint64_t n;

		if (str_to_u64(text, INT64_MAX, &n) ||
		    err_forgive(e, KIND_NOTFOUND) < 0)
			return -1;
		return by_name(st, text, c, e);
	}
	id = cert.id;
	certificate_release(&cert);
	return renewal_configuration_by_certificate(st, id, c, e);
}

int
renewal_configuration_pick(struct store *st, const char *text,
    struct renewal_configuration *c, struct err *e)
{
	static const char prefix[] = "renewal_configuration/";
	const char *bare =
	    str_starts(text, prefix) ? text + strlen(prefix) : text;
	uint64_t n;
	int rc;

	*c = (struct renewal_configuration){0};
	if (str_to_u64(bare, INT64_MAX, &n))
		return renewal_configuration_by_id(st, (int64_t)n, c, e);
	rc = read_one(
	    stmt_query(st, M, CONFIGURATION_BY_LABEL, e, "t", text), c, e);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return renewal_configuration_find(st, text, c, e);
}

static bool
matches(const struct renewal_configuration *c,
    const struct renewal_configuration_filter *f)
{
	return !f->only_inactive || !c->active;
}

int
renewal_configuration_each(struct store *st,
    const struct renewal_configuration_filter *f,
    int (*fn)(void *arg, const struct renewal_configuration *c, struct err *e),
    void *arg, struct err *e)
{
	struct renewal_configuration *page = xcalloc(PAGE, sizeof(*page));
	int64_t after = 0;
	size_t len;
	int rc = 0;

	do {
		struct db_stmt *s = f->upstream_account_id
		    ? stmt_query(st, M, CONFIGURATION_EACH_ACCOUNT, e, "iii",
			  after, (int64_t)PAGE, f->upstream_account_id)
		    : stmt_query(st, M, CONFIGURATION_EACH, e, "ii", after,
			  (int64_t)PAGE);

		rc = s ? 0 : -1;
		for (len = 0; rc == 0 && (rc = db_step(s, e)) > 0; rc = 0)
			read_row(s, &page[len++]);
		for (size_t i = 0; i < len; i++) {
			after = page[i].id;
			if (rc == 0 && matches(&page[i], f))
				rc = fn(arg, &page[i], e);
			renewal_configuration_release(&page[i]);
		}
	} while (rc == 0 && len == PAGE);
	free(page);
	return rc;
}

int
renewal_configuration_each_due(struct store *st, int64_t upstream_account_id,
    int64_t until,
    void (*fn)(void *arg, int64_t id, int64_t at, int64_t by, bool is_first),
    void *arg, struct err *e)
{
	struct db_stmt *s = stmt_query(
	    st, M, CONFIGURATION_EACH_DUE, e, "ii", upstream_account_id, until);
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0)
		fn(arg, db_int(s, 0), db_int(s, 1), db_int(s, 2),
		    db_is_null(s, 3));
	return rc;
}

/* ---- when it is due ------------------------------------------------------ */

/* The facts of one in `s`; 1 with `*id`, 0: it has none, -1. */
static int
read_facts(
    struct db_stmt *s, int64_t *id, struct renewal_facts *f, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;

	if (rc <= 0)
		return rc;
	*id = db_int(s, 0);
	*f = (struct renewal_facts){.part_left = db_int(s, 1),
	    .has_certificate = !db_is_null(s, 2),
	    .not_before = db_int(s, 2),
	    .not_after = db_int(s, 3),
	    .is_lost = db_int(s, 4) != 0,
	    .window_start = db_int(s, 5),
	    .window_end = db_int(s, 6),
	    .chosen = db_int(s, 7)};
	return 1;
}

/* What is queued goes by what is known now. */
static int
set_due(
    struct store *st, int64_t id, const struct renewal_facts *f, struct err *e)
{
	const struct renewal_due due = renewal_due(f, clock_now());
	const char *rule = renewal_rule_name(due.rule);

	if (stmt_run(st, M, CONFIGURATION_SET_DUE, e, "iiit", id, due.at,
		due.by, rule) < 0 ||
	    stmt_run(st, M, CONFIGURATION_SET_QUEUED, e, "iit", id, due.by,
		rule) < 0)
		return -1;
	return 0;
}

static int
refresh(struct store *st, int64_t id, struct err *e)
{
	struct renewal_facts f;
	struct db_stmt *s =
	    stmt_query(st, M, CONFIGURATION_FACTS, e, "ii", id, clock_now());
	int rc = read_facts(s, &id, &f, e);

	if (rc <= 0)
		return rc;
	db_reset(s);
	return set_due(st, id, &f, e);
}

#define OF_ONE_CERTIFICATE 16 /* accounts that have got the very same one */

int
renewal_configuration_refresh(
    struct store *st, int64_t certificate_id, struct err *e)
{
	struct renewal_facts f[OF_ONE_CERTIFICATE];
	int64_t ids[OF_ONE_CERTIFICATE];
	struct db_stmt *s =
	    stmt_query(st, M, CONFIGURATION_FACTS_OF_CERTIFICATE, e, "ii",
		certificate_id, clock_now());
	size_t len = 0;
	int rc = 0;

	while (len < OF_ONE_CERTIFICATE &&
	    (rc = read_facts(s, &ids[len], &f[len], e)) > 0)
		len++;
	if (rc > 0)
		db_reset(s);
	for (size_t i = 0; rc >= 0 && i < len; i++)
		rc = set_due(st, ids[i], &f[i], e);
	return rc < 0 ? -1 : 0;
}

static int
note(struct store *st, const char *action, int64_t id, const char *detail,
    struct err *e)
{
	return event_add(
	    st, action, EVENT_RENEWAL_CONFIGURATION, id, detail, e);
}

struct change {
	struct store *st;
	const struct renewal_configuration *to;
	int64_t id;
	bool on;
};

static int
check_label(
    struct store *st, const struct renewal_configuration *to, struct err *e)
{
	struct renewal_configuration other;
	uint64_t n;
	int rc;

	if (!to->label)
		return 0;
	if (!*to->label || strlen(to->label) > RENEWAL_LABEL_MAX ||
	    !str_is_printable(to->label, strlen(to->label)) ||
	    str_to_u64(to->label, UINT64_MAX, &n))
		return err_set(e, KIND_INPUT,
		    "%s: a label has 1 to %d printable characters and is no "
		    "number",
		    to->label, RENEWAL_LABEL_MAX);
	rc = read_one(
	    stmt_query(st, M, CONFIGURATION_BY_LABEL, e, "t", to->label),
	    &other, e);
	if (rc > 0 && other.id != to->id)
		rc = err_set(e, KIND_CONFLICT,
		    "renewal_configuration/%lld has the label %s already",
		    (long long)other.id, to->label);
	renewal_configuration_release(&other);
	return rc < 0 ? -1 : 0;
}

/* ---- making ------------------------------------------------------------- */

struct adding {
	struct store *st;
	const struct renewal_configuration_new *new;
	int64_t id;
};

static int
check_account(struct store *st, int64_t id, struct err *e)
{
	struct upstream_account a;
	int rc = upstream_account_by_id(st, id, &a, e);

	if (rc == 0 && a.status != UPSTREAM_ACCOUNT_VALID)
		rc = err_set(e, KIND_CONFLICT,
		    "upstream account %lld is deactivated", (long long)id);
	upstream_account_release(&a);
	return rc;
}

/* No row was made: there is no such certificate, or another configuration. */
static int
why_not_added(const struct adding *a, struct err *e)
{
	int64_t other;
	int rc = stmt_int(a->st, M, CONFIGURATION_OTHER, &other, e, "ii",
	    a->new->certificate_id, a->new->upstream_account_id);

	if (rc < 0)
		return -1;
	return rc > 0 ? err_set(e, KIND_CONFLICT,
			    "renewal_configuration/%lld is for the names of "
			    "certificate %lld and upstream account %lld "
			    "already",
			    (long long)other, (long long)a->new->certificate_id,
			    (long long)a->new->upstream_account_id)
		      : err_set(e, KIND_NOTFOUND, "no certificate %lld",
			    (long long)a->new->certificate_id);
}

static int
add(void *arg, struct err *e)
{
	struct adding *a = arg;
	const struct renewal_configuration_new *n = a->new;
	const struct renewal_configuration labelled = {
	    .label = (char *)(uintptr_t)n->label};
	char detail[48];
	int rc;

	if (check_account(a->st, n->upstream_account_id, e) < 0 ||
	    check_label(a->st, &labelled, e) < 0)
		return -1;
	rc = stmt_int(a->st, M, CONFIGURATION_ADD_FOR, &a->id, e, "iitttii",
	    n->certificate_id, n->upstream_account_id, n->label, n->policy,
	    n->profile, n->part_left, clock_now());
	if (rc <= 0)
		return rc < 0 ? -1 : why_not_added(a, e);
	snprintf(detail, sizeof(detail), "certificate/%lld",
	    (long long)n->certificate_id);
	if (stmt_run(a->st, M, CONFIGURATION_SET_CERTIFICATE_ACTIVE, e, "ii",
		a->id, (int64_t)1) < 0 ||
	    note(a->st, "renewal_configuration.create", a->id, detail, e) < 0)
		return -1;
	return refresh(a->st, a->id, e);
}

int
renewal_configuration_add(struct store *st,
    const struct renewal_configuration_new *n, int64_t *id, struct err *e)
{
	struct adding a = {.st = st, .new = n};

	if (db_transaction(st->db, DB_DURABLE, add, &a, e) < 0)
		return -1;
	*id = a.id;
	return 0;
}

/* ---- changing ------------------------------------------------------------ */

/* Does `statement` to what is in a queue and nobody works on. */
static int
change_queued(struct store *st, int64_t id, int statement, struct err *e)
{
	int64_t now = clock_now();

	return stmt_run(st, M, statement, e, "iii", id, now,
		   now + QUEUE_HOLD_MAX) < 0
	    ? -1
	    : 0;
}

static int
set(void *arg, struct err *e)
{
	struct change *c = arg;
	const struct renewal_configuration *to = c->to;
	int64_t n;

	if (check_label(c->st, to, e) < 0)
		return -1;
	n = stmt_run(c->st, M, CONFIGURATION_SET, e, "ittti", to->id, to->label,
	    to->policy, to->profile, to->part_left);
	if (n <= 0)
		return n < 0 ? -1 : not_found(to->id, e);
	/* what kept it from being renewed may have been mended */
	return change_queued(c->st, to->id, CONFIGURATION_TRY_AGAIN, e) < 0 ||
		refresh(c->st, to->id, e) < 0
	    ? -1
	    : note(c->st, "renewal_configuration.set", to->id, to->policy, e);
}

int
renewal_configuration_set(
    struct store *st, const struct renewal_configuration *to, struct err *e)
{
	struct change c = {.st = st, .to = to};

	return db_transaction(st->db, DB_DURABLE, set, &c, e);
}

static int
switch_one(struct store *st, int64_t id, bool on, struct err *e)
{
	if (!on && stmt_run(st, M, CONFIGURATION_LEAVE_QUEUE, e, "i", id) < 0)
		return -1;
	return note(st,
	    on ? "renewal_configuration.activate"
	       : "renewal_configuration.deactivate",
	    id, NULL, e);
}

static int
set_active(void *arg, struct err *e)
{
	struct change *c = arg;
	struct renewal_configuration now;
	int64_t n = stmt_run(
	    c->st, M, CONFIGURATION_SET_ACTIVE, e, "ii", c->id, (int64_t)c->on);

	if (n < 0)
		return -1;
	if (n == 0) {
		if (renewal_configuration_by_id(c->st, c->id, &now, e) < 0)
			return -1;
		renewal_configuration_release(&now);
		return err_set(e, KIND_CONFLICT,
		    "renewal_configuration/%lld is %s", (long long)c->id,
		    c->on ? "active" : "deactivated");
	}
	if (stmt_run(c->st, M, CONFIGURATION_SET_CERTIFICATE_ACTIVE, e, "ii",
		c->id, (int64_t)c->on) < 0)
		return -1;
	return switch_one(c->st, c->id, c->on, e);
}

int
renewal_configuration_set_active(
    struct store *st, int64_t id, bool active, struct err *e)
{
	struct change c = {.st = st, .id = id, .on = active};

	return db_transaction(st->db, DB_DURABLE, set_active, &c, e);
}

static int
remove_one(void *arg, struct err *e)
{
	struct change *c = arg;
	int64_t one, n;
	int rc = stmt_int(
	    c->st, M, CONFIGURATION_IS_BUSY, &one, e, "ii", c->id, clock_now());

	if (rc > 0)
		return err_set(e, KIND_BUSY,
		    "renewal_configuration/%lld is just being renewed",
		    (long long)c->id);
	if (rc < 0)
		return -1;
	if (renewal_backup_of(c->st, c->id, &one, e) < 0)
		return -1;
	if (one != 0)
		return err_set(e, KIND_CONFLICT,
		    "renewal_configuration/%lld has a backup: "
		    "renewal_configuration/%lld",
		    (long long)c->id, (long long)one);
	n = stmt_run(c->st, M, CONFIGURATION_REMOVE, e, "i", c->id);
	if (n <= 0)
		return n < 0 ? -1 : not_found(c->id, e);
	return note(c->st, "renewal_configuration.remove", c->id, NULL, e);
}

int
renewal_configuration_remove(struct store *st, int64_t id, struct err *e)
{
	struct change c = {.st = st, .id = id};

	return db_transaction(st->db, DB_DURABLE, remove_one, &c, e);
}

/* ---- what other modules have done ---------------------------------------- */

/* However it came, what has failed before is over, and its names have one. */
static int
arrived(struct store *st, int64_t id, struct err *e)
{
	return renewal_backup_arrived(st, id, e) < 0 ||
		served_name_arrived(st, id, e) < 0 ||
		change_queued(st, id, CONFIGURATION_FORGET_FAILED, e) < 0 ||
		change_queued(st, id, CONFIGURATION_NAMES_ARRIVED, e) < 0
	    ? -1
	    : refresh(st, id, e);
}

/* That of the account and names of an order: made, or brought to its ways. */
static int
put(struct store *st, int64_t upstream_order_id, struct err *e)
{
	char detail[48];
	int64_t id;
	int rc = stmt_int(st, M, CONFIGURATION_ADD, &id, e, "ii",
	    upstream_order_id, clock_now());

	snprintf(detail, sizeof(detail), "upstream_order/%lld",
	    (long long)upstream_order_id);
	if (rc > 0)
		rc = note(st, "renewal_configuration.create", id, detail, e);
	else if (rc == 0 &&
	    (rc = stmt_int(
		 st, M, CONFIGURATION_PUT, &id, e, "i", upstream_order_id)) > 0)
		rc = note(st, "renewal_configuration.set", id, detail, e);
	return rc < 0 ? -1 : arrived(st, id, e);
}

int
renewal_configuration_arrived(
    struct store *st, int64_t upstream_order_id, bool auto_renew, struct err *e)
{
	int64_t id;
	int rc = stmt_int(
	    st, M, CONFIGURATION_RENEWED, &id, e, "i", upstream_order_id);

	if (rc != 0)
		return rc < 0 ? -1 : arrived(st, id, e);
	return auto_renew ? put(st, upstream_order_id, e) : 0;
}

int
renewal_configuration_switch(
    struct store *st, int64_t certificate_id, bool on, struct err *e)
{
	struct renewal_configuration c;
	int64_t order;
	int rc;

	if (renewal_configuration_by_certificate(st, certificate_id, &c, e) ==
	    0) {
		int64_t id = c.id, n;

		renewal_configuration_release(&c);
		n = stmt_run(
		    st, M, CONFIGURATION_SET_ACTIVE, e, "ii", id, (int64_t)on);
		return n < 0 ? -1 : n == 0 ? 0 : switch_one(st, id, on, e);
	}
	if (err_forgive(e, KIND_NOTFOUND) < 0)
		return -1;
	if (!on)
		return 0;
	rc = stmt_int(
	    st, M, CONFIGURATION_ORDER_OF, &order, e, "i", certificate_id);
	return rc < 0 ? -1 : rc == 0 ? 0 : put(st, order, e);
}
