#include "store/upstream_request.h"

#include "base/log.h"
#include "store/stmt.h"
#include "sys/clock.h"

enum {
	UPSTREAM_REQUEST_ADD
};

static const char *const sql[] = {
    [UPSTREAM_REQUEST_ADD] =
	"INSERT INTO upstream_requests (at, request_id, upstream_ca_id,"
	" upstream_account_id, upstream_order_id, endpoint, status, error_type,"
	" retry_after, duration_ms) VALUES (?1, ?2, ?3, NULLIF(?4, 0),"
	" NULLIF(?5, 0), ?6, ?7, ?8, NULLIF(?9, -1), ?10)",
};

const struct stmt_table upstream_request_stmts = {
    "upstream_request", sql, ARRAY_LEN(sql)};

struct addition {
	struct store *st;
	const struct upstream_request *r;
};

static int
add(void *arg, struct err *e)
{
	const struct addition *a = arg;
	const struct upstream_request *r = a->r;

	return stmt_run(a->st, STMT_UPSTREAM_REQUEST, UPSTREAM_REQUEST_ADD, e,
		   "itiiititii", clock_now(), log_get_id(), r->upstream_ca_id,
		   r->upstream_account_id, r->upstream_order_id, r->endpoint,
		   (int64_t)r->status, r->error_type, r->retry_after,
		   r->duration_ms) < 0
	    ? -1
	    : 0;
}

int
upstream_request_add(
    struct store *st, const struct upstream_request *r, struct err *e)
{
	struct addition a = {.st = st, .r = r};

	return db_transaction(st->db, DB_QUICK, add, &a, e);
}
