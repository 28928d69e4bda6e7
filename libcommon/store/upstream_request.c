#include "store/upstream_request.h"

#include "base/log.h"
#include "store/stmt.h"
#include "sys/clock.h"

#define PAGE 1000

enum {
	UPSTREAM_REQUEST_ADD,
	UPSTREAM_REQUEST_FORTH,
	UPSTREAM_REQUEST_BACK
};

#define COLUMNS                                                                \
	"id, at, request_id, upstream_ca_id, COALESCE(upstream_account_id, "   \
	"0),"                                                                  \
	" COALESCE(upstream_order_id, 0), endpoint, status, error_type,"       \
	" COALESCE(retry_after, -1), duration_ms, requests"

static const char *const sql[] = {
    [UPSTREAM_REQUEST_ADD] =
	"INSERT INTO upstream_requests (at, request_id, upstream_ca_id,"
	" upstream_account_id, upstream_order_id, endpoint, status, error_type,"
	" retry_after, duration_ms) VALUES (?1, ?2, ?3, NULLIF(CAST(?4 AS "
	"BIGINT), 0),"
	" NULLIF(CAST(?5 AS BIGINT), 0), ?6, ?7, ?8, NULLIF(CAST(?9 AS "
	"BIGINT), -1), ?10)",
    [UPSTREAM_REQUEST_FORTH] = "SELECT " COLUMNS " FROM upstream_requests"
			       " WHERE id >= ?1 ORDER BY id LIMIT ?2",
    [UPSTREAM_REQUEST_BACK] = "SELECT " COLUMNS " FROM upstream_requests"
			      " WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
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

/* ---- reading ------------------------------------------------------------- */

static void
read_row(struct db_stmt *s, struct upstream_request *r)
{
	r->id = db_int(s, 0);
	r->at = db_int(s, 1);
	r->request_id = db_text(s, 2);
	r->upstream_ca_id = db_int(s, 3);
	r->upstream_account_id = db_int(s, 4);
	r->upstream_order_id = db_int(s, 5);
	r->endpoint = db_text(s, 6);
	r->status = (int)db_int(s, 7);
	r->error_type = db_text(s, 8);
	r->retry_after = db_int(s, 9);
	r->duration_ms = db_int(s, 10);
	r->requests = db_int(s, 11);
}

static bool
matches(
    const struct upstream_request_filter *f, const struct upstream_request *r)
{
	return (f->upstream_ca_id == 0 ||
		   f->upstream_ca_id == r->upstream_ca_id) &&
	    (f->upstream_account_id == 0 ||
		f->upstream_account_id == r->upstream_account_id) &&
	    (f->upstream_order_id == 0 ||
		f->upstream_order_id == r->upstream_order_id);
}

/* A walk over the log: what `each` does with a request; 1 from it ends it. */
struct walk {
	const struct upstream_request_filter *filter;
	int (*each)(
	    struct walk *w, const struct upstream_request *r, struct err *e);
	int (*fn)(void *arg, const struct upstream_request *r, struct err *e);
	void *arg;
	int64_t at; /* the id to go on with */
	int64_t first; /* that is to be shown */
	int64_t count;
};

/* How many there were on a page; what `each` says, when that is not 0. */
static int
walk_page(struct store *st, size_t row, struct walk *w, int *n, struct err *e)
{
	struct db_stmt *s = stmt_query(
	    st, STMT_UPSTREAM_REQUEST, row, e, "ii", w->at, (int64_t)PAGE);
	int rc = -1;

	for (*n = 0; s && (rc = db_step(s, e)) > 0; ++*n) {
		struct upstream_request r;
		int ended;

		read_row(s, &r);
		w->at = row == UPSTREAM_REQUEST_FORTH ? r.id + 1 : r.id;
		ended = w->each(w, &r, e);
		if (ended != 0) {
			db_reset(s);
			return ended;
		}
	}
	return rc;
}

static int
walk(struct store *st, size_t row, struct walk *w, struct err *e)
{
	int n = PAGE, rc = 0;

	while (rc == 0 && n == PAGE)
		rc = walk_page(st, row, w, &n, e);
	return rc < 0 ? -1 : 0;
}

/* Backwards, to the first that is to be shown. */
static int
step_back(struct walk *w, const struct upstream_request *r, struct err *e)
{
	(void)e;
	if (r->at < w->filter->since)
		return 1;
	if (!matches(w->filter, r))
		return 0;
	w->first = r->id;
	w->count++;
	return w->filter->last > 0 && w->count == w->filter->last;
}

static int
step_forth(struct walk *w, const struct upstream_request *r, struct err *e)
{
	return matches(w->filter, r) ? w->fn(w->arg, r, e) : 0;
}

int
upstream_request_each(struct store *st,
    const struct upstream_request_filter *filter,
    int (*fn)(void *arg, const struct upstream_request *r, struct err *e),
    void *arg, struct err *e)
{
	bool is_all = filter->since == 0 && filter->last == 0;
	struct walk w = {.filter = filter,
	    .each = step_back,
	    .fn = fn,
	    .arg = arg,
	    .at = INT64_MAX,
	    .first = is_all ? 0 : INT64_MAX};

	if (!is_all && walk(st, UPSTREAM_REQUEST_BACK, &w, e) < 0)
		return -1;
	w.at = w.first;
	w.each = step_forth;
	return walk(st, UPSTREAM_REQUEST_FORTH, &w, e);
}
