#include "store/autocert.h"

#include "base/rfc3339.h"
#include "store/blocked_name.h"
#include "store/certificate.h"
#include "store/domain.h"
#include "store/event.h"
#include "store/serving.h"
#include "store/stmt.h"
#include "sys/clock.h"

#define HOUR 3600
#define ASK_AGAIN 30 /* seconds, while one runs */

enum {
	AUTOCERT_ADD,
	AUTOCERT_FORGET,
	AUTOCERT_LAST,
	AUTOCERT_BY_ID,
	AUTOCERT_OPEN,
	AUTOCERT_END,
	AUTOCERT_RUNNING,
	AUTOCERT_OF_HOUR,
	AUTOCERT_ORDER
};

#define SELECT                                                                 \
	"SELECT id, name, kind, queued, started, lease_until, ended, outcome," \
	" failures, again_at, error FROM autocerts WHERE "

static const char *const sql[] = {
    [AUTOCERT_ADD] =
	"INSERT INTO autocerts (name, kind, actor, started, queued,"
	" lease_until, failures) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
	" RETURNING id",
    [AUTOCERT_FORGET] = "DELETE FROM autocerts WHERE started < ?1",
    [AUTOCERT_LAST] = SELECT "name = ?1 ORDER BY id DESC LIMIT 1",
    [AUTOCERT_BY_ID] = SELECT "id = ?1",
    [AUTOCERT_OPEN] =
	"SELECT id FROM autocerts WHERE ended IS NULL AND lease_until > 0"
	" ORDER BY lease_until LIMIT 32",
    [AUTOCERT_END] =
	"UPDATE autocerts SET ended = ?2, outcome = ?3, again_at = ?4,"
	" upstream_order_id = NULLIF(CAST(?5 AS BIGINT), 0), error = ?6"
	" WHERE id = ?1 AND ended IS NULL",
    [AUTOCERT_RUNNING] = "SELECT count(*) FROM autocerts WHERE ended IS NULL"
			 " AND lease_until > ?1 AND lease_until <= ?2",
    [AUTOCERT_OF_HOUR] = "SELECT count(*), min(started) FROM autocerts"
			 " WHERE started > ?1 AND started <= ?2"
			 " AND kind = 'autocert'",
    [AUTOCERT_ORDER] =
	"SELECT COALESCE(max(o.id), 0) FROM domains d"
	" JOIN fqdn_set_members m ON m.domain_id = d.id"
	" JOIN upstream_orders o ON o.fqdn_set_id = m.fqdn_set_id"
	" WHERE d.value = ?1 AND o.created >= ?2",
};

const struct stmt_table autocert_stmts = {"autocert", sql, ARRAY_LEN(sql)};

#define M STMT_AUTOCERT

static const char *const kinds[] = {
    [AUTOCERT_AUTO] = "autocert", [AUTOCERT_IF_NEEDED] = "if-needed"};
_Static_assert(ARRAY_LEN(kinds) == AUTOCERT_KIND__MAX, "a word per kind");

static const struct {
	const char *name, *action;
} outcomes[] = {
    [AUTOCERT_VALID] = {"valid", "autocert.valid"},
    [AUTOCERT_FAILED] = {"failed", "autocert.fail"},
    [AUTOCERT_WAITING] = {"waiting", "autocert.wait"},
};
_Static_assert(
    ARRAY_LEN(outcomes) == AUTOCERT_OUTCOME__MAX, "a row per outcome");

/* ---- reading ------------------------------------------------------------- */

struct attempt {
	int64_t id; /* 0: there is none */
	char name[DOMAIN_VALUE_MAX + 1];
	enum autocert_kind kind;
	bool queued;
	int64_t started, lease_until;
	int64_t ended; /* 0: not yet */
	enum autocert_outcome outcome;
	int64_t failures, again_at;
	char error[256];
};

/* 0 also when there is none. */
static int
read_attempt(struct db_stmt *s, struct attempt *a, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;

	*a = (struct attempt){0};
	if (rc <= 0)
		return rc;
	a->id = db_int(s, 0);
	stmt_text_to(s, 1, a->name, sizeof(a->name));
	a->kind = strcmp(db_text(s, 2), kinds[AUTOCERT_IF_NEEDED]) == 0
	    ? AUTOCERT_IF_NEEDED
	    : AUTOCERT_AUTO;
	a->queued = db_int(s, 3) != 0;
	a->started = db_int(s, 4);
	a->lease_until = db_int(s, 5);
	a->ended = db_int(s, 6);
	a->outcome = AUTOCERT_OUTCOME__MAX;
	for (size_t i = 0; a->ended && i < ARRAY_LEN(outcomes); i++)
		if (strcmp(db_text(s, 7), outcomes[i].name) == 0)
			a->outcome = (enum autocert_outcome)i;
	a->failures = db_int(s, 8);
	a->again_at = db_int(s, 9);
	if (db_text(s, 10))
		stmt_text_to(s, 10, a->error, sizeof(a->error));
	db_reset(s);
	return 0;
}

static int
last_of(struct store *st, const char *name, struct attempt *a, struct err *e)
{
	return read_attempt(
	    stmt_query(st, M, AUTOCERT_LAST, e, "t", name), a, e);
}

int
autocert_look(struct store *st, const char *name, enum autocert_state *state,
    char **error, struct err *e)
{
	int64_t now = clock_now();
	struct domain_item i;

	*state = AUTOCERT_QUEUE_ABSENT;
	*error = NULL;
	if (domain_queue_by_name(st, name, &i, e) < 0)
		return err_forgive(e, KIND_NOTFOUND);
	if (i.lease_until > now && i.lease_until <= now + QUEUE_HOLD_MAX)
		*state = AUTOCERT_QUEUE_HELD;
	else if (i.is_parked || i.past.attempts > 0)
		*state = AUTOCERT_QUEUE_FAILED;
	else
		*state = AUTOCERT_QUEUE_WAITING;
	*error = i.error;
	i.error = NULL; /* transferred */
	domain_item_release(&i);
	return 0;
}

int
autocert_order_of(struct store *st, const char *name, int64_t since,
    int64_t *upstream_order_id, struct err *e)
{
	*upstream_order_id = 0;
	return stmt_int(st, M, AUTOCERT_ORDER, upstream_order_id, e, "ti", name,
		   since) < 0
	    ? -1
	    : 0;
}

/* ---- the end ------------------------------------------------------------- */

struct ending {
	struct store *st;
	const struct attempt *a;
	const struct autocert_end *x;
	int64_t ended;
};

/* The more often it has failed. */
static int64_t
failure_wait(int64_t failures)
{
	int64_t wait = AUTOCERT_FAILED_WAIT;

	while (failures-- > 0 && wait < AUTOCERT_FAILED_WAIT_MAX)
		wait *= 2;
	return wait < AUTOCERT_FAILED_WAIT_MAX ? wait
					       : AUTOCERT_FAILED_WAIT_MAX;
}

static int
end(void *arg, struct err *e)
{
	const struct ending *k = arg;
	const struct autocert_end *x = k->x;
	int64_t n, again_at = x->again_at;
	int64_t least = k->ended + failure_wait(k->a->failures);
	char *detail;
	int rc;

	if (x->outcome == AUTOCERT_FAILED && again_at < least)
		again_at = least;
	n = stmt_run(k->st, M, AUTOCERT_END, e, "iitiit", k->a->id, k->ended,
	    outcomes[x->outcome].name, again_at, x->upstream_order_id,
	    x->error);
	if (n <= 0)
		return n < 0 ? -1 : 0;
	detail = xasprintf("%s%s%s", k->a->name, x->error ? ": " : "",
	    x->error ? x->error : "");
	rc = event_add(
	    k->st, outcomes[x->outcome].action, EVENT_STORE, 0, detail, e);
	free(detail);
	return rc;
}

/* What somebody else has put in, or is just at, stays in the queue. */
static int
leave_queue(struct store *st, const struct attempt *a, struct err *e)
{
	struct err why = {0};

	if (!a->queued || a->kind != AUTOCERT_AUTO ||
	    domain_queue_remove(st, a->name, &why) == 0 ||
	    why.kind == KIND_NOTFOUND || why.kind == KIND_BUSY)
		return 0;
	*e = why;
	return -1;
}

static int
finish(struct store *st, const struct attempt *a, const struct autocert_end *x,
    int64_t ended, struct err *e)
{
	struct ending k = {st, a, x, ended};

	if (db_transaction(st->db, DB_DURABLE, end, &k, e) < 0)
		return -1;
	return x->outcome == AUTOCERT_FAILED ? leave_queue(st, a, e) : 0;
}

int
autocert_end(
    struct store *st, int64_t id, const struct autocert_end *x, struct err *e)
{
	struct attempt a;

	if (read_attempt(stmt_query(st, M, AUTOCERT_BY_ID, e, "i", id), &a, e) <
	    0)
		return -1;
	return a.id == 0 || a.ended ? 0 : finish(st, &a, x, clock_now(), e);
}

#define LEASE_MOST (AUTOCERT_LEASE + 60) /* of a clock that is a bit ahead */

/* A lease that nobody can have is of another clock. */
static bool
is_leased(const struct attempt *a, int64_t now)
{
	return a->lease_until > now && a->lease_until <= now + LEASE_MOST;
}

int
autocert_certificate(
    struct store *st, const char *name, int64_t *id, struct err *e)
{
	int64_t now = clock_now();
	struct serving s;

	*id = 0;
	if (serving_by_name(st, name, now, &s, e) < 0)
		return err_forgive(e, KIND_NOTFOUND);
	if (!s.disabled && s.not_before <= now && now <= s.not_after)
		*id = s.certificate_id;
	return 0;
}

/*
 * What has come of an attempt: 1 with `x` and when, 0 when that is not known
 * yet, -1.  `*error` is the caller's to free.
 */
static int
judge(struct store *st, const struct attempt *a, struct autocert_end *x,
    int64_t *ended, char **error, struct err *e)
{
	int64_t certificate = 0, now = clock_now();
	enum autocert_state state;

	*x = (struct autocert_end){.outcome = AUTOCERT_WAITING};
	*ended = now;
	*error = NULL;
	if (autocert_look(st, a->name, &state, error, e) < 0 ||
	    (state == AUTOCERT_QUEUE_ABSENT &&
		autocert_certificate(st, a->name, &certificate, e) < 0))
		return -1;
	if (certificate) {
		x->outcome = AUTOCERT_VALID;
		return 1;
	}
	if (state == AUTOCERT_QUEUE_FAILED)
		x->outcome = AUTOCERT_FAILED;
	else if (is_leased(a, now))
		return 0;
	if (!is_leased(a, now) && a->lease_until < now)
		*ended = a->lease_until;
	x->error = *error ? *error : "nobody has seen its end";
	return 1;
}

/*
 * One that nobody has brought to its end, since he died, or did not wait so
 * long, and whose end is known by now.
 */
static int
settle(struct store *st, struct attempt *a, int64_t again, struct err *e)
{
	struct autocert_end x;
	int64_t ended;
	char *error;
	int rc;

	if (a->id == 0 || a->ended)
		return 0;
	rc = judge(st, a, &x, &ended, &error, e);
	if (rc > 0) {
		x.again_at = ended + again;
		rc = autocert_order_of(
		    st, a->name, a->started, &x.upstream_order_id, e);
		if (rc == 0)
			rc = finish(st, a, &x, ended, e);
		if (rc == 0)
			rc = last_of(st, a->name, a, e);
	}
	free(error);
	return rc;
}

/* Those of other names: they count, and their names may be in the queue. */
static int
settle_others(struct store *st, int64_t again, struct err *e)
{
	int64_t ids[32];
	size_t len = 0;
	struct db_stmt *s = stmt_query(st, M, AUTOCERT_OPEN, e, "");
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0)
		if (len < ARRAY_LEN(ids))
			ids[len++] = db_int(s, 0);
	for (size_t i = 0; rc == 0 && i < len; i++) {
		struct attempt a;

		rc = read_attempt(
		    stmt_query(st, M, AUTOCERT_BY_ID, e, "i", ids[i]), &a, e);
		if (rc == 0)
			rc = settle(st, &a, again, e);
	}
	return rc;
}

/* ---- whether there may be one -------------------------------------------- */

static int
refuse(struct err *e, int status, int64_t seconds, const char *text)
{
	e->retry_after = seconds < 1 ? 1 : (int)seconds;
	return err_http(
	    e, status == 409 ? KIND_CONFLICT : KIND_DENIED, status, "%s", text);
}

#define RECENT "There is an active or recent autocert attempt for this domain"

static int
remember(const struct attempt *a, int64_t now, struct err *e)
{
	char at[RFC3339_SIZE], text[320];
	int64_t wait = a->again_at - now;

	if (a->outcome == AUTOCERT_WAITING) {
		snprintf(text, sizeof(text), "it waits in the queue%s%s",
		    a->error[0] ? ": " : "", a->error);
		return refuse(e, 503, wait, text);
	}
	if (a->outcome == AUTOCERT_VALID)
		return refuse(e, 409, wait, RECENT);
	rfc3339_format(at, a->ended);
	snprintf(text, sizeof(text), "it has failed at %s: %s", at,
	    a->error[0] ? a->error : "nobody knows why");
	return refuse(e, 502, wait, text);
}

static int
check_last(const struct autocert_new *n, const struct attempt *a, struct err *e)
{
	int64_t now = clock_now(), most = AUTOCERT_FAILED_WAIT_MAX;

	if (a->id == 0)
		return 0;
	if (!a->ended) {
		if (!is_leased(a, now))
			return 0;
		return refuse(e, 409,
		    a->lease_until - now < ASK_AGAIN ? a->lease_until - now
						     : ASK_AGAIN,
		    RECENT);
	}
	if (most < n->limits.again)
		most = n->limits.again;
	if (n->kind == AUTOCERT_IF_NEEDED || a->again_at <= now ||
	    a->again_at > now + most)
		return 0;
	return remember(a, now, e);
}

static int
check_running(struct store *st, const struct autocert_limits *l, struct err *e)
{
	int64_t n = 0, now = clock_now();

	if (stmt_int(st, M, AUTOCERT_RUNNING, &n, e, "ii", now,
		now + LEASE_MOST) < 0)
		return -1;
	return n < l->at_once
	    ? 0
	    : refuse(e, 429, ASK_AGAIN,
		  "as many certificates as may be are being ordered just now");
}

static int
check_hour(struct store *st, const struct autocert_limits *l, struct err *e)
{
	int64_t n, now = clock_now();
	struct db_stmt *s;

	s = stmt_query(st, M, AUTOCERT_OF_HOUR, e, "ii", now - HOUR, now);
	if (!s || db_step(s, e) < 0)
		return -1;
	n = db_int(s, 0);
	now = db_int(s, 1) + HOUR - now;
	db_reset(s);
	return n < l->per_hour
	    ? 0
	    : refuse(e, 429, now,
		  "as many certificates as may be have been ordered within an "
		  "hour");
}

static int
check(struct store *st, const struct autocert_new *n, const struct attempt *a,
    struct err *e)
{
	struct strv names = {0};
	struct err why = {0};
	int rc;

	if (check_last(n, a, e) < 0 || check_running(st, &n->limits, e) < 0)
		return -1;
	if (n->kind == AUTOCERT_IF_NEEDED)
		return 0;
	strv_add(&names, n->name);
	rc = blocked_name_check(st, &names, &why, e);
	strv_release(&names);
	if (rc > 0) {
		*e = why;
		return -1;
	}
	return rc < 0 ? -1 : check_hour(st, &n->limits, e);
}

/* ---- the beginning ------------------------------------------------------- */

struct beginning {
	struct store *st;
	const struct autocert_new *n;
	struct attempt last;
	bool is_renewed; /* not by the queue of domains */
	int64_t id;
};

static int
look(void *arg, struct err *e)
{
	struct beginning *b = arg;

	return last_of(b->st, b->n->name, &b->last, e) < 0 ||
		check(b->st, b->n, &b->last, e) < 0
	    ? -1
	    : 0;
}

/* 1: it is in the queue of domains; 0; -1. */
static int
is_in_queue(struct store *st, const char *name, struct err *e)
{
	struct domain_item i;

	if (domain_queue_by_name(st, name, &i, e) == 0) {
		domain_item_release(&i);
		return 1;
	}
	return err_forgive(e, KIND_NOTFOUND);
}

static int
refuse_renewed(struct err *e)
{
	return err_set(e, KIND_CONFLICT,
	    "it is renewed, which renew-queue run does, and has no certificate "
	    "that is valid");
}

static int
queue(struct beginning *b, bool *is_new, struct err *e)
{
	const struct autocert_new *n = b->n;
	struct domain_addition a = {n->name, n->registered, 0};
	int rc;

	if (domain_queue_add(b->st, n->domain_template_id, &a, 1, e) < 0)
		return -1;
	if (a.answer == DOMAIN_BLOCKLISTED)
		return err_set(e, KIND_DENIED, "%s is blocked", n->name);
	*is_new = a.answer == DOMAIN_QUEUED;
	rc = is_in_queue(b->st, n->name, e);
	b->is_renewed = rc == 0;
	return rc < 0				  ? -1
	    : rc == 0 && n->kind == AUTOCERT_AUTO ? refuse_renewed(e)
						  : 0;
}

static int
begin(void *arg, struct err *e)
{
	struct beginning *b = arg;
	const struct attempt *last = &b->last;
	int64_t now = clock_now();
	bool is_new, has_failed;

	if (look(b, e) < 0 || queue(b, &is_new, e) < 0)
		return -1;
	if (b->is_renewed)
		return 0;
	has_failed = last->ended && last->outcome == AUTOCERT_FAILED;
	/* what an attempt has put in and not brought to its end is its own */
	if (last->ended && last->outcome == AUTOCERT_WAITING && last->queued)
		is_new = true;
	if (stmt_run(b->st, M, AUTOCERT_FORGET, e, "i", now - AUTOCERT_KEPT) <
		0 ||
	    stmt_int(b->st, M, AUTOCERT_ADD, &b->id, e, "tttiiii", b->n->name,
		kinds[b->n->kind], b->st->actor, now, (int64_t)is_new,
		now + AUTOCERT_LEASE,
		has_failed ? last->failures + 1 : (int64_t)0) < 0)
		return -1;
	return event_add(
	    b->st, "autocert.begin", EVENT_STORE, 0, b->n->name, e);
}

int
autocert_check(struct store *st, const struct autocert_new *n, struct err *e)
{
	struct beginning b = {.st = st, .n = n};

	return last_of(st, n->name, &b.last, e) < 0 ||
		settle(st, &b.last, n->limits.again, e) < 0 ||
		settle_others(st, n->limits.again, e) < 0 ||
		db_snapshot(st->db, look, &b, e) < 0
	    ? -1
	    : 0;
}

int
autocert_begin(
    struct store *st, const struct autocert_new *n, int64_t *id, struct err *e)
{
	struct beginning b = {.st = st, .n = n};

	if (db_transaction(st->db, DB_DURABLE, begin, &b, e) < 0)
		return -1;
	*id = b.id;
	return b.is_renewed ? refuse_renewed(e) : 0;
}
