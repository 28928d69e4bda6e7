#include "store/upstream_use.h"

#include "store/stmt.h"
#include "sys/clock.h"

enum {
	UPSTREAM_USE_ASKED,
	UPSTREAM_USE_ORDERS,
	UPSTREAM_USE_SET,
	UPSTREAM_USE_DOMAIN,
	UPSTREAM_USE_EACH_DOMAIN,
	UPSTREAM_USE_FAILURES,
	UPSTREAM_USE_UNDER_WAY,
	UPSTREAM_USE_DOMAINS,
	UPSTREAM_USE_RENEWAL
};

/* The CA of an order o, and that of account ?2. */
#define AT_THE_CA                                                              \
	"(SELECT a.directory_url FROM upstream_accounts a"                     \
	" WHERE a.id = o.upstream_account_id) = (SELECT own.directory_url"     \
	" FROM upstream_accounts own WHERE own.id = ?2)"
/* An order o that replaced no certificate in its window. */
#define NO_REPLACEMENT(at)                                                     \
	"NOT EXISTS (SELECT 1 FROM renewal_infos i"                            \
	" WHERE i.certificate_id = o.replaces_id"                              \
	" AND i.window_start <= " at " AND i.window_end > " at ")"
/* A certificate c that was got at the CA of account `account`. */
#define FROM_CA_OF(account)                                                    \
	"(SELECT a.directory_url FROM upstream_accounts a"                     \
	" WHERE a.id = c.upstream_account_id) = (SELECT own.directory_url"     \
	" FROM upstream_accounts own WHERE own.id = " account ")"
/* An order o for names of which there was no certificate of its CA. */
#define NO_RENEWAL                                                             \
	"NOT EXISTS (SELECT 1 FROM certificates c"                             \
	" WHERE c.fqdn_set_id = o.fqdn_set_id AND c.created < o.created"       \
	" AND " FROM_CA_OF("o.upstream_account_id") ")"
/* An order o that has used up one of a limit on certificates, or may soon. */
#define IS_USED                                                                \
	"(o.certificate_id IS NOT NULL OR (o.id <> ?3 AND o.lease_until > ?4"  \
	" AND (o.asked > 0 OR o.status IN ('pending', 'ready', 'processing',"  \
	" 'issued'))))"

/* An order o of those that are counted, by enum upstream_use_by. */
#define COUNTS(by)                                                             \
	"CASE CAST(" by " AS BIGINT) WHEN 0 THEN 1"                            \
	" WHEN 1 THEN CASE WHEN o.renewal_configuration_id IS NULL"            \
	" THEN 1 ELSE 0 END ELSE CASE"                                         \
	" WHEN o.renewal_configuration_id IS NULL THEN 0 ELSE 1 END END = 1"

static const char *const sql[] = {
    [UPSTREAM_USE_ASKED] =
	"SELECT o.asked FROM upstream_orders o"
	" WHERE o.upstream_account_id = ?1 AND o.asked > 0 AND o.id <> ?2"
	" AND NOT EXISTS (SELECT 1 FROM upstream_requests r"
	" WHERE r.upstream_order_id = o.id AND r.endpoint = 'newOrder'"
	" AND r.status BETWEEN 200 AND 299 AND r.at >= o.asked)"
	" AND " NO_REPLACEMENT("o.asked") " AND " NO_RENEWAL " AND " COUNTS(
	    "?3") " ORDER BY o.id DESC",
    [UPSTREAM_USE_ORDERS] =
	"SELECT r.at FROM upstream_requests r"
	" JOIN upstream_orders o ON o.id = r.upstream_order_id"
	" WHERE r.upstream_account_id = ?1 AND r.endpoint = 'newOrder'"
	" AND r.status BETWEEN 200 AND 299 AND " NO_REPLACEMENT(
	    "r.at") " AND " NO_RENEWAL
		    " AND " COUNTS("?2") " ORDER BY r.id DESC",
    [UPSTREAM_USE_SET] =
	"SELECT o.created FROM upstream_orders o"
	" WHERE o.fqdn_set_id = ?1 AND " IS_USED " AND " NO_REPLACEMENT(
	    "o.created") " AND " AT_THE_CA " ORDER BY o.id DESC",
    [UPSTREAM_USE_DOMAIN] =
	"SELECT o.created FROM upstream_order_domains d"
	" JOIN upstream_orders o ON o.id = d.upstream_order_id"
	" WHERE d.registered = ?1 AND " IS_USED
	" AND " NO_REPLACEMENT("o.created") " AND " NO_RENEWAL " AND " COUNTS(
	    "?5") " AND " AT_THE_CA " ORDER BY d.upstream_order_id DESC",
    /* By its index alone, newest first, in PostgreSQL as well. */
    [UPSTREAM_USE_EACH_DOMAIN] =
	"SELECT d.registered, (SELECT x.created FROM upstream_orders x"
	" WHERE x.id = d.upstream_order_id), (SELECT 1 FROM upstream_orders o"
	" WHERE o.id = d.upstream_order_id AND o.certificate_id IS NOT NULL"
	" AND " NO_REPLACEMENT(
	    "o.created") " AND " NO_RENEWAL " AND " AT_THE_CA
			 ") FROM upstream_order_domains d WHERE "
			 "d.upstream_order_id > ?1"
			 " ORDER BY d.upstream_order_id DESC",
    [UPSTREAM_USE_FAILURES] =
	"SELECT u.failed FROM domains d JOIN upstream_authorizations u"
	" ON u.domain_id = d.id AND u.failed >= ?4"
	" WHERE d.value IN (?1, ?2) AND u.upstream_account_id = ?3"
	" ORDER BY u.failed DESC",
    [UPSTREAM_USE_UNDER_WAY] =
	"SELECT o.id FROM domains d"
	" JOIN fqdn_set_members m ON m.domain_id = d.id"
	" JOIN upstream_orders o ON o.fqdn_set_id = m.fqdn_set_id"
	" WHERE d.value IN (?1, ?2) AND o.upstream_account_id = ?3"
	" AND o.id <> ?4 AND o.lease_until > ?5"
	" AND (o.asked > 0 OR o.status = 'pending') AND NOT EXISTS"
	" (SELECT 1 FROM upstream_order_authorizations l"
	" JOIN upstream_authorizations u ON u.id = l.upstream_authorization_id"
	" WHERE l.upstream_order_id = o.id AND u.domain_id = d.id"
	" AND u.status = 'valid')",
    [UPSTREAM_USE_DOMAINS] = "SELECT registered FROM upstream_order_domains"
			     " WHERE upstream_order_id = ?1"
			     " ORDER BY registered",
    [UPSTREAM_USE_RENEWAL] =
	"SELECT 1 FROM certificates c WHERE c.fqdn_set_id = ?1"
	" AND " FROM_CA_OF("?2") " LIMIT 1",
};

const struct stmt_table upstream_use_stmts = {
    "upstream_use", sql, ARRAY_LEN(sql)};

/* Goes on after what is there already. */
static int
collect(struct db_stmt *s, struct upstream_use *out, struct err *e)
{
	int rc = s ? 1 : -1;

	while (rc > 0 && out->len < out->max && (rc = db_step(s, e)) > 0) {
		int64_t at = db_int(s, 0);

		if (at < out->since)
			break;
		out->at[out->len++] = at;
	}
	if (rc > 0)
		db_reset(s); /* the rest is not wanted */
	return rc < 0 ? -1 : 0;
}

int
upstream_use_orders(struct store *st, int64_t upstream_account_id,
    int64_t but_order_id, struct upstream_use *out, struct err *e)
{
	out->len = 0;
	if (collect(
		stmt_query(st, STMT_UPSTREAM_USE, UPSTREAM_USE_ASKED, e, "iii",
		    upstream_account_id, but_order_id, (int64_t)out->by),
		out, e) < 0)
		return -1;
	return collect(stmt_query(st, STMT_UPSTREAM_USE, UPSTREAM_USE_ORDERS, e,
			   "ii", upstream_account_id, (int64_t)out->by),
	    out, e);
}

int
upstream_use_set(struct store *st, int64_t fqdn_set_id,
    int64_t upstream_account_id, int64_t but_order_id, struct upstream_use *out,
    struct err *e)
{
	out->len = 0;
	return collect(
	    stmt_query(st, STMT_UPSTREAM_USE, UPSTREAM_USE_SET, e, "iiii",
		fqdn_set_id, upstream_account_id, but_order_id, clock_now()),
	    out, e);
}

int
upstream_use_domain(struct store *st, const char *registered,
    int64_t upstream_account_id, int64_t but_order_id, struct upstream_use *out,
    struct err *e)
{
	out->len = 0;
	return collect(stmt_query(st, STMT_UPSTREAM_USE, UPSTREAM_USE_DOMAIN, e,
			   "tiiii", registered, upstream_account_id,
			   but_order_id, clock_now(), (int64_t)out->by),
	    out, e);
}

int
upstream_use_each_domain(struct store *st, int64_t upstream_account_id,
    int64_t since, void (*fn)(void *arg, const char *registered, int64_t at),
    void *arg, struct err *e)
{
	struct db_stmt *s = stmt_query(st, STMT_UPSTREAM_USE,
	    UPSTREAM_USE_EACH_DOMAIN, e, "ii", (int64_t)0, upstream_account_id);
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0 && db_int(s, 1) >= since)
		if (!db_is_null(s, 2))
			fn(arg, db_text(s, 0), db_int(s, 1));
	if (rc > 0)
		db_reset(s);
	return rc < 0 ? -1 : 0;
}

/* Each of its rows is one of now. */
static int
collect_now(struct db_stmt *s, struct upstream_use *out, struct err *e)
{
	int rc = s ? 1 : -1;

	while (rc > 0 && out->len < out->max && (rc = db_step(s, e)) > 0)
		out->at[out->len++] = clock_now();
	if (rc > 0)
		db_reset(s);
	return rc < 0 ? -1 : 0;
}

int
upstream_use_failures(struct store *st, const char *name,
    int64_t upstream_account_id, int64_t but_order_id, struct upstream_use *out,
    struct err *e)
{
	const char *base = str_starts(name, "*.") ? name + 2 : name;
	char *wildcard = xasprintf("*.%s", base);
	int rc;

	out->len = 0;
	rc = collect_now(stmt_query(st, STMT_UPSTREAM_USE,
			     UPSTREAM_USE_UNDER_WAY, e, "ttiii", base, wildcard,
			     upstream_account_id, but_order_id, clock_now()),
	    out, e);
	out->under_way = out->len;
	if (rc == 0)
		rc = collect(stmt_query(st, STMT_UPSTREAM_USE,
				 UPSTREAM_USE_FAILURES, e, "ttii", base,
				 wildcard, upstream_account_id, out->since),
		    out, e);
	free(wildcard);
	return rc;
}

int
upstream_use_domains(struct store *st, int64_t upstream_order_id,
    struct strv *out, struct err *e)
{
	struct db_stmt *s = stmt_query(st, STMT_UPSTREAM_USE,
	    UPSTREAM_USE_DOMAINS, e, "i", upstream_order_id);
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0)
		strv_add(out, db_text(s, 0));
	return rc;
}

int
upstream_use_is_renewal(struct store *st, int64_t fqdn_set_id,
    int64_t upstream_account_id, bool *is_renewal, struct err *e)
{
	int64_t ignored;
	int rc = stmt_int(st, STMT_UPSTREAM_USE, UPSTREAM_USE_RENEWAL, &ignored,
	    e, "ii", fqdn_set_id, upstream_account_id);

	*is_renewal = rc > 0;
	return rc < 0 ? -1 : 0;
}
