#include "store/challenge.h"

#include "base/log.h"
#include "store/authorization.h"
#include "store/event.h"
#include "store/job.h"
#include "store/stmt.h"
#include "sys/clock.h"

#define TAKE_MAX 1000

enum {
	CHALLENGE_START,
	CHALLENGE_TASK,
	CHALLENGE_RETRY,
	CHALLENGE_SET_VALID,
	CHALLENGE_AUTHORIZATION_VALID,
	CHALLENGE_ORDERS_READY,
	CHALLENGE_SET_INVALID
};

static const char *const sql[] = {
    [CHALLENGE_START] =
	"UPDATE challenges SET status = 'processing'"
	" WHERE id = ?1 AND status = 'pending' AND EXISTS"
	" (SELECT 1 FROM authorizations a WHERE a.id = authorization_id"
	" AND a.status = 'pending' AND a.expires > ?2)",
    [CHALLENGE_TASK] =
	"SELECT c.type, c.token, k.thumbprint, a.type, a.value, a.wildcard,"
	" a.url_id, a.id, a.status = 'pending' AND a.expires > ?2"
	" FROM challenges c JOIN authorizations a ON a.id = c.authorization_id"
	" JOIN accounts k ON k.id = a.account_id WHERE c.id = ?1",
    [CHALLENGE_RETRY] = "UPDATE challenges SET error = ?2, address = ?3"
			" WHERE id = ?1 AND status = 'processing'",
    [CHALLENGE_SET_VALID] =
	"UPDATE challenges SET status = 'valid', validated = ?2, error = NULL,"
	" address = ?3"
	" WHERE id = ?1 AND status = 'processing' AND EXISTS"
	" (SELECT 1 FROM authorizations a WHERE a.id = authorization_id"
	" AND a.status = 'pending' AND a.expires > ?2)"
	" RETURNING authorization_id",
    [CHALLENGE_AUTHORIZATION_VALID] =
	"UPDATE authorizations SET status = 'valid'"
	" WHERE id = ?1 AND status = 'pending'",
    [CHALLENGE_ORDERS_READY] =
	"UPDATE orders SET status = 'ready'"
	" WHERE status = 'pending' AND expires > ?2 AND id IN"
	" (SELECT order_id FROM identifiers WHERE authorization_id = ?1)"
	" AND NOT EXISTS (SELECT 1 FROM identifiers i"
	" JOIN authorizations a ON a.id = i.authorization_id"
	" WHERE i.order_id = orders.id AND a.status <> 'valid')",
    [CHALLENGE_SET_INVALID] =
	"UPDATE challenges SET status = 'invalid', error = ?2, address = ?3"
	" WHERE id = ?1 AND status = 'processing' RETURNING authorization_id",
};

const struct stmt_table challenge_stmts = {"challenge", sql, ARRAY_LEN(sql)};

static const char *const types[] = {
    [CHALLENGE_HTTP_01] = "http-01",
    [CHALLENGE_DNS_01] = "dns-01",
    [CHALLENGE_TLS_ALPN_01] = "tls-alpn-01",
};
_Static_assert(ARRAY_LEN(types) == CHALLENGE_TYPE__MAX, "one per type");

static const char *const statuses[] = {
    [CHALLENGE_PENDING] = "pending",
    [CHALLENGE_PROCESSING] = "processing",
    [CHALLENGE_VALID] = "valid",
    [CHALLENGE_INVALID] = "invalid",
};
_Static_assert(ARRAY_LEN(statuses) == CHALLENGE_STATUS__MAX, "one per status");

static const char dropped_error[] =
    "{\"type\":\"urn:ietf:params:acme:error:unauthorized\",\"detail\":"
    "\"another challenge has decided the authorization\",\"status\":403}";

const char *
challenge_type_name(enum challenge_type type)
{
	return type < CHALLENGE_TYPE__MAX ? types[type] : "?";
}

const char *
challenge_status_name(enum challenge_status status)
{
	return status < CHALLENGE_STATUS__MAX ? statuses[status] : "?";
}

enum challenge_status
challenge_status_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < CHALLENGE_STATUS__MAX; i++)
		if (strcmp(name, statuses[i]) == 0)
			break;
	return (enum challenge_status)i;
}

int
challenge_type_by_name(const char *name, enum challenge_type *type)
{
	size_t i;

	for (i = 0; i < CHALLENGE_TYPE__MAX; i++) {
		if (strcmp(name, types[i]) == 0) {
			*type = (enum challenge_type)i;
			return 0;
		}
	}
	return -1;
}

void
challenge_release(struct challenge *c)
{
	if (!c)
		return;
	free(c->error);
	c->error = NULL;
}

void
challenge_task_array_free(struct challenge_task *tasks, size_t len)
{
	size_t i;

	for (i = 0; tasks && i < len; i++)
		identifier_release(&tasks[i].identifier);
	free(tasks);
}

/* What the transactions of this module are called with. */
struct move {
	struct store *st;
	int64_t id;
	int64_t now;
	int64_t due;
	const char *error;
	const char *address;
};

static int
conflict(const char *wanted, struct err *e)
{
	return err_set(e, KIND_CONFLICT,
	    "RFC 8555 7.1.6: the challenge or its authorization is not %s",
	    wanted);
}

static int
start(void *arg, struct err *e)
{
	struct move *m = arg;
	int64_t n = stmt_run(
	    m->st, STMT_CHALLENGE, CHALLENGE_START, e, "ii", m->id, m->now);

	if (n == 0)
		return conflict("pending", e);
	if (n < 0 || job_add(m->st, JOB_VALIDATE, m->id, m->now, e) < 0)
		return -1;
	return event_add(
	    m->st, "challenge.start", EVENT_CHALLENGE, m->id, NULL, e);
}

int
challenge_start(struct store *st, int64_t id, struct err *e)
{
	struct move m = {.st = st, .id = id, .now = clock_now()};

	return db_transaction(st->db, DB_QUICK, start, &m, e);
}

struct taking {
	struct store *st;
	struct job_lease lease;
	size_t limit;
	struct challenge_task *tasks;
	size_t len;
};

/* Reads the task; `*alive` is whether its authorization can still be won. */
static int
read_task(struct taking *t, const struct job *j, struct challenge_task *task,
    int64_t *authorization, bool *alive, struct err *e)
{
	struct db_stmt *s = stmt_query(t->st, STMT_CHALLENGE, CHALLENGE_TASK, e,
	    "ii", j->object_id, t->lease.now);
	int rc = s ? db_step(s, e) : -1;

	*alive = false;
	*authorization = 0;
	if (rc <= 0)
		return rc;
	task->id = j->object_id;
	task->attempts = j->attempts;
	memcpy(task->request_id, j->request_id, sizeof(task->request_id));
	challenge_type_by_name(db_text(s, 0), &task->type);
	stmt_text_to(s, 1, task->token, sizeof(task->token));
	stmt_text_to(s, 2, task->thumbprint, sizeof(task->thumbprint));
	identifier_type_by_name(db_text(s, 3), &task->identifier.type);
	task->identifier.value = stmt_text_dup(s, 4);
	task->wildcard = db_int(s, 5) != 0;
	stmt_text_to(s, 6, task->authorization_url_id,
	    sizeof(task->authorization_url_id));
	*authorization = db_int(s, 7);
	*alive = db_int(s, 8) != 0;
	db_reset(s);
	return 0;
}

/* A job whose authorization can no longer be won must not come back. */
static int
bury(struct taking *t, int64_t challenge, int64_t authorization, struct err *e)
{
	struct authorization_ending how = {.to = AUTHORIZATION_EXPIRED,
	    .alive_at = INT64_MIN,
	    .error = authorization_expired_error};
	bool ended;

	if (authorization_end(t->st, authorization, &how, &ended, e) < 0)
		return -1;
	if (!ended)
		return job_end(t->st, JOB_VALIDATE, challenge, e);
	return event_add(t->st, "authorization.expire", EVENT_AUTHORIZATION,
	    authorization, NULL, e);
}

static int
take(void *arg, struct err *e)
{
	struct taking *t = arg;
	struct job *jobs = xcalloc(t->limit, sizeof(*jobs));
	size_t i, len = 0;
	int64_t authorization;
	bool alive;
	int rc;

	/* A second run begins anew. */
	challenge_task_array_free(t->tasks, t->len);
	t->tasks = xcalloc(t->limit, sizeof(*t->tasks));
	t->len = 0;
	rc = job_take(t->st, JOB_VALIDATE, &t->lease, jobs, t->limit, &len, e);
	for (i = 0; rc == 0 && i < len; i++) {
		struct challenge_task *task = &t->tasks[t->len];

		rc = read_task(t, &jobs[i], task, &authorization, &alive, e);
		if (rc == 0 && alive) {
			t->len++;
			continue;
		}
		identifier_release(&task->identifier);
		if (rc == 0)
			rc = bury(t, jobs[i].object_id, authorization, e);
	}
	free(jobs);
	return rc;
}

int
challenge_take(struct store *st, int64_t lease, int64_t longest, size_t limit,
    struct challenge_task **tasks, size_t *len, struct err *e)
{
	struct taking t = {.st = st,
	    .lease = {clock_now(), lease, longest},
	    .limit = limit < TAKE_MAX ? limit : TAKE_MAX};
	int64_t due;

	*tasks = NULL;
	*len = 0;
	/* Looking costs no lock. */
	if (challenge_next_due(st, longest, &due, e) < 0)
		return -1;
	if (due > t.lease.now || limit == 0)
		return 0;
	if (db_transaction(st->db, DB_QUICK, take, &t, e) < 0) {
		challenge_task_array_free(t.tasks, t.len);
		return -1;
	}
	*tasks = t.tasks; /* transferred */
	*len = t.len;
	return 0;
}

static int
retry(void *arg, struct err *e)
{
	struct move *m = arg;
	int64_t n = stmt_run(m->st, STMT_CHALLENGE, CHALLENGE_RETRY, e, "itt",
	    m->id, m->error, m->address);

	if (n == 0)
		return conflict("processing", e);
	if (n < 0 || job_retry(m->st, JOB_VALIDATE, m->id, m->due, e) < 0)
		return -1;
	return event_add(
	    m->st, "challenge.retry", EVENT_CHALLENGE, m->id, m->error, e);
}

int
challenge_retry(struct store *st, int64_t id, int64_t due, const char *error,
    const char *address, struct err *e)
{
	struct move m = {
	    .st = st, .id = id, .due = due, .error = error, .address = address};

	return db_transaction(st->db, DB_QUICK, retry, &m, e);
}

static int
give_back(void *arg, struct err *e)
{
	struct move *m = arg;

	/* A challenge is processing if and only if it has a job. */
	if (job_return(m->st, JOB_VALIDATE, m->id, m->now, e) < 0)
		return -1;
	return event_add(
	    m->st, "challenge.return", EVENT_CHALLENGE, m->id, NULL, e);
}

int
challenge_return(struct store *st, int64_t id, struct err *e)
{
	struct move m = {.st = st, .id = id, .now = clock_now()};

	return db_transaction(st->db, DB_QUICK, give_back, &m, e);
}

static int
set_valid(void *arg, struct err *e)
{
	struct move *m = arg;
	int64_t authorization;
	int rc = stmt_int(m->st, STMT_CHALLENGE, CHALLENGE_SET_VALID,
	    &authorization, e, "iit", m->id, m->now, m->address);

	if (rc == 0)
		return conflict("waiting for a result", e);
	if (rc < 0 ||
	    stmt_run(m->st, STMT_CHALLENGE, CHALLENGE_AUTHORIZATION_VALID, e,
		"i", authorization) < 0 ||
	    authorization_drop_validations(
		m->st, authorization, dropped_error, e) < 0 ||
	    stmt_run(m->st, STMT_CHALLENGE, CHALLENGE_ORDERS_READY, e, "ii",
		authorization, m->now) < 0)
		return -1;
	return event_add(
	    m->st, "challenge.valid", EVENT_CHALLENGE, m->id, m->address, e);
}

int
challenge_set_valid(
    struct store *st, int64_t id, const char *address, struct err *e)
{
	struct move m = {
	    .st = st, .id = id, .now = clock_now(), .address = address};

	return db_transaction(st->db, DB_QUICK, set_valid, &m, e);
}

struct moves {
	struct store *st;
	const struct challenge_validated *v;
	size_t len;
	int64_t now;
};

static int
set_all_valid(void *arg, struct err *e)
{
	const struct moves *all = arg;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < all->len; i++) {
		struct move m = {.st = all->st,
		    .id = all->v[i].id,
		    .now = all->now,
		    .address = all->v[i].address};

		log_set_id(all->v[i].request_id);
		rc = set_valid(&m, e);
	}
	log_set_id("");
	return rc;
}

int
challenge_set_all_valid(struct store *st, const struct challenge_validated *v,
    size_t len, struct err *e)
{
	struct moves all = {.st = st, .v = v, .len = len, .now = clock_now()};

	return db_transaction(st->db, DB_QUICK, set_all_valid, &all, e);
}

static int
set_invalid(void *arg, struct err *e)
{
	struct move *m = arg;
	struct authorization_ending how = {.to = AUTHORIZATION_INVALID,
	    .alive_at = INT64_MIN,
	    .error = m->error};
	int64_t authorization;
	bool ended;
	int rc = stmt_int(m->st, STMT_CHALLENGE, CHALLENGE_SET_INVALID,
	    &authorization, e, "itt", m->id, m->error, m->address);

	if (rc == 0)
		return conflict("processing", e);
	if (rc < 0 ||
	    authorization_end(m->st, authorization, &how, &ended, e) < 0)
		return -1;
	return event_add(
	    m->st, "challenge.invalid", EVENT_CHALLENGE, m->id, m->error, e);
}

int
challenge_set_invalid(struct store *st, int64_t id, const char *error,
    const char *address, struct err *e)
{
	struct move m = {
	    .st = st, .id = id, .error = error, .address = address};

	return db_transaction(st->db, DB_QUICK, set_invalid, &m, e);
}

int
challenge_next_due(
    struct store *st, int64_t longest, int64_t *when, struct err *e)
{
	const struct job_lease l = {.now = clock_now(), .longest = longest};

	return job_next_due(st, JOB_VALIDATE, &l, when, e);
}
