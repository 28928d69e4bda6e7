#include "store/upstream_authorization.h"

#include "store/domain.h"
#include "store/event.h"
#include "store/stmt.h"
#include "sys/clock.h"

#define PAGE 200

enum {
	UPSTREAM_AUTHORIZATION_ADD,
	UPSTREAM_AUTHORIZATION_LINK,
	UPSTREAM_AUTHORIZATION_BY_ORDER,
	UPSTREAM_AUTHORIZATION_EACH,
	UPSTREAM_AUTHORIZATION_EACH_STATUS,
	UPSTREAM_AUTHORIZATION_EACH_ACCOUNT,
	UPSTREAM_AUTHORIZATION_CHALLENGES,
	UPSTREAM_AUTHORIZATION_LEARN,
	UPSTREAM_AUTHORIZATION_SET_STATUS,
	UPSTREAM_AUTHORIZATION_WAIT,
	UPSTREAM_AUTHORIZATION_WHY,
	UPSTREAM_AUTHORIZATION_MOVED,
	UPSTREAM_AUTHORIZATION_IS_SHARED,
	UPSTREAM_CHALLENGE_PUT,
	UPSTREAM_CHALLENGE_ALL_GONE,
	UPSTREAM_CHALLENGE_MOVE
};

#define ITEMS                                                                  \
	"SELECT a.id, a.status, d.value, a.upstream_account_id,"               \
	" COALESCE(k.name, u.directory_url),"                                  \
	" (SELECT max(oa.upstream_order_id + 0)"                               \
	" FROM upstream_order_authorizations oa"                               \
	" WHERE oa.upstream_authorization_id = a.id), c.type, c.solver,"       \
	" c.place, a.expires, a.url FROM upstream_authorizations a"            \
	" JOIN upstream_accounts u ON u.id = a.upstream_account_id"            \
	" LEFT JOIN upstream_cas k ON k.directory_url = u.directory_url"       \
	" LEFT JOIN domains d ON d.id = a.domain_id"                           \
	" LEFT JOIN upstream_challenges c ON c.id = (SELECT x.id"              \
	" FROM upstream_challenges x WHERE x.upstream_authorization_id = a.id" \
	" AND x.place <> 'none' LIMIT 1) WHERE a.id > ?1"
#define PAGED " ORDER BY a.id LIMIT ?2"

static const char *const sql[] = {
    [UPSTREAM_AUTHORIZATION_ADD] =
	"INSERT INTO upstream_authorizations (upstream_account_id, url, status)"
	" SELECT upstream_account_id, CAST(?2 AS TEXT), 'unknown'"
	" FROM upstream_orders WHERE id = ?1"
	" ON CONFLICT (url) DO UPDATE SET status = 'unknown', retry_at = 0,"
	" attempts = 0 RETURNING id",
    [UPSTREAM_AUTHORIZATION_LINK] =
	"INSERT INTO upstream_order_authorizations (upstream_order_id,"
	" position, upstream_authorization_id) VALUES (?1, ?2, ?3)",
    [UPSTREAM_AUTHORIZATION_BY_ORDER] =
	"SELECT a.id, a.url, a.status, d.type, d.value, a.expires, a.retry_at,"
	" a.attempts FROM upstream_order_authorizations oa"
	" JOIN upstream_authorizations a"
	" ON a.id = oa.upstream_authorization_id"
	" LEFT JOIN domains d ON d.id = a.domain_id"
	" WHERE oa.upstream_order_id = ?1 ORDER BY oa.position",
    [UPSTREAM_AUTHORIZATION_EACH] = ITEMS PAGED,
    [UPSTREAM_AUTHORIZATION_EACH_STATUS] = ITEMS " AND a.status = ?3" PAGED,
    [UPSTREAM_AUTHORIZATION_EACH_ACCOUNT] =
	ITEMS " AND a.upstream_account_id = ?3" PAGED,
    [UPSTREAM_AUTHORIZATION_CHALLENGES] =
	"SELECT id, type, url, token, status, place, solver, error"
	" FROM upstream_challenges WHERE upstream_authorization_id = ?1"
	" ORDER BY type",
    [UPSTREAM_AUTHORIZATION_LEARN] =
	"UPDATE upstream_authorizations SET attempts ="
	" CASE WHEN status = ?2 THEN attempts + 1 ELSE 0 END, status = ?2,"
	" domain_id = ?3, expires ="
	" COALESCE(NULLIF(CAST(?4 AS BIGINT), 0), expires), retry_at = ?5,"
	" failed = COALESCE(NULLIF(CAST(?6 AS BIGINT), 0), failed)"
	" WHERE id = ?1 AND status IN ('unknown', 'pending')",
    [UPSTREAM_AUTHORIZATION_SET_STATUS] =
	"UPDATE upstream_authorizations SET status = ?2, attempts = 0,"
	" retry_at = 0 WHERE id = ?1",
    [UPSTREAM_AUTHORIZATION_WAIT] =
	"UPDATE upstream_authorizations SET attempts = attempts + 1,"
	" retry_at = ?2 WHERE id = ?1",
    [UPSTREAM_AUTHORIZATION_WHY] =
	"UPDATE upstream_orders SET cause = ?2, error = ?3 WHERE id = ?1"
	" AND status IN ('pending', 'ready')",
    [UPSTREAM_AUTHORIZATION_MOVED] =
	"UPDATE upstream_authorizations SET attempts = 0, retry_at = ?2"
	" WHERE id = ?1",
    [UPSTREAM_AUTHORIZATION_IS_SHARED] =
	"SELECT 1 FROM upstream_order_authorizations oa"
	" JOIN upstream_orders o ON o.id = oa.upstream_order_id"
	" WHERE oa.upstream_authorization_id = ?1 AND o.id <> ?2"
	" AND o.status IN ('pending', 'ready', 'processing') LIMIT 1",
    [UPSTREAM_CHALLENGE_PUT] =
	"INSERT INTO upstream_challenges (upstream_authorization_id, type, url,"
	" token, status, error) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
	" ON CONFLICT (upstream_authorization_id, type) DO UPDATE SET"
	" url = ?3, token = ?4, status = ?5,"
	" error = COALESCE(?6, upstream_challenges.error)",
    [UPSTREAM_CHALLENGE_ALL_GONE] =
	"UPDATE upstream_challenges SET status = 'gone'"
	" WHERE upstream_authorization_id = ?1"
	" AND status IN ('pending', 'processing')",
    [UPSTREAM_CHALLENGE_MOVE] =
	"UPDATE upstream_challenges SET place = ?3, solver = ?4, error = ?5"
	" WHERE id = ?1 AND place = ?2",
};

const struct stmt_table upstream_authorization_stmts = {
    "upstream_authorization", sql, ARRAY_LEN(sql)};

static const char *const statuses[] = {
    [UPSTREAM_AUTHORIZATION_UNKNOWN] = "unknown",
    [UPSTREAM_AUTHORIZATION_PENDING] = "pending",
    [UPSTREAM_AUTHORIZATION_VALID] = "valid",
    [UPSTREAM_AUTHORIZATION_INVALID] = "invalid",
    [UPSTREAM_AUTHORIZATION_DEACTIVATED] = "deactivated",
    [UPSTREAM_AUTHORIZATION_EXPIRED] = "expired",
    [UPSTREAM_AUTHORIZATION_REVOKED] = "revoked",
    [UPSTREAM_AUTHORIZATION_GONE] = "gone",
};
_Static_assert(
    ARRAY_LEN(statuses) == UPSTREAM_AUTHORIZATION__MAX, "one per status");

static const char *const challenge_statuses[] = {
    [UPSTREAM_CHALLENGE_PENDING] = "pending",
    [UPSTREAM_CHALLENGE_PROCESSING] = "processing",
    [UPSTREAM_CHALLENGE_VALID] = "valid",
    [UPSTREAM_CHALLENGE_INVALID] = "invalid",
    [UPSTREAM_CHALLENGE_GONE] = "gone",
};
_Static_assert(
    ARRAY_LEN(challenge_statuses) == UPSTREAM_CHALLENGE__MAX, "one per status");

static const char *const places[] = {
    [UPSTREAM_PLACE_NONE] = "none",
    [UPSTREAM_PLACE_PLACING] = "placing",
    [UPSTREAM_PLACE_PLACED] = "placed",
    [UPSTREAM_PLACE_CHECKED] = "checked",
    [UPSTREAM_PLACE_TRIGGERED] = "triggered",
};
_Static_assert(ARRAY_LEN(places) == UPSTREAM_PLACE__MAX, "one per place");

const char *
upstream_authorization_status_name(enum upstream_authorization_status status)
{
	return status < UPSTREAM_AUTHORIZATION__MAX ? statuses[status] : "?";
}

int
upstream_authorization_status_by_name(
    const char *name, enum upstream_authorization_status *status)
{
	for (size_t i = UPSTREAM_AUTHORIZATION_PENDING;
	     i < UPSTREAM_AUTHORIZATION_GONE; i++)
		if (strcmp(name, statuses[i]) == 0) {
			*status = (enum upstream_authorization_status)i;
			return 0;
		}
	return -1;
}

const char *
upstream_challenge_status_name(enum upstream_challenge_status status)
{
	return status < UPSTREAM_CHALLENGE__MAX ? challenge_statuses[status]
						: "?";
}

int
upstream_challenge_status_by_name(
    const char *name, enum upstream_challenge_status *status)
{
	for (size_t i = 0; i < UPSTREAM_CHALLENGE_GONE; i++)
		if (strcmp(name, challenge_statuses[i]) == 0) {
			*status = (enum upstream_challenge_status)i;
			return 0;
		}
	return -1;
}

const char *
upstream_challenge_place_name(enum upstream_challenge_place place)
{
	return place < UPSTREAM_PLACE__MAX ? places[place] : "?";
}

/* ---- reading ------------------------------------------------------------- */

static void
release_challenge(struct upstream_challenge *c)
{
	free(c->type);
	free(c->url);
	free(c->token);
	free(c->solver);
	free(c->error);
}

void
upstream_authorizations_release(struct upstream_authorizations *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->len; i++) {
		struct upstream_authorization *a = &l->v[i];

		for (size_t j = 0; j < a->challenges_len; j++)
			release_challenge(&a->challenges[j]);
		free(a->challenges);
		free(a->url);
		free(a->value);
	}
	free(l->v);
	*l = (struct upstream_authorizations){0};
}

static int
read_authorization(
    struct db_stmt *s, struct upstream_authorization *a, struct err *e)
{
	*a = (struct upstream_authorization){.id = db_int(s, 0),
	    .url = stmt_text_dup(s, 1),
	    .status = (enum upstream_authorization_status)stmt_word(
		s, 2, statuses, UPSTREAM_AUTHORIZATION__MAX),
	    .value = stmt_text_dup(s, 4),
	    .expires = db_int(s, 5),
	    .retry_at = db_int(s, 6),
	    .attempts = db_int(s, 7)};
	if (a->value && identifier_type_by_name(db_text(s, 3), &a->type) < 0)
		return err_set(e, KIND_BUG,
		    "upstream_authorization/%lld: bad identifier",
		    (long long)a->id);
	return 0;
}

static void
read_challenge(struct db_stmt *s, struct upstream_challenge *c)
{
	*c = (struct upstream_challenge){.id = db_int(s, 0),
	    .type = stmt_text_dup(s, 1),
	    .url = stmt_text_dup(s, 2),
	    .token = stmt_text_dup(s, 3),
	    .status = (enum upstream_challenge_status)stmt_word(
		s, 4, challenge_statuses, UPSTREAM_CHALLENGE__MAX),
	    .place = (enum upstream_challenge_place)stmt_word(
		s, 5, places, UPSTREAM_PLACE__MAX),
	    .solver = stmt_text_dup(s, 6),
	    .error = stmt_text_dup(s, 7)};
}

static int
load_challenges(
    struct store *st, struct upstream_authorization *a, struct err *e)
{
	struct db_stmt *s = stmt_query(st, STMT_UPSTREAM_AUTHORIZATION,
	    UPSTREAM_AUTHORIZATION_CHALLENGES, e, "i", a->id);
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		a->challenges = xreallocarray(a->challenges,
		    a->challenges_len + 1, sizeof(*a->challenges));
		read_challenge(s, &a->challenges[a->challenges_len++]);
	}
	return rc;
}

static int
load_authorizations(struct store *st, int64_t order_id,
    struct upstream_authorizations *out, struct err *e)
{
	struct db_stmt *s = stmt_query(st, STMT_UPSTREAM_AUTHORIZATION,
	    UPSTREAM_AUTHORIZATION_BY_ORDER, e, "i", order_id);
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		out->v = xreallocarray(out->v, out->len + 1, sizeof(*out->v));
		if (read_authorization(s, &out->v[out->len++], e) < 0) {
			db_reset(s);
			return -1;
		}
	}
	return rc;
}

int
upstream_authorization_by_order(struct store *st, int64_t order_id,
    struct upstream_authorizations *out, struct err *e)
{
	int rc;

	*out = (struct upstream_authorizations){0};
	rc = load_authorizations(st, order_id, out, e);
	for (size_t i = 0; rc == 0 && i < out->len; i++)
		rc = load_challenges(st, &out->v[i], e);
	if (rc < 0)
		upstream_authorizations_release(out);
	return rc;
}

/* ---- lists --------------------------------------------------------------- */

int
upstream_authorization_status_parse(
    const char *name, enum upstream_authorization_status *status)
{
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		if (strcmp(statuses[i], name) != 0)
			continue;
		*status = (enum upstream_authorization_status)i;
		return 0;
	}
	return -1;
}

static struct db_stmt *
query_page(struct store *st, const struct upstream_authorization_filter *f,
    int64_t after, struct err *e)
{
	if (f->upstream_account_id)
		return stmt_query(st, STMT_UPSTREAM_AUTHORIZATION,
		    UPSTREAM_AUTHORIZATION_EACH_ACCOUNT, e, "iii", after,
		    (int64_t)PAGE, f->upstream_account_id);
	if (f->status < UPSTREAM_AUTHORIZATION__MAX)
		return stmt_query(st, STMT_UPSTREAM_AUTHORIZATION,
		    UPSTREAM_AUTHORIZATION_EACH_STATUS, e, "iit", after,
		    (int64_t)PAGE, statuses[f->status]);
	return stmt_query(st, STMT_UPSTREAM_AUTHORIZATION,
	    UPSTREAM_AUTHORIZATION_EACH, e, "ii", after, (int64_t)PAGE);
}

static void
read_item(struct db_stmt *s, struct upstream_authorization_item *i)
{
	*i = (struct upstream_authorization_item){.id = db_int(s, 0),
	    .status = db_text(s, 1),
	    .value = db_text(s, 2),
	    .upstream_account_id = db_int(s, 3),
	    .ca = db_text(s, 4),
	    .upstream_order_id = db_int(s, 5),
	    .type = db_text(s, 6),
	    .solver = db_text(s, 7),
	    .place = db_text(s, 8),
	    .expires = db_int(s, 9),
	    .url = db_text(s, 10)};
}

int
upstream_authorization_each(struct store *st,
    const struct upstream_authorization_filter *f,
    int (*fn)(
	void *arg, const struct upstream_authorization_item *i, struct err *e),
    void *arg, struct err *e)
{
	struct upstream_authorization_item item = {0};
	bool any = f->status == UPSTREAM_AUTHORIZATION__MAX;
	size_t len;
	int rc;

	do {
		struct db_stmt *s = query_page(st, f, item.id, e);

		len = 0;
		rc = -1;
		while (s && (rc = db_step(s, e)) > 0) {
			len++;
			read_item(s, &item);
			if ((!any &&
				strcmp(item.status, statuses[f->status]) !=
				    0) ||
			    fn(arg, &item, e) == 0)
				continue;
			db_reset(s);
			return -1;
		}
	} while (rc == 0 && len == PAGE);
	return rc;
}

int
upstream_authorization_is_shared(
    struct store *st, int64_t id, int64_t order_id, bool *shared, struct err *e)
{
	int64_t one;
	int rc = stmt_int(st, STMT_UPSTREAM_AUTHORIZATION,
	    UPSTREAM_AUTHORIZATION_IS_SHARED, &one, e, "ii", id, order_id);

	*shared = rc > 0;
	return rc < 0 ? -1 : 0;
}

/* ---- changing ------------------------------------------------------------ */

int
upstream_authorization_link(struct store *st, int64_t order_id,
    int64_t position, const char *url, struct err *e)
{
	int64_t id;

	if (stmt_int(st, STMT_UPSTREAM_AUTHORIZATION,
		UPSTREAM_AUTHORIZATION_ADD, &id, e, "it", order_id, url) < 0)
		return -1;
	return stmt_run(st, STMT_UPSTREAM_AUTHORIZATION,
		   UPSTREAM_AUTHORIZATION_LINK, e, "iii", order_id, position,
		   id) < 0
	    ? -1
	    : 0;
}

/* What the transactions below are called with. */
struct move {
	struct store *st;
	const struct upstream_order_hold *hold;
	int64_t id;
	const struct upstream_authorization_answer *answer;
	enum upstream_authorization_status status;
	int64_t retry_at;
	const char *cause, *error;
	const struct upstream_challenge *challenge;
	const struct upstream_challenge_move *to;
};

static int
put_challenges(const struct move *m, struct err *e)
{
	const struct upstream_authorization_answer *a = m->answer;

	if (stmt_run(m->st, STMT_UPSTREAM_AUTHORIZATION,
		UPSTREAM_CHALLENGE_ALL_GONE, e, "i", m->id) < 0)
		return -1;
	for (size_t i = 0; i < a->challenges_len; i++) {
		const struct upstream_challenge_answer *c = &a->challenges[i];

		if (stmt_run(m->st, STMT_UPSTREAM_AUTHORIZATION,
			UPSTREAM_CHALLENGE_PUT, e, "ittttt", m->id, c->type,
			c->url, c->token ? c->token : "",
			challenge_statuses[c->status], c->error) < 0)
			return -1;
	}
	return 0;
}

static int
learn(void *arg, struct err *e)
{
	struct move *m = arg;
	const struct upstream_authorization_answer *a = m->answer;
	int64_t domain, n;

	if (upstream_order_keep(m->st, m->hold, e) < 0 ||
	    domain_put(m->st, a->type, a->value, &domain, e) < 0)
		return -1;
	n = stmt_run(m->st, STMT_UPSTREAM_AUTHORIZATION,
	    UPSTREAM_AUTHORIZATION_LEARN, e, "itiiii", m->id,
	    statuses[a->status], domain, a->expires, a->retry_at,
	    a->status == UPSTREAM_AUTHORIZATION_INVALID ? clock_now() : 0);
	if (n == 0)
		return err_set(e, KIND_CONFLICT,
		    "upstream_authorization/%lld is neither unknown nor "
		    "pending",
		    (long long)m->id);
	return n < 0 ? -1 : put_challenges(m, e);
}

int
upstream_authorization_learn(struct store *st,
    const struct upstream_order_hold *hold, int64_t id,
    const struct upstream_authorization_answer *a, struct err *e)
{
	struct move m = {.st = st, .hold = hold, .id = id, .answer = a};

	return db_transaction(st->db, DB_QUICK, learn, &m, e);
}

static int
set_status(void *arg, struct err *e)
{
	struct move *m = arg;

	if (upstream_order_keep(m->st, m->hold, e) < 0)
		return -1;
	return stmt_run(m->st, STMT_UPSTREAM_AUTHORIZATION,
		   UPSTREAM_AUTHORIZATION_SET_STATUS, e, "it", m->id,
		   statuses[m->status]) < 0
	    ? -1
	    : 0;
}

int
upstream_authorization_set_status(struct store *st,
    const struct upstream_order_hold *hold, int64_t id,
    enum upstream_authorization_status status, struct err *e)
{
	struct move m = {.st = st, .hold = hold, .id = id, .status = status};

	return db_transaction(st->db, DB_QUICK, set_status, &m, e);
}

static int
wait_on(void *arg, struct err *e)
{
	struct move *m = arg;

	if (upstream_order_keep(m->st, m->hold, e) < 0 ||
	    stmt_run(m->st, STMT_UPSTREAM_AUTHORIZATION,
		UPSTREAM_AUTHORIZATION_WHY, e, "itt", m->hold->id, m->cause,
		m->error) < 0)
		return -1;
	return stmt_run(m->st, STMT_UPSTREAM_AUTHORIZATION,
		   UPSTREAM_AUTHORIZATION_WAIT, e, "ii", m->id, m->retry_at) < 0
	    ? -1
	    : 0;
}

int
upstream_authorization_wait(struct store *st,
    const struct upstream_order_hold *hold, int64_t id, int64_t retry_at,
    const char *cause, const char *error, struct err *e)
{
	struct move m = {.st = st,
	    .hold = hold,
	    .id = id,
	    .retry_at = retry_at,
	    .cause = cause,
	    .error = error};

	return db_transaction(st->db, DB_QUICK, wait_on, &m, e);
}

static int
move_challenge(void *arg, struct err *e)
{
	struct move *m = arg;
	const struct upstream_challenge *c = m->challenge;
	int64_t n;

	if (upstream_order_keep(m->st, m->hold, e) < 0)
		return -1;
	n = stmt_run(m->st, STMT_UPSTREAM_AUTHORIZATION,
	    UPSTREAM_CHALLENGE_MOVE, e, "itttt", c->id, places[c->place],
	    places[m->to->to], m->to->solver, m->to->error);
	if (n == 0)
		return err_set(e, KIND_CONFLICT,
		    "upstream_challenge/%lld is not %s any more",
		    (long long)c->id, places[c->place]);
	return n < 0 ||
		stmt_run(m->st, STMT_UPSTREAM_AUTHORIZATION,
		    UPSTREAM_AUTHORIZATION_MOVED, e, "ii", m->id,
		    m->to->retry_at) < 0
	    ? -1
	    : 0;
}

int
upstream_challenge_move(struct store *st,
    const struct upstream_order_hold *hold,
    const struct upstream_authorization *a, size_t challenge,
    const struct upstream_challenge_move *to, struct err *e)
{
	struct move m = {.st = st,
	    .hold = hold,
	    .id = a->id,
	    .challenge = &a->challenges[challenge],
	    .to = to};

	return db_transaction(st->db, DB_QUICK, move_challenge, &m, e);
}
