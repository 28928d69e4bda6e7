#include "store/check.h"

#include <sys/stat.h>

#include "store/stmt.h"

#define FILE_MODE 0660

/* Each gives a row per violation: the number of the object. */
enum {
	CHECK_PROCESSING_ORDER,
	CHECK_ISSUE_JOB,
	CHECK_VALID_ORDER,
	CHECK_READY_ORDER,
	CHECK_OPEN_ORDER,
	CHECK_EMPTY_ORDER,
	CHECK_PROCESSING_CHALLENGE,
	CHECK_VALIDATE_JOB,
	CHECK_VALID_AUTHORIZATION,
	CHECK_PENDING_AUTHORIZATION,
	CHECK_ENDED_ACCOUNT,
	CHECK_EMPTY_CHAIN,
	CHECK__MAX
};

static const char *const sql[] = {
    [CHECK_PROCESSING_ORDER] =
	"SELECT id FROM orders WHERE status = 'processing' AND NOT EXISTS"
	" (SELECT 1 FROM jobs j WHERE j.kind = 'issue'"
	" AND j.object_id = orders.id)",
    [CHECK_ISSUE_JOB] =
	"SELECT object_id FROM jobs WHERE kind = 'issue' AND NOT EXISTS"
	" (SELECT 1 FROM orders o WHERE o.id = object_id"
	" AND o.status = 'processing')",
    [CHECK_VALID_ORDER] =
	"SELECT id FROM orders WHERE status = 'valid' AND NOT EXISTS"
	" (SELECT 1 FROM certificates c WHERE c.id = certificate_id)",
    [CHECK_READY_ORDER] =
	"SELECT o.id FROM orders o WHERE o.status = 'ready' AND EXISTS"
	" (SELECT 1 FROM identifiers i JOIN authorizations a"
	" ON a.id = i.authorization_id WHERE i.order_id = o.id"
	" AND a.status <> 'valid')",
    [CHECK_OPEN_ORDER] =
	"SELECT o.id FROM orders o WHERE o.status = 'pending' AND (EXISTS"
	" (SELECT 1 FROM identifiers i JOIN authorizations a"
	" ON a.id = i.authorization_id WHERE i.order_id = o.id"
	" AND a.status NOT IN ('pending', 'valid')) OR NOT EXISTS"
	" (SELECT 1 FROM identifiers i JOIN authorizations a"
	" ON a.id = i.authorization_id WHERE i.order_id = o.id"
	" AND a.status = 'pending'))",
    [CHECK_EMPTY_ORDER] =
	"SELECT id FROM orders WHERE NOT EXISTS"
	" (SELECT 1 FROM identifiers i WHERE i.order_id = orders.id)",
    [CHECK_PROCESSING_CHALLENGE] =
	"SELECT id FROM challenges WHERE status = 'processing' AND NOT EXISTS"
	" (SELECT 1 FROM jobs j WHERE j.kind = 'validate'"
	" AND j.object_id = challenges.id)",
    [CHECK_VALIDATE_JOB] =
	"SELECT object_id FROM jobs WHERE kind = 'validate' AND NOT EXISTS"
	" (SELECT 1 FROM challenges c WHERE c.id = object_id"
	" AND c.status = 'processing')",
    [CHECK_VALID_AUTHORIZATION] =
	"SELECT id FROM authorizations WHERE status = 'valid' AND NOT EXISTS"
	" (SELECT 1 FROM challenges c WHERE c.authorization_id ="
	" authorizations.id AND c.status = 'valid')",
    [CHECK_PENDING_AUTHORIZATION] =
	"SELECT id FROM authorizations WHERE status = 'pending' AND EXISTS"
	" (SELECT 1 FROM challenges c WHERE c.authorization_id ="
	" authorizations.id AND c.status IN ('valid', 'invalid'))",
    [CHECK_ENDED_ACCOUNT] =
	"SELECT k.id FROM accounts k WHERE k.status <> 'valid' AND EXISTS"
	" (SELECT 1 FROM orders o WHERE o.account_id = k.id"
	" AND o.status IN ('pending', 'ready'))",
    [CHECK_EMPTY_CHAIN] =
	"SELECT id FROM chains WHERE NOT EXISTS"
	" (SELECT 1 FROM chain_members m WHERE m.chain_id = chains.id)",
};
_Static_assert(ARRAY_LEN(sql) == CHECK__MAX, "a statement per check");

const struct stmt_table check_stmts = {"check", sql, ARRAY_LEN(sql)};

static const struct {
	const char *object;
	const char *problem;
} texts[] = {
    [CHECK_PROCESSING_ORDER] = {"order", "processing, but without a job"},
    [CHECK_ISSUE_JOB] = {"order", "has a job, but is not processing"},
    [CHECK_VALID_ORDER] = {"order", "valid, but without a certificate"},
    [CHECK_READY_ORDER] = {"order", "ready, but an authorization is not valid"},
    [CHECK_OPEN_ORDER] = {"order",
	"pending, but no authorization is, or one can no longer be valid"},
    [CHECK_EMPTY_ORDER] = {"order", "without a name"},
    [CHECK_PROCESSING_CHALLENGE] = {"challenge",
	"processing, but without a job"},
    [CHECK_VALIDATE_JOB] = {"challenge", "has a job, but is not processing"},
    [CHECK_VALID_AUTHORIZATION] = {"authorization",
	"valid, but no challenge is"},
    [CHECK_PENDING_AUTHORIZATION] = {"authorization",
	"pending, but a challenge has decided it"},
    [CHECK_ENDED_ACCOUNT] = {"account", "ended, but an order is open"},
    [CHECK_EMPTY_CHAIN] = {"chain", "without a certificate"},
};
_Static_assert(ARRAY_LEN(texts) == CHECK__MAX, "a text per check");

struct checking {
	struct store *st;
	struct strv *problems;
};

static int
check_states(void *arg, struct err *e)
{
	struct checking *c = arg;
	size_t i;

	for (i = 0; i < CHECK__MAX; i++) {
		struct db_stmt *s = stmt_query(c->st, STMT_CHECK, i, e, "");
		int rc = -1;

		while (s && (rc = db_step(s, e)) > 0) {
			char *line = xasprintf("%s/%lld: %s", texts[i].object,
			    (long long)db_int(s, 0), texts[i].problem);

			strv_add(c->problems, line);
			free(line);
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int
check_modes(struct store *st, struct strv *problems, struct err *e)
{
	struct strv paths = {0};
	struct stat info;
	size_t i;
	int rc = db_files(st->db, &paths, e);

	for (i = 0; rc == 0 && i < paths.len; i++) {
		char *line;

		if (stat(paths.v[i], &info) < 0 ||
		    (info.st_mode & 0777) == FILE_MODE)
			continue;
		line = xasprintf("%s: mode %04o, not %04o", paths.v[i],
		    (unsigned)(info.st_mode & 07777), FILE_MODE);
		strv_add(problems, line);
		free(line);
	}
	strv_release(&paths);
	return rc;
}

int
check_run(struct store *st, struct strv *problems, struct err *e)
{
	struct checking c = {.st = st, .problems = problems};

	if (check_modes(st, problems, e) < 0 ||
	    db_verify(st->db, problems, e) < 0)
		return -1;
	return db_snapshot(st->db, check_states, &c, e);
}
