#include "store/domain_queue.h"

#include "store/blocked_name.h"
#include "store/domain.h"
#include "store/domain_queue_part.h"
#include "store/event.h"
#include "store/queue_part.h"
#include "store/renewal_configuration.h"
#include "store/renewal_queue.h"
#include "store/served_name.h"
#include "sys/clock.h"

#define PAGE 200

enum {
	DOMAIN_QUEUE_ADD,
	DOMAIN_QUEUE_AGAIN,
	DOMAIN_QUEUE_BACK,
	DOMAIN_QUEUE_RENEWED,
	DOMAIN_QUEUE_REMOVE,
	DOMAIN_QUEUE_BY_NAME,
	DOMAIN_QUEUE_EACH,
	DOMAIN_QUEUE_COUNT_NEW,
	DOMAIN_QUEUE_COUNT_SERVED
};

#define COUNTS                                                                 \
	"SELECT count(*), count(CASE WHEN status = 'parked' THEN 1 END),"      \
	" count(CASE WHEN status = 'waiting' AND " QUEUE_HAS_FAILED            \
	" THEN 1 END), count(CASE WHEN lease_until > ?1 THEN 1 END),"          \
	" min(CASE WHEN status = 'waiting' AND NOT " QUEUE_HAS_FAILED          \
	" THEN added END),"                                                    \
	" min(CASE WHEN status = 'waiting' AND " QUEUE_HAS_FAILED              \
	" THEN failing_since END) FROM domain_queue q WHERE q.id > 0 AND"      \
	" (SELECT s.id FROM served_names s WHERE s.id = q.id) "

static const char *const sql[] = {
    [DOMAIN_QUEUE_ADD] =
	"INSERT INTO domain_queue (name, registered, domain_template_id,"
	" status, added, retry_at) VALUES (?1, ?2, ?3, 'waiting',"
	" CAST(?4 AS BIGINT), CAST(?4 AS BIGINT))"
	" ON CONFLICT (name) DO NOTHING RETURNING id",
    [DOMAIN_QUEUE_AGAIN] =
	"UPDATE domain_queue SET status = 'waiting', retry_at = ?2,"
	" was_parked = 0, " QUEUE_FORGET
	", lease = lease + 1, lease_until = 0 WHERE id = ?1"
	" AND " QUEUE_IS_STUCK,
    [DOMAIN_QUEUE_BACK] =
	"INSERT INTO domain_queue (name, registered, domain_template_id,"
	" status, alone, added, retry_at, attempts, failing_since, cause,"
	" error) VALUES (?1, ?2, ?3, ?9, ?4, CAST(?5 AS BIGINT), ?6,"
	" ?4, CASE WHEN CAST(?4 AS BIGINT) = 1 THEN CAST(?5 AS BIGINT) END,"
	" ?7, ?8) ON CONFLICT (name) DO NOTHING",
    [DOMAIN_QUEUE_RENEWED] =
	"SELECT r.id, r.active, CASE WHEN " QUEUE_IS_STUCK
	" THEN 1 ELSE 0 END FROM domains d"
	" JOIN fqdn_set_members m ON m.domain_id = d.id"
	" JOIN renewal_configurations r ON r.fqdn_set_id = m.fqdn_set_id"
	" LEFT JOIN renewal_queue q ON q.renewal_configuration_id = r.id"
	" WHERE d.value = ?1 AND r.backup_of_id IS NULL",
    [DOMAIN_QUEUE_REMOVE] =
	"DELETE FROM domain_queue WHERE name = ?1 AND " QUEUE_IS_FREE(
	    "?2", "?3"),
    [DOMAIN_QUEUE_BY_NAME] = DOMAIN_QUEUE_SELECT "name = ?1",
    [DOMAIN_QUEUE_EACH] = DOMAIN_QUEUE_SELECT "id > ?1 ORDER BY id LIMIT ?2",
    [DOMAIN_QUEUE_COUNT_NEW] = COUNTS "IS NULL",
    [DOMAIN_QUEUE_COUNT_SERVED] = COUNTS "IS NOT NULL",
};

const struct stmt_table domain_queue_stmts = {
    "domain_queue", sql, ARRAY_LEN(sql)};

#define M STMT_DOMAIN_QUEUE

static const char *const answers[] = {
    [DOMAIN_QUEUED] = "queued",
    [DOMAIN_ALREADY_QUEUED] = "already_queued",
    [DOMAIN_ACTIVATED] = "activated",
    [DOMAIN_EXISTS] = "exists",
    [DOMAIN_BLOCKLISTED] = "blocklisted",
};
_Static_assert(ARRAY_LEN(answers) == DOMAIN_ANSWER__MAX, "a word per answer");

const char *
domain_answer_name(enum domain_answer answer)
{
	return answers[answer];
}

/* ---- reading ------------------------------------------------------------- */

void
domain_item_release(struct domain_item *i)
{
	if (!i)
		return;
	free(i->name);
	free(i->registered);
	free(i->cause);
	free(i->error);
	*i = (struct domain_item){0};
}

bool
domain_item_has_turn(const struct domain_item *i)
{
	return i->was_parked && !i->is_parked;
}

void
domain_item_read(struct db_stmt *s, struct domain_item *i)
{
	*i = (struct domain_item){.id = db_int(s, 0),
	    .name = stmt_text_dup(s, 1),
	    .registered = stmt_text_dup(s, 2),
	    .domain_template_id = db_int(s, 3),
	    .is_parked = strcmp(db_text(s, 4), "parked") == 0,
	    .alone = db_int(s, 5) != 0,
	    .added = db_int(s, 6),
	    .retry_at = db_int(s, 7),
	    .past = {db_int(s, 8), db_int(s, 9), db_int(s, 10)},
	    .was_parked = db_int(s, 11) != 0,
	    .lease_until = db_int(s, 12),
	    .upstream_order_id = db_int(s, 13),
	    .cause = stmt_text_dup(s, 14),
	    .error = stmt_text_dup(s, 15),
	    .certificate_id = db_int(s, 16)};
}

int
domain_item_read_one(struct db_stmt *s, struct domain_item *i, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;

	*i = (struct domain_item){0};
	if (rc <= 0)
		return rc;
	domain_item_read(s, i);
	db_reset(s);
	return 1;
}

int
domain_queue_by_name(
    struct store *st, const char *name, struct domain_item *i, struct err *e)
{
	int rc = domain_item_read_one(
	    stmt_query(st, M, DOMAIN_QUEUE_BY_NAME, e, "t", name), i, e);

	if (rc == 0)
		return err_set(
		    e, KIND_NOTFOUND, "%s is not in the queue", name);
	return rc < 0 ? -1 : 0;
}

int
domain_queue_each(struct store *st,
    int (*fn)(void *arg, struct domain_item *i, struct err *e), void *arg,
    struct err *e)
{
	struct domain_item *page = xcalloc(PAGE, sizeof(*page));
	int64_t after = 0;
	size_t len;
	int rc;

	do {
		struct db_stmt *s = stmt_query(
		    st, M, DOMAIN_QUEUE_EACH, e, "ii", after, (int64_t)PAGE);

		rc = s ? 0 : -1;
		for (len = 0; rc == 0 && (rc = db_step(s, e)) > 0; rc = 0)
			domain_item_read(s, &page[len++]);
		for (size_t i = 0; i < len; i++) {
			after = page[i].id;
			if (rc == 0)
				rc = fn(arg, &page[i], e);
			domain_item_release(&page[i]);
		}
	} while (rc == 0 && len == PAGE);
	free(page);
	return rc;
}

static int
count(struct store *st, size_t statement, struct domain_queue_count *n,
    struct domain_queue_summary *to, struct err *e)
{
	struct db_stmt *s = stmt_query(st, M, statement, e, "i", clock_now());

	if (!s || db_step(s, e) < 0)
		return -1;
	*n = (struct domain_queue_count){.waiting = db_int(s, 0) - db_int(s, 1),
	    .parked = db_int(s, 1),
	    .quarantined = db_int(s, 2),
	    .held = db_int(s, 3)};
	to->oldest_new = db_int(s, 4);
	to->oldest_failing = db_int(s, 5);
	db_reset(s);
	return 0;
}

int
domain_queue_summarize(
    struct store *st, struct domain_queue_summary *to, struct err *e)
{
	*to = (struct domain_queue_summary){0};
	return count(st, DOMAIN_QUEUE_COUNT_SERVED, &to->served, to, e) < 0
	    ? -1
	    : count(st, DOMAIN_QUEUE_COUNT_NEW, &to->new, to, e);
}

/* ---- in and out ---------------------------------------------------------- */

struct change {
	struct store *st;
	int64_t domain_template_id;
	struct domain_addition *v;
	size_t len;
	const char *name;
};

/* 1: it was disabled, and is so no more; 0; -1. */
static int
enable(struct store *st, const char *name, struct err *e)
{
	struct domain d;

	if (domain_by_value(st, name, &d, e) < 0)
		return err_forgive(e, KIND_NOTFOUND);
	if (d.active)
		return 0;
	return domain_set_active(st, d.id, true, e) < 0 ? -1 : 1;
}

/* A renewal configuration for a name. */
struct renewed {
	int64_t id; /* 0: there is none */
	bool active, failing;
};

/* The first that is active, or else any. */
static int
find_renewed(
    struct store *st, const char *name, struct renewed *out, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, M, DOMAIN_QUEUE_RENEWED, e, "t", name);
	int rc = -1;

	*out = (struct renewed){0};
	while (s && !out->active && (rc = db_step(s, e)) > 0)
		*out = (struct renewed){.id = db_int(s, 0),
		    .active = db_int(s, 1) != 0,
		    .failing = db_int(s, 2) != 0};
	if (rc > 0)
		db_reset(s);
	return rc < 0 ? -1 : 0;
}

/* What is renewed: 1 with the answer; 0: it is not; -1. */
static int
revive(struct store *st, struct domain_addition *a, struct err *e)
{
	struct renewed r;

	if (find_renewed(st, a->name, &r, e) < 0)
		return -1;
	if (r.id == 0)
		return 0;
	a->answer = DOMAIN_EXISTS;
	if (r.active && !r.failing)
		return 1;
	a->answer = DOMAIN_ACTIVATED;
	if (!r.active &&
	    renewal_configuration_set_active(st, r.id, true, e) < 0)
		return -1;
	return renewal_queue_add(st, r.id, e) < 0 ? -1 : 1;
}

/* What is in the queue already is tried again. */
static int
put_again(struct store *st, struct domain_addition *a, struct err *e)
{
	struct domain_item i;
	int64_t n;
	int rc;

	if (domain_queue_by_name(st, a->name, &i, e) < 0)
		return -1;
	a->answer = i.is_parked || domain_item_has_turn(&i)
	    ? DOMAIN_ACTIVATED
	    : DOMAIN_ALREADY_QUEUED;
	n = stmt_run(st, M, DOMAIN_QUEUE_AGAIN, e, "ii", i.id, clock_now());
	rc = n < 0 ? -1 : served_name_note(st, i.id, i.name, e);
	domain_item_release(&i);
	return rc;
}

static int
put(struct change *c, struct domain_addition *a, struct err *e)
{
	int64_t id;
	int rc = stmt_int(c->st, M, DOMAIN_QUEUE_ADD, &id, e, "ttii", a->name,
	    a->registered, c->domain_template_id, clock_now());

	a->answer = DOMAIN_QUEUED;
	return rc < 0 ? -1
	    : rc == 0 ? put_again(c->st, a, e)
		      : served_name_note(c->st, id, a->name, e);
}

static int
add_one(struct change *c, struct domain_addition *a, struct err *e)
{
	char *entry;
	int enabled, rc = blocked_name_of(c->st, a->name, &entry, e);

	if (rc != 0) {
		if (rc > 0)
			free(entry);
		a->answer = DOMAIN_BLOCKLISTED;
		return rc < 0 ? -1 : 0;
	}
	enabled = enable(c->st, a->name, e);
	rc = enabled < 0 ? -1 : revive(c->st, a, e);
	if (rc == 0)
		rc = put(c, a, e);
	if (enabled > 0)
		a->answer = DOMAIN_ACTIVATED;
	return rc < 0 ? -1 : 0;
}

/* One event for all: a million of them would tell no more. */
static int
note_added(struct change *c, struct err *e)
{
	const char *first = NULL;
	size_t n = 0;
	char *detail;
	int rc;

	for (size_t i = c->len; i-- > 0;)
		if (c->v[i].answer == DOMAIN_QUEUED) {
			first = c->v[i].name;
			n++;
		}
	if (n == 0)
		return 0;
	detail = n == 1
	    ? xstrdup(first)
	    : xasprintf("%s and %zu other%s", first, n - 1, n > 2 ? "s" : "");
	rc = event_add(c->st, "domain_queue.add", EVENT_STORE, 0, detail, e);
	free(detail);
	return rc;
}

static int
add(void *arg, struct err *e)
{
	struct change *c = arg;

	for (size_t i = 0; i < c->len; i++)
		if (add_one(c, &c->v[i], e) < 0)
			return -1;
	return note_added(c, e);
}

int
domain_queue_add(struct store *st, int64_t domain_template_id,
    struct domain_addition *v, size_t len, struct err *e)
{
	struct change c = {.st = st,
	    .domain_template_id = domain_template_id,
	    .v = v,
	    .len = len};

	return db_transaction(st->db, DB_DURABLE, add, &c, e);
}

static int
take_out(void *arg, struct err *e)
{
	const struct change *c = arg;
	struct domain_item i;
	int64_t now = clock_now();
	int64_t n = stmt_run(c->st, M, DOMAIN_QUEUE_REMOVE, e, "tii", c->name,
	    now, now + QUEUE_HOLD_MAX);

	if (n > 0)
		return event_add(
		    c->st, "domain_queue.remove", EVENT_STORE, 0, c->name, e);
	if (n < 0 || domain_queue_by_name(c->st, c->name, &i, e) < 0)
		return -1;
	domain_item_release(&i);
	return err_set(e, KIND_BUSY, "%s is just being worked on", c->name);
}

int
domain_queue_remove(struct store *st, const char *name, struct err *e)
{
	struct change c = {.st = st, .name = name};

	return db_transaction(st->db, DB_DURABLE, take_out, &c, e);
}

/* ---- out of a certificate that is shared --------------------------------- */

struct parting {
	struct store *st;
	const struct queue_hold *hold;
	int64_t domain_template_id;
	const struct domain_return *v;
	size_t len;
};

static int
put_back(struct parting *p, const struct domain_return *r,
    int64_t configuration, struct err *e)
{
	const struct queue_failure *f = &r->failure;
	int64_t now = clock_now();

	return stmt_run(p->st, M, DOMAIN_QUEUE_BACK, e, "ttiiiittt", r->name,
		   r->registered, p->domain_template_id, (int64_t) !!f->error,
		   now, f->error ? f->retry_at : 0, f->cause, f->error,
		   f->parks ? "parked" : "waiting") < 0
	    ? -1
	    : served_name_note_parted(
		  p->st, r->name, configuration, f->error != NULL, e);
}

static int
part(void *arg, struct err *e)
{
	struct parting *p = arg;
	int64_t configuration;

	if (queue_held(p->st, STMT_RENEWAL_QUEUE_WORK, p->hold, &configuration,
		e) < 0 ||
	    queue_done(p->st, STMT_RENEWAL_QUEUE_WORK, p->hold, e) < 0)
		return -1;
	for (size_t i = 0; i < p->len; i++)
		if (put_back(p, &p->v[i], configuration, e) < 0)
			return -1;
	return renewal_configuration_remove(p->st, configuration, e);
}

int
domain_queue_put_parted(struct store *st, const struct queue_hold *hold,
    int64_t domain_template_id, const struct domain_return *v, size_t len,
    struct err *e)
{
	struct parting p = {st, hold, domain_template_id, v, len};

	return db_transaction(st->db, DB_DURABLE, part, &p, e);
}
