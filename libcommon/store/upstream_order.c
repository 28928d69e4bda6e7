#include "store/upstream_order.h"

#include "store/blocked_name.h"
#include "store/certificate.h"
#include "store/event.h"
#include "store/fqdn_set.h"
#include "store/identifier.h"
#include "store/renewal_configuration.h"
#include "store/renewal_info.h"
#include "store/stmt.h"
#include "store/upstream_authorization.h"
#include "sys/clock.h"

#define PAGE 200
#define ALTERNATES_MAX ((size_t)64 * 1024)

enum {
	UPSTREAM_ORDER_ADD,
	UPSTREAM_ORDER_ADD_DOMAIN,
	UPSTREAM_ORDER_SAME,
	UPSTREAM_ORDER_PREDECESSOR,
	UPSTREAM_ORDER_BY_ID,
	UPSTREAM_ORDER_ACCOUNT_OF,
	UPSTREAM_ORDER_NAMES,
	UPSTREAM_ORDER_EACH,
	UPSTREAM_ORDER_EACH_STATUS,
	UPSTREAM_ORDER_EACH_ACCOUNT,
	UPSTREAM_ORDER_TAKE,
	UPSTREAM_ORDER_LEAVE,
	UPSTREAM_ORDER_KEEP,
	UPSTREAM_ORDER_ASK,
	UPSTREAM_ORDER_FORGET_URL,
	UPSTREAM_ORDER_BY_URL,
	UPSTREAM_ORDER_LEARN,
	UPSTREAM_ORDER_WAIT,
	UPSTREAM_ORDER_DROP_REPLACES,
	UPSTREAM_ORDER_SET_REQUEST,
	UPSTREAM_ORDER_DROP_REQUEST,
	UPSTREAM_ORDER_SET_POLICY,
	UPSTREAM_ORDER_LET_GO,
	UPSTREAM_ORDER_FINISH,
	UPSTREAM_ORDER_OWN,
	UPSTREAM_ORDER_SET_ALTERNATES,
	UPSTREAM_ORDER_SET_DEFAULT,
	UPSTREAM_ORDER_FAIL
};

#define COLUMNS                                                                \
	"id, upstream_account_id, fqdn_set_id, status, url, finalize_url,"     \
	" certificate_url, alternates, created, expires, retry_at, attempts,"  \
	" lease_until, policy, profile, not_before, not_after, replaces_id,"   \
	" private_key_id, certificate_request_id, certificate_id,"             \
	" retry_of_id, cause, error"
#define OPEN "('new', 'pending', 'ready', 'processing', 'issued')"

static const char *const sql[] = {
    [UPSTREAM_ORDER_ADD] =
	"INSERT INTO upstream_orders (upstream_account_id, fqdn_set_id, status,"
	" created, policy, profile, not_before, not_after, replaces_id,"
	" private_key_id, certificate_request_id, retry_of_id)"
	" SELECT id, CAST(?2 AS BIGINT), 'new', CAST(?3 AS BIGINT),"
	" CAST(?4 AS TEXT), CAST(?5 AS TEXT), NULLIF(CAST(?6 AS BIGINT), 0),"
	" NULLIF(CAST(?7 AS BIGINT), 0), NULLIF(CAST(?8 AS BIGINT), 0),"
	" NULLIF(CAST(?9 AS BIGINT), 0), NULLIF(CAST(?10 AS BIGINT), 0),"
	" NULLIF(CAST(?11 AS BIGINT), 0)"
	" FROM upstream_accounts WHERE id = ?1 AND status = 'valid'"
	" RETURNING id",
    [UPSTREAM_ORDER_ADD_DOMAIN] =
	"INSERT INTO upstream_order_domains (registered, upstream_order_id)"
	" VALUES (?1, ?2)",
    [UPSTREAM_ORDER_SAME] =
	"SELECT id FROM upstream_orders WHERE fqdn_set_id = ?1"
	" AND upstream_account_id = ?2 AND policy = ?3"
	" AND COALESCE(profile, '') = ?4 AND (status IN " OPEN
	" OR (status = 'valid' AND alternates IS NOT NULL))"
	" ORDER BY id DESC LIMIT 1",
    [UPSTREAM_ORDER_PREDECESSOR] =
	"SELECT c.id FROM certificates c WHERE c.fqdn_set_id = ?1"
	" AND c.active = 1 AND c.status = 'valid' AND c.not_after > ?3"
	" AND c.aki IS NOT NULL AND (EXISTS (SELECT 1 FROM upstream_orders o"
	" WHERE o.certificate_id = c.id AND o.upstream_account_id = ?2)"
	" OR (c.source = 'import' AND EXISTS (SELECT 1 FROM lineages l"
	" WHERE l.fqdn_set_id = ?1 AND l.upstream_account_id = ?2)))"
	" AND NOT EXISTS (SELECT 1 FROM upstream_orders o"
	" WHERE o.replaces_id = c.id AND (o.status = 'valid'"
	" OR o.status IN " OPEN "))"
	" ORDER BY c.not_after DESC, c.id DESC LIMIT 1",
    [UPSTREAM_ORDER_BY_ID] =
	"SELECT " COLUMNS " FROM upstream_orders WHERE id = ?1",
    [UPSTREAM_ORDER_ACCOUNT_OF] =
	"SELECT upstream_account_id FROM upstream_orders"
	" WHERE certificate_id = ?1 ORDER BY id DESC LIMIT 1",
    [UPSTREAM_ORDER_NAMES] =
	"SELECT d.type, d.value FROM upstream_orders o"
	" JOIN fqdn_set_members m ON m.fqdn_set_id = o.fqdn_set_id"
	" JOIN domains d ON d.id = m.domain_id WHERE o.id = ?1",
    [UPSTREAM_ORDER_EACH] = "SELECT " COLUMNS " FROM upstream_orders"
			    " WHERE id > ?1 ORDER BY id LIMIT ?2",
    [UPSTREAM_ORDER_EACH_STATUS] =
	"SELECT " COLUMNS " FROM upstream_orders"
	" WHERE status = ?3 AND id > ?1 ORDER BY id LIMIT ?2",
    [UPSTREAM_ORDER_EACH_ACCOUNT] =
	"SELECT " COLUMNS " FROM upstream_orders"
	" WHERE upstream_account_id = ?3 AND id > ?1 ORDER BY id LIMIT ?2",
    [UPSTREAM_ORDER_TAKE] =
	"UPDATE upstream_orders SET lease = lease + 1, lease_until = ?2"
	" WHERE id = ?1 AND (lease_until <= ?3 OR lease_until > ?4)"
	" RETURNING lease",
    [UPSTREAM_ORDER_LEAVE] = "UPDATE upstream_orders SET lease_until = 0"
			     " WHERE id = ?1 AND lease = ?2",
    [UPSTREAM_ORDER_KEEP] = "UPDATE upstream_orders SET lease_until = ?3"
			    " WHERE id = ?1 AND lease = ?2",
    [UPSTREAM_ORDER_ASK] = "UPDATE upstream_orders SET asked = ?2"
			   " WHERE id = ?1 AND status = 'new'",
    [UPSTREAM_ORDER_FORGET_URL] =
	"UPDATE upstream_orders SET url = NULL WHERE url = ?1"
	" AND status IN ('invalid', 'gone', 'cancelled')",
    [UPSTREAM_ORDER_BY_URL] = "SELECT id FROM upstream_orders WHERE url = ?1",
    [UPSTREAM_ORDER_LEARN] =
	"UPDATE upstream_orders SET attempts ="
	" CASE WHEN status = ?2 THEN attempts + 1 ELSE 0 END, status = ?2,"
	" url = COALESCE(url, ?3), finalize_url = COALESCE(?4, finalize_url),"
	" certificate_url = COALESCE(?5, certificate_url), expires ="
	" COALESCE(NULLIF(CAST(?6 AS BIGINT), 0), expires), retry_at = ?7,"
	" asked = 0,"
	" cause = CASE WHEN status = ?2 THEN cause ELSE NULL END,"
	" error = CASE WHEN status = ?2 THEN error ELSE NULL END WHERE id = ?1"
	" AND (CASE WHEN CAST(?3 AS TEXT) IS NULL"
	" THEN status IN ('pending', 'ready', 'processing')"
	" ELSE status = 'new' END)",
    [UPSTREAM_ORDER_WAIT] =
	"UPDATE upstream_orders SET attempts = attempts + 1, retry_at = ?2,"
	" asked = 0, cause = ?3, error = ?4 WHERE id = ?1",
    [UPSTREAM_ORDER_DROP_REPLACES] =
	"UPDATE upstream_orders SET replaces_id = NULL WHERE id = ?1"
	" AND status = 'new' AND replaces_id IS NOT NULL",
    [UPSTREAM_ORDER_SET_REQUEST] =
	"UPDATE upstream_orders SET"
	" private_key_id = NULLIF(CAST(?2 AS BIGINT), 0),"
	" certificate_request_id = ?3 WHERE id = ?1"
	" AND certificate_request_id IS NULL AND status IN " OPEN,
    [UPSTREAM_ORDER_DROP_REQUEST] =
	"UPDATE upstream_orders SET certificate_request_id = NULL,"
	" private_key_id = NULLIF(CAST(?2 AS BIGINT), 0) WHERE id = ?1"
	" AND certificate_request_id IS NOT NULL"
	" AND status IN ('pending', 'ready')",
    [UPSTREAM_ORDER_SET_POLICY] = "UPDATE upstream_orders SET policy = ?2"
				  " WHERE id = ?1 AND status IN " OPEN,
    [UPSTREAM_ORDER_LET_GO] = "UPDATE upstream_orders SET policy = ?2"
			      " WHERE id = ?1 AND status <> 'valid'",
    [UPSTREAM_ORDER_FINISH] =
	"UPDATE upstream_orders SET status = 'valid', certificate_id = ?2,"
	" alternates = ?3, attempts = 0, retry_at = 0, cause = NULL,"
	" error = NULL WHERE id = ?1 AND status = 'issued'",
    [UPSTREAM_ORDER_OWN] =
	"UPDATE certificates SET upstream_account_id = o.upstream_account_id"
	" FROM upstream_orders o WHERE o.id = ?1"
	" AND certificates.id = o.certificate_id",
    [UPSTREAM_ORDER_SET_ALTERNATES] =
	"UPDATE upstream_orders SET alternates = ?2, attempts = 0, retry_at = "
	"0,"
	" cause = NULL, error = NULL WHERE id = ?1 AND status = 'valid'",
    [UPSTREAM_ORDER_SET_DEFAULT] =
	"UPDATE certificate_chains SET is_default ="
	" CASE WHEN chain_id = ?2 THEN 1 ELSE 0 END WHERE certificate_id = ?1",
    [UPSTREAM_ORDER_FAIL] =
	"UPDATE upstream_orders SET status = ?2, cause = ?3, error = ?4,"
	" attempts = 0, retry_at = 0, asked = 0 WHERE id = ?1"
	" AND status IN " OPEN,
};

const struct stmt_table upstream_order_stmts = {
    "upstream_order", sql, ARRAY_LEN(sql)};

static const char *const statuses[] = {
    [UPSTREAM_ORDER_NEW] = "new",
    [UPSTREAM_ORDER_PENDING] = "pending",
    [UPSTREAM_ORDER_READY] = "ready",
    [UPSTREAM_ORDER_PROCESSING] = "processing",
    [UPSTREAM_ORDER_ISSUED] = "issued",
    [UPSTREAM_ORDER_VALID] = "valid",
    [UPSTREAM_ORDER_INVALID] = "invalid",
    [UPSTREAM_ORDER_GONE] = "gone",
    [UPSTREAM_ORDER_CANCELLED] = "cancelled",
};
_Static_assert(ARRAY_LEN(statuses) == UPSTREAM_ORDER__MAX, "one per status");

const char *
upstream_order_status_name(enum upstream_order_status status)
{
	return status < UPSTREAM_ORDER__MAX ? statuses[status] : "?";
}

int
upstream_order_status_by_name(
    const char *name, enum upstream_order_status *status)
{
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		if (strcmp(name, statuses[i]) == 0) {
			*status = (enum upstream_order_status)i;
			return 0;
		}
	return -1;
}

bool
upstream_order_is_open(enum upstream_order_status status)
{
	return status <= UPSTREAM_ORDER_ISSUED;
}

/* ---- reading ------------------------------------------------------------- */

void
upstream_order_release(struct upstream_order *o)
{
	if (!o)
		return;
	free(o->url);
	free(o->finalize_url);
	free(o->certificate_url);
	free(o->alternates);
	free(o->policy);
	free(o->profile);
	free(o->cause);
	free(o->error);
	*o = (struct upstream_order){0};
}

static void
read_row(struct db_stmt *s, struct upstream_order *o)
{
	*o = (struct upstream_order){.id = db_int(s, 0),
	    .upstream_account_id = db_int(s, 1),
	    .fqdn_set_id = db_int(s, 2),
	    .status = (enum upstream_order_status)stmt_word(
		s, 3, statuses, UPSTREAM_ORDER__MAX),
	    .url = stmt_text_dup(s, 4),
	    .finalize_url = stmt_text_dup(s, 5),
	    .certificate_url = stmt_text_dup(s, 6),
	    .alternates = stmt_text_dup(s, 7),
	    .created = db_int(s, 8),
	    .expires = db_int(s, 9),
	    .retry_at = db_int(s, 10),
	    .attempts = db_int(s, 11),
	    .lease_until = db_int(s, 12),
	    .policy = stmt_text_dup(s, 13),
	    .profile = stmt_text_dup(s, 14),
	    .not_before = db_int(s, 15),
	    .not_after = db_int(s, 16),
	    .replaces_id = db_int(s, 17),
	    .private_key_id = db_int(s, 18),
	    .certificate_request_id = db_int(s, 19),
	    .certificate_id = db_int(s, 20),
	    .retry_of_id = db_int(s, 21),
	    .cause = stmt_text_dup(s, 22),
	    .error = stmt_text_dup(s, 23)};
}

static int
not_found(int64_t id, struct err *e)
{
	return err_set(e, KIND_NOTFOUND, "upstream_order/%lld: no such order",
	    (long long)id);
}

int
upstream_order_by_id(
    struct store *st, int64_t id, struct upstream_order *o, struct err *e)
{
	struct db_stmt *s = stmt_query(
	    st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_BY_ID, e, "i", id);
	int rc = s ? db_step(s, e) : -1;

	*o = (struct upstream_order){0};
	if (rc == 0)
		return not_found(id, e);
	if (rc < 0)
		return -1;
	read_row(s, o);
	db_reset(s);
	return 0;
}

int
upstream_order_account_of(struct store *st, int64_t certificate_id,
    int64_t *upstream_account_id, struct err *e)
{
	*upstream_account_id = 0;
	return stmt_int(st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_ACCOUNT_OF,
		   upstream_account_id, e, "i", certificate_id) < 0
	    ? -1
	    : 0;
}

int
upstream_order_names(struct store *st, int64_t id, struct strv *dns,
    struct strv *ip, struct err *e)
{
	struct db_stmt *s = stmt_query(
	    st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_NAMES, e, "i", id);
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0)
		strv_add(
		    strcmp(db_text(s, 0), "ip") == 0 ? ip : dns, db_text(s, 1));
	strv_sort_unique(dns);
	strv_sort_unique(ip);
	return rc;
}

/* By the index of what is rarest; the rest is looked at row by row. */
static struct db_stmt *
query_page(struct store *st, const struct upstream_order_filter *f,
    int64_t after, struct err *e)
{
	if (f->status != UPSTREAM_ORDER__MAX)
		return stmt_query(st, STMT_UPSTREAM_ORDER,
		    UPSTREAM_ORDER_EACH_STATUS, e, "iit", after, (int64_t)PAGE,
		    statuses[f->status]);
	if (f->upstream_account_id)
		return stmt_query(st, STMT_UPSTREAM_ORDER,
		    UPSTREAM_ORDER_EACH_ACCOUNT, e, "iii", after, (int64_t)PAGE,
		    f->upstream_account_id);
	return stmt_query(st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_EACH, e, "ii",
	    after, (int64_t)PAGE);
}

static bool
matches(const struct upstream_order *o, const struct upstream_order_filter *f)
{
	return (f->status == UPSTREAM_ORDER__MAX || o->status == f->status) &&
	    (!f->upstream_account_id ||
		o->upstream_account_id == f->upstream_account_id);
}

int
upstream_order_each(struct store *st, const struct upstream_order_filter *f,
    int (*fn)(void *arg, const struct upstream_order *o, struct err *e),
    void *arg, struct err *e)
{
	struct upstream_order *page = xcalloc(PAGE, sizeof(*page));
	int64_t after = 0;
	size_t len;
	int rc = 0;

	do {
		struct db_stmt *s = query_page(st, f, after, e);

		rc = s ? 0 : -1;
		for (len = 0; rc == 0 && (rc = db_step(s, e)) > 0; rc = 0)
			read_row(s, &page[len++]);
		for (size_t i = 0; i < len; i++) {
			after = page[i].id;
			if (rc == 0 && matches(&page[i], f))
				rc = fn(arg, &page[i], e);
			upstream_order_release(&page[i]);
		}
	} while (rc == 0 && len == PAGE);
	free(page);
	return rc;
}

/* ---- making -------------------------------------------------------------- */

struct creation {
	struct store *st;
	const struct upstream_order_new *new;
	int64_t id;
	bool created;
};

/* Nothing is ordered for a name that is blocked or disabled. */
static int
check_names(struct store *st, const struct strv *names, struct err *e)
{
	return blocked_name_check(st, names, e, e) == 0 ? 0 : -1;
}

/* The certificate that it replaces, 0: none. */
static int
find_replaced(
    struct creation *c, int64_t set, int64_t *certificate_id, struct err *e)
{
	const struct upstream_order_new *n = c->new;

	*certificate_id = n->replaces_id;
	if (n->replaces_id != 0 || !n->follows)
		return 0;
	return stmt_int(c->st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_PREDECESSOR,
		   certificate_id, e, "iii", set, n->upstream_account_id,
		   clock_now()) < 0
	    ? -1
	    : 0;
}

static int
insert(struct creation *c, int64_t set, struct err *e)
{
	const struct upstream_order_new *n = c->new;
	char detail[48];
	int64_t replaced;
	int rc = find_replaced(c, set, &replaced, e);

	if (rc < 0)
		return -1;
	rc = stmt_int(c->st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_ADD, &c->id, e,
	    "iiittiiiiii", n->upstream_account_id, set, clock_now(), n->policy,
	    n->profile, n->not_before, n->not_after, replaced,
	    n->private_key_id, n->certificate_request_id, n->retry_of_id);
	if (rc == 0)
		return err_set(e, KIND_CONFLICT,
		    "upstream_account/%lld is not valid",
		    (long long)n->upstream_account_id);
	for (size_t i = 0; rc > 0 && n->registered && i < n->registered->len;
	     i++)
		rc = stmt_run(c->st, STMT_UPSTREAM_ORDER,
		    UPSTREAM_ORDER_ADD_DOMAIN, e, "ti", n->registered->v[i],
		    c->id);
	c->created = true;
	snprintf(detail, sizeof(detail), "replaces certificate/%lld",
	    (long long)replaced);
	return rc < 0
	    ? -1
	    : event_add(c->st, "upstream_order.create", EVENT_UPSTREAM_ORDER,
		  c->id, replaced ? detail : NULL, e);
}

static int
create(void *arg, struct err *e)
{
	struct creation *c = arg;
	const struct upstream_order_new *n = c->new;
	struct fqdn_set set;
	int rc = 0;

	c->created = false;
	if (fqdn_set_put(c->st, n->dns, n->ip, &set, e) < 0 ||
	    check_names(c->st, n->ip, e) < 0 ||
	    check_names(c->st, n->dns, e) < 0)
		return -1;
	if (n->resume)
		rc = stmt_int(c->st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_SAME,
		    &c->id, e, "iitt", set.id, n->upstream_account_id,
		    n->policy, n->profile ? n->profile : "");
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return insert(c, set.id, e);
}

int
upstream_order_create(struct store *st, const struct upstream_order_new *n,
    int64_t *id, bool *created, struct err *e)
{
	struct creation c = {.st = st, .new = n};

	if (db_transaction(st->db, DB_DURABLE, create, &c, e) < 0)
		return -1;
	*id = c.id;
	*created = c.created;
	return 0;
}

/* ---- holding ------------------------------------------------------------- */

struct taking {
	struct store *st;
	struct upstream_order_hold *hold;
};

static int
take(void *arg, struct err *e)
{
	struct taking *t = arg;
	struct upstream_order o;
	int64_t now = clock_now();
	int rc = stmt_int(t->st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_TAKE,
	    &t->hold->lease, e, "iiii", t->hold->id, now + t->hold->seconds,
	    now, now + UPSTREAM_ORDER_HOLD_MAX);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (upstream_order_by_id(t->st, t->hold->id, &o, e) < 0)
		return -1;
	err_set(e, KIND_BUSY,
	    "upstream_order/%lld: another process has it, for %lld seconds "
	    "more at least",
	    (long long)o.id, (long long)(o.lease_until - now));
	upstream_order_release(&o);
	return -1;
}

int
upstream_order_take(struct store *st, int64_t id, int64_t seconds,
    struct upstream_order_hold *hold, struct err *e)
{
	struct taking t = {st, hold};

	*hold = (struct upstream_order_hold){.id = id, .seconds = seconds};
	return db_transaction(st->db, DB_QUICK, take, &t, e);
}

int
upstream_order_leave(
    struct store *st, const struct upstream_order_hold *hold, struct err *e)
{
	return stmt_run(st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_LEAVE, e, "ii",
		   hold->id, hold->lease) < 0
	    ? -1
	    : 0;
}

int
upstream_order_keep(
    struct store *st, const struct upstream_order_hold *hold, struct err *e)
{
	int64_t n = stmt_run(st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_KEEP, e,
	    "iii", hold->id, hold->lease, clock_now() + hold->seconds);

	if (n == 0)
		return err_set(e, KIND_BUSY,
		    "upstream_order/%lld: another process has taken it",
		    (long long)hold->id);
	return n < 0 ? -1 : 0;
}

/* ---- moving -------------------------------------------------------------- */

/* What the transactions below are called with. */
struct move {
	struct store *st;
	const struct upstream_order_hold *hold;
	const struct upstream_order_answer *answer;
	enum upstream_order_status status;
	int64_t retry_at;
	size_t row; /* the statement, where there are several */
	const char *cause, *error, *policy;
	int64_t private_key_id, certificate_request_id, certificate_id;
	const struct cert_list *chain;
	const struct strv *alternates;
	bool auto_renew, prefer;
};

/* The hold is there still, and the one row was changed. */
static int
moved(const struct move *m, int64_t n, struct err *e)
{
	if (n == 0)
		return err_set(e, KIND_CONFLICT,
		    "upstream_order/%lld is not in the state for that",
		    (long long)m->hold->id);
	return n < 0 ? -1 : 0;
}

static int
note(
    const struct move *m, const char *action, const char *detail, struct err *e)
{
	return event_add(
	    m->st, action, EVENT_UPSTREAM_ORDER, m->hold->id, detail, e);
}

int
upstream_order_ask(
    struct store *st, const struct upstream_order_hold *hold, struct err *e)
{
	const struct move m = {.st = st, .hold = hold};

	if (upstream_order_keep(st, hold, e) < 0)
		return -1;
	return moved(&m,
	    stmt_run(st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_ASK, e, "ii",
		hold->id, clock_now()),
	    e);
}

/* One URL is one order, but what is over need not keep it. */
static int
claim_url(const struct move *m, struct err *e)
{
	int64_t other;
	int rc;

	if (stmt_run(m->st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_FORGET_URL, e,
		"t", m->answer->url) < 0)
		return -1;
	rc = stmt_int(m->st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_BY_URL, &other,
	    e, "t", m->answer->url);
	if (rc > 0)
		return err_set(e, KIND_CONFLICT,
		    "the CA gives the order that upstream_order/%lld is",
		    (long long)other);
	return rc;
}

static int
learn(void *arg, struct err *e)
{
	struct move *m = arg;
	const struct upstream_order_answer *a = m->answer;
	const struct strv *urls = a->authorizations;

	if (upstream_order_keep(m->st, m->hold, e) < 0 ||
	    (a->url && claim_url(m, e) < 0))
		return -1;
	if (moved(m,
		stmt_run(m->st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_LEARN, e,
		    "ittttii", m->hold->id, statuses[a->status], a->url,
		    a->finalize_url, a->certificate_url, a->expires,
		    a->retry_at),
		e) < 0)
		return -1;
	for (size_t i = 0; a->url && urls && i < urls->len; i++)
		if (upstream_authorization_link(
			m->st, m->hold->id, (int64_t)i, urls->v[i], e) < 0)
			return -1;
	return a->url ? note(m, "upstream_order.placed", a->url, e) : 0;
}

int
upstream_order_learn(struct store *st, const struct upstream_order_hold *hold,
    const struct upstream_order_answer *a, struct err *e)
{
	struct move m = {.st = st, .hold = hold, .answer = a};

	return db_transaction(
	    st->db, a->url ? DB_DURABLE : DB_QUICK, learn, &m, e);
}

static int
wait_on(void *arg, struct err *e)
{
	struct move *m = arg;

	if (upstream_order_keep(m->st, m->hold, e) < 0)
		return -1;
	return moved(m,
	    stmt_run(m->st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_WAIT, e, "iitt",
		m->hold->id, m->retry_at, m->cause, m->error),
	    e);
}

int
upstream_order_wait(struct store *st, const struct upstream_order_hold *hold,
    int64_t retry_at, const char *cause, const char *error, struct err *e)
{
	struct move m = {.st = st,
	    .hold = hold,
	    .retry_at = retry_at,
	    .cause = cause,
	    .error = error};

	return db_transaction(st->db, DB_QUICK, wait_on, &m, e);
}

static int
drop_replaces(void *arg, struct err *e)
{
	struct move *m = arg;

	if (upstream_order_keep(m->st, m->hold, e) < 0 ||
	    moved(m,
		stmt_run(m->st, STMT_UPSTREAM_ORDER,
		    UPSTREAM_ORDER_DROP_REPLACES, e, "i", m->hold->id),
		e) < 0)
		return -1;
	return note(m, "upstream_order.drop_replaces", m->error, e);
}

int
upstream_order_drop_replaces(struct store *st,
    const struct upstream_order_hold *hold, const char *why, struct err *e)
{
	struct move m = {.st = st, .hold = hold, .error = why};

	return db_transaction(st->db, DB_QUICK, drop_replaces, &m, e);
}

static int
set_request(void *arg, struct err *e)
{
	struct move *m = arg;

	if (upstream_order_keep(m->st, m->hold, e) < 0)
		return -1;
	return moved(m,
	    stmt_run(m->st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_SET_REQUEST, e,
		"iii", m->hold->id, m->private_key_id,
		m->certificate_request_id),
	    e);
}

int
upstream_order_set_request(struct store *st,
    const struct upstream_order_hold *hold, int64_t private_key_id,
    int64_t certificate_request_id, struct err *e)
{
	struct move m = {.st = st,
	    .hold = hold,
	    .private_key_id = private_key_id,
	    .certificate_request_id = certificate_request_id};

	return db_transaction(st->db, DB_DURABLE, set_request, &m, e);
}

static int
drop_request(void *arg, struct err *e)
{
	struct move *m = arg;

	if (upstream_order_keep(m->st, m->hold, e) < 0 ||
	    moved(m,
		stmt_run(m->st, STMT_UPSTREAM_ORDER,
		    UPSTREAM_ORDER_DROP_REQUEST, e, "ii", m->hold->id,
		    m->private_key_id),
		e) < 0)
		return -1;
	return note(m, "upstream_order.drop_request", m->error, e);
}

int
upstream_order_drop_request(struct store *st,
    const struct upstream_order_hold *hold, int64_t private_key_id,
    const char *why, struct err *e)
{
	struct move m = {.st = st,
	    .hold = hold,
	    .private_key_id = private_key_id,
	    .error = why};

	return db_transaction(st->db, DB_QUICK, drop_request, &m, e);
}

static int
set_policy(void *arg, struct err *e)
{
	struct move *m = arg;

	if (upstream_order_keep(m->st, m->hold, e) < 0 ||
	    moved(m,
		stmt_run(m->st, STMT_UPSTREAM_ORDER, m->row, e, "it",
		    m->hold->id, m->policy),
		e) < 0)
		return -1;
	return note(m, "upstream_order.policy", m->policy, e);
}

int
upstream_order_set_policy(struct store *st,
    const struct upstream_order_hold *hold, const char *policy, struct err *e)
{
	struct move m = {.st = st,
	    .hold = hold,
	    .row = UPSTREAM_ORDER_SET_POLICY,
	    .policy = policy};

	return db_transaction(st->db, DB_QUICK, set_policy, &m, e);
}

int
upstream_order_let_go(struct store *st, const struct upstream_order_hold *hold,
    const char *policy, struct err *e)
{
	struct move m = {.st = st,
	    .hold = hold,
	    .row = UPSTREAM_ORDER_LET_GO,
	    .policy = policy};

	return db_transaction(st->db, DB_QUICK, set_policy, &m, e);
}

static int
fail(void *arg, struct err *e)
{
	struct move *m = arg;
	char action[48];

	snprintf(
	    action, sizeof(action), "upstream_order.%s", statuses[m->status]);
	if (upstream_order_keep(m->st, m->hold, e) < 0 ||
	    moved(m,
		stmt_run(m->st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_FAIL, e,
		    "ittt", m->hold->id, statuses[m->status], m->cause,
		    m->error),
		e) < 0)
		return -1;
	return note(m, action, m->error, e);
}

int
upstream_order_fail(struct store *st, const struct upstream_order_hold *hold,
    enum upstream_order_status status, const char *cause, const char *error,
    struct err *e)
{
	struct move m = {.st = st,
	    .hold = hold,
	    .status = status,
	    .cause = cause,
	    .error = error};

	return db_transaction(st->db, DB_QUICK, fail, &m, e);
}

/* ---- the certificate ----------------------------------------------------- */

/* A line each; the caller frees.  NULL: there is none. */
static char *
join_lines(const struct strv *urls, size_t from)
{
	struct buf text;

	buf_init(&text, ALTERNATES_MAX);
	for (size_t i = from; urls && i < urls->len; i++)
		buf_addf(&text, "%s%s", i > from ? "\n" : "", urls->v[i]);
	if (text.len > 0)
		return buf_detach(&text);
	buf_release(&text);
	return NULL;
}

static int
finish(void *arg, struct err *e)
{
	struct move *m = arg;
	const struct certificate_new new = {
	    .certs = m->chain, .source = "order", .auto_renew = m->auto_renew};
	char *alternates = join_lines(m->alternates, 0);
	char detail[48];
	int64_t chain;
	bool created;
	int rc = upstream_order_keep(m->st, m->hold, e);

	if (rc == 0)
		rc = certificate_put(
		    m->st, &new, &m->certificate_id, &created, &chain, e);
	if (rc == 0)
		rc = moved(m,
		    stmt_run(m->st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_FINISH,
			e, "iit", m->hold->id, m->certificate_id, alternates),
		    e);
	if (rc == 0 &&
	    stmt_run(m->st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_OWN, e, "i",
		m->hold->id) < 0)
		rc = -1;
	if (rc == 0)
		rc = renewal_info_begin(
		    m->st, m->certificate_id, m->hold->id, e);
	if (rc == 0)
		rc = renewal_configuration_arrived(
		    m->st, m->hold->id, m->auto_renew, e);
	free(alternates);
	snprintf(detail, sizeof(detail), "certificate/%lld",
	    (long long)m->certificate_id);
	return rc < 0 ? -1 : note(m, "upstream_order.valid", detail, e);
}

int
upstream_order_finish(struct store *st, const struct upstream_order_hold *hold,
    const struct cert_list *chain, const struct strv *alternates,
    bool auto_renew, int64_t *certificate_id, struct err *e)
{
	struct move m = {.st = st,
	    .hold = hold,
	    .chain = chain,
	    .alternates = alternates,
	    .auto_renew = auto_renew};

	if (db_transaction(st->db, DB_DURABLE, finish, &m, e) < 0)
		return -1;
	*certificate_id = m.certificate_id;
	return 0;
}

static int
put_chain(struct move *m, struct err *e)
{
	const struct certificate_new new = {
	    .certs = m->chain, .source = "order"};
	char detail[32];
	int64_t id, chain;
	bool created;

	if (certificate_put(m->st, &new, &id, &created, &chain, e) < 0)
		return -1;
	if (!m->prefer || chain == 0)
		return 0;
	if (stmt_run(m->st, STMT_UPSTREAM_ORDER, UPSTREAM_ORDER_SET_DEFAULT, e,
		"ii", id, chain) < 0)
		return -1;
	snprintf(detail, sizeof(detail), "chain/%lld", (long long)chain);
	return event_add(m->st, "certificate.default_chain", EVENT_CERTIFICATE,
	    id, detail, e);
}

static int
add_chain(void *arg, struct err *e)
{
	struct move *m = arg;
	struct upstream_order o;
	const char *rest;
	int rc;

	if (upstream_order_keep(m->st, m->hold, e) < 0 ||
	    upstream_order_by_id(m->st, m->hold->id, &o, e) < 0)
		return -1;
	rest = o.alternates ? strchr(o.alternates, '\n') : NULL;
	rc = moved(m,
	    o.alternates == NULL ? 0
				 : stmt_run(m->st, STMT_UPSTREAM_ORDER,
				       UPSTREAM_ORDER_SET_ALTERNATES, e, "it",
				       o.id, rest ? rest + 1 : NULL),
	    e);
	if (rc == 0 && m->chain)
		rc = put_chain(m, e);
	upstream_order_release(&o);
	return rc;
}

int
upstream_order_add_chain(struct store *st,
    const struct upstream_order_hold *hold, const struct cert_list *chain,
    bool prefer, struct err *e)
{
	struct move m = {
	    .st = st, .hold = hold, .chain = chain, .prefer = prefer};

	return db_transaction(st->db, DB_DURABLE, add_chain, &m, e);
}
