#include "store/purge.h"

#include "store/authorization.h"
#include "store/challenge_answer.h"
#include "store/event.h"
#include "store/order.h"
#include "store/stmt.h"
#include "sys/clock.h"
#include "sys/sig.h"

/* Events are small: so many of them weigh as much as one order. */
#define EVENTS_PER_OBJECT 10

enum {
	PURGE_DUE,
	PURGE_AUTHORIZATIONS,
	PURGE_EXPIRE,
	PURGE_DELETE,
	PURGE_DELETE_AUTHORIZATION,
	PURGE_EVENTS,
	PURGE_REQUESTS,
	PURGE_LOOKS,
	PURGE_LOOK_FOLD,
	PURGE_LOOK_DELETE,
	PURGE_UPSTREAM_PAGE,
	PURGE_UPSTREAM_AUTHORIZATIONS,
	PURGE_UPSTREAM_KEEP_REQUESTS,
	PURGE_UPSTREAM_FORGET,
	PURGE_UPSTREAM_DELETE,
	PURGE_UPSTREAM_DELETE_AUTHORIZATION
};

static const char *const sql[] = {
    [PURGE_DUE] = "SELECT id FROM orders WHERE status = ?1"
		  " AND keep_until <= ?2 ORDER BY keep_until LIMIT ?3",
    [PURGE_AUTHORIZATIONS] =
	"SELECT a.id FROM identifiers i"
	" JOIN authorizations a ON a.id = i.authorization_id"
	" WHERE i.order_id = ?1 AND a.expires <= ?2",
    [PURGE_EXPIRE] =
	"UPDATE orders SET status = 'invalid', error = ?2, keep_until = ?3"
	" WHERE id = ?1 AND status IN ('pending', 'ready')",
    [PURGE_DELETE] = "DELETE FROM orders WHERE id = ?1"
		     " AND status IN ('invalid', 'valid')",
    [PURGE_DELETE_AUTHORIZATION] =
	"DELETE FROM authorizations WHERE id = ?1 AND NOT EXISTS"
	" (SELECT 1 FROM identifiers i WHERE i.authorization_id = ?1)",
    [PURGE_EVENTS] = "DELETE FROM events WHERE at <= ?1 AND id IN"
		     " (SELECT x.id FROM events x WHERE x.id > 0"
		     " ORDER BY x.id LIMIT ?2)",
    [PURGE_REQUESTS] = "DELETE FROM upstream_requests WHERE at <= ?1"
		       " AND id IN (SELECT x.id FROM upstream_requests x"
		       " WHERE x.id > 0 ORDER BY x.id LIMIT ?2)",
    [PURGE_LOOKS] = "SELECT id, upstream_ca_id, duration_ms"
		    " FROM upstream_requests WHERE endpoint = 'renewalInfo'"
		    " AND status = 200 AND requests = 1 AND at <= ?1"
		    " ORDER BY at, id LIMIT ?2",
    [PURGE_LOOK_FOLD] =
	"UPDATE upstream_requests SET requests = ?2, duration_ms = ?3"
	" WHERE id = ?1",
    [PURGE_LOOK_DELETE] = "DELETE FROM upstream_requests WHERE id = ?1",
    /* The last says whether it must stay. */
    [PURGE_UPSTREAM_PAGE] =
	"SELECT o.id, o.created, CASE WHEN o.lease_until > ?3 OR EXISTS"
	" (SELECT 1 FROM certificates c WHERE c.id = o.certificate_id"
	" AND c.not_after > ?3) OR EXISTS"
	" (SELECT 1 FROM upstream_order_authorizations oa"
	" JOIN upstream_challenges h"
	" ON h.upstream_authorization_id = oa.upstream_authorization_id"
	" WHERE oa.upstream_order_id = o.id AND h.place <> 'none')"
	" THEN 1 ELSE 0 END FROM upstream_orders o"
	" WHERE o.status = ?1 AND o.id > ?2 ORDER BY o.id LIMIT ?4",
    [PURGE_UPSTREAM_AUTHORIZATIONS] =
	"SELECT upstream_authorization_id FROM upstream_order_authorizations"
	" WHERE upstream_order_id = ?1 ORDER BY position",
    [PURGE_UPSTREAM_KEEP_REQUESTS] =
	"UPDATE upstream_requests SET upstream_order_id = NULL"
	" WHERE upstream_order_id = ?1",
    [PURGE_UPSTREAM_FORGET] = "UPDATE upstream_orders SET retry_of_id = NULL"
			      " WHERE retry_of_id = ?1",
    [PURGE_UPSTREAM_DELETE] =
	"DELETE FROM upstream_orders WHERE id = ?1 AND status IN"
	" ('valid', 'invalid', 'gone', 'cancelled')",
    [PURGE_UPSTREAM_DELETE_AUTHORIZATION] =
	"DELETE FROM upstream_authorizations WHERE id = ?1 AND NOT EXISTS"
	" (SELECT 1 FROM upstream_order_authorizations oa"
	" WHERE oa.upstream_authorization_id = ?1)",
};

const struct stmt_table purge_stmts = {"purge", sql, ARRAY_LEN(sql)};

/* A list of row numbers. */
struct ids {
	int64_t *v;
	size_t len, cap;
};

static void
ids_add(struct ids *l, int64_t id)
{
	if (l->len == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->v = xreallocarray(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->len++] = id;
}

static int
ids_read(struct db_stmt *s, struct ids *l, struct err *e)
{
	int rc = -1;

	l->len = 0;
	while (s && (rc = db_step(s, e)) > 0)
		ids_add(l, db_int(s, 0));
	return rc;
}

/* One batch of one kind of work, which is one transaction. */
struct batch {
	struct store *st;
	const struct purge *p;
	int64_t now;
	const char *status; /* of the orders to look at */
	int (*each)(struct batch *b, int64_t order, struct err *e);
	struct ids orders, authorizations;
	int64_t done;
};

static int
run_batch(void *arg, struct err *e)
{
	struct batch *b = arg;
	size_t i;

	b->done = 0;
	if (ids_read(stmt_query(b->st, STMT_PURGE, PURGE_DUE, e, "tii",
			 b->status, b->now, (int64_t)b->p->batch),
		&b->orders, e) < 0)
		return -1;
	for (i = 0; i < b->orders.len; i++) {
		if (ids_read(stmt_query(b->st, STMT_PURGE, PURGE_AUTHORIZATIONS,
				 e, "ii", b->orders.v[i], b->now),
			&b->authorizations, e) < 0 ||
		    b->each(b, b->orders.v[i], e) < 0)
			return -1;
		b->done++;
	}
	return 0;
}

static int
expire(struct batch *b, int64_t order, struct err *e)
{
	struct authorization_ending how = {.to = AUTHORIZATION_EXPIRED,
	    .from_valid = true,
	    .alive_at = INT64_MIN,
	    .error = authorization_expired_error};
	bool ended;
	size_t i;

	if (stmt_run(b->st, STMT_PURGE, PURGE_EXPIRE, e, "iti", order,
		order_expired_error, b->now + b->p->invalid_age) < 0)
		return -1;
	for (i = 0; i < b->authorizations.len; i++)
		if (authorization_end(
			b->st, b->authorizations.v[i], &how, &ended, e) < 0)
			return -1;
	return event_add(b->st, "order.expire", EVENT_ORDER, order, NULL, e);
}

/* The rows of identifiers and challenges go with theirs. */
static int
remove_order(struct batch *b, int64_t order, struct err *e)
{
	size_t i;

	if (stmt_run(b->st, STMT_PURGE, PURGE_DELETE, e, "i", order) < 0)
		return -1;
	for (i = 0; i < b->authorizations.len; i++) {
		int64_t id = b->authorizations.v[i];

		if (authorization_drop_validations(
			b->st, id, authorization_expired_error, e) < 0 ||
		    stmt_run(b->st, STMT_PURGE, PURGE_DELETE_AUTHORIZATION, e,
			"i", id) < 0)
			return -1;
	}
	return 0;
}

static int
run_all(struct store *st, const struct purge *p, const char *status,
    int (*each)(struct batch *b, int64_t order, struct err *e), int64_t *sum,
    struct err *e)
{
	struct batch b = {.st = st,
	    .p = p,
	    .now = clock_now(),
	    .status = status,
	    .each = each,
	    .done = (int64_t)p->batch};
	int rc = 0;

	while (rc == 0 && b.done == (int64_t)p->batch && !sig_term()) {
		rc = db_transaction(st->db, DB_QUICK, run_batch, &b, e);
		if (rc == 0)
			*sum += b.done;
	}
	free(b.orders.v);
	free(b.authorizations.v);
	return rc;
}

/* ---- orders at other CAs ------------------------------------------------- */

/* A page of orders of one status: those behind `after`, as far as `until`. */
struct page {
	struct store *st;
	const char *status;
	int64_t now, until, limit;
	int64_t after, next; /* the last that was looked at, before and now */
	int64_t seen, removed;
	struct ids orders, authorizations;
};

static int
read_page(struct page *p, struct err *e)
{
	struct db_stmt *s = stmt_query(p->st, STMT_PURGE, PURGE_UPSTREAM_PAGE,
	    e, "tiii", p->status, p->after, p->now, p->limit);
	int rc = -1;

	p->orders.len = 0;
	p->seen = 0;
	p->next = p->after;
	while (s && (rc = db_step(s, e)) > 0) {
		if (db_int(s, 1) > p->until) { /* all that come are younger */
			db_reset(s);
			p->seen = 0;
			return 0;
		}
		p->next = db_int(s, 0);
		p->seen++;
		if (db_int(s, 2) == 0)
			ids_add(&p->orders, p->next);
	}
	return rc;
}

/* What was sent stays in the log, and goes by its age. */
static int
remove_upstream(struct page *p, int64_t order, struct err *e)
{
	if (ids_read(stmt_query(p->st, STMT_PURGE,
			 PURGE_UPSTREAM_AUTHORIZATIONS, e, "i", order),
		&p->authorizations, e) < 0 ||
	    stmt_run(p->st, STMT_PURGE, PURGE_UPSTREAM_KEEP_REQUESTS, e, "i",
		order) < 0 ||
	    stmt_run(p->st, STMT_PURGE, PURGE_UPSTREAM_FORGET, e, "i", order) <
		0 ||
	    stmt_run(p->st, STMT_PURGE, PURGE_UPSTREAM_DELETE, e, "i", order) <
		0)
		return -1;
	for (size_t i = 0; i < p->authorizations.len; i++)
		if (stmt_run(p->st, STMT_PURGE,
			PURGE_UPSTREAM_DELETE_AUTHORIZATION, e, "i",
			p->authorizations.v[i]) < 0)
			return -1;
	p->removed++;
	return 0;
}

static int
run_page(void *arg, struct err *e)
{
	struct page *p = arg;

	p->removed = 0;
	if (read_page(p, e) < 0)
		return -1;
	for (size_t i = 0; i < p->orders.len; i++)
		if (remove_upstream(p, p->orders.v[i], e) < 0)
			return -1;
	return 0;
}

static int
run_upstream(struct store *st, const struct purge *how, const char *status,
    int64_t *sum, struct err *e)
{
	struct page p = {.st = st,
	    .status = status,
	    .now = clock_now(),
	    .until = clock_now() - how->upstream_age,
	    .limit = (int64_t)how->batch,
	    .seen = (int64_t)how->batch};
	int rc = 0;

	while (rc == 0 && p.seen == p.limit && !sig_term()) {
		rc = db_transaction(st->db, DB_QUICK, run_page, &p, e);
		if (rc == 0)
			*sum += p.removed;
		p.after = p.next;
	}
	free(p.orders.v);
	free(p.authorizations.v);
	return rc;
}

static int
delete_upstream(
    struct store *st, const struct purge *p, int64_t *sum, struct err *e)
{
	static const char *const over[] = {
	    "valid", "invalid", "gone", "cancelled"};

	for (size_t i = 0; i < ARRAY_LEN(over); i++)
		if (run_upstream(st, p, over[i], sum, e) < 0)
			return -1;
	return 0;
}

/* ---- the rest ------------------------------------------------------------ */

/* What is only ever added to, and goes by age. */
static int
delete_old(struct store *st, const struct purge *p, size_t row, int64_t *sum,
    struct err *e)
{
	int64_t most = (int64_t)p->batch * EVENTS_PER_OBJECT, n = most;

	if (p->event_age == 0)
		return 0;
	while (n == most && !sig_term()) {
		/* One statement is one transaction. */
		n = stmt_run(st, STMT_PURGE, row, e, "ii",
		    clock_now() - p->event_age, most);
		if (n < 0)
			return -1;
		*sum += n;
	}
	return 0;
}

static int
delete_answers(
    struct store *st, const struct purge *p, int64_t *sum, struct err *e)
{
	int64_t most = (int64_t)p->batch, n = most;

	while (n == most && !sig_term()) {
		n = challenge_answer_expire(st, most, e);
		if (n < 0)
			return -1;
		*sum += n;
	}
	return 0;
}

/* What is there of a CA so far: its last row stands for all before it. */
struct look {
	int64_t id, ca, duration_ms, n;
};

struct folding {
	struct store *st;
	int64_t until, most;
	struct look *looks; /* a page */
	size_t len;
	int64_t n;
};

static int
read_looks(struct folding *f, struct err *e)
{
	struct db_stmt *s = stmt_query(
	    f->st, STMT_PURGE, PURGE_LOOKS, e, "ii", f->until, f->most);
	int rc = -1;

	f->len = 0;
	while (s && (rc = db_step(s, e)) > 0)
		f->looks[f->len++] = (struct look){.id = db_int(s, 0),
		    .ca = db_int(s, 1),
		    .duration_ms = db_int(s, 2),
		    .n = 1};
	return rc;
}

/* The next look at the same CA in the page, or NULL. */
static struct look *
next_look(struct folding *f, size_t i)
{
	for (size_t j = i + 1; j < f->len; j++)
		if (f->looks[j].ca == f->looks[i].ca)
			return &f->looks[j];
	return NULL;
}

static int
fold_one(struct folding *f, size_t i, struct err *e)
{
	const struct look *l = &f->looks[i];
	struct look *next = next_look(f, i);

	if (next) {
		next->n += l->n;
		next->duration_ms += l->duration_ms;
		f->n++;
		return stmt_run(f->st, STMT_PURGE, PURGE_LOOK_DELETE, e, "i",
			   l->id) < 0
		    ? -1
		    : 0;
	}
	return l->n > 1 &&
		stmt_run(f->st, STMT_PURGE, PURGE_LOOK_FOLD, e, "iii", l->id,
		    l->n, l->duration_ms) < 0
	    ? -1
	    : 0;
}

static int
fold(void *arg, struct err *e)
{
	struct folding *f = arg;

	f->n = 0;
	if (read_looks(f, e) < 0)
		return -1;
	for (size_t i = 0; i < f->len; i++)
		if (fold_one(f, i, e) < 0)
			return -1;
	return 0;
}

/* What there is most of, and says least: a row for many, which are counted. */
static int
fold_looks(struct store *st, const struct purge *p, int64_t *sum, struct err *e)
{
	struct folding f = {.st = st,
	    .until = clock_now() - p->look_age,
	    .most = (int64_t)p->batch * EVENTS_PER_OBJECT};

	int rc = 0;

	if (p->event_age == 0)
		return 0;
	f.looks = xcalloc((size_t)f.most, sizeof(*f.looks));
	do {
		rc = db_transaction(st->db, DB_QUICK, fold, &f, e);
		*sum += rc == 0 ? f.n : 0;
	} while (rc == 0 && f.n > 0 && f.len == (size_t)f.most && !sig_term());
	free(f.looks);
	return rc;
}

struct summary {
	struct store *st;
	const struct purge_result *r;
};

static int
add_summary(void *arg, struct err *e)
{
	struct summary *s = arg;
	char detail[240];

	snprintf(detail, sizeof(detail),
	    "orders expired %lld, orders removed %lld, events removed %lld, "
	    "requests removed %lld, answers removed %lld, "
	    "upstream orders removed %lld",
	    (long long)s->r->orders_expired, (long long)s->r->orders,
	    (long long)s->r->events, (long long)s->r->requests,
	    (long long)s->r->answers, (long long)s->r->upstream_orders);
	return event_add(s->st, "store.purge", EVENT_STORE, 0, detail, e);
}

int
purge_run(struct store *st, const struct purge *p, struct purge_result *r,
    struct err *e)
{
	struct summary s = {.st = st, .r = r};

	memset(r, 0, sizeof(*r));
	if (run_all(st, p, "pending", expire, &r->orders_expired, e) < 0 ||
	    run_all(st, p, "ready", expire, &r->orders_expired, e) < 0 ||
	    run_all(st, p, "invalid", remove_order, &r->orders, e) < 0 ||
	    run_all(st, p, "valid", remove_order, &r->orders, e) < 0 ||
	    delete_answers(st, p, &r->answers, e) < 0 ||
	    delete_upstream(st, p, &r->upstream_orders, e) < 0 ||
	    delete_old(st, p, PURGE_EVENTS, &r->events, e) < 0 ||
	    delete_old(st, p, PURGE_REQUESTS, &r->requests, e) < 0 ||
	    fold_looks(st, p, &r->requests, e) < 0)
		return -1;
	if (r->orders_expired + r->orders + r->events + r->requests +
		    r->answers + r->upstream_orders >
		0 &&
	    db_transaction(st->db, DB_QUICK, add_summary, &s, e) < 0)
		return -1;
	return store_checkpoint(st, e);
}
