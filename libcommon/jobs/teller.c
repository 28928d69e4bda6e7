#include "jobs/teller.h"

#include "base/rfc3339.h"
#include "store/deploy_target.h"
#include "store/fqdn_set.h"
#include "store/renewal_due.h"

#define DAY ((int64_t)86400)
#define LINE_NAMES 100
#define LINE_ERROR 220
#define RECENT 60 /* seconds: a run at the same time has told it */

/* ---- decisions ----------------------------------------------------------- */

enum telling_state
teller_state(const struct telling_renewal *r, int64_t now)
{
	int64_t lifetime = r->not_after - r->not_before;
	int64_t least = lifetime / (lifetime < RENEWAL_SHORT_LIFE ? 4 : 6);

	if (!r->active)
		return TELLING_OK;
	if (r->is_parked)
		return TELLING_PARKED;
	if (r->not_after != 0 && r->not_after < now)
		return TELLING_EXPIRED;
	/* a served name that waits is not renewed, whatever keeps it */
	if (r->failing_since == 0 && !r->error && !r->name)
		return TELLING_OK;
	if (r->not_after != 0 && r->not_after - now < least)
		return TELLING_URGENT;
	/* what waits for a limit has not failed */
	return r->failing_since != 0 ? TELLING_FAILING : TELLING_OK;
}

enum telling_state
teller_target_state(int64_t failing, int64_t failing_since, int64_t now)
{
	if (failing == 0)
		return TELLING_OK;
	return failing_since != 0 && now - failing_since >= DAY
	    ? TELLING_URGENT
	    : TELLING_FAILING;
}

bool
teller_is_due(const struct telling_row *row, enum telling_state state,
    int64_t again, int64_t now)
{
	if (state > row->told)
		return true;
	if (state == TELLING_OK)
		return row->told != TELLING_OK;
	if (state == TELLING_PARKED)
		return false; /* somebody has gone elsewhere */
	/* a clock that was ahead must not silence it */
	return again > 0 && (now - row->told_at >= again || row->told_at > now);
}

/* ---- the block ----------------------------------------------------------- */

/* What the block is to say, and is noted when it has said it. */
struct news {
	struct telling_row row;
	enum telling_state state;
};

struct block {
	const struct teller *t;
	int64_t again; /* as of the teller; less where all is repeated */
	struct buf lines;
	struct news *news;
	size_t len, shown; /* of the news so many are in `lines` */
	int64_t counts[TELLING__MAX];
	bool has_names;
};

static const char *
word_of(enum telling_state state)
{
	return state == TELLING_OK ? "recovered" : telling_state_name(state);
}

static void
add_time(struct buf *b, const char *before, int64_t t)
{
	char text[RFC3339_SIZE];

	rfc3339_format(text, t);
	buf_addf(b, "%s%s", before, text);
}

static void
add_renewal(
    struct block *b, const struct telling_renewal *r, enum telling_state state)
{
	char *names = r->name
	    ? xstrdup(r->name)
	    : fqdn_set_describe(b->t->st, r->fqdn_set_id, LINE_NAMES);
	char error[LINE_ERROR] = "";

	if (r->error)
		str_escape(error, sizeof(error), r->error, strlen(r->error));
	buf_addf(&b->lines, "  %-9s %s", word_of(state), names ? names : "?");
	free(names);
	if (state != TELLING_OK && r->not_after != 0)
		add_time(&b->lines,
		    r->not_after < b->t->now ? ", expired " : ", expires ",
		    r->not_after);
	if (state == TELLING_PARKED)
		buf_addf(&b->lines, ", %s add tries it at once",
		    r->name ? "domain-queue" : "renew-queue");
	if (state != TELLING_OK && *error)
		buf_addf(&b->lines, ": %s", error);
	buf_addc(&b->lines, '\n');
}

static void
add_target(
    struct block *b, const struct deploy_target *d, enum telling_state state)
{
	char error[LINE_ERROR] = "";

	if (d->error)
		str_escape(error, sizeof(error), d->error, strlen(d->error));
	buf_addf(&b->lines, "  %-9s target %s", word_of(state), d->name);
	if (d->resting && state != TELLING_OK) {
		str_escape(
		    error, sizeof(error), d->resting, strlen(d->resting));
		buf_addf(&b->lines, ", rests: %s", error);
	} else if (state != TELLING_OK)
		buf_addf(&b->lines, ", %lld certificate%s: %s",
		    (long long)d->failing, d->failing == 1 ? "" : "s", error);
	buf_addc(&b->lines, '\n');
}

/* 1: it is ours to tell, by a line of its own; 0; -1. */
static int
claim(struct block *b, const struct telling_row *row, enum telling_state state,
    struct err *e)
{
	int rc = telling_claim(b->t->st, row, e);

	if (rc <= 0)
		return rc;
	b->news = xreallocarray(b->news, b->len + 1, sizeof(*b->news));
	b->news[b->len++] = (struct news){*row, state};
	b->counts[state]++;
	if (b->shown == TELLER_LINES)
		return 0;
	b->shown++;
	return 1;
}

static int
tell_renewal(void *arg, const struct telling_renewal *r, struct err *e)
{
	struct block *b = arg;
	enum telling_state state = teller_state(r, b->t->now);
	int rc;

	if (state < r->row.told && state != TELLING_OK) /* better, not well */
		return telling_note(b->t->st, &r->row, state, e);
	/* what is tried again has come right when it has left the queue */
	if (state == TELLING_OK && r->active && r->is_queued)
		return 0;
	if (!teller_is_due(&r->row, state, b->again, b->t->now))
		return 0;
	rc = claim(b, &r->row, state, e);
	b->has_names |= rc >= 0 && r->name;
	if (rc > 0)
		add_renewal(b, r, state);
	return rc < 0 ? -1 : 0;
}

static enum telling_state
target_state(const struct deploy_target *d, int64_t now)
{
	return d->resting
	    ? teller_target_state(1, d->resting_since, now)
	    : teller_target_state(d->failing, d->failing_since, now);
}

static int
tell_target(void *arg, const struct deploy_target *d, struct err *e)
{
	struct block *b = arg;
	enum telling_state state = target_state(d, b->t->now);
	struct telling_row row;
	int rc = telling_target(b->t->st, d->id, &row, e);

	if (rc < 0 || !teller_is_due(&row, state, b->again, b->t->now))
		return rc;
	rc = claim(b, &row, state, e);
	if (rc > 0)
		add_target(b, d, state);
	return rc < 0 ? -1 : 0;
}

/* ---- what is repeated ---------------------------------------------------- */

struct repeating {
	const struct teller *t;
	bool is_due;
};

static void
look(struct repeating *r, const struct telling_row *row,
    enum telling_state state)
{
	r->is_due |= state == row->told && state != TELLING_OK &&
	    teller_is_due(row, state, r->t->again, r->t->now);
}

static int
look_at_renewal(void *arg, const struct telling_renewal *r, struct err *e)
{
	struct repeating *p = arg;

	(void)e;
	look(p, &r->row, teller_state(r, p->t->now));
	return 0;
}

static int
look_at_target(void *arg, const struct deploy_target *d, struct err *e)
{
	struct repeating *p = arg;
	struct telling_row row;

	if (telling_target(p->t->st, d->id, &row, e) < 0)
		return -1;
	look(p, &row, target_state(d, p->t->now));
	return 0;
}

/*
 * When one is to be repeated, so is all the rest: each at its own time would be
 * a block for each.
 */
static int
find_repeating(struct block *b, struct err *e)
{
	struct repeating r = {.t = b->t};
	int64_t half = b->t->again / 2;

	b->again = b->t->again;
	if (b->again == 0)
		return 0;
	if (telling_each_renewal(b->t->st, look_at_renewal, &r, e) < 0 ||
	    deploy_target_each(b->t->st, look_at_target, &r, e) < 0)
		return -1;
	if (r.is_due)
		b->again = half < 1 ? 1 : half < RECENT ? half : RECENT;
	return 0;
}

/* ---- all of it ----------------------------------------------------------- */

static void
write_block(const struct block *b, struct buf *out)
{
	static const enum telling_state order[] = {TELLING_EXPIRED,
	    TELLING_URGENT, TELLING_FAILING, TELLING_PARKED, TELLING_OK};
	const char *separator = ": ";

	buf_adds(out, b->t->prog);
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		if (b->counts[order[i]] == 0)
			continue;
		buf_addf(out, "%s%lld %s", separator,
		    (long long)b->counts[order[i]], word_of(order[i]));
		separator = ", ";
	}
	buf_addc(out, '\n');
	buf_add(out, b->lines.data, b->lines.len);
	if (b->len > b->shown)
		buf_addf(out, "  and %zu more\n", b->len - b->shown);
	buf_addf(out, "  see renew-queue status, renew-queue list%s\n",
	    b->has_names ? ", domain-queue list" : "");
}

/* What is said is told, whatever comes after it. */
static int
end(const struct block *b, bool is_said, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < b->len; i++) {
		const struct news *n = &b->news[i];
		struct err why = {0};

		if ((is_said ? telling_note(b->t->st, &n->row, n->state, &why)
			     : telling_leave(b->t->st, &n->row, &why)) == 0)
			continue;
		if (rc == 0 && !err_is_set(e))
			*e = why;
		rc = -1;
	}
	return rc;
}

static int
say(const struct block *b, struct err *e)
{
	struct buf text;
	int rc;

	if (b->len == 0)
		return 0;
	buf_init(&text, TELLER_MAX);
	write_block(b, &text);
	rc = b->t->write(b->t->arg, &text, e);
	buf_release(&text);
	return end(b, rc == 0, e) < 0 ? -1 : rc;
}

int
teller_tell(const struct teller *t, struct err *e)
{
	struct block b = {.t = t};
	struct err why = {0};
	int rc;

	buf_init(&b.lines, TELLER_MAX - 1024);
	rc = find_repeating(&b, e);
	if (rc == 0)
		rc = telling_each_renewal(t->st, tell_renewal, &b, e);
	if (rc == 0)
		rc = deploy_target_each(t->st, tell_target, &b, e);
	if (say(&b, rc < 0 ? &why : e) < 0)
		rc = -1;
	free(b.news);
	buf_release(&b.lines);
	return rc;
}
