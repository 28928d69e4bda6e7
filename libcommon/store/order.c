#include "store/order.h"

#include "base/buf.h"
#include "store/certificate.h"
#include "store/challenge.h"
#include "store/event.h"
#include "store/job.h"
#include "store/stmt.h"
#include "store/token.h"
#include "sys/clock.h"

#define TAKE_MAX 100
#define DETAIL_MAX 1024

enum {
	ORDER_ADD,
	ORDER_ADD_AUTHORIZATION,
	ORDER_ADD_IDENTIFIER,
	ORDER_ADD_CHALLENGE,
	ORDER_REPLACE,
	ORDER_REPLACED,
	ORDER_BY_URL_ID,
	ORDER_BY_ID,
	ORDER_LIST,
	ORDER_START,
	ORDER_ACCOUNT,
	ORDER_FINISH,
	ORDER_RETURN,
	ORDER_FAIL
};

#define COLUMNS                                                                \
	"o.id, o.url_id, o.account_id, o.status, o.created, o.expires,"        \
	" o.not_before, o.not_after, o.error, o.certificate_id,"               \
	" o.processing_since, o.replaces, i.type, i.value, a.url_id"
#define FROM_ORDERS                                                            \
	" FROM orders o JOIN identifiers i ON i.order_id = o.id"               \
	" JOIN authorizations a ON a.id = i.authorization_id"

static const char *const sql[] = {
    [ORDER_ADD] =
	"INSERT INTO orders (url_id, account_id, status, created, expires,"
	" keep_until, not_before, not_after)"
	" SELECT ?1, id, 'pending', CAST(?3 AS BIGINT), CAST(?4 AS BIGINT),"
	" CAST(?4 AS BIGINT), NULLIF(CAST(?5 AS BIGINT), 0),"
	" NULLIF(CAST(?6 AS BIGINT), 0)"
	" FROM accounts WHERE id = ?2 AND status = 'valid' RETURNING id",
    [ORDER_ADD_AUTHORIZATION] =
	"INSERT INTO authorizations (url_id, account_id, status, type, value,"
	" wildcard, created, expires)"
	" VALUES (?1, ?2, 'pending', ?3, ?4, ?5, ?6, ?7) RETURNING id",
    [ORDER_ADD_IDENTIFIER] =
	"INSERT INTO identifiers (order_id, position, type, value,"
	" authorization_id) VALUES (?1, ?2, ?3, ?4, ?5)",
    [ORDER_ADD_CHALLENGE] =
	"INSERT INTO challenges (authorization_id, type, status, token)"
	" VALUES (?1, ?2, 'pending', ?3)",
    [ORDER_REPLACE] =
	"UPDATE orders SET replaces_id = ?2, replaces = ?3 WHERE id = ?1"
	" AND EXISTS (SELECT 1 FROM certificates c WHERE c.id = ?2"
	" AND c.account_id = orders.account_id AND EXISTS"
	" (SELECT 1 FROM identifiers i JOIN domains d ON d.value = i.value"
	" JOIN fqdn_set_members m ON m.domain_id = d.id"
	" AND m.fqdn_set_id = c.fqdn_set_id WHERE i.order_id = ?1))",
    [ORDER_REPLACED] =
	"SELECT id FROM orders WHERE replaces_id = ?1 AND id <> ?2"
	" AND (status IN ('processing', 'valid')"
	" OR (status IN ('pending', 'ready') AND expires > ?3)) LIMIT 1",
    [ORDER_BY_URL_ID] = "SELECT " COLUMNS FROM_ORDERS
			" WHERE o.url_id = ?1 ORDER BY i.position",
    [ORDER_BY_ID] = "SELECT " COLUMNS ", o.csr" FROM_ORDERS
		    " WHERE o.id = ?1 ORDER BY i.position",
    [ORDER_LIST] =
	"SELECT id, url_id FROM orders WHERE account_id = ?1 AND id > ?2"
	" AND (status IN ('processing', 'valid')"
	" OR (status IN ('pending', 'ready') AND expires > ?3))"
	" ORDER BY id LIMIT ?4",
    [ORDER_START] = "UPDATE orders SET status = 'processing', csr = ?2,"
		    " processing_since = ?3"
		    " WHERE id = ?1 AND status = 'ready' AND expires > ?3",
    [ORDER_ACCOUNT] = "SELECT account_id FROM orders"
		      " WHERE id = ?1 AND status = 'processing'",
    [ORDER_FINISH] =
	"UPDATE orders SET status = 'valid', certificate_id = ?2,"
	" chain_id = NULLIF(CAST(?3 AS BIGINT), 0), csr = NULL, keep_until ="
	" (SELECT CASE WHEN c.not_after > orders.expires THEN c.not_after"
	" ELSE orders.expires END FROM certificates c WHERE c.id = ?2)"
	" WHERE id = ?1 AND status = 'processing'",
    [ORDER_RETURN] = "UPDATE orders SET status = 'ready', csr = NULL"
		     " WHERE id = ?1 AND status = 'processing'",
    [ORDER_FAIL] =
	"UPDATE orders SET status = 'invalid', csr = NULL, error = ?2"
	" WHERE id = ?1 AND status = 'processing'",
};

const struct stmt_table order_stmts = {"order", sql, ARRAY_LEN(sql)};

static const char *const names[] = {
    [ORDER_PENDING] = "pending",
    [ORDER_READY] = "ready",
    [ORDER_PROCESSING] = "processing",
    [ORDER_VALID] = "valid",
    [ORDER_INVALID] = "invalid",
};
_Static_assert(ARRAY_LEN(names) == ORDER__MAX, "one per status");

const char order_expired_error[] =
    "{\"type\":\"urn:ietf:params:acme:error:unauthorized\","
    "\"detail\":\"the order has expired\",\"status\":403}";

const char *
order_status_name(enum order_status status)
{
	return status < ORDER__MAX ? names[status] : "?";
}

void
order_release(struct order *o)
{
	size_t i;

	if (!o)
		return;
	for (i = 0; i < o->names_len; i++)
		identifier_release(&o->names[i].identifier);
	free(o->names);
	free(o->error);
	free(o->replaces);
	free(o->csr);
	memset(o, 0, sizeof(*o));
}

void
order_array_free(struct order *orders, size_t len)
{
	size_t i;

	for (i = 0; orders && i < len; i++)
		order_release(&orders[i]);
	free(orders);
}

int
order_not_replaceable(struct err *e)
{
	return err_set(e, KIND_INPUT,
	    "newOrder: \"replaces\" names no certificate that this account "
	    "has got for one of these names (RFC 9773 5)");
}

struct creation {
	struct store *st;
	const struct order_new *new;
	struct order *o;
};

/* The challenges offered for a name; ends with CHALLENGE_TYPE__MAX. */
static const enum challenge_type *
offered(const struct identifier *id)
{
	static const enum challenge_type dns[] = {CHALLENGE_HTTP_01,
	    CHALLENGE_DNS_01, CHALLENGE_TLS_ALPN_01, CHALLENGE_TYPE__MAX};
	static const enum challenge_type wildcard[] = {
	    CHALLENGE_DNS_01, CHALLENGE_TYPE__MAX};
	static const enum challenge_type ip[] = {
	    CHALLENGE_HTTP_01, CHALLENGE_TLS_ALPN_01, CHALLENGE_TYPE__MAX};

	if (id->type == IDENTIFIER_IP)
		return ip;
	return identifier_is_wildcard(id) ? wildcard : dns;
}

static int
add_authorization(struct creation *c, const struct identifier *id, char *url_id,
    int64_t *row, struct err *e)
{
	bool wildcard = identifier_is_wildcard(id);
	const enum challenge_type *type;
	char token[CHALLENGE_TOKEN_LEN + 1];

	token_make(url_id, TOKEN_URL_ID_BYTES);
	if (stmt_int(c->st, STMT_ORDER, ORDER_ADD_AUTHORIZATION, row, e,
		"tittiii", url_id, c->new->account_id,
		identifier_type_name(id->type),
		wildcard ? id->value + 2 : id->value, (int64_t)wildcard,
		c->o->created, c->new->expires) < 0)
		return -1;
	for (type = offered(id); *type != CHALLENGE_TYPE__MAX; type++) {
		token_make(token, TOKEN_CHALLENGE_BYTES);
		if (stmt_run(c->st, STMT_ORDER, ORDER_ADD_CHALLENGE, e, "itt",
			*row, challenge_type_name(*type), token) < 0)
			return -1;
	}
	return 0;
}

static int
add_name(struct creation *c, size_t position, struct err *e)
{
	const struct identifier *id = &c->new->identifiers[position];
	struct order_name *n = &c->o->names[position];
	int64_t authorization;

	n->identifier.type = id->type;
	n->identifier.value = xstrdup(id->value);
	c->o->names_len = position + 1;
	if (add_authorization(
		c, id, n->authorization_url_id, &authorization, e) < 0)
		return -1;
	return stmt_run(c->st, STMT_ORDER, ORDER_ADD_IDENTIFIER, e, "iitti",
		   c->o->id, (int64_t)position, identifier_type_name(id->type),
		   id->value, authorization) < 0
	    ? -1
	    : 0;
}

/* For the log: the order's id in URLs, then its names. */
static int
add_creation_event(struct creation *c, struct err *e)
{
	struct buf detail;
	size_t i;
	int rc;

	buf_init(&detail, DETAIL_MAX);
	buf_adds(&detail, c->o->url_id);
	for (i = 0; i < c->o->names_len; i++)
		buf_addf(&detail, " %s", c->o->names[i].identifier.value);
	rc = event_add(
	    c->st, "order.create", EVENT_ORDER, c->o->id, detail.data, e);
	buf_release(&detail);
	return rc;
}

/* What others do at the same time is for the engine to see. */
static int
replace(struct creation *c, struct err *e)
{
	const struct order_new *new = c->new;
	int64_t other, n;
	int rc;

	if (new->replaces_id == 0)
		return 0;
	n = stmt_run(c->st, STMT_ORDER, ORDER_REPLACE, e, "iit", c->o->id,
	    new->replaces_id, new->replaces);
	if (n <= 0)
		return n < 0 ? -1 : order_not_replaceable(e);
	rc = stmt_int(c->st, STMT_ORDER, ORDER_REPLACED, &other, e, "iii",
	    new->replaces_id, c->o->id, c->o->created);
	if (rc > 0)
		return err_acme(e, KIND_CONFLICT, "alreadyReplaced",
		    "newOrder: another order replaces this certificate "
		    "(RFC 9773 5)");
	if (rc == 0)
		c->o->replaces = xstrdup(new->replaces);
	return rc;
}

static int
create(void *arg, struct err *e)
{
	struct creation *c = arg;
	const struct order_new *new = c->new;
	struct order *o = c->o;
	size_t i;
	int rc;

	order_release(o);
	o->account_id = new->account_id;
	o->status = ORDER_PENDING;
	o->created = clock_now();
	o->expires = new->expires;
	o->not_before = new->not_before;
	o->not_after = new->not_after;
	o->names = xcalloc(new->identifiers_len, sizeof(*o->names));
	token_make(o->url_id, TOKEN_URL_ID_BYTES);
	rc = stmt_int(c->st, STMT_ORDER, ORDER_ADD, &o->id, e, "tiiiii",
	    o->url_id, o->account_id, o->created, o->expires, o->not_before,
	    o->not_after);
	if (rc == 0)
		return err_set(e, KIND_CONFLICT, "the account is not valid");
	for (i = 0; rc > 0 && i < new->identifiers_len; i++)
		if (add_name(c, i, e) < 0)
			return -1;
	if (rc < 0 || replace(c, e) < 0)
		return -1;
	return add_creation_event(c, e);
}

int
order_create(struct store *st, const struct order_new *new, struct order *o,
    struct err *e)
{
	struct creation c = {.st = st, .new = new, .o = o};

	memset(o, 0, sizeof(*o));
	if (db_transaction(st->db, DB_QUICK, create, &c, e) == 0)
		return 0;
	order_release(o);
	return -1;
}

static void
read_order(struct db_stmt *s, struct order *o)
{
	o->id = db_int(s, 0);
	stmt_text_to(s, 1, o->url_id, sizeof(o->url_id));
	o->account_id = db_int(s, 2);
	o->status = (enum order_status)stmt_word(s, 3, names, ORDER__MAX);
	o->created = db_int(s, 4);
	o->expires = db_int(s, 5);
	o->not_before = db_int(s, 6);
	o->not_after = db_int(s, 7);
	o->error = stmt_text_dup(s, 8);
	o->certificate_id = db_int(s, 9);
	o->processing_since = db_int(s, 10);
	o->replaces = stmt_text_dup(s, 11);
	/* RFC 8555 7.1.6: time alone moves it. */
	if (o->status <= ORDER_READY && o->expires <= clock_now()) {
		o->status = ORDER_INVALID;
		free(o->error);
		o->error = xstrdup(order_expired_error);
	}
}

static int
read_name(struct db_stmt *s, struct order *o, size_t *cap, struct err *e)
{
	struct order_name *n;

	if (o->names_len == *cap) {
		*cap = *cap ? *cap * 4 : 1;
		o->names = xreallocarray(o->names, *cap, sizeof(*o->names));
	}
	n = &o->names[o->names_len];
	memset(n, 0, sizeof(*n));
	if (identifier_type_by_name(db_text(s, 12), &n->identifier.type) < 0)
		return err_set(e, KIND_BUG, "order %lld: bad identifier",
		    (long long)o->id);
	n->identifier.value = stmt_text_dup(s, 13);
	stmt_text_to(
	    s, 14, n->authorization_url_id, sizeof(n->authorization_url_id));
	o->names_len++;
	return 0;
}

/* Reads the order and its names, a row per name. */
static int
load(struct db_stmt *s, struct order *o, bool with_csr, struct err *e)
{
	size_t cap = 0;
	int rc = -1;

	memset(o, 0, sizeof(*o));
	while (s && (rc = db_step(s, e)) > 0) {
		if (o->names_len == 0) {
			read_order(s, o);
			if (with_csr)
				o->csr = stmt_blob_dup(s, 15, &o->csr_len);
		}
		if (read_name(s, o, &cap, e) < 0) {
			db_reset(s);
			rc = -1;
			break;
		}
	}
	if (rc == 0 && o->names_len == 0)
		return err_set(e, KIND_NOTFOUND, "no such order");
	if (rc < 0)
		order_release(o);
	return rc;
}

int
order_by_url_id(
    struct store *st, const char *url_id, struct order *o, struct err *e)
{
	return load(stmt_query(st, STMT_ORDER, ORDER_BY_URL_ID, e, "t", url_id),
	    o, false, e);
}

int
order_list(struct store *st, int64_t account_id, int64_t cursor, size_t limit,
    struct strv *url_ids, int64_t *next, struct err *e)
{
	/* One more than wanted tells whether there is another page. */
	struct db_stmt *s = stmt_query(st, STMT_ORDER, ORDER_LIST, e, "iiii",
	    account_id, cursor, clock_now(), (int64_t)limit + 1);
	int64_t last = 0;
	size_t n = 0;
	int rc = -1;

	*next = 0;
	while (s && (rc = db_step(s, e)) > 0) {
		if (n++ == limit) {
			*next = last;
			db_reset(s);
			return 0;
		}
		last = db_int(s, 0);
		strv_add(url_ids, db_text(s, 1));
	}
	return rc;
}

/* What the transactions of this module are called with. */
struct move {
	struct store *st;
	int64_t id;
	int64_t now;
	int64_t when; /* the job is due then */
	const void *csr;
	size_t csr_len;
	const char *error;
	const struct cert_list *chain;
};

static int
not_processing(struct err *e)
{
	return err_set(
	    e, KIND_CONFLICT, "RFC 8555 7.1.6: the order is not processing");
}

static int
start(void *arg, struct err *e)
{
	struct move *m = arg;
	int64_t n = stmt_run(m->st, STMT_ORDER, ORDER_START, e, "ibi", m->id,
	    m->csr, m->csr_len, m->now);

	if (n == 0) {
		err_acme(e, KIND_CONFLICT, "orderNotReady",
		    "RFC 8555 7.4: the order is not ready");
		e->http_status = 403;
		return -1;
	}
	if (n < 0 || job_add(m->st, JOB_ISSUE, m->id, m->when, e) < 0)
		return -1;
	return event_add(m->st, "order.start", EVENT_ORDER, m->id, NULL, e);
}

int
order_start(struct store *st, int64_t id, const void *csr, size_t csr_len,
    int64_t lease, int64_t *since, struct err *e)
{
	struct move m = {.st = st,
	    .id = id,
	    .now = clock_now(),
	    .csr = csr,
	    .csr_len = csr_len};

	m.when = m.now + lease;
	*since = m.now;
	return db_transaction(st->db, DB_QUICK, start, &m, e);
}

static int
finish(void *arg, struct err *e)
{
	struct move *m = arg;
	struct certificate_new new = {.certs = m->chain, .source = "acme"};
	int64_t certificate, chain, n;
	char detail[48];
	bool created;
	int rc = stmt_int(
	    m->st, STMT_ORDER, ORDER_ACCOUNT, &new.account_id, e, "i", m->id);

	if (rc == 0)
		return not_processing(e);
	if (rc < 0 ||
	    certificate_put(m->st, &new, &certificate, &created, &chain, e) < 0)
		return -1;
	n = stmt_run(m->st, STMT_ORDER, ORDER_FINISH, e, "iii", m->id,
	    certificate, chain);
	if (n == 0)
		return not_processing(e);
	if (n < 0 || job_end(m->st, JOB_ISSUE, m->id, e) < 0)
		return -1;
	snprintf(
	    detail, sizeof(detail), "certificate/%lld", (long long)certificate);
	return event_add(m->st, "order.valid", EVENT_ORDER, m->id, detail, e);
}

int
order_finish(
    struct store *st, int64_t id, const struct cert_list *chain, struct err *e)
{
	struct move m = {.st = st, .id = id, .chain = chain};

	return db_transaction(st->db, DB_DURABLE, finish, &m, e);
}

static int
give_back(void *arg, struct err *e)
{
	struct move *m = arg;
	int64_t n = stmt_run(m->st, STMT_ORDER, ORDER_RETURN, e, "i", m->id);

	if (n == 0)
		return not_processing(e);
	if (n < 0 || job_end(m->st, JOB_ISSUE, m->id, e) < 0)
		return -1;
	return event_add(m->st, "order.return", EVENT_ORDER, m->id, NULL, e);
}

int
order_return(struct store *st, int64_t id, struct err *e)
{
	struct move m = {.st = st, .id = id};

	return db_transaction(st->db, DB_QUICK, give_back, &m, e);
}

static int
fail(void *arg, struct err *e)
{
	struct move *m = arg;
	int64_t n =
	    stmt_run(m->st, STMT_ORDER, ORDER_FAIL, e, "it", m->id, m->error);

	if (n == 0)
		return not_processing(e);
	if (n < 0 || job_end(m->st, JOB_ISSUE, m->id, e) < 0)
		return -1;
	return event_add(
	    m->st, "order.invalid", EVENT_ORDER, m->id, m->error, e);
}

int
order_fail(struct store *st, int64_t id, const char *error, struct err *e)
{
	struct move m = {.st = st, .id = id, .error = error};

	return db_transaction(st->db, DB_QUICK, fail, &m, e);
}

static int
retry(void *arg, struct err *e)
{
	struct move *m = arg;

	if (job_retry(m->st, JOB_ISSUE, m->id, m->when, e) < 0)
		return -1;
	return event_add(m->st, "order.retry", EVENT_ORDER, m->id, NULL, e);
}

int
order_retry(struct store *st, int64_t id, int64_t due, struct err *e)
{
	struct move m = {.st = st, .id = id, .when = due};

	return db_transaction(st->db, DB_QUICK, retry, &m, e);
}

struct taking {
	struct store *st;
	struct job_lease lease;
	size_t limit;
	struct order *orders;
	size_t len;
};

static int
load_taken(struct taking *t, const struct job *j, struct err *e)
{
	struct order *o = &t->orders[t->len];
	int rc = load(
	    stmt_query(t->st, STMT_ORDER, ORDER_BY_ID, e, "i", j->object_id), o,
	    true, e);

	if (rc == 0 && o->status == ORDER_PROCESSING) {
		o->attempts = j->attempts;
		t->len++;
		return 0;
	}
	order_release(o);
	if (rc < 0 && err_forgive(e, KIND_NOTFOUND) < 0)
		return -1;
	/* A job without an order to finish must not come back. */
	return job_end(t->st, JOB_ISSUE, j->object_id, e);
}

static int
take(void *arg, struct err *e)
{
	struct taking *t = arg;
	struct job jobs[TAKE_MAX];
	size_t i, len = 0;

	order_array_free(t->orders, t->len); /* a second run begins anew */
	t->orders = xcalloc(t->limit, sizeof(*t->orders));
	t->len = 0;
	if (job_take(t->st, JOB_ISSUE, &t->lease, jobs, t->limit, &len, e) < 0)
		return -1;
	for (i = 0; i < len; i++)
		if (load_taken(t, &jobs[i], e) < 0)
			return -1;
	return 0;
}

int
order_take_stale(struct store *st, int64_t lease, int64_t longest, size_t limit,
    struct order **orders, size_t *len, struct err *e)
{
	struct taking t = {.st = st,
	    .lease = {clock_now(), lease, longest},
	    .limit = limit < TAKE_MAX ? limit : TAKE_MAX};
	int64_t due;

	*orders = NULL;
	*len = 0;
	/* Looking costs no lock. */
	if (job_next_due(st, JOB_ISSUE, &t.lease, &due, e) < 0)
		return -1;
	if (due > t.lease.now || limit == 0)
		return 0;
	if (db_transaction(st->db, DB_QUICK, take, &t, e) < 0) {
		order_array_free(t.orders, t.len);
		return -1;
	}
	*orders = t.orders; /* transferred */
	*len = t.len;
	return 0;
}
