#include "store/key_cycle.h"

#include <time.h>

#include "base/week.h"
#include "store/event.h"
#include "store/private_key.h"
#include "store/stmt.h"

#define YEAR_SECONDS (365 * 86400LL)
#define SCOPE_SIZE 80

enum {
	KEY_CYCLE_FIND,
	KEY_CYCLE_FROM_POOL,
	KEY_CYCLE_ASSIGN,
	KEY_CYCLE_SCOPE,
	KEY_CYCLE_POOL_SIZE,
	KEY_CYCLE_POOL_ADD
};

static const char *const sql[] = {
    [KEY_CYCLE_FIND] =
	"SELECT id FROM private_keys WHERE cycle = ?1 AND scope = ?2"
	" AND period = ?3 AND type = ?4 AND status = 'active'"
	" AND created > ?5 ORDER BY id LIMIT 1",
    [KEY_CYCLE_FROM_POOL] =
	"SELECT id FROM private_keys WHERE pooled = 1 AND type = ?1"
	" AND status = 'active' ORDER BY id LIMIT 1",
    [KEY_CYCLE_ASSIGN] =
	"UPDATE private_keys SET pooled = 0, cycle = ?2, scope = ?3,"
	" period = ?4 WHERE id = ?1 AND cycle IS NULL",
    [KEY_CYCLE_SCOPE] = "SELECT scope FROM private_keys WHERE id = ?1",
    [KEY_CYCLE_POOL_SIZE] =
	"SELECT count(*) FROM private_keys WHERE pooled = 1 AND type = ?1"
	" AND status = 'active'",
    [KEY_CYCLE_POOL_ADD] = "UPDATE private_keys SET pooled = 1 WHERE id = ?1",
};

const struct stmt_table key_cycle_stmts = {"key_cycle", sql, ARRAY_LEN(sql)};

/* What one cycle is like. */
static const struct {
	const char *name;
	enum {
		SCOPE_NONE,
		SCOPE_ACCOUNT,
		SCOPE_GLOBAL,
		SCOPE_RENEWAL
	} scope;
	enum {
		PERIOD_NONE,
		PERIOD_DAY,
		PERIOD_WEEK
	} period;
	int64_t lifetime; /* seconds; 0: as long as the period */
} cycles[] = {
    [KEY_CYCLE_SINGLE_CERTIFICATE] = {"single_certificate", SCOPE_NONE,
	PERIOD_NONE, 0},
    [KEY_CYCLE_ACCOUNT_DAILY] = {"account_daily", SCOPE_ACCOUNT, PERIOD_DAY, 0},
    [KEY_CYCLE_ACCOUNT_WEEKLY] = {"account_weekly", SCOPE_ACCOUNT, PERIOD_WEEK,
	0},
    [KEY_CYCLE_GLOBAL_DAILY] = {"global_daily", SCOPE_GLOBAL, PERIOD_DAY, 0},
    [KEY_CYCLE_GLOBAL_WEEKLY] = {"global_weekly", SCOPE_GLOBAL, PERIOD_WEEK, 0},
    [KEY_CYCLE_REUSE_YEAR] = {"reuse_year", SCOPE_RENEWAL, PERIOD_NONE,
	YEAR_SECONDS},
};
_Static_assert(ARRAY_LEN(cycles) == KEY_CYCLE__MAX, "one per cycle");

const char *
key_cycle_name(enum key_cycle cycle)
{
	return cycles[cycle].name;
}

int
key_cycle_by_name(const char *name, enum key_cycle *cycle)
{
	for (size_t i = 0; i < ARRAY_LEN(cycles); i++)
		if (strcmp(name, cycles[i].name) == 0) {
			*cycle = (enum key_cycle)i;
			return 0;
		}
	return -1;
}

void
key_cycle_period(
    enum key_cycle cycle, int64_t now, char out[KEY_CYCLE_PERIOD_SIZE])
{
	time_t t = (time_t)now;
	struct tm tm;

	out[0] = '\0';
	if (cycles[cycle].period == PERIOD_WEEK)
		week_format(out, now);
	else if (cycles[cycle].period == PERIOD_DAY)
		strftime(out, KEY_CYCLE_PERIOD_SIZE, "%F", gmtime_r(&t, &tm));
}

static void
scope_of(const struct key_cycle_use *use, char out[SCOPE_SIZE])
{
	switch (cycles[use->cycle].scope) {
	case SCOPE_NONE: /* whose it is, all the same */
	case SCOPE_ACCOUNT:
		snprintf(out, SCOPE_SIZE, "upstream_account/%lld",
		    (long long)use->account_id);
		return;
	case SCOPE_RENEWAL:
		snprintf(out, SCOPE_SIZE, "upstream_account/%lld/fqdn_set/%lld",
		    (long long)use->account_id, (long long)use->fqdn_set_id);
		return;
	case SCOPE_GLOBAL:
		snprintf(out, SCOPE_SIZE, "global");
		return;
	}
}

/* ---- choosing ------------------------------------------------------------ */

/* A use at work, with a key that was made for it, or none yet. */
struct choice {
	struct store *st;
	const struct key_cycle_use *use;
	const struct key *fresh;
	const struct seal_key *seal;
	int64_t id;
};

/* 1 with a key that the cycle has already, 0, -1. */
static int
find(struct choice *c, struct err *e)
{
	const struct key_cycle_use *use = c->use;
	int64_t lifetime = cycles[use->cycle].lifetime;
	char scope[SCOPE_SIZE], period[KEY_CYCLE_PERIOD_SIZE];

	if (cycles[use->cycle].scope == SCOPE_NONE)
		return 0;
	scope_of(use, scope);
	key_cycle_period(use->cycle, use->now, period);
	return stmt_int(c->st, STMT_KEY_CYCLE, KEY_CYCLE_FIND, &c->id, e,
	    "tttti", cycles[use->cycle].name, scope, period, use->type,
	    lifetime > 0 ? use->now - lifetime : (int64_t)0);
}

static int
assign(struct choice *c, struct err *e)
{
	const struct key_cycle_use *use = c->use;
	char scope[SCOPE_SIZE], period[KEY_CYCLE_PERIOD_SIZE];
	int64_t n;

	scope_of(use, scope);
	key_cycle_period(use->cycle, use->now, period);
	n = stmt_run(c->st, STMT_KEY_CYCLE, KEY_CYCLE_ASSIGN, e, "ittt", c->id,
	    cycles[use->cycle].name, scope, period);
	if (n == 0)
		return err_set(e, KIND_CONFLICT,
		    "private key %lld is in use already", (long long)c->id);
	return n < 0 ? -1
		     : event_add(c->st, "private_key.assign", EVENT_PRIVATE_KEY,
			   c->id, cycles[use->cycle].name, e);
}

static int
take(void *arg, struct err *e)
{
	struct choice *c = arg;
	int rc = find(c, e);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	rc = stmt_int(c->st, STMT_KEY_CYCLE, KEY_CYCLE_FROM_POOL, &c->id, e,
	    "t", c->use->type);
	if (rc == 0)
		return err_set(e, KIND_NOTFOUND,
		    "%s: neither the cycle nor the pool has a key",
		    cycles[c->use->cycle].name);
	return rc < 0 ? -1 : assign(c, e);
}

int
key_cycle_take(struct store *st, const struct key_cycle_use *use, int64_t *id,
    struct err *e)
{
	struct choice c = {.st = st, .use = use};

	if (db_transaction(st->db, DB_DURABLE, take, &c, e) < 0)
		return -1;
	*id = c.id;
	return 0;
}

static int
add(void *arg, struct err *e)
{
	struct choice *c = arg;
	struct private_key stored;
	bool created;
	int rc = find(c, e);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (private_key_add(c->st, c->fresh, c->seal, PRIVATE_KEY_GENERATED,
		&stored, &created, e) < 0)
		return -1;
	c->id = stored.id;
	return assign(c, e);
}

int
key_cycle_add(struct store *st, const struct key_cycle_use *use,
    const struct key *k, const struct seal_key *seal, int64_t *id,
    struct err *e)
{
	struct choice c = {.st = st, .use = use, .fresh = k, .seal = seal};

	if (db_transaction(st->db, DB_DURABLE, add, &c, e) < 0)
		return -1;
	*id = c.id;
	return 0;
}

/* As scope_of writes it. */
static int64_t
account_in(const char *scope)
{
	static const char prefix[] = "upstream_account/";
	char *digits;
	uint64_t id = 0;

	if (!scope || !str_starts(scope, prefix))
		return 0;
	scope += strlen(prefix);
	digits = xstrndup(scope, strcspn(scope, "/"));
	if (!str_to_u64(digits, INT64_MAX, &id))
		id = 0;
	free(digits);
	return (int64_t)id;
}

int
key_cycle_owner(struct store *st, int64_t private_key_id, int64_t *account_id,
    struct err *e)
{
	struct db_stmt *s = stmt_query(
	    st, STMT_KEY_CYCLE, KEY_CYCLE_SCOPE, e, "i", private_key_id);
	int rc = s ? db_step(s, e) : -1;

	*account_id = 0;
	if (rc <= 0)
		return rc;
	if (!db_is_null(s, 0))
		*account_id = account_in(db_text(s, 0));
	db_reset(s);
	return 0;
}

/* ---- the pool ------------------------------------------------------------ */

int
key_cycle_pool_size(
    struct store *st, const char *type, int64_t *n, struct err *e)
{
	return stmt_int(
		   st, STMT_KEY_CYCLE, KEY_CYCLE_POOL_SIZE, n, e, "t", type) < 0
	    ? -1
	    : 0;
}

static int
add_to_pool(void *arg, struct err *e)
{
	struct choice *c = arg;
	struct private_key stored;
	bool created;

	if (private_key_add(c->st, c->fresh, c->seal, PRIVATE_KEY_GENERATED,
		&stored, &created, e) < 0)
		return -1;
	c->id = stored.id;
	return stmt_run(
		   c->st, STMT_KEY_CYCLE, KEY_CYCLE_POOL_ADD, e, "i", c->id) < 0
	    ? -1
	    : 0;
}

int
key_cycle_pool_add(struct store *st, const struct key *k,
    const struct seal_key *seal, int64_t *id, struct err *e)
{
	struct choice c = {.st = st, .fresh = k, .seal = seal};

	if (db_transaction(st->db, DB_DURABLE, add_to_pool, &c, e) < 0)
		return -1;
	*id = c.id;
	return 0;
}
