#include "store/check.h"

#include <sys/stat.h>

#include "store/schema.h"
#include "store/stmt.h"
#include "sys/clock.h"
#include "wrap/cert.h"
#include "wrap/digest.h"

#define FILE_MODE 0660
#define LEASE_MAX 86400 /* more than any lease or pause can be */

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
	CHECK_ORDER_NO_CHAIN,
	CHECK_ORDER_NAMES,
	CHECK_SHARED_CERTIFICATE,
	CHECK_SAME_SERIAL,
	CHECK_UNPROVEN_ORDER,
	CHECK_FOREIGN_AUTHORIZATION,
	CHECK_NEVER_STARTED,
	CHECK_VALIDATED,
	CHECK_UNEXPLAINED,
	CHECK_ATTEMPTS,
	CHECK_LEASE,
	CHECK__MAX,
	/* These read what there is. */
	CHECK_CERTIFICATES = CHECK__MAX,
	CHECK_CA_CERTIFICATES,
	CHECK_NAMES,
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
    [CHECK_ORDER_NO_CHAIN] =
	"SELECT o.id FROM orders o WHERE o.status = 'valid'"
	" AND o.chain_id IS NULL AND EXISTS (SELECT 1 FROM certificate_chains k"
	" WHERE k.certificate_id = o.certificate_id)",
    [CHECK_ORDER_NAMES] =
	"SELECT o.id FROM orders o WHERE o.status = 'valid' AND (EXISTS"
	" (SELECT 1 FROM identifiers i WHERE i.order_id = o.id AND NOT EXISTS"
	" (SELECT 1 FROM certificate_names n WHERE n.type = i.type"
	" AND n.certificate_id = o.certificate_id AND n.value = i.value))"
	" OR EXISTS (SELECT 1 FROM certificate_names n"
	" WHERE n.certificate_id = o.certificate_id AND NOT EXISTS"
	" (SELECT 1 FROM identifiers i WHERE i.order_id = o.id"
	" AND i.type = n.type AND i.value = n.value)))",
    [CHECK_SHARED_CERTIFICATE] =
	"SELECT certificate_id FROM orders WHERE certificate_id IS NOT NULL"
	" GROUP BY certificate_id HAVING count(*) > 1",
    [CHECK_SAME_SERIAL] =
	"SELECT max(id) FROM certificates WHERE source = 'acme'"
	" GROUP BY serial, aki HAVING count(*) > 1",
    [CHECK_UNPROVEN_ORDER] =
	"SELECT o.id FROM orders o WHERE o.status IN ('processing', 'valid')"
	" AND EXISTS (SELECT 1 FROM identifiers i"
	" JOIN authorizations a ON a.id = i.authorization_id"
	" WHERE i.order_id = o.id AND a.status IN ('pending', 'invalid'))",
    [CHECK_FOREIGN_AUTHORIZATION] =
	"SELECT o.id FROM orders o JOIN identifiers i ON i.order_id = o.id"
	" JOIN authorizations a ON a.id = i.authorization_id"
	" WHERE a.account_id <> o.account_id OR a.type <> i.type"
	" OR i.value <> CASE a.wildcard WHEN 1 THEN '*.' || a.value"
	" ELSE a.value END",
    [CHECK_NEVER_STARTED] =
	"SELECT id FROM orders WHERE status IN ('processing', 'valid')"
	" AND processing_since IS NULL",
    [CHECK_VALIDATED] = "SELECT id FROM challenges"
			" WHERE (status = 'valid') <> (validated IS NOT NULL)",
    [CHECK_UNEXPLAINED] =
	"SELECT id FROM challenges WHERE status = 'invalid' AND error IS NULL",
    [CHECK_ATTEMPTS] = "SELECT object_id FROM jobs WHERE attempts < 0",
    [CHECK_LEASE] = "SELECT object_id FROM jobs WHERE due > ?1",
    [CHECK_CERTIFICATES] =
	"SELECT id, sha256, der, serial, not_before, not_after"
	" FROM certificates",
    [CHECK_CA_CERTIFICATES] =
	"SELECT id, sha256, der, NULL, NULL, not_after FROM ca_certificates",
    [CHECK_NAMES] = "SELECT type, value FROM certificate_names"
		    " WHERE certificate_id = ?1",
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
    [CHECK_ORDER_NO_CHAIN] = {"order",
	"without a chain, though its certificate has one"},
    [CHECK_ORDER_NAMES] = {"order", "its certificate has other names"},
    [CHECK_SHARED_CERTIFICATE] = {"certificate", "of more than one order"},
    [CHECK_SAME_SERIAL] = {"certificate", "its serial number is another's too"},
    [CHECK_UNPROVEN_ORDER] = {"order",
	"processing or valid, but an authorization never was valid"},
    [CHECK_FOREIGN_AUTHORIZATION] = {"order",
	"an authorization is of another account or for another name"},
    [CHECK_NEVER_STARTED] = {"order",
	"processing or valid, but was never finalized"},
    [CHECK_VALIDATED] = {"challenge",
	"valid without a time of validation, or the other way round"},
    [CHECK_UNEXPLAINED] = {"challenge", "invalid, but nothing says why"},
    [CHECK_ATTEMPTS] = {"job", "its number of attempts is negative"},
    [CHECK_LEASE] = {"job", "due in more than a day"},
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
		struct db_stmt *s = stmt_query(c->st, STMT_CHECK, i, e,
		    i == CHECK_LEASE ? "i" : "", clock_now() + LEASE_MAX);
		int rc = -1;

		while (s && (rc = db_step(s, e)) > 0)
			add(c->problems, texts[i].object, db_int(s, 0),
			    texts[i].problem);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static bool
has_all(const struct strv *a, const struct strv *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (!strv_has(a, b->v[i]))
			return false;
	return true;
}

/* Whether the rows of names are those in the certificate: 1, 0, or -1. */
static int
has_names(struct store *st, int64_t id, const struct cert *cert, struct err *e)
{
	struct db_stmt *s = stmt_query(st, STMT_CHECK, CHECK_NAMES, e, "i", id);
	struct strv dns = {0}, ip = {0};
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0)
		strv_add(strcmp(db_text(s, 0), "ip") == 0 ? &ip : &dns,
		    db_text(s, 1));
	if (rc == 0)
		rc = has_all(&dns, cert_dns(cert)) &&
		    has_all(cert_dns(cert), &dns) &&
		    has_all(&ip, cert_ip(cert)) && has_all(cert_ip(cert), &ip);
	strv_release(&dns);
	strv_release(&ip);
	return rc;
}

/* What the columns of a certificate say is what its DER says. */
static int
check_columns(struct checking *c, size_t row, const char *object,
    struct db_stmt *s, struct err *e)
{
	struct err why = {0};
	size_t len;
	const void *der = db_blob(s, 2, &len);
	struct cert *cert = cert_from_der(der, len, &why);
	int64_t id = db_int(s, 0);
	int rc = 1;

	if (!cert) {
		add(c->problems, object, id, "is no certificate");
		return 0;
	}
	if (cert_not_after(cert) != db_int(s, 5) ||
	    (!db_is_null(s, 3) &&
		(strcmp(cert_serial_hex(cert), db_text(s, 3)) != 0 ||
		    cert_not_before(cert) != db_int(s, 4))))
		add(c->problems, object, id,
		    "its serial number or lifetime is not the one in it");
	if (row == CHECK_CERTIFICATES)
		rc = has_names(c->st, id, cert, e);
	if (rc == 0)
		add(c->problems, object, id, "its names are not those in it");
	cert_free(cert);
	return rc < 0 ? -1 : 0;
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
		else if (check_columns(c, row, object, s, e) < 0)
			return -1;
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

/*
 * What is broken below may make the look stumble, and then explains it: the
 * problem is what was found, not that it could not be passed.
 */
static int
look(struct checking *c, bool broken, struct err *e)
{
	struct err why = {0};
	char text[1024], *line;

	if (db_snapshot(c->st->db, check_all, c, broken ? &why : e) == 0)
		return 0;
	if (!broken)
		return -1;
	err_format(&why, text, sizeof(text));
	line = xasprintf("the rest could not be looked at: %s", text);
	strv_add(c->problems, line);
	free(line);
	return 0;
}

int
check_run(struct store *st, struct strv *problems, struct err *e)
{
	struct checking c = {.st = st, .problems = problems};
	size_t before;

	if (check_modes(st, problems, e) < 0)
		return -1;
	before = problems->len;
	if (check_schema(st, problems, e) < 0 ||
	    db_verify(st->db, problems, e) < 0)
		return -1;
	return look(&c, problems->len > before, e);
}
