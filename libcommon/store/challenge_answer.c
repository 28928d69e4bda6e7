#include "store/challenge_answer.h"

#include "store/event.h"
#include "store/stmt.h"
#include "sys/clock.h"

#define PAGE 500

enum {
	CHALLENGE_ANSWER_PUT,
	CHALLENGE_ANSWER_REMOVE,
	CHALLENGE_ANSWER_FIND,
	CHALLENGE_ANSWER_PAGE,
	CHALLENGE_ANSWER_EXPIRE
};

static const char *const sql[] = {
    [CHALLENGE_ANSWER_PUT] =
	"INSERT INTO challenge_answers (token, key_authorization, host,"
	" upstream_challenge_id, created, expires)"
	" VALUES (?1, ?2, ?3, NULLIF(CAST(?4 AS BIGINT), 0), ?5, ?6)"
	" ON CONFLICT (token) DO UPDATE SET host = excluded.host,"
	" upstream_challenge_id = excluded.upstream_challenge_id,"
	" expires = excluded.expires"
	" WHERE challenge_answers.key_authorization"
	" = excluded.key_authorization",
    [CHALLENGE_ANSWER_REMOVE] = "DELETE FROM challenge_answers WHERE token = ?1"
				" RETURNING COALESCE(upstream_challenge_id, 0)",
    [CHALLENGE_ANSWER_FIND] =
	"SELECT key_authorization FROM challenge_answers WHERE token = ?1"
	" AND expires > ?2 AND (host IS NULL OR host = ?3)",
    [CHALLENGE_ANSWER_PAGE] =
	"SELECT token, key_authorization, host, upstream_challenge_id,"
	" created, expires FROM challenge_answers WHERE token > ?1"
	" AND expires > ?2 ORDER BY token LIMIT ?3",
    [CHALLENGE_ANSWER_EXPIRE] =
	"DELETE FROM challenge_answers WHERE token IN"
	" (SELECT x.token FROM challenge_answers x WHERE x.expires <= ?1"
	" ORDER BY x.expires LIMIT ?2)",
};

const struct stmt_table challenge_answer_stmts = {
    "challenge_answer", sql, ARRAY_LEN(sql)};

void
challenge_answer_release(struct challenge_answer *a)
{
	if (!a)
		return;
	free(a->token);
	free(a->key_authorization);
	free(a->host);
	*a = (struct challenge_answer){0};
}

static bool
is_probe(const char *token)
{
	return str_starts(token, CHALLENGE_ANSWER_PROBE);
}

struct put {
	struct store *st;
	const struct challenge_answer *a;
};

static int
put(void *arg, struct err *e)
{
	const struct put *p = arg;
	const struct challenge_answer *a = p->a;
	int64_t n = stmt_run(p->st, STMT_CHALLENGE_ANSWER, CHALLENGE_ANSWER_PUT,
	    e, "tttiii", a->token, a->key_authorization, a->host,
	    a->upstream_challenge_id, clock_now(), a->expires);

	if (n == 0)
		return err_set(e, KIND_CONFLICT,
		    "%s: is there with another key authorization", a->token);
	if (n < 0)
		return -1;
	return a->upstream_challenge_id != 0 || is_probe(a->token)
	    ? 0
	    : event_add(
		  p->st, "challenge_answer.add", EVENT_STORE, 0, a->token, e);
}

int
challenge_answer_put(
    struct store *st, const struct challenge_answer *a, struct err *e)
{
	struct put p = {.st = st, .a = a};
	size_t len = strlen(a->token);

	if (strncmp(a->key_authorization, a->token, len) != 0 ||
	    a->key_authorization[len] != '.')
		return err_set(e, KIND_INPUT,
		    "RFC 8555 8.1: a key authorization begins with its token");
	return db_transaction(st->db, DB_DURABLE, put, &p, e);
}

struct removal {
	struct store *st;
	const char *token;
};

static int
remove_answer(void *arg, struct err *e)
{
	const struct removal *r = arg;
	int64_t challenge;
	int rc = stmt_int(r->st, STMT_CHALLENGE_ANSWER, CHALLENGE_ANSWER_REMOVE,
	    &challenge, e, "t", r->token);

	if (rc == 0)
		return err_set(
		    e, KIND_NOTFOUND, "%.100s: no such token", r->token);
	if (rc < 0 || challenge != 0 || is_probe(r->token))
		return rc < 0 ? -1 : 0;
	return event_add(
	    r->st, "challenge_answer.remove", EVENT_STORE, 0, r->token, e);
}

int
challenge_answer_remove(struct store *st, const char *token, struct err *e)
{
	struct removal r = {.st = st, .token = token};

	return db_transaction(st->db, DB_QUICK, remove_answer, &r, e);
}

int
challenge_answer_find(struct store *st, const char *token, const char *host,
    char *out, size_t size, struct err *e)
{
	struct db_stmt *s = stmt_query(st, STMT_CHALLENGE_ANSWER,
	    CHALLENGE_ANSWER_FIND, e, "tit", token, clock_now(), host);
	int rc = s ? db_step(s, e) : -1;

	if (rc == 0)
		return err_set(
		    e, KIND_NOTFOUND, "%.100s: no such token", token);
	if (rc < 0)
		return -1;
	stmt_text_to(s, 0, out, size);
	db_reset(s);
	return 0;
}

static void
read_row(struct db_stmt *s, struct challenge_answer *a)
{
	a->token = stmt_text_dup(s, 0);
	a->key_authorization = stmt_text_dup(s, 1);
	a->host = stmt_text_dup(s, 2);
	a->upstream_challenge_id = db_int(s, 3);
	a->created = db_int(s, 4);
	a->expires = db_int(s, 5);
}

/* How many there were after `*after`, which is then the last of them. */
static int
each_of_page(struct store *st, char **after,
    int (*fn)(void *arg, const struct challenge_answer *a, struct err *e),
    void *arg, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, STMT_CHALLENGE_ANSWER, CHALLENGE_ANSWER_PAGE, e,
		"tii", *after, clock_now(), (int64_t)PAGE);
	char *last = NULL;
	int rc = -1, n = 0;

	for (; s && (rc = db_step(s, e)) > 0; n++) {
		struct challenge_answer a;

		read_row(s, &a);
		rc = fn(arg, &a, e);
		free(last);
		last = a.token;
		a.token = NULL; /* transferred */
		challenge_answer_release(&a);
		if (rc < 0) {
			db_reset(s);
			break;
		}
	}
	if (last) {
		free(*after);
		*after = last;
	}
	return rc < 0 ? -1 : n;
}

int
challenge_answer_each(struct store *st,
    int (*fn)(void *arg, const struct challenge_answer *a, struct err *e),
    void *arg, struct err *e)
{
	char *after = xstrdup("");
	int n = PAGE;

	while (n == PAGE)
		n = each_of_page(st, &after, fn, arg, e);
	free(after);
	return n < 0 ? -1 : 0;
}

int64_t
challenge_answer_expire(struct store *st, int64_t max, struct err *e)
{
	return stmt_run(st, STMT_CHALLENGE_ANSWER, CHALLENGE_ANSWER_EXPIRE, e,
	    "ii", clock_now(), max);
}
