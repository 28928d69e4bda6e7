#include "store/upstream_use.h"

#include "store/stmt.h"

enum {
	UPSTREAM_USE_ORDERS,
	UPSTREAM_USE_SET,
	UPSTREAM_USE_DOMAIN,
	UPSTREAM_USE_EACH_DOMAIN,
	UPSTREAM_USE_FAILURES,
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
/* An order o for names of which there was no certificate. */
#define NO_RENEWAL                                                             \
	"NOT EXISTS (SELECT 1 FROM certificates c"                             \
	" WHERE c.fqdn_set_id = o.fqdn_set_id AND c.created < o.created)"

/* An order o of those that are counted, by enum upstream_use_by. */
#define COUNTS(by)                                                             \
	"CASE CAST(" by " AS BIGINT) WHEN 0 THEN 1"                            \
	" WHEN 1 THEN CASE WHEN o.renewal_configuration_id IS NULL"            \
	" THEN 1 ELSE 0 END ELSE CASE"                                         \
	" WHEN o.renewal_configuration_id IS NULL THEN 0 ELSE 1 END END = 1"

static const char *const sql[] = {
    [UPSTREAM_USE_ORDERS] =
	"SELECT r.at FROM upstream_requests r"
	" JOIN upstream_orders o ON o.id = r.upstream_order_id"
	" WHERE r.upstream_account_id = ?1 AND r.endpoint = 'newOrder'"
	" AND r.status BETWEEN 200 AND 299 AND " NO_REPLACEMENT(
	    "r.at") " AND " NO_RENEWAL
		    " AND " COUNTS("?2") " ORDER BY r.id DESC",
    [UPSTREAM_USE_SET] =
	"SELECT o.created FROM upstream_orders o"
	" WHERE o.fqdn_set_id = ?1 AND o.certificate_id IS NOT NULL"
	" AND " NO_REPLACEMENT("o.created") " AND " AT_THE_CA
					    " ORDER BY o.id DESC",
    [UPSTREAM_USE_DOMAIN] =
	"SELECT o.created FROM upstream_order_domains d"
	" JOIN upstream_orders o ON o.id = d.upstream_order_id"
	" WHERE d.registered = ?1 AND o.certificate_id IS NOT NULL"
	" AND " NO_REPLACEMENT("o.created") " AND " NO_RENEWAL " AND " COUNTS(
	    "?3") " AND " AT_THE_CA " ORDER BY d.upstream_order_id DESC",
    [UPSTREAM_USE_EACH_DOMAIN] =
	"SELECT d.registered, o.created FROM upstream_orders o"
	" JOIN upstream_order_domains d ON d.upstream_order_id = o.id"
	" WHERE o.id > ?1 AND o.certificate_id IS NOT NULL"
	" AND " NO_REPLACEMENT("o.created") " AND " NO_RENEWAL " AND " AT_THE_CA
					    " ORDER BY o.id DESC",
    [UPSTREAM_USE_FAILURES] =
	"SELECT u.failed FROM domains d JOIN upstream_authorizations u"
	" ON u.domain_id = d.id AND u.failed >= ?4"
	" WHERE d.value IN (?1, ?2) AND u.upstream_account_id = ?3"
	" ORDER BY u.failed DESC",
    [UPSTREAM_USE_DOMAINS] = "SELECT registered FROM upstream_order_domains"
			     " WHERE upstream_order_id = ?1"
			     " ORDER BY registered",
    [UPSTREAM_USE_RENEWAL] =
	"SELECT 1 FROM certificates WHERE fqdn_set_id = ?1 LIMIT 1",
};

const struct stmt_table upstream_use_stmts = {
    "upstream_use", sql, ARRAY_LEN(sql)};

static int
collect(struct db_stmt *s, struct upstream_use *out, struct err *e)
{
	int rc = 1;

	out->len = 0;
	while (out->len < out->max && (rc = db_step(s, e)) > 0) {
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
    struct upstream_use *out, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, STMT_UPSTREAM_USE, UPSTREAM_USE_ORDERS, e, "ii",
		upstream_account_id, (int64_t)out->by);

	return s ? collect(s, out, e) : -1;
}

int
upstream_use_set(struct store *st, int64_t fqdn_set_id,
    int64_t upstream_account_id, struct upstream_use *out, struct err *e)
{
	struct db_stmt *s = stmt_query(st, STMT_UPSTREAM_USE, UPSTREAM_USE_SET,
	    e, "ii", fqdn_set_id, upstream_account_id);

	return s ? collect(s, out, e) : -1;
}

int
upstream_use_domain(struct store *st, const char *registered,
    int64_t upstream_account_id, struct upstream_use *out, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, STMT_UPSTREAM_USE, UPSTREAM_USE_DOMAIN, e, "tii",
		registered, upstream_account_id, (int64_t)out->by);

	return s ? collect(s, out, e) : -1;
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
		fn(arg, db_text(s, 0), db_int(s, 1));
	if (rc > 0)
		db_reset(s);
	return rc < 0 ? -1 : 0;
}

int
upstream_use_failures(struct store *st, const char *name,
    int64_t upstream_account_id, struct upstream_use *out, struct err *e)
{
	const char *base = str_starts(name, "*.") ? name + 2 : name;
	char *wildcard = xasprintf("*.%s", base);
	struct db_stmt *s =
	    stmt_query(st, STMT_UPSTREAM_USE, UPSTREAM_USE_FAILURES, e, "ttii",
		base, wildcard, upstream_account_id, out->since);
	int rc = s ? collect(s, out, e) : -1;

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
upstream_use_is_renewal(
    struct store *st, int64_t fqdn_set_id, bool *is_renewal, struct err *e)
{
	int64_t ignored;
	int rc = stmt_int(st, STMT_UPSTREAM_USE, UPSTREAM_USE_RENEWAL, &ignored,
	    e, "i", fqdn_set_id);

	*is_renewal = rc > 0;
	return rc < 0 ? -1 : 0;
}
