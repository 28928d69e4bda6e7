#include "store/authorization.h"

#include "store/event.h"
#include "store/stmt.h"
#include "sys/clock.h"

enum {
	AUTHORIZATION_GET,
	AUTHORIZATION_HOLDS,
	AUTHORIZATION_END,
	AUTHORIZATION_END_JOBS,
	AUTHORIZATION_END_CHALLENGES,
	AUTHORIZATION_END_ORDERS
};

static const char *const sql[] = {
    [AUTHORIZATION_GET] =
	"SELECT a.id, a.url_id, a.account_id, a.status, a.type, a.value,"
	" a.wildcard, a.created, a.expires,"
	" c.id, c.type, c.status, c.token, c.validated, c.error"
	" FROM authorizations a JOIN challenges c ON c.authorization_id = a.id"
	" WHERE a.url_id = ?1 ORDER BY c.id",
    [AUTHORIZATION_HOLDS] =
	"SELECT id FROM authorizations WHERE account_id = ?1 AND value = ?2"
	" AND type = ?3 AND wildcard = ?4 AND status = 'valid'"
	" AND expires > ?5 LIMIT 1",
    /* ?3: may it have been valid?  ?4: may it have expired? */
    [AUTHORIZATION_END] =
	"UPDATE authorizations SET status = ?2 WHERE id = ?1"
	" AND (status = 'pending'"
	" OR (status = 'valid' AND CAST(?3 AS BIGINT) = 1)) AND expires > ?4",
    [AUTHORIZATION_END_JOBS] =
	"DELETE FROM jobs WHERE kind = 'validate' AND object_id IN"
	" (SELECT id FROM challenges WHERE authorization_id = ?1)",
    [AUTHORIZATION_END_CHALLENGES] =
	"UPDATE challenges SET status = 'invalid', error = ?2"
	" WHERE authorization_id = ?1 AND status = 'processing'",
    [AUTHORIZATION_END_ORDERS] =
	"UPDATE orders SET status = 'invalid', error = ?2"
	" WHERE status IN ('pending', 'ready') AND id IN"
	" (SELECT order_id FROM identifiers WHERE authorization_id = ?1)",
};

const struct stmt_table authorization_stmts = {
    "authorization", sql, ARRAY_LEN(sql)};

static const char *const names[] = {
    [AUTHORIZATION_PENDING] = "pending",
    [AUTHORIZATION_VALID] = "valid",
    [AUTHORIZATION_INVALID] = "invalid",
    [AUTHORIZATION_DEACTIVATED] = "deactivated",
    [AUTHORIZATION_EXPIRED] = "expired",
    [AUTHORIZATION_REVOKED] = "revoked",
};
_Static_assert(ARRAY_LEN(names) == AUTHORIZATION__MAX, "one per status");

#define UNAUTHORIZED "{\"type\":\"urn:ietf:params:acme:error:unauthorized\","

static const char deactivated_error[] =
    UNAUTHORIZED "\"detail\":\"the client deactivated an authorization\","
		 "\"status\":403}";

const char authorization_expired_error[] =
    UNAUTHORIZED "\"detail\":\"the authorization has expired\","
		 "\"status\":403}";

const char *
authorization_status_name(enum authorization_status status)
{
	return status < AUTHORIZATION__MAX ? names[status] : "?";
}

void
authorization_release(struct authorization *a)
{
	size_t i;

	if (!a)
		return;
	identifier_release(&a->identifier);
	for (i = 0; i < a->challenges_len; i++)
		challenge_release(&a->challenges[i]);
	memset(a, 0, sizeof(*a));
}

static int
read_authorization(struct db_stmt *s, struct authorization *a, struct err *e)
{
	a->id = db_int(s, 0);
	stmt_text_to(s, 1, a->url_id, sizeof(a->url_id));
	a->account_id = db_int(s, 2);
	a->status = (enum authorization_status)stmt_word(
	    s, 3, names, AUTHORIZATION__MAX);
	if (identifier_type_by_name(db_text(s, 4), &a->identifier.type) < 0)
		return err_set(e, KIND_BUG, "authorization %lld: bad type",
		    (long long)a->id);
	a->identifier.value = stmt_text_dup(s, 5);
	a->wildcard = db_int(s, 6) != 0;
	a->created = db_int(s, 7);
	a->expires = db_int(s, 8);
	/* RFC 8555 7.1.6: time alone moves it. */
	if (a->status <= AUTHORIZATION_VALID && a->expires <= clock_now())
		a->status = AUTHORIZATION_EXPIRED;
	return 0;
}

static void
read_challenge(struct db_stmt *s, struct authorization *a)
{
	struct challenge *c = &a->challenges[a->challenges_len++];

	c->id = db_int(s, 9);
	challenge_type_by_name(db_text(s, 10), &c->type);
	c->status = challenge_status_by_name(db_text(s, 11));
	stmt_text_to(s, 12, c->token, sizeof(c->token));
	c->validated = db_int(s, 13);
	c->error = stmt_text_dup(s, 14);
}

int
authorization_by_url_id(struct store *st, const char *url_id,
    struct authorization *a, struct err *e)
{
	struct db_stmt *s = stmt_query(
	    st, STMT_AUTHORIZATION, AUTHORIZATION_GET, e, "t", url_id);
	int rc = -1;

	memset(a, 0, sizeof(*a));
	while (s && (rc = db_step(s, e)) > 0) {
		if (a->id == 0 && read_authorization(s, a, e) < 0) {
			db_reset(s);
			rc = -1;
			break;
		}
		if (a->challenges_len < CHALLENGE_TYPE__MAX)
			read_challenge(s, a);
	}
	if (rc == 0 && a->id == 0)
		return err_set(e, KIND_NOTFOUND, "no such authorization");
	if (rc < 0)
		authorization_release(a);
	return rc;
}

int
authorization_drop_validations(
    struct store *st, int64_t id, const char *error, struct err *e)
{
	if (stmt_run(st, STMT_AUTHORIZATION, AUTHORIZATION_END_JOBS, e, "i",
		id) < 0 ||
	    stmt_run(st, STMT_AUTHORIZATION, AUTHORIZATION_END_CHALLENGES, e,
		"it", id, error) < 0)
		return -1;
	return 0;
}

int
authorization_end(struct store *st, int64_t id,
    const struct authorization_ending *how, bool *ended, struct err *e)
{
	int64_t n =
	    stmt_run(st, STMT_AUTHORIZATION, AUTHORIZATION_END, e, "itii", id,
		names[how->to], (int64_t)how->from_valid, how->alive_at);

	*ended = n > 0;
	if (n <= 0)
		return (int)n;
	if (authorization_drop_validations(st, id, how->error, e) < 0 ||
	    stmt_run(st, STMT_AUTHORIZATION, AUTHORIZATION_END_ORDERS, e, "it",
		id, how->error) < 0)
		return -1;
	return 0;
}

struct deactivation {
	struct store *st;
	int64_t id;
};

static int
deactivate(void *arg, struct err *e)
{
	struct deactivation *d = arg;
	struct authorization_ending how = {.to = AUTHORIZATION_DEACTIVATED,
	    .from_valid = true,
	    .alive_at = clock_now(),
	    .error = deactivated_error};
	bool ended;

	if (authorization_end(d->st, d->id, &how, &ended, e) < 0)
		return -1;
	if (!ended)
		return err_set(e, KIND_CONFLICT,
		    "RFC 8555 7.1.6: the authorization is final");
	return event_add(d->st, "authorization.deactivate", EVENT_AUTHORIZATION,
	    d->id, NULL, e);
}

int
authorization_deactivate(struct store *st, int64_t id, struct err *e)
{
	struct deactivation d = {.st = st, .id = id};

	return db_transaction(st->db, DB_QUICK, deactivate, &d, e);
}

int
authorization_account_holds(struct store *st, int64_t account_id,
    const struct identifier *identifiers, size_t len, bool *holds,
    struct err *e)
{
	int64_t now = clock_now(), found;
	int rc = 1;
	size_t i;

	for (i = 0; i < len && rc > 0; i++) {
		const struct identifier *id = &identifiers[i];
		bool wildcard = identifier_is_wildcard(id);

		rc = stmt_int(st, STMT_AUTHORIZATION, AUTHORIZATION_HOLDS,
		    &found, e, "ittii", account_id,
		    wildcard ? id->value + 2 : id->value,
		    identifier_type_name(id->type), (int64_t)wildcard, now);
	}
	*holds = len > 0 && rc > 0;
	return rc < 0 ? -1 : 0;
}
