#include "store/job.h"

#include "base/log.h"
#include "store/stmt.h"

enum {
	JOB_ADD,
	JOB_END,
	JOB_RETRY,
	JOB_RETURN,
	JOB_RECALL,
	JOB_TAKE,
	JOB_NEXT
};

static const char *const sql[] = {
    [JOB_ADD] = "INSERT INTO jobs (kind, object_id, attempts, due, request_id)"
		" VALUES (?1, ?2, 0, ?3, ?4)",
    [JOB_END] = "DELETE FROM jobs WHERE kind = ?1 AND object_id = ?2",
    [JOB_RETRY] = "UPDATE jobs SET attempts = attempts + 1, due = ?3"
		  " WHERE kind = ?1 AND object_id = ?2",
    [JOB_RETURN] = "UPDATE jobs SET due = ?3"
		   " WHERE kind = ?1 AND object_id = ?2",
    [JOB_RECALL] = "UPDATE jobs SET due = ?2 WHERE kind = ?1 AND due > ?3",
    [JOB_TAKE] = "UPDATE jobs SET due = ?3 WHERE kind = ?1 AND object_id IN"
		 " (SELECT object_id FROM jobs WHERE kind = ?1 AND due <= ?2"
		 " ORDER BY due LIMIT ?4)"
		 " RETURNING object_id, attempts, request_id",
    [JOB_NEXT] = "SELECT due,"
		 " (SELECT due FROM jobs WHERE kind = ?1"
		 " ORDER BY due DESC LIMIT 1) > ?2"
		 " FROM jobs WHERE kind = ?1 ORDER BY due LIMIT 1",
};

const struct stmt_table job_stmts = {"job", sql, ARRAY_LEN(sql)};

static const char *const kinds[] = {
    [JOB_VALIDATE] = "validate",
    [JOB_ISSUE] = "issue",
};
_Static_assert(ARRAY_LEN(kinds) == JOB__MAX, "one per kind");

const char *
job_kind_name(enum job_kind kind)
{
	return kind < JOB__MAX ? kinds[kind] : "?";
}

int
job_add(struct store *st, enum job_kind kind, int64_t object_id, int64_t due,
    struct err *e)
{
	return stmt_run(st, STMT_JOB, JOB_ADD, e, "tiit", kinds[kind],
		   object_id, due, log_get_id()) < 0
	    ? -1
	    : 0;
}

int
job_end(struct store *st, enum job_kind kind, int64_t object_id, struct err *e)
{
	return stmt_run(
		   st, STMT_JOB, JOB_END, e, "ti", kinds[kind], object_id) < 0
	    ? -1
	    : 0;
}

static int
set_due(struct store *st, size_t statement, enum job_kind kind,
    int64_t object_id, int64_t due, struct err *e)
{
	int64_t n = stmt_run(
	    st, STMT_JOB, statement, e, "tii", kinds[kind], object_id, due);

	if (n == 0)
		return err_set(e, KIND_CONFLICT, "no job %s for object %lld",
		    kinds[kind], (long long)object_id);
	return n < 0 ? -1 : 0;
}

int
job_retry(struct store *st, enum job_kind kind, int64_t object_id, int64_t due,
    struct err *e)
{
	return set_due(st, JOB_RETRY, kind, object_id, due, e);
}

int
job_return(struct store *st, enum job_kind kind, int64_t object_id, int64_t due,
    struct err *e)
{
	return set_due(st, JOB_RETURN, kind, object_id, due, e);
}

int
job_take(struct store *st, enum job_kind kind, const struct job_lease *l,
    struct job *jobs, size_t max, size_t *len, struct err *e)
{
	struct db_stmt *s;
	int rc = -1;

	*len = 0;
	if (stmt_run(st, STMT_JOB, JOB_RECALL, e, "tii", kinds[kind], l->now,
		l->now + l->longest) < 0)
		return -1;
	s = stmt_query(st, STMT_JOB, JOB_TAKE, e, "tiii", kinds[kind], l->now,
	    l->now + l->length, (int64_t)max);
	while (s && (rc = db_step(s, e)) > 0) {
		struct job *j = &jobs[(*len)++];

		j->object_id = db_int(s, 0);
		j->attempts = (int)db_int(s, 1);
		stmt_text_to(s, 2, j->request_id, sizeof(j->request_id));
	}
	return rc;
}

int
job_next_due(struct store *st, enum job_kind kind, const struct job_lease *l,
    int64_t *when, struct err *e)
{
	struct db_stmt *s = stmt_query(
	    st, STMT_JOB, JOB_NEXT, e, "ti", kinds[kind], l->now + l->longest);
	int rc = s ? db_step(s, e) : -1;

	if (rc < 0)
		return -1;
	*when = INT64_MAX;
	if (rc > 0) {
		*when = db_int(s, 0);
		if (db_int(s, 1) != 0 && *when > l->now)
			*when = l->now;
		db_reset(s);
	}
	return 0;
}
