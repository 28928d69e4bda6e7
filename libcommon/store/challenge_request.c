#include "store/challenge_request.h"

#include "store/stmt.h"

#define PAGE 500
/* So many ids from one trim to the next. */
#define TRIM_EVERY 256

enum {
	CHALLENGE_REQUEST_ADD,
	CHALLENGE_REQUEST_NEWEST,
	CHALLENGE_REQUEST_LAST_KEPT,
	CHALLENGE_REQUEST_TRIM,
	CHALLENGE_REQUEST_PAGE,
	CHALLENGE_REQUEST_PAGE_OF_TOKEN
};

static const char *const sql[] = {
    [CHALLENGE_REQUEST_ADD] =
	"INSERT INTO challenge_requests (at, token, host, address, answered)"
	" VALUES (?1, ?2, ?3, ?4, ?5)",
    [CHALLENGE_REQUEST_NEWEST] = "SELECT id FROM challenge_requests"
				 " WHERE id > 0 ORDER BY id DESC LIMIT 1",
    [CHALLENGE_REQUEST_LAST_KEPT] =
	"SELECT id FROM challenge_requests WHERE answered = ?1"
	" ORDER BY id DESC LIMIT 1 OFFSET ?2",
    [CHALLENGE_REQUEST_TRIM] =
	"DELETE FROM challenge_requests WHERE answered = ?1 AND id < ?2",
    [CHALLENGE_REQUEST_PAGE] =
	"SELECT id, at, token, host, address, answered"
	" FROM challenge_requests WHERE id > ?1 AND at >= ?2"
	" ORDER BY id LIMIT ?3",
    [CHALLENGE_REQUEST_PAGE_OF_TOKEN] =
	"SELECT id, at, token, host, address, answered"
	" FROM challenge_requests WHERE token = ?4 AND id > ?1 AND at >= ?2"
	" ORDER BY id LIMIT ?3",
};

const struct stmt_table challenge_request_stmts = {
    "challenge_request", sql, ARRAY_LEN(sql)};

static int
trim(struct store *st, int64_t answered, struct err *e)
{
	int64_t id;
	int rc =
	    stmt_int(st, STMT_CHALLENGE_REQUEST, CHALLENGE_REQUEST_LAST_KEPT,
		&id, e, "ii", answered, (int64_t)CHALLENGE_REQUESTS_MAX - 1);

	if (rc > 0)
		rc = stmt_run(st, STMT_CHALLENGE_REQUEST,
			 CHALLENGE_REQUEST_TRIM, e, "ii", answered, id) < 0
		    ? -1
		    : 0;
	return rc < 0 ? -1 : 0;
}

static int
newest(struct store *st, int64_t *id, struct err *e)
{
	*id = 0;
	return stmt_int(st, STMT_CHALLENGE_REQUEST, CHALLENGE_REQUEST_NEWEST,
		   id, e, "") < 0
	    ? -1
	    : 0;
}

struct adding {
	struct store *st;
	const struct challenge_request *r;
	size_t len;
};

static int
add(void *arg, struct err *e)
{
	const struct adding *a = arg;
	int64_t before, after;

	if (newest(a->st, &before, e) < 0)
		return -1;
	for (size_t i = 0; i < a->len; i++)
		if (stmt_run(a->st, STMT_CHALLENGE_REQUEST,
			CHALLENGE_REQUEST_ADD, e, "ittti", a->r[i].at,
			a->r[i].token, a->r[i].host, a->r[i].address,
			(int64_t)a->r[i].answered) < 0)
			return -1;
	if (newest(a->st, &after, e) < 0)
		return -1;
	if (before / TRIM_EVERY == after / TRIM_EVERY)
		return 0;
	return trim(a->st, 0, e) < 0 ? -1 : trim(a->st, 1, e);
}

int
challenge_request_add(struct store *st, const struct challenge_request *r,
    size_t len, int64_t patience, struct err *e)
{
	struct adding a = {.st = st, .r = r, .len = len};
	int rc;

	db_set_patience(st->db, patience);
	rc = db_transaction(st->db, DB_QUICK, add, &a, e);
	db_set_patience(st->db, DB_PATIENCE);
	return rc;
}

/* How many there were after `*after`, which is then the last of them. */
static int
each_of_page(struct store *st, const struct challenge_request_filter *f,
    int64_t *after,
    int (*fn)(void *arg, const struct challenge_request *r, struct err *e),
    void *arg, struct err *e)
{
	struct db_stmt *s;
	int rc = -1, n = 0;

	if (f->token)
		s = stmt_query(st, STMT_CHALLENGE_REQUEST,
		    CHALLENGE_REQUEST_PAGE_OF_TOKEN, e, "iiit", *after,
		    f->since, (int64_t)PAGE, f->token);
	else
		s = stmt_query(st, STMT_CHALLENGE_REQUEST,
		    CHALLENGE_REQUEST_PAGE, e, "iii", *after, f->since,
		    (int64_t)PAGE);
	for (; s && (rc = db_step(s, e)) > 0; n++) {
		const struct challenge_request r = {.at = db_int(s, 1),
		    .token = db_text(s, 2),
		    .host = db_text(s, 3),
		    .address = db_text(s, 4),
		    .answered = db_int(s, 5) != 0};

		*after = db_int(s, 0);
		if (fn(arg, &r, e) < 0) {
			db_reset(s);
			return -1;
		}
	}
	return rc < 0 ? -1 : n;
}

int
challenge_request_each(struct store *st,
    const struct challenge_request_filter *filter,
    int (*fn)(void *arg, const struct challenge_request *r, struct err *e),
    void *arg, struct err *e)
{
	int64_t after = 0;
	int n = PAGE;

	while (n == PAGE)
		n = each_of_page(st, filter, &after, fn, arg, e);
	return n < 0 ? -1 : 0;
}
