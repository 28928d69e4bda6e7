#include "store/check_part.h"
#include "store/domain_part.h"
#include "store/queue_part.h"
#include "sys/clock.h"

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
	CHECK_TWICE_ISSUED,
	CHECK_OTHER_ACCOUNT,
	CHECK_DEFAULT_CHAIN,
	CHECK_SAME_TOKEN,
	CHECK_EMPTY_TOKEN,
	CHECK_GONE_ACCOUNT,
	CHECK_GONE_CERTIFICATE,
	CHECK_GONE_PROCESSING,
	CHECK_GONE_VALID,
	CHECK_LOST_REVOCATION,
	CHECK_LOST_END,
	CHECK_LOST_DEACTIVATION,
	CHECK_CLEAR_KEY,
	CHECK_CLEAR_ACCOUNT_KEY,
	CHECK_CLEAR_EAB_KEY,
	CHECK_CLEAR_ACME_DNS,
	CHECK_UNBOUND,
	CHECK_REPLACED_TWICE,
	CHECK_REPLACES_FOREIGN,
	CHECK_WINDOW,
	CHECK_RENEWAL_NAMES,
	CHECK_QUEUED,
	CHECK_BACKUP,
	CHECK_DOMAIN_ORDER,
	CHECK_DOMAIN_FAILED,
	CHECK_NEXT_KEY,
	CHECK_DEFAULT_ACCOUNT,
	CHECK_DIRECTORY,
	CHECK_INCOMPLETE,
	CHECK_INCOMPLETE_CA,
	CHECK_SET_SIZE,
	CHECK_LATEST,
	CHECK__MAX
};

/*
 * Purge removes no order whose certificate has not expired.  When the clock
 * was ahead of now, its events say so.
 */
#define UNPURGED                                                               \
	" c.not_after > ?1 AND NOT EXISTS (SELECT 1 FROM events p"             \
	" WHERE p.object_type = 'store' AND p.object_id = 0"                   \
	" AND p.action = 'store.purge' AND p.at >= c.not_after)"

/* An event order.valid has "certificate/ID" as its detail. */
#define CERTIFICATE_OF_EVENT "CAST(substr(e.detail, 13) AS BIGINT)"

/* The names `n` in the certificate of the order `o`. */
#define NAMES_OF_ORDER                                                         \
	"certificates c JOIN fqdn_set_members m"                               \
	" ON m.fqdn_set_id = c.fqdn_set_id"                                    \
	" JOIN domains n ON n.id = m.domain_id WHERE c.id = o.certificate_id"

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
	" (SELECT 1 FROM " NAMES_OF_ORDER " AND n.type = i.type"
	" AND n.value = i.value))"
	" OR EXISTS (SELECT 1 FROM " NAMES_OF_ORDER " AND NOT EXISTS"
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
    /*
     * A certificate that came when its order was no longer processing is kept
     * without one (server/issue).  When the order had failed or been returned,
     * that is as it should be; when it was valid with another, the CA has
     * signed twice.  The CSR is gone by then: key, names and account stand for
     * it, and the request that finalized tells an order from a later one with
     * the same key.  Where the events are gone as well, or the sweep was the
     * late one, the two cannot be told apart, and both are shown.
     */
    [CHECK_TWICE_ISSUED] =
	"SELECT c.id FROM certificates c WHERE c.source = 'acme'"
	" AND c.id NOT IN (SELECT certificate_id FROM orders"
	" WHERE certificate_id IS NOT NULL) AND" UNPURGED
	" AND EXISTS (SELECT 1 FROM orders o"
	" JOIN certificates x ON x.id = o.certificate_id"
	" WHERE o.account_id = c.account_id AND o.status = 'valid'"
	" AND x.spki_sha256 = c.spki_sha256 AND x.serial <> c.serial"
	" AND x.fqdn_set_id = c.fqdn_set_id"
	" AND NOT EXISTS (SELECT 1 FROM events a"
	" JOIN events s ON s.request_id <> a.request_id"
	" WHERE a.object_type = 'certificate' AND a.object_id = c.id"
	" AND a.action = 'certificate.add' AND a.request_id <> ''"
	" AND s.object_type = 'order' AND s.object_id = o.id"
	" AND s.action = 'order.start' AND NOT EXISTS"
	" (SELECT 1 FROM events l WHERE l.object_type = 'order'"
	" AND l.object_id = o.id AND l.action = 'order.start'"
	" AND l.id > s.id)))",
    /* One that acme-sign has recorded before is of no account. */
    [CHECK_OTHER_ACCOUNT] =
	"SELECT c.id FROM orders o JOIN certificates c"
	" ON c.id = o.certificate_id WHERE c.account_id <> o.account_id"
	" OR (c.account_id IS NULL AND c.source = 'acme')",
    [CHECK_DEFAULT_CHAIN] =
	"SELECT certificate_id FROM certificate_chains"
	" GROUP BY certificate_id HAVING sum(is_default) <> 1",
    [CHECK_SAME_TOKEN] = "SELECT max(id) FROM challenges WHERE token <> ''"
			 " GROUP BY token HAVING count(*) > 1",
    [CHECK_EMPTY_TOKEN] = "SELECT id FROM challenges WHERE token = ''",
    /*
     * Accounts and certificates are never removed; an order not while it is
     * processing, nor before its certificate has expired.  Of other orders, and
     * of authorizations and challenges, which go with theirs, no event says
     * when they may.
     */
    [CHECK_GONE_ACCOUNT] =
	"SELECT DISTINCT object_id FROM events WHERE object_type = 'account'"
	" AND NOT EXISTS (SELECT 1 FROM accounts k WHERE k.id = object_id)",
    [CHECK_GONE_CERTIFICATE] =
	"SELECT object_id FROM events WHERE object_type = 'certificate'"
	" AND NOT EXISTS (SELECT 1 FROM certificates c WHERE c.id = object_id)"
	" UNION SELECT " CERTIFICATE_OF_EVENT " FROM events e"
	" WHERE e.action = 'order.valid' AND NOT EXISTS"
	" (SELECT 1 FROM certificates c WHERE c.id = " CERTIFICATE_OF_EVENT ")",
    [CHECK_GONE_PROCESSING] =
	"SELECT e.object_id FROM events e WHERE e.object_type = 'order'"
	" AND e.action = 'order.start' AND NOT EXISTS"
	" (SELECT 1 FROM orders o WHERE o.id = e.object_id) AND NOT EXISTS"
	" (SELECT 1 FROM events l WHERE l.object_type = 'order'"
	" AND l.object_id = e.object_id AND l.id > e.id AND l.action IN"
	" ('order.start', 'order.return', 'order.invalid', 'order.valid'))",
    [CHECK_GONE_VALID] = "SELECT e.object_id FROM events e"
			 " JOIN certificates c ON c.id = " CERTIFICATE_OF_EVENT
			 " WHERE e.action = 'order.valid' AND NOT EXISTS"
			 " (SELECT 1 FROM orders o WHERE o.id = e.object_id"
			 " AND o.certificate_id = c.id) AND" UNPURGED,
    /* There is no way back from these, and each was on disk when it was told.
     */
    [CHECK_LOST_REVOCATION] =
	"SELECT DISTINCT object_id FROM events"
	" WHERE object_type = 'certificate' AND action = 'certificate.revoke'"
	" AND EXISTS (SELECT 1 FROM certificates c WHERE c.id = object_id"
	" AND c.status <> 'revoked')",
    [CHECK_LOST_END] =
	"SELECT DISTINCT object_id FROM events"
	" WHERE object_type = 'account' AND action = 'account.deactivate'"
	" AND EXISTS (SELECT 1 FROM accounts k WHERE k.id = object_id"
	" AND k.status = 'valid')",
    [CHECK_LOST_DEACTIVATION] =
	"SELECT DISTINCT object_id FROM events"
	" WHERE object_type = 'authorization'"
	" AND action = 'authorization.deactivate'"
	" AND EXISTS (SELECT 1 FROM authorizations a WHERE a.id = object_id"
	" AND a.status IN ('pending', 'valid'))",
    [CHECK_CLEAR_KEY] = "SELECT id FROM private_keys WHERE sealed = 0",
    [CHECK_CLEAR_ACCOUNT_KEY] =
	"SELECT id FROM upstream_accounts WHERE sealed = 0"
	" OR next_sealed = 0",
    [CHECK_CLEAR_EAB_KEY] = "SELECT id FROM eab_keys WHERE sealed = 0",
    [CHECK_CLEAR_ACME_DNS] =
	"SELECT id FROM acme_dns_accounts WHERE sealed = 0",
    [CHECK_UNBOUND] = "SELECT id FROM accounts"
		      " WHERE (eab IS NULL) <> (eab_key_id IS NULL)",
    [CHECK_REPLACED_TWICE] =
	"SELECT replaces_id FROM orders WHERE replaces_id IS NOT NULL"
	" AND status IN ('processing', 'valid')"
	" GROUP BY replaces_id HAVING count(*) > 1",
    [CHECK_REPLACES_FOREIGN] =
	"SELECT o.id FROM orders o JOIN certificates c ON c.id = o.replaces_id"
	" WHERE c.account_id IS NULL OR c.account_id <> o.account_id",
    [CHECK_WINDOW] = "SELECT id FROM certificates"
		     " WHERE (renew_start IS NULL) <> (renew_end IS NULL)"
		     " OR renew_end <= renew_start",
    [CHECK_RENEWAL_NAMES] = "SELECT r.id FROM renewal_configurations r"
			    " JOIN certificates c ON c.id = r.certificate_id"
			    " WHERE c.fqdn_set_id <> r.fqdn_set_id",
    [CHECK_QUEUED] =
	"SELECT r.id FROM renewal_queue q JOIN renewal_configurations r"
	" ON r.id = q.renewal_configuration_id WHERE r.active = 0"
	" OR r.upstream_account_id <> q.upstream_account_id",
    [CHECK_BACKUP] =
	"SELECT b.id FROM renewal_configurations b"
	" JOIN renewal_configurations p ON p.id = b.backup_of_id"
	" JOIN upstream_accounts x ON x.id = b.upstream_account_id"
	" JOIN upstream_accounts y ON y.id = p.upstream_account_id"
	" LEFT JOIN certificates c ON c.id = b.certificate_id"
	" WHERE p.backup_of_id IS NOT NULL OR b.fqdn_set_id <> p.fqdn_set_id"
	" OR x.directory_url = y.directory_url"
	" OR (c.status = 'valid' AND c.active = 1)",
    [CHECK_DOMAIN_ORDER] =
	"SELECT q.id FROM domain_queue q JOIN upstream_orders o"
	" ON o.id = q.upstream_order_id WHERE NOT EXISTS"
	" (SELECT 1 FROM fqdn_set_members m JOIN domains d"
	" ON d.id = m.domain_id WHERE m.fqdn_set_id = o.fqdn_set_id"
	" AND d.value = q.name)",
    [CHECK_DOMAIN_FAILED] = "SELECT id FROM domain_queue WHERE NOT " QUEUE_FAILS
			    " AND (" QUEUE_HAS_FAILED " OR " QUEUE_IS_AWAY ")",
    [CHECK_NEXT_KEY] =
	"SELECT id FROM upstream_accounts WHERE (next_spki_sha256 IS NULL)"
	" <> (next_der IS NULL) OR (next_der IS NULL) <> (next_type IS NULL)"
	" OR (next_der IS NULL) <> (next_sealed IS NULL)"
	" OR (next_der IS NOT NULL AND status <> 'valid')",
    [CHECK_DEFAULT_ACCOUNT] =
	"SELECT id FROM upstream_accounts a WHERE is_default = 1"
	" AND (status <> 'valid' OR EXISTS (SELECT 1 FROM upstream_accounts b"
	" WHERE b.directory_url = a.directory_url AND b.is_default = 1"
	" AND b.id < a.id))",
    [CHECK_DIRECTORY] =
	"SELECT id FROM upstream_cas c WHERE directory IS NOT NULL"
	" AND NOT EXISTS (SELECT 1 FROM upstream_directories d"
	" WHERE d.upstream_ca_id = c.id AND d.directory = c.directory)",
    [CHECK_INCOMPLETE] = "SELECT id FROM certificates WHERE sha1 IS NULL"
			 " OR issuer_id IS NULL OR fqdn_set_id IS NULL",
    [CHECK_INCOMPLETE_CA] = "SELECT id FROM ca_certificates WHERE sha1 IS NULL"
			    " OR issuer_id IS NULL OR subject_sha256 IS NULL"
			    " OR not_before IS NULL",
    [CHECK_SET_SIZE] =
	"SELECT s.id FROM fqdn_sets s WHERE s.size <> (SELECT count(*)"
	" FROM fqdn_set_members m WHERE m.fqdn_set_id = s.id)",
    [CHECK_LATEST] = "SELECT id FROM domains WHERE " DOMAIN_IS_NOT_LATEST,
};
_Static_assert(ARRAY_LEN(sql) == CHECK__MAX, "a statement per check");

const struct stmt_table check_stmts = {"check", sql, ARRAY_LEN(sql)};

static const struct check_text texts[] = {
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
    [CHECK_TWICE_ISSUED] = {"certificate",
	"of no order, but one of the same account, names and key holds "
	"another"},
    [CHECK_OTHER_ACCOUNT] = {"certificate",
	"not of the account whose order holds it"},
    [CHECK_DEFAULT_CHAIN] = {"certificate",
	"not one of its chains is the default, or more than one"},
    [CHECK_SAME_TOKEN] = {"challenge", "its token is another's too"},
    [CHECK_EMPTY_TOKEN] = {"challenge", "without a token"},
    [CHECK_GONE_ACCOUNT] = {"account", "gone, but events name it"},
    [CHECK_GONE_CERTIFICATE] = {"certificate", "gone, but events name it"},
    [CHECK_GONE_PROCESSING] = {"order", "gone, but was processing"},
    [CHECK_GONE_VALID] = {"order",
	"gone, or with another certificate, but that of before has not "
	"expired"},
    [CHECK_LOST_REVOCATION] = {"certificate",
	"valid, though it has been revoked"},
    [CHECK_LOST_END] = {"account", "valid, though it has been deactivated"},
    [CHECK_LOST_DEACTIVATION] = {"authorization",
	"open, though it has been deactivated"},
    [CHECK_CLEAR_KEY] = {"private_key", "not sealed, but stored in the clear"},
    [CHECK_CLEAR_ACCOUNT_KEY] = {"upstream_account",
	"its key is not sealed, but stored in the clear"},
    [CHECK_CLEAR_EAB_KEY] = {"eab_key", "not sealed, but stored in the clear"},
    [CHECK_CLEAR_ACME_DNS] = {"acme_dns_account",
	"its password is not sealed, but stored in the clear"},
    [CHECK_UNBOUND] = {"account",
	"its binding is without a key, or its key "
	"without a binding"},
    [CHECK_REPLACED_TWICE] = {"certificate", "replaced by more than one order"},
    [CHECK_REPLACES_FOREIGN] = {"order",
	"it replaces a certificate of another account"},
    [CHECK_WINDOW] = {"certificate", "its window for renewal is none"},
    [CHECK_RENEWAL_NAMES] = {"renewal_configuration",
	"its certificate has other names"},
    [CHECK_QUEUED] = {"renewal_configuration",
	"in the queue, but deactivated or of another account"},
    [CHECK_BACKUP] = {"renewal_configuration",
	"a backup of a backup, for other names, at the same CA, or active"},
    [CHECK_DOMAIN_ORDER] = {"domain_queue",
	"the order that it waits for is for other names"},
    [CHECK_DOMAIN_FAILED] = {"domain_queue",
	"when it began to fail and how often it did contradict each other"},
    [CHECK_NEXT_KEY] = {"upstream_account",
	"the key of a change that is not over is there in part, or of no use"},
    [CHECK_DEFAULT_ACCOUNT] = {"upstream_account",
	"the default at its CA, as another is, or deactivated"},
    [CHECK_DIRECTORY] = {"upstream_ca", "its directory is not in its history"},
    [CHECK_INCOMPLETE] = {"certificate",
	"not complete; run acmed-store migrate"},
    [CHECK_INCOMPLETE_CA] = {"ca_certificate",
	"not complete; run acmed-store migrate"},
    [CHECK_SET_SIZE] = {"fqdn_set", "its size is not the number of its names"},
    [CHECK_LATEST] = {"domain",
	"another certificate is the latest; run cert-manage update-recents"},
};
_Static_assert(ARRAY_LEN(texts) == CHECK__MAX, "a text per check");

/* The parameter of a check, if it has one: a time. */
static const char *
parameter(size_t check, int64_t *time)
{
	*time = clock_now();
	switch (check) {
	case CHECK_LEASE:
		*time += LEASE_MAX;
		return "i";
	case CHECK_TWICE_ISSUED:
	case CHECK_GONE_VALID:
		return "i";
	default:
		return "";
	}
}

int
check_states(struct checking *c, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < CHECK__MAX; i++) {
		int64_t time;
		const char *types = parameter(i, &time);

		rc = check_rows(c,
		    stmt_query(c->st, STMT_CHECK, i, e, types, time), &texts[i],
		    e);
	}
	return rc;
}
