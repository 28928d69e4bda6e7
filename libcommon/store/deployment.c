#include "store/deployment.h"

#include "store/event.h"
#include "store/queue_part.h"
#include "sys/clock.h"

#define STEP 256

enum {
	/* QUEUE_HELD is the first */
	DEPLOYMENT_PUT = QUEUE_HELD + 1,
	DEPLOYMENT_COMPLETE,
	DEPLOYMENT_FORGET,
	DEPLOYMENT_READY,
	DEPLOYMENT_CERTIFICATES,
	DEPLOYMENT_IS_DONE_AT,
	DEPLOYMENT_SET_DONE,
	DEPLOYMENT_SET_OPEN
};

static const char *const sql[] = {
    [QUEUE_HELD] = "SELECT id FROM deploy_targets WHERE id = ?1 AND lease = ?2",
    [DEPLOYMENT_PUT] =
	"INSERT INTO deployments (deploy_target_id, certificate_id,"
	" previous_id, status, since) SELECT t.id, CAST(?1 AS BIGINT),"
	" (SELECT CASE WHEN p.status = 'done' THEN p.certificate_id"
	" ELSE p.previous_id END FROM deployments p"
	" WHERE p.deploy_target_id = t.id AND p.certificate_id = ?2),"
	" 'pending', CAST(?3 AS BIGINT) FROM deploy_targets t WHERE t.id > 0"
	" AND (t.scope = 'all' OR (SELECT s.fqdn_set_id"
	" FROM deploy_target_sets s WHERE s.deploy_target_id = t.id"
	" AND s.fqdn_set_id = (SELECT c.fqdn_set_id FROM certificates c"
	" WHERE c.id = ?1) LIMIT 1) IS NOT NULL)"
	" ON CONFLICT (deploy_target_id, certificate_id) DO UPDATE SET"
	" status = 'pending', revision = deployments.revision + 1,"
	" previous_id = COALESCE(excluded.previous_id,"
	" deployments.previous_id), since = excluded.since, retry_at = 0,"
	" attempts = 0, failing_since = NULL, error = NULL",
    [DEPLOYMENT_COMPLETE] =
	"UPDATE deploy_targets SET complete = complete + 1 WHERE id > 0",
    [DEPLOYMENT_FORGET] =
	"DELETE FROM deployments WHERE certificate_id = ?1 AND NOT EXISTS"
	" (SELECT 1 FROM domains d WHERE d.served_certificate_id = ?1)",
    [DEPLOYMENT_READY] =
	"SELECT d.id, d.certificate_id, d.previous_id, d.revision,"
	" d.attempts, c.not_before, c.not_after FROM deployments d"
	" JOIN certificates c ON c.id = d.certificate_id"
	" WHERE d.deploy_target_id = ?1 AND d.status <> 'done'"
	" AND d.retry_at <= ?2 AND NOT EXISTS"
	" (SELECT 1 FROM deployments o JOIN deploy_targets ot"
	" ON ot.id = o.deploy_target_id WHERE o.certificate_id ="
	" d.certificate_id AND o.status <> 'done' AND ot.resting IS NULL"
	" AND ot.rank >= ?4 AND ot.rank <"
	" (SELECT t.rank FROM deploy_targets t WHERE t.id = ?1))"
	" ORDER BY d.retry_at, d.id LIMIT ?3",
    [DEPLOYMENT_CERTIFICATES] =
	"SELECT certificate_id FROM deployments WHERE deploy_target_id = ?1"
	" ORDER BY certificate_id",
    [DEPLOYMENT_IS_DONE_AT] =
	"SELECT 1 FROM deployments WHERE deploy_target_id = ?1"
	" AND certificate_id = ?2 AND status = 'done'",
    [DEPLOYMENT_SET_DONE] =
	"UPDATE deployments SET status = 'done', since = ?3, retry_at = 0,"
	" attempts = 0, failing_since = NULL, error = NULL"
	" WHERE id = ?1 AND revision = ?2",
    [DEPLOYMENT_SET_OPEN] =
	"UPDATE deployments SET status = ?3, retry_at = ?4,"
	" attempts = attempts + 1, failing_since ="
	" COALESCE(failing_since, CAST(?5 AS BIGINT)), error = ?6"
	" WHERE id = ?1 AND revision = ?2",
};

const struct stmt_table deployment_stmts = {"deployment", sql, ARRAY_LEN(sql)};

#define M STMT_DEPLOYMENT

/* ---- what is to be done -------------------------------------------------- */

int
deployment_forget(struct store *st, int64_t certificate_id, struct err *e)
{
	return stmt_run(st, M, DEPLOYMENT_FORGET, e, "i", certificate_id) < 0
	    ? -1
	    : 0;
}

int
deployment_note(
    struct store *st, const struct deployment_change *c, struct err *e)
{
	int64_t n = c->to != 0 ? stmt_run(st, M, DEPLOYMENT_PUT, e, "iii",
				     c->to, c->from, clock_now())
			       : stmt_run(st, M, DEPLOYMENT_COMPLETE, e, "");

	if (n < 0)
		return -1;
	return c->from != 0 && c->from != c->to
	    ? deployment_forget(st, c->from, e)
	    : 0;
}

/* ---- reading ------------------------------------------------------------- */

int
deployment_ready(struct store *st, int64_t deploy_target_id, int64_t reads,
    size_t max, struct deployment **out, size_t *len, struct err *e)
{
	struct db_stmt *s = stmt_query(st, M, DEPLOYMENT_READY, e, "iiii",
	    deploy_target_id, clock_now(), (int64_t)max, reads);
	struct deployment *v = NULL;
	size_t n = 0;
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		if (n % STEP == 0)
			v = xreallocarray(v, n + STEP, sizeof(*v));
		v[n++] = (struct deployment){.id = db_int(s, 0),
		    .certificate_id = db_int(s, 1),
		    .previous_id = db_int(s, 2),
		    .revision = db_int(s, 3),
		    .attempts = db_int(s, 4),
		    .not_before = db_int(s, 5),
		    .not_after = db_int(s, 6)};
	}
	if (rc < 0) {
		free(v);
		return -1;
	}
	*out = v;
	*len = n;
	return 0;
}

int
deployment_certificates(struct store *st, int64_t deploy_target_id,
    int64_t **ids, size_t *len, struct err *e)
{
	struct db_stmt *s = stmt_query(
	    st, M, DEPLOYMENT_CERTIFICATES, e, "i", deploy_target_id);
	int64_t *v = NULL;
	size_t n = 0;
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		if (n % STEP == 0)
			v = xreallocarray(v, n + STEP, sizeof(*v));
		v[n++] = db_int(s, 0);
	}
	if (rc < 0) {
		free(v);
		return -1;
	}
	*ids = v;
	*len = n;
	return 0;
}

int
deployment_is_done(struct store *st, int64_t deploy_target_id,
    int64_t certificate_id, struct err *e)
{
	int64_t one;

	return stmt_int(st, M, DEPLOYMENT_IS_DONE_AT, &one, e, "ii",
	    deploy_target_id, certificate_id);
}

/* ---- what has become of it ----------------------------------------------- */

struct storing {
	struct store *st;
	const struct queue_hold *hold;
	const struct deployment_result *r;
	size_t len;
};

static int
store_one(struct store *st, const struct deployment_result *r, struct err *e)
{
	int64_t now = clock_now();
	int64_t n = r->status == DEPLOYMENT_DONE
	    ? stmt_run(st, M, DEPLOYMENT_SET_DONE, e, "iii", r->d->id,
		  r->d->revision, now)
	    : stmt_run(st, M, DEPLOYMENT_SET_OPEN, e, "iitiit", r->d->id,
		  r->d->revision,
		  r->status == DEPLOYMENT_FAILED ? "failed" : "pending",
		  r->retry_at, now, r->error);

	return n < 0 ? -1 : 0;
}

/* One line in the log for all of them; the rows say the rest. */
static int
note(struct storing *s, int64_t target, struct err *e)
{
	const char *error = NULL;
	char detail[400];
	size_t failed = 0;

	for (size_t i = 0; i < s->len; i++)
		if (s->r[i].status != DEPLOYMENT_DONE) {
			failed++;
			error = s->r[i].error;
		}
	if (s->len == 0)
		return 0;
	snprintf(detail, sizeof(detail), "%zu certificate%s%s%s",
	    failed > 0 ? failed : s->len,
	    (failed > 0 ? failed : s->len) == 1 ? "" : "s", error ? ": " : "",
	    error ? error : "");
	return event_add(s->st, failed > 0 ? "deploy.fail" : "deploy.done",
	    EVENT_DEPLOY_TARGET, target, detail, e);
}

static int
store_all(void *arg, struct err *e)
{
	struct storing *s = arg;
	int64_t target;

	if (queue_held(s->st, M, s->hold, &target, e) < 0)
		return -1;
	for (size_t i = 0; i < s->len; i++)
		if (store_one(s->st, &s->r[i], e) < 0)
			return -1;
	return note(s, target, e);
}

int
deployment_store(struct store *st, const struct queue_hold *hold,
    const struct deployment_result *r, size_t len, struct err *e)
{
	struct storing s = {.st = st, .hold = hold, .r = r, .len = len};

	return db_transaction(st->db, DB_DURABLE, store_all, &s, e);
}
