#include "store/check_part.h"

/* Each gives a row per violation: the number of the object. */
enum {
	CHECK_UPSTREAM_NAMES,
	CHECK_UPSTREAM_KEY,
	CHECK_UPSTREAM_NEVER_ASKED,
	CHECK_UPSTREAM_NO_WAY,
	CHECK_UPSTREAM_EMPTY,
	CHECK_UPSTREAM_FOREIGN,
	CHECK_UPSTREAM_NAMELESS,
	CHECK_UPSTREAM_LOST,
	CHECK_UPSTREAM_DECIDED,
	CHECK_UPSTREAM_ANSWER,
	CHECK_UPSTREAM__MAX
};

static const char *const sql[] = {
    [CHECK_UPSTREAM_NAMES] =
	"SELECT o.id FROM upstream_orders o JOIN certificates c"
	" ON c.id = o.certificate_id WHERE c.fqdn_set_id <> o.fqdn_set_id",
    [CHECK_UPSTREAM_KEY] =
	"SELECT o.id FROM upstream_orders o JOIN certificates c"
	" ON c.id = o.certificate_id JOIN certificate_requests r"
	" ON r.id = o.certificate_request_id"
	" WHERE r.spki_sha256 <> c.spki_sha256",
    [CHECK_UPSTREAM_NEVER_ASKED] =
	"SELECT id FROM upstream_orders WHERE status IN ('processing',"
	" 'issued', 'valid') AND certificate_request_id IS NULL",
    [CHECK_UPSTREAM_NO_WAY] =
	"SELECT id FROM upstream_orders"
	" WHERE (status IN ('pending', 'ready') AND finalize_url IS NULL)"
	" OR (status = 'issued' AND certificate_url IS NULL)",
    [CHECK_UPSTREAM_EMPTY] =
	"SELECT o.id FROM upstream_orders o WHERE o.status = 'pending'"
	" AND NOT EXISTS (SELECT 1 FROM upstream_order_authorizations oa"
	" WHERE oa.upstream_order_id = o.id)",
    [CHECK_UPSTREAM_FOREIGN] =
	"SELECT DISTINCT o.id FROM upstream_orders o"
	" JOIN upstream_order_authorizations oa ON oa.upstream_order_id = o.id"
	" JOIN upstream_authorizations a"
	" ON a.id = oa.upstream_authorization_id"
	" WHERE a.upstream_account_id <> o.upstream_account_id",
    [CHECK_UPSTREAM_NAMELESS] =
	"SELECT id FROM upstream_authorizations"
	" WHERE status IN ('pending', 'invalid') AND domain_id IS NULL",
    [CHECK_UPSTREAM_LOST] =
	"SELECT a.id FROM upstream_authorizations a WHERE NOT EXISTS"
	" (SELECT 1 FROM upstream_order_authorizations oa"
	" WHERE oa.upstream_authorization_id = a.id)",
    [CHECK_UPSTREAM_DECIDED] =
	"SELECT DISTINCT a.id FROM upstream_authorizations a"
	" JOIN upstream_challenges c ON c.upstream_authorization_id = a.id"
	" WHERE a.status = 'invalid' AND c.status = 'valid'",
    [CHECK_UPSTREAM_ANSWER] =
	"SELECT DISTINCT c.id FROM challenge_answers a"
	" JOIN upstream_challenges c ON c.id = a.upstream_challenge_id"
	" WHERE c.place = 'none'",
};
_Static_assert(ARRAY_LEN(sql) == CHECK_UPSTREAM__MAX, "a statement per check");

const struct stmt_table check_upstream_stmts = {
    "check_upstream", sql, ARRAY_LEN(sql)};

static const struct check_text texts[] = {
    [CHECK_UPSTREAM_NAMES] = {"upstream_order",
	"its certificate has other names"},
    [CHECK_UPSTREAM_KEY] = {"upstream_order",
	"its certificate is for another key than its request"},
    [CHECK_UPSTREAM_NEVER_ASKED] = {"upstream_order",
	"processing or later, but without a request"},
    [CHECK_UPSTREAM_NO_WAY] = {"upstream_order",
	"without the URL of its next step"},
    [CHECK_UPSTREAM_EMPTY] = {"upstream_order",
	"pending, but without an authorization"},
    [CHECK_UPSTREAM_FOREIGN] = {"upstream_order",
	"an authorization is of another account"},
    [CHECK_UPSTREAM_NAMELESS] = {"upstream_authorization",
	"pending or invalid, but for no name"},
    [CHECK_UPSTREAM_LOST] = {"upstream_authorization", "of no order"},
    [CHECK_UPSTREAM_DECIDED] = {"upstream_authorization",
	"invalid, but a challenge is valid"},
    [CHECK_UPSTREAM_ANSWER] = {"upstream_challenge",
	"answered, though it is not in place"},
};
_Static_assert(ARRAY_LEN(texts) == CHECK_UPSTREAM__MAX, "a text per check");

int
check_upstream(struct checking *c, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < CHECK_UPSTREAM__MAX; i++)
		rc = check_rows(c,
		    stmt_query(c->st, STMT_CHECK_UPSTREAM, i, e, ""), &texts[i],
		    e);
	return rc;
}
