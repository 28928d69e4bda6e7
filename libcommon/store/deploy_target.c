#include "store/deploy_target.h"

#include "store/event.h"
#include "store/queue_part.h"
#include "store/serving_change.h"
#include "sys/clock.h"

enum {
	TARGET_ADD,
	TARGET_KNOWN,
	TARGET_CHANGE,
	TARGET_NAMES,
	TARGET_REMOVE,
	TARGET_SETS,
	TARGET_CLEAR_SETS,
	TARGET_ADD_SET,
	TARGET_REST,
	TARGET_WAKE,
	TARGET_DROP,
	TARGET_PUT_ALL,
	TARGET_EACH,
	TARGET_COUNT,
	TARGET_ERROR,
	TARGET_TAKE,
	TARGET_KEEP,
	TARGET_GIVE_BACK,
	TARGET_AGAIN
};

/* Whether certificate `c` is for the target ?1. */
#define IS_FOR                                                                 \
	"((SELECT t.scope FROM deploy_targets t WHERE t.id = ?1) = 'all'"      \
	" OR EXISTS (SELECT 1 FROM deploy_target_sets s"                       \
	" WHERE s.deploy_target_id = ?1 AND s.fqdn_set_id = c.fqdn_set_id))"

#define IS_OPEN "d.status <> 'done'"

static const char *const sql[] = {
    [TARGET_ADD] =
	"INSERT INTO deploy_targets (name, kind, rank, settings, scope,"
	" complete, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
	" RETURNING id",
    [TARGET_KNOWN] = "SELECT id, settings, scope, resting FROM deploy_targets"
		     " WHERE name = ?1",
    [TARGET_CHANGE] =
	"UPDATE deploy_targets SET kind = ?2, rank = ?3, settings = ?4,"
	" scope = ?5, complete = complete + 1 WHERE id = ?1",
    [TARGET_REST] =
	"UPDATE deploy_targets SET resting = ?2, resting_since ="
	" COALESCE(resting_since, CAST(?3 AS BIGINT)) WHERE id = ?1",
    [TARGET_WAKE] =
	"UPDATE deploy_targets SET resting = NULL, resting_since = NULL"
	" WHERE id = ?1 AND resting IS NOT NULL",
    [TARGET_NAMES] =
	"SELECT id, name FROM deploy_targets WHERE id > 0 ORDER BY id",
    [TARGET_REMOVE] = "DELETE FROM deploy_targets WHERE id = ?1",
    [TARGET_SETS] = "SELECT fqdn_set_id FROM deploy_target_sets"
		    " WHERE deploy_target_id = ?1 ORDER BY fqdn_set_id",
    [TARGET_CLEAR_SETS] =
	"DELETE FROM deploy_target_sets WHERE deploy_target_id = ?1",
    [TARGET_ADD_SET] =
	"INSERT INTO deploy_target_sets (deploy_target_id, fqdn_set_id)"
	" VALUES (?1, ?2)",
    [TARGET_DROP] =
	"DELETE FROM deployments WHERE deploy_target_id = ?1 AND NOT EXISTS"
	" (SELECT 1 FROM certificates c WHERE c.id ="
	" deployments.certificate_id"
	" AND " IS_FOR ")",
    [TARGET_PUT_ALL] =
	"INSERT INTO deployments (deploy_target_id, certificate_id, status,"
	" since) SELECT CAST(?1 AS BIGINT), c.id, 'pending',"
	" CAST(?2 AS BIGINT) FROM certificates c WHERE c.id IN"
	" (SELECT d.served_certificate_id FROM domains d"
	" WHERE d.served_certificate_id > 0) AND " IS_FOR
	" ON CONFLICT (deploy_target_id, certificate_id) DO UPDATE SET"
	" status = 'pending', revision = deployments.revision + 1,"
	" since = excluded.since, retry_at = 0, attempts = 0,"
	" failing_since = NULL, error = NULL",
    [TARGET_EACH] =
	"SELECT t.id, t.name, t.kind, t.lease_until, t.rank,"
	" (SELECT count(*) FROM deployments d WHERE d.deploy_target_id = t.id"
	" AND " IS_OPEN "),"
	" (SELECT count(*) FROM deployments d WHERE d.deploy_target_id = t.id"
	" AND " IS_OPEN " AND d.attempts > 0),"
	" (SELECT min(d.since) FROM deployments d"
	" WHERE d.deploy_target_id = t.id AND " IS_OPEN "),"
	" (SELECT min(d.failing_since) FROM deployments d"
	" WHERE d.deploy_target_id = t.id AND " IS_OPEN "),"
	" (SELECT min(d.retry_at) FROM deployments d"
	" WHERE d.deploy_target_id = t.id AND " IS_OPEN "), t.complete,"
	" t.resting, t.resting_since"
	" FROM deploy_targets t"
	" WHERE t.id > 0 AND (?1 = '' OR t.name = ?1) ORDER BY t.id",
    [TARGET_COUNT] =
	"SELECT count(*) FROM deployments WHERE deploy_target_id = ?1",
    [TARGET_ERROR] =
	"SELECT d.error FROM deployments d WHERE d.deploy_target_id = ?1"
	" AND " IS_OPEN " AND d.error IS NOT NULL"
	" ORDER BY d.retry_at, d.id LIMIT 1",
    [TARGET_TAKE] =
	"UPDATE deploy_targets SET lease = lease + 1, lease_until = ?4"
	" WHERE id = ?1 AND " QUEUE_IS_FREE(
	    "?2", "?3") " RETURNING lease, complete",
    [TARGET_KEEP] = "UPDATE deploy_targets SET lease_until = ?3"
		    " WHERE id = ?1 AND lease = ?2",
    [TARGET_GIVE_BACK] =
	"UPDATE deploy_targets SET lease_until = 0, complete = CASE WHEN"
	" complete = CAST(?3 AS BIGINT) THEN 0 ELSE complete END"
	" WHERE id = ?1 AND lease = ?2",
    [TARGET_AGAIN] =
	"UPDATE deploy_targets SET complete = complete + 1 WHERE id = ?1",
};

const struct stmt_table deploy_target_stmts = {
    "deploy_target", sql, ARRAY_LEN(sql)};

#define M STMT_DEPLOY_TARGET

/* ---- as the file has them ------------------------------------------------ */

struct syncing {
	struct store *st;
	const struct deploy_target_new *v;
	size_t len;
};

static const char *
scope_of(const struct deploy_target_new *n)
{
	return n->is_for_all ? "all" : "some";
}

static int
put_all(struct store *st, int64_t id, struct err *e)
{
	return stmt_run(st, M, TARGET_DROP, e, "i", id) < 0 ||
		stmt_run(st, M, TARGET_PUT_ALL, e, "ii", id, clock_now()) < 0
	    ? -1
	    : 0;
}

static int
put_sets(struct store *st, int64_t id, const struct deploy_target_new *n,
    struct err *e)
{
	if (stmt_run(st, M, TARGET_CLEAR_SETS, e, "i", id) < 0)
		return -1;
	for (size_t i = 0; i < n->len; i++)
		if (stmt_run(st, M, TARGET_ADD_SET, e, "ii", id,
			n->fqdn_set_ids[i]) < 0)
			return -1;
	return 0;
}

/* 1: as in the store, 0, -1. */
static int
has_sets(struct store *st, int64_t id, const struct deploy_target_new *n,
    struct err *e)
{
	struct db_stmt *s = stmt_query(st, M, TARGET_SETS, e, "i", id);
	bool same = true;
	size_t i = 0;
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		same = same && i < n->len && n->fqdn_set_ids[i] == db_int(s, 0);
		i++;
	}
	return rc < 0 ? -1 : same && i == n->len;
}

static int
add(struct store *st, const struct deploy_target_new *n, struct err *e)
{
	int64_t id;

	if (stmt_int(st, M, TARGET_ADD, &id, e, "ttittii", n->name, n->kind,
		n->rank, n->settings, scope_of(n), (int64_t)1,
		clock_now()) < 0 ||
	    put_sets(st, id, n, e) < 0 || put_all(st, id, e) < 0)
		return -1;
	/* What serves was not noted before there was a target. */
	if (serving_change_note_all(st, e) < 0)
		return -1;
	return event_add(
	    st, "deploy_target.add", EVENT_DEPLOY_TARGET, id, n->name, e);
}

static int
change(struct store *st, int64_t id, const struct deploy_target_new *n,
    struct err *e)
{
	if (stmt_run(st, M, TARGET_CHANGE, e, "ititt", id, n->kind, n->rank,
		n->settings, scope_of(n)) < 0 ||
	    put_sets(st, id, n, e) < 0 || put_all(st, id, e) < 0)
		return -1;
	return event_add(
	    st, "deploy_target.change", EVENT_DEPLOY_TARGET, id, n->name, e);
}

static int
wake(struct store *st, int64_t id, const struct deploy_target_new *n,
    struct err *e)
{
	int64_t rows = stmt_run(st, M, TARGET_WAKE, e, "i", id);

	if (rows <= 0)
		return (int)rows;
	return event_add(
	    st, "deploy_target.wake", EVENT_DEPLOY_TARGET, id, n->name, e);
}

/*
 * What it is for was known once, perhaps, and will be again.  A new one has
 * settings that no file has: then it is another, and complete.
 */
static int
rest(struct store *st, const struct deploy_target_new *n, struct err *e)
{
	struct db_stmt *s = stmt_query(st, M, TARGET_KNOWN, e, "t", n->name);
	int rc = s ? db_step(s, e) : -1;
	int64_t id = 0;
	bool was_resting = false;

	if (rc > 0) {
		id = db_int(s, 0);
		was_resting = !db_is_null(s, 3);
		db_reset(s);
	} else if (rc == 0) {
		rc = stmt_int(st, M, TARGET_ADD, &id, e, "ttittii", n->name,
		    n->kind, n->rank, "", "some", (int64_t)0, clock_now());
		if (rc >= 0)
			rc = serving_change_note_all(st, e);
	}
	if (rc < 0 ||
	    stmt_run(
		st, M, TARGET_REST, e, "iti", id, n->resting, clock_now()) < 0)
		return -1;
	return was_resting ? 0
			   : event_add(st, "deploy_target.rest",
				 EVENT_DEPLOY_TARGET, id, n->resting, e);
}

static int
sync_one(struct store *st, const struct deploy_target_new *n, struct err *e)
{
	struct db_stmt *s = stmt_query(st, M, TARGET_KNOWN, e, "t", n->name);
	int rc = s ? db_step(s, e) : -1;
	int64_t id;
	bool same;

	if (rc < 0)
		return -1;
	if (rc == 0)
		return add(st, n, e);
	id = db_int(s, 0);
	same = strcmp(db_text(s, 1), n->settings) == 0 &&
	    strcmp(db_text(s, 2), scope_of(n)) == 0;
	db_reset(s);
	rc = same ? has_sets(st, id, n, e) : 0;
	if (rc == 0)
		rc = change(st, id, n, e);
	return rc < 0 ? -1 : wake(st, id, n, e);
}

static bool
is_in_file(const struct syncing *y, const char *name)
{
	for (size_t i = 0; i < y->len; i++)
		if (strcmp(y->v[i].name, name) == 0)
			return true;
	return false;
}

static int
remove_others(struct syncing *y, struct err *e)
{
	struct db_stmt *s = stmt_query(y->st, M, TARGET_NAMES, e, "");
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		int64_t id = db_int(s, 0);
		char *name;

		if (is_in_file(y, db_text(s, 1)))
			continue;
		name = xstrdup(db_text(s, 1));
		rc = stmt_run(y->st, M, TARGET_REMOVE, e, "i", id) < 0
		    ? -1
		    : event_add(y->st, "deploy_target.remove",
			  EVENT_DEPLOY_TARGET, id, name, e);
		free(name);
		if (rc < 0)
			break;
	}
	return rc;
}

static int
sync_all(void *arg, struct err *e)
{
	struct syncing *y = arg;

	if (remove_others(y, e) < 0)
		return -1;
	for (size_t i = 0; i < y->len; i++)
		if ((y->v[i].resting ? rest(y->st, &y->v[i], e)
				     : sync_one(y->st, &y->v[i], e)) < 0)
			return -1;
	return 0;
}

int
deploy_target_sync(struct store *st, const struct deploy_target_new *v,
    size_t len, struct err *e)
{
	struct syncing y = {.st = st, .v = v, .len = len};

	return db_transaction(st->db, DB_DURABLE, sync_all, &y, e);
}

/* ---- reading ------------------------------------------------------------- */

void
deploy_target_release(struct deploy_target *t)
{
	if (!t)
		return;
	free(t->name);
	free(t->kind);
	free(t->error);
	free(t->resting);
	*t = (struct deploy_target){0};
}

static void
read_row(struct db_stmt *s, struct deploy_target *t)
{
	int64_t open = db_int(s, 5);

	*t = (struct deploy_target){.id = db_int(s, 0),
	    .name = stmt_text_dup(s, 1),
	    .kind = stmt_text_dup(s, 2),
	    .lease_until = db_int(s, 3),
	    .rank = db_int(s, 4),
	    .failing = db_int(s, 6),
	    .pending = open - db_int(s, 6),
	    .since = db_int(s, 7),
	    .failing_since = db_int(s, 8),
	    .retry_at = db_int(s, 9),
	    .is_incomplete = db_int(s, 10) != 0,
	    .resting = stmt_text_dup(s, 11),
	    .resting_since = db_int(s, 12)};
}

static int
read_error(struct store *st, struct deploy_target *t, struct err *e)
{
	struct db_stmt *s = stmt_query(st, M, TARGET_ERROR, e, "i", t->id);
	int rc = s ? db_step(s, e) : -1;

	if (rc <= 0)
		return rc;
	t->error = stmt_text_dup(s, 0);
	db_reset(s);
	return 0;
}

struct looking {
	struct store *st;
	const char *name; /* "": all */
	struct deploy_target *v;
	size_t len;
};

static int
look(void *arg, struct err *e)
{
	struct looking *l = arg;
	struct db_stmt *s = stmt_query(l->st, M, TARGET_EACH, e, "t", l->name);
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		l->v = xreallocarray(l->v, l->len + 1, sizeof(*l->v));
		read_row(s, &l->v[l->len++]);
	}
	for (size_t i = 0; rc == 0 && i < l->len; i++)
		rc = read_error(l->st, &l->v[i], e);
	return rc;
}

static int
by_rank(const void *a, const void *b)
{
	const struct deploy_target *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return strcmp(x->name, y->name);
}

int
deploy_target_each(struct store *st,
    int (*fn)(void *arg, const struct deploy_target *t, struct err *e),
    void *arg, struct err *e)
{
	struct looking l = {.st = st, .name = ""};
	int rc = db_snapshot(st->db, look, &l, e);

	if (l.len > 0)
		qsort(l.v, l.len, sizeof(*l.v), by_rank);
	for (size_t i = 0; i < l.len; i++) {
		if (rc == 0)
			rc = fn(arg, &l.v[i], e);
		deploy_target_release(&l.v[i]);
	}
	free(l.v);
	return rc;
}

int
deploy_target_count(struct store *st, struct deploy_target *t, struct err *e)
{
	int64_t all = 0;
	int rc = stmt_int(st, M, TARGET_COUNT, &all, e, "i", t->id);

	t->done = all - t->pending - t->failing;
	return rc < 0 ? -1 : 0;
}

int
deploy_target_by_name(
    struct store *st, const char *name, struct deploy_target *t, struct err *e)
{
	struct looking l = {.st = st, .name = name};
	int rc = *name ? db_snapshot(st->db, look, &l, e) : 0;

	*t = (struct deploy_target){0};
	if (l.len > 0)
		*t = l.v[0]; /* transferred */
	else if (rc == 0)
		rc = err_set(
		    e, KIND_NOTFOUND, "%s: no such deploy target", name);
	free(l.v);
	if (rc < 0)
		deploy_target_release(t);
	return rc;
}

/* ---- working ------------------------------------------------------------- */

int
deploy_target_take(struct store *st, int64_t id, int64_t until,
    struct queue_hold *hold, int64_t *complete, struct err *e)
{
	int64_t now = clock_now();
	struct db_stmt *s = stmt_query(st, M, TARGET_TAKE, e, "iiii", id, now,
	    now + QUEUE_HOLD_MAX, until);
	int rc = s ? db_step(s, e) : -1;

	if (rc <= 0)
		return rc;
	*hold = (struct queue_hold){id, db_int(s, 0)};
	*complete = db_int(s, 1);
	db_reset(s);
	return 1;
}

int
deploy_target_keep(struct store *st, const struct queue_hold *hold,
    int64_t until, struct err *e)
{
	int64_t n = stmt_run(
	    st, M, TARGET_KEEP, e, "iii", hold->id, hold->lease, until);

	if (n == 0)
		return err_set(
		    e, KIND_BUSY, "another process has taken the target");
	return n < 0 ? -1 : 0;
}

int
deploy_target_give_back(struct store *st, const struct queue_hold *hold,
    int64_t complete, struct err *e)
{
	return stmt_run(st, M, TARGET_GIVE_BACK, e, "iii", hold->id,
		   hold->lease, complete) < 0
	    ? -1
	    : 0;
}

struct again {
	struct store *st;
	int64_t id;
};

static int
again(void *arg, struct err *e)
{
	struct again *a = arg;

	return put_all(a->st, a->id, e) < 0 ||
		stmt_run(a->st, M, TARGET_AGAIN, e, "i", a->id) < 0
	    ? -1
	    : 0;
}

int
deploy_target_again(struct store *st, int64_t id, struct err *e)
{
	struct again a = {st, id};

	return db_transaction(st->db, DB_DURABLE, again, &a, e);
}
