#include "store/upstream_rest.h"

#include "store/queue_part.h"
#include "sys/clock.h"

enum {
	REST_NEXT_ACCOUNT,
	REST_NEXT
};

#define HAS_REST(now, max)                                                     \
	"alternates IS NOT NULL AND retry_at <= " now                          \
	" AND " QUEUE_IS_FREE(now, max)

static const char *const sql[] = {
    [REST_NEXT_ACCOUNT] = "SELECT upstream_account_id FROM upstream_orders"
			  " WHERE upstream_account_id > ?1 AND " HAS_REST("?2",
			      "?3") " ORDER BY upstream_account_id LIMIT 1",
    [REST_NEXT] = "SELECT id FROM upstream_orders"
		  " WHERE upstream_account_id = ?1 AND id > ?4 AND " HAS_REST(
		      "?2", "?3") " ORDER BY id LIMIT 1",
};

const struct stmt_table upstream_rest_stmts = {
    "upstream_rest", sql, ARRAY_LEN(sql)};

int
upstream_rest_next_account(struct store *st, int64_t *account, struct err *e)
{
	int64_t now = clock_now();

	return stmt_int(st, STMT_UPSTREAM_REST, REST_NEXT_ACCOUNT, account, e,
	    "iii", *account, now, now + QUEUE_HOLD_MAX);
}

int
upstream_rest_next(
    struct store *st, int64_t account, int64_t *order, struct err *e)
{
	int64_t now = clock_now();

	return stmt_int(st, STMT_UPSTREAM_REST, REST_NEXT, order, e, "iiii",
	    account, now, now + QUEUE_HOLD_MAX, *order);
}
