#include "store/upstream_use.h"

#include "store/stmt.h"

enum {
	UPSTREAM_USE_ORDERS,
	UPSTREAM_USE_SET,
	UPSTREAM_USE_RENEWAL
};

/* What replaces a certificate in its window is no use of a limit. */
#define COUNTS(at)                                                             \
	"NOT EXISTS (SELECT 1 FROM renewal_infos i"                            \
	" WHERE i.certificate_id = o.replaces_id"                              \
	" AND i.window_start <= " at " AND i.window_end > " at ")"

static const char *const sql[] = {
    [UPSTREAM_USE_ORDERS] =
	"SELECT r.at FROM upstream_requests r"
	" JOIN upstream_orders o ON o.id = r.upstream_order_id"
	" WHERE r.upstream_account_id = ?1 AND r.endpoint = 'newOrder'"
	" AND r.status BETWEEN 200 AND 299 AND " COUNTS(
	    "r.at") " AND NOT EXISTS (SELECT 1 FROM certificates c"
		    " WHERE c.fqdn_set_id = o.fqdn_set_id AND c.created < "
		    "o.created)"
		    " ORDER BY r.id DESC",
    [UPSTREAM_USE_SET] =
	"SELECT o.created FROM upstream_orders o"
	" WHERE o.fqdn_set_id = ?1 AND o.certificate_id IS NOT NULL"
	" AND " COUNTS(
	    "o.created") " AND (SELECT a.directory_url FROM upstream_accounts a"
			 " WHERE a.id = o.upstream_account_id) = (SELECT "
			 "own.directory_url"
			 " FROM upstream_accounts own WHERE own.id = ?2) ORDER "
			 "BY o.id DESC",
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
	struct db_stmt *s = stmt_query(st, STMT_UPSTREAM_USE,
	    UPSTREAM_USE_ORDERS, e, "i", upstream_account_id);

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
upstream_use_is_renewal(
    struct store *st, int64_t fqdn_set_id, bool *is_renewal, struct err *e)
{
	int64_t ignored;
	int rc = stmt_int(st, STMT_UPSTREAM_USE, UPSTREAM_USE_RENEWAL, &ignored,
	    e, "i", fqdn_set_id);

	*is_renewal = rc > 0;
	return rc < 0 ? -1 : 0;
}
