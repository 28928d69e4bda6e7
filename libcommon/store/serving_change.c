#include "store/serving_change.h"

#include "store/certificate_part.h"
#include "store/deployment.h"
#include "store/serving.h"
#include "store/stmt.h"
#include "sys/clock.h"
#include "sys/sig.h"

#define AT_ONCE 100 /* sets, or names, in one transaction */
#define PAGE 1000 /* names, when all are looked at */
#define ALL 0 /* as a set */

enum {
	CHANGE_NOTE,
	CHANGE_NOTE_CERTIFICATE,
	CHANGE_NOTE_KEY,
	CHANGE_IS_ALL,
	CHANGE_ALL_SEEN,
	CHANGE_SETS,
	CHANGE_NAMES,
	CHANGE_BEGINS,
	CHANGE_DELAY,
	CHANGE_FORGET,
	CHANGE_EXPIRED,
	CHANGE_LAST_NAME,
	CHANGE_KNOWN,
	CHANGE_BELOW,
	CHANGE_SERVE,
	CHANGE_SERVED
};

/* ?1 is the set, or what finds it; nothing is noted without a target. */
#define NOTE(sets)                                                             \
	"INSERT INTO serving_changes (fqdn_set_id, at, revision) " sets        \
	" ON CONFLICT (fqdn_set_id) DO UPDATE"                                 \
	" SET at = 0, revision = serving_changes.revision + 1"
#define IS_WANTED "EXISTS (SELECT 1 FROM deploy_targets t WHERE t.id > 0)"

static const char *const sql[] = {
    [CHANGE_NOTE] = NOTE("SELECT CAST(?1 AS BIGINT), 0, 1 FROM deploy_targets t"
			 " WHERE t.id > 0 ORDER BY t.id LIMIT 1"),
    [CHANGE_NOTE_CERTIFICATE] =
	NOTE("SELECT c.fqdn_set_id, 0, 1 FROM certificates c"
	     " WHERE c.id = ?1 AND " IS_WANTED),
    [CHANGE_NOTE_KEY] = NOTE("SELECT f.id, 0, 1 FROM fqdn_sets f WHERE f.id IN"
			     " (SELECT c.fqdn_set_id FROM certificates c"
			     " WHERE c.spki_sha256 = ?1) AND " IS_WANTED),
    [CHANGE_IS_ALL] =
	"SELECT revision FROM serving_changes WHERE fqdn_set_id = 0",
    [CHANGE_ALL_SEEN] = "DELETE FROM serving_changes"
			" WHERE fqdn_set_id = 0 AND revision = ?1",
    [CHANGE_SETS] = "SELECT fqdn_set_id FROM serving_changes"
		    " WHERE at <= ?1 AND fqdn_set_id > 0"
		    " ORDER BY at, fqdn_set_id LIMIT ?2",
    [CHANGE_NAMES] = "SELECT domain_id FROM fqdn_set_members"
		     " WHERE fqdn_set_id = ?1 ORDER BY domain_id",
    [CHANGE_BEGINS] = "SELECT COALESCE(min(c.not_before), 0)"
		      " FROM certificates c WHERE c.fqdn_set_id = ?1"
		      " AND c.not_before > ?2 AND +c.active = 1",
    [CHANGE_DELAY] = "UPDATE serving_changes SET at = ?2"
		     " WHERE fqdn_set_id = ?1",
    [CHANGE_FORGET] = "DELETE FROM serving_changes WHERE fqdn_set_id = ?1",
    [CHANGE_EXPIRED] = "SELECT id FROM domains WHERE served_until < ?1"
		       " ORDER BY served_until, id LIMIT ?2",
    [CHANGE_LAST_NAME] =
	"SELECT id FROM domains WHERE id > 0 ORDER BY id DESC LIMIT 1",
    [CHANGE_KNOWN] = "SELECT served_certificate_id, served_chain_id,"
		     " served_until FROM domains WHERE id = ?1",
    [CHANGE_BELOW] = "SELECT b.id FROM " WILDCARD_AND_BELOW " WHERE d.id = ?1",
    [CHANGE_SERVE] =
	"UPDATE domains SET"
	" served_certificate_id = NULLIF(CAST(?2 AS BIGINT), 0),"
	" served_chain_id = NULLIF(CAST(?3 AS BIGINT), 0),"
	" served_until = NULLIF(CAST(?4 AS BIGINT), 0) WHERE id = ?1",
    [CHANGE_SERVED] = "SELECT served_certificate_id FROM domains WHERE id = ?1"
		      " AND served_certificate_id IS NOT NULL",
};

const struct stmt_table serving_change_stmts = {
    "serving_change", sql, ARRAY_LEN(sql)};

#define M STMT_SERVING_CHANGE

/* ---- noting -------------------------------------------------------------- */

int
serving_change_note(struct store *st, int64_t fqdn_set_id, struct err *e)
{
	return stmt_run(st, M, CHANGE_NOTE, e, "i", fqdn_set_id) < 0 ? -1 : 0;
}

int
serving_change_note_all(struct store *st, struct err *e)
{
	return serving_change_note(st, ALL, e);
}

int
serving_change_note_certificate(
    struct store *st, int64_t certificate_id, struct err *e)
{
	return stmt_run(
		   st, M, CHANGE_NOTE_CERTIFICATE, e, "i", certificate_id) < 0
	    ? -1
	    : 0;
}

int
serving_change_note_key(
    struct store *st, const uint8_t spki_sha256[32], struct err *e)
{
	return stmt_run(
		   st, M, CHANGE_NOTE_KEY, e, "b", spki_sha256, (size_t)32) < 0
	    ? -1
	    : 0;
}

/* What was settled stays so; it is to be deployed again, or removed. */
int
serving_change_note_domain(
    struct store *st, int64_t domain_id, bool enabled, struct err *e)
{
	int64_t id = 0;
	int rc = stmt_int(st, M, CHANGE_SERVED, &id, e, "i", domain_id);
	const struct deployment_change c = {
	    .from = enabled ? id : 0, .to = enabled ? id : 0};

	return rc > 0 ? deployment_note(st, &c, e) : rc;
}

/* ---- a name -------------------------------------------------------------- */

struct settling {
	struct store *st;
	int64_t now;
	int64_t after, to; /* names, when all are looked at */
	size_t done;
	struct deployment_change last; /* neighbours often change alike */
	int64_t *wildcards; /* that have changed */
	size_t wildcards_len;
};

static int
read_known(struct settling *w, int64_t name, struct serving *known, int64_t *to,
    struct err *e)
{
	struct db_stmt *s = stmt_query(w->st, M, CHANGE_KNOWN, e, "i", name);
	int rc = s ? db_step(s, e) : -1;

	if (rc <= 0)
		return rc;
	known->certificate_id = db_int(s, 0);
	known->chain_id = db_int(s, 1);
	*to = db_int(s, 2);
	db_reset(s);
	return 1;
}

static int
deploy(struct settling *w, int64_t from, int64_t to, struct err *e)
{
	const struct deployment_change c = {from, to};

	if (w->last.from == from && w->last.to == to)
		return from == 0 || from == to
		    ? 0
		    : deployment_forget(w->st, from, e);
	w->last = c;
	return deployment_note(w->st, &c, e);
}

/* Names that are in no set of a wildcard may be served by it all the same. */
static void
note_wildcard(struct settling *w, const struct serving *s)
{
	if (!str_starts(s->name, "*."))
		return;
	w->wildcards = xreallocarray(
	    w->wildcards, w->wildcards_len + 1, sizeof(*w->wildcards));
	w->wildcards[w->wildcards_len++] = s->domain_id;
}

static int
settle_name(void *arg, const struct serving *s, struct err *e)
{
	struct settling *w = arg;
	struct serving known = {0};
	bool is_valid = s->certificate_id != 0 && s->not_before <= w->now &&
	    s->not_after >= w->now;
	int64_t until = is_valid ? s->not_after : 0, was_until = 0;
	int rc = read_known(w, s->domain_id, &known, &was_until, e);
	bool is_same = known.certificate_id == s->certificate_id &&
	    known.chain_id == s->chain_id;

	if (rc <= 0)
		return rc;
	if (is_same && until == was_until)
		return 0;
	if (stmt_run(w->st, M, CHANGE_SERVE, e, "iiii", s->domain_id,
		s->certificate_id, s->chain_id, until) < 0)
		return -1;
	if (is_same)
		return 0;
	note_wildcard(w, s);
	return deploy(w, known.certificate_id, s->certificate_id, e);
}

/* ---- some at a time ------------------------------------------------------ */

/* The first column of all rows; the caller frees. */
static int
read_ids(struct db_stmt *s, int64_t **ids, size_t *len, struct err *e)
{
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		if (*len % AT_ONCE == 0)
			*ids =
			    xreallocarray(*ids, *len + AT_ONCE, sizeof(**ids));
		(*ids)[(*len)++] = db_int(s, 0);
	}
	return rc;
}

static int
settle_each(struct settling *w, const int64_t *ids, size_t len, struct err *e)
{
	for (size_t i = 0; i < len; i++)
		if (serving_read(w->st, ids[i] - 1, ids[i], w->now, settle_name,
			w, e) < 0)
			return -1;
	return 0;
}

static int
settle_below(struct settling *w, struct err *e)
{
	int rc = 0;

	while (rc == 0 && w->wildcards_len > 0) {
		int64_t wildcard = w->wildcards[--w->wildcards_len];
		int64_t *names = NULL;
		size_t len = 0;

		rc = read_ids(
		    stmt_query(w->st, M, CHANGE_BELOW, e, "i", wildcard),
		    &names, &len, e);
		if (rc == 0)
			rc = settle_each(w, names, len, e);
		free(names);
	}
	return rc;
}

static int
settle_names(struct settling *w, const int64_t *ids, size_t len, struct err *e)
{
	int rc;

	w->wildcards_len = 0; /* this may be run again */
	rc = settle_each(w, ids, len, e);
	return rc < 0 ? -1 : settle_below(w, e);
}

/* One that has not begun yet is looked at again when it does. */
static int
settle_set(struct settling *w, int64_t set, struct err *e)
{
	int64_t *names = NULL, begins = 0;
	size_t len = 0;
	int rc = read_ids(
	    stmt_query(w->st, M, CHANGE_NAMES, e, "i", set), &names, &len, e);

	if (rc == 0)
		rc = settle_names(w, names, len, e);
	free(names);
	if (rc < 0 ||
	    stmt_int(w->st, M, CHANGE_BEGINS, &begins, e, "ii", set, w->now) <
		0)
		return -1;
	if (begins != 0)
		rc = stmt_run(w->st, M, CHANGE_DELAY, e, "ii", set, begins) < 0
		    ? -1
		    : 0;
	else
		rc =
		    stmt_run(w->st, M, CHANGE_FORGET, e, "i", set) < 0 ? -1 : 0;
	return rc;
}

static int
settle_sets(void *arg, struct err *e)
{
	struct settling *w = arg;
	int64_t *sets = NULL;
	size_t len = 0;
	int rc = read_ids(stmt_query(w->st, M, CHANGE_SETS, e, "ii", w->now,
			      (int64_t)AT_ONCE),
	    &sets, &len, e);

	w->last = (struct deployment_change){0};
	for (size_t i = 0; rc == 0 && i < len; i++)
		rc = settle_set(w, sets[i], e);
	free(sets);
	w->done = len;
	return rc;
}

static int
settle_expired(void *arg, struct err *e)
{
	struct settling *w = arg;
	int64_t *names = NULL;
	size_t len = 0;
	int rc = read_ids(stmt_query(w->st, M, CHANGE_EXPIRED, e, "ii", w->now,
			      (int64_t)AT_ONCE),
	    &names, &len, e);

	w->last = (struct deployment_change){0};
	if (rc == 0)
		rc = settle_names(w, names, len, e);
	free(names);
	w->done = len;
	return rc;
}

static int
settle_page(void *arg, struct err *e)
{
	struct settling *w = arg;

	w->last = (struct deployment_change){0};
	return serving_read(
	    w->st, w->after, w->after + PAGE, w->now, settle_name, w, e);
}

/* Whoever is killed in it begins anew: nothing changes twice. */
static int
settle_all(struct settling *w, struct err *e)
{
	int64_t revision;
	int rc = stmt_int(w->st, M, CHANGE_IS_ALL, &revision, e, "");

	if (rc <= 0)
		return rc;
	w->to = 0;
	rc = stmt_int(w->st, M, CHANGE_LAST_NAME, &w->to, e, "");
	for (w->after = 0; rc >= 0 && w->after < w->to && !sig_term();
	     w->after += PAGE)
		rc = db_transaction(w->st->db, DB_DURABLE, settle_page, w, e);
	if (rc < 0 || sig_term())
		return rc < 0 ? -1 : 0;
	return stmt_run(w->st, M, CHANGE_ALL_SEEN, e, "i", revision) < 0 ? -1
									 : 0;
}

static int
settle_lots(
    struct settling *w, int (*fn)(void *arg, struct err *e), struct err *e)
{
	int rc;

	do
		rc = db_transaction(w->st->db, DB_DURABLE, fn, w, e);
	while (rc == 0 && w->done == AT_ONCE && !sig_term());
	return rc;
}

int
serving_change_settle(struct store *st, struct err *e)
{
	struct settling w = {.st = st, .now = clock_now()};
	int rc = settle_all(&w, e);

	if (rc == 0)
		rc = settle_lots(&w, settle_sets, e);
	if (rc == 0)
		rc = settle_lots(&w, settle_expired, e);
	free(w.wildcards);
	return rc < 0 ? -1 : 0;
}
