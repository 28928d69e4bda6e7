#include "store/check.h"

#include <sys/stat.h>

#include "store/schema.h"
#include "store/stmt.h"
#include "wrap/digest.h"

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
	CHECK_INVALID_AUTHORIZATION,
	CHECK_TWICE_VALID,
	CHECK_LATE_CHALLENGE,
	CHECK_ENDED_ACCOUNT,
	CHECK_ENDED_AUTHORIZATION,
	CHECK_ORDER_CHAIN,
	CHECK_EMPTY_CHAIN,
	CHECK__MAX,
	/* These read what there is. */
	CHECK_CERTIFICATES = CHECK__MAX,
	CHECK_CA_CERTIFICATES,
	CHECK__ALL
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
    [CHECK_INVALID_AUTHORIZATION] =
	"SELECT id FROM authorizations WHERE status = 'invalid' AND NOT EXISTS"
	" (SELECT 1 FROM challenges c WHERE c.authorization_id ="
	" authorizations.id AND c.status = 'invalid')",
    [CHECK_TWICE_VALID] =
	"SELECT authorization_id FROM challenges WHERE status = 'valid'"
	" GROUP BY authorization_id HAVING count(*) > 1",
    [CHECK_LATE_CHALLENGE] =
	"SELECT c.id FROM challenges c"
	" JOIN authorizations a ON a.id = c.authorization_id"
	" WHERE (c.status = 'processing' AND a.status <> 'pending')"
	" OR (c.status = 'valid' AND a.status = 'invalid')",
    [CHECK_ENDED_ACCOUNT] =
	"SELECT k.id FROM accounts k WHERE k.status <> 'valid' AND EXISTS"
	" (SELECT 1 FROM orders o WHERE o.account_id = k.id"
	" AND o.status IN ('pending', 'ready'))",
    [CHECK_ENDED_AUTHORIZATION] =
	"SELECT k.id FROM accounts k WHERE k.status <> 'valid' AND EXISTS"
	" (SELECT 1 FROM authorizations a WHERE a.account_id = k.id"
	" AND a.status IN ('pending', 'valid'))",
    [CHECK_ORDER_CHAIN] =
	"SELECT o.id FROM orders o WHERE o.chain_id IS NOT NULL AND NOT EXISTS"
	" (SELECT 1 FROM certificate_chains k WHERE k.certificate_id ="
	" o.certificate_id AND k.chain_id = o.chain_id)",
    [CHECK_EMPTY_CHAIN] =
	"SELECT id FROM chains WHERE NOT EXISTS"
	" (SELECT 1 FROM chain_members m WHERE m.chain_id = chains.id)",
    [CHECK_CERTIFICATES] = "SELECT id, sha256, der FROM certificates",
    [CHECK_CA_CERTIFICATES] = "SELECT id, sha256, der FROM ca_certificates",
};
_Static_assert(ARRAY_LEN(sql) == CHECK__ALL, "a statement per check");

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
    [CHECK_INVALID_AUTHORIZATION] = {"authorization",
	"invalid, but no challenge is"},
    [CHECK_TWICE_VALID] = {"authorization", "more than one challenge is valid"},
    [CHECK_LATE_CHALLENGE] = {"challenge",
	"processing or valid, but its authorization has ended without it"},
    [CHECK_ENDED_ACCOUNT] = {"account", "ended, but an order is open"},
    [CHECK_ENDED_AUTHORIZATION] = {"account",
	"ended, but an authorization is open"},
    [CHECK_ORDER_CHAIN] = {"order", "its chain is none of its certificate's"},
    [CHECK_EMPTY_CHAIN] = {"chain", "without a certificate"},
};
_Static_assert(ARRAY_LEN(texts) == CHECK__MAX, "a text per check");

struct checking {
	struct store *st;
	struct strv *problems;
};

static void
add(struct strv *problems, const char *object, int64_t id, const char *what)
{
	char *line = xasprintf("%s/%lld: %s", object, (long long)id, what);

	strv_add(problems, line);
	free(line);
}

static int
check_states(struct checking *c, struct err *e)
{
	size_t i;

	for (i = 0; i < CHECK__MAX; i++) {
		struct db_stmt *s = stmt_query(c->st, STMT_CHECK, i, e, "");
		int rc = -1;

		while (s && (rc = db_step(s, e)) > 0)
			add(c->problems, texts[i].object, db_int(s, 0),
			    texts[i].problem);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* A certificate is known by the SHA-256 of its DER. */
static int
check_content(struct checking *c, size_t row, const char *object, struct err *e)
{
	struct db_stmt *s = stmt_query(c->st, STMT_CHECK, row, e, "");
	uint8_t sum[DIGEST_SHA256_SIZE];
	const void *want, *der;
	size_t want_len, len;
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		want = db_blob(s, 1, &want_len);
		der = db_blob(s, 2, &len);
		digest_sha256(sum, der, len);
		if (want_len != sizeof(sum) ||
		    memcmp(want, sum, sizeof(sum)) != 0)
			add(c->problems, object, db_int(s, 0),
			    "its content is not that of its SHA-256");
	}
	return rc;
}

static int
check_all(void *arg, struct err *e)
{
	struct checking *c = arg;

	if (check_states(c, e) < 0 ||
	    check_content(c, CHECK_CERTIFICATES, "certificate", e) < 0)
		return -1;
	return check_content(c, CHECK_CA_CERTIFICATES, "ca_certificate", e);
}

static int
check_schema(struct store *st, struct strv *problems, struct err *e)
{
	const char **steps = xcalloc(schema_steps_len, sizeof(*steps));
	size_t i;
	int rc;

	for (i = 0; i < schema_steps_len; i++)
		steps[i] = schema_steps[i].sql;
	rc = db_verify_schema(st->db, steps, schema_steps_len, problems, e);
	free(steps);
	return rc;
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
	size_t before;
	bool whole;

	if (check_modes(st, problems, e) < 0)
		return -1;
	before = problems->len;
	if (check_schema(st, problems, e) < 0)
		return -1;
	whole = problems->len == before;
	if (db_verify(st->db, problems, e) < 0)
		return -1;
	/* What is broken may make the rest stumble. */
	if (!whole || db_snapshot(st->db, check_all, &c, e) == 0)
		return 0;
	if (problems->len == before)
		return -1;
	err_clear(e);
	return 0;
}
