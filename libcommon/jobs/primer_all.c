#include "jobs/primer_part.h"
#include "store/event.h"

/*
 * What a look at all names leaves in the Redis, if it leaves them as they are
 * to be: the next one need only look at what has changed since.  It counts as
 * long as nobody has written, no key has come or gone, the store is the same,
 * and for a day.
 */
#define NOTE_LASTS 86400 /* seconds */

enum {
	NOTE_WHOLE, /* when all names were looked at */
	NOTE_AT, /* when what had changed */
	NOTE_NAMES,
	NOTE_EVENT, /* the last one of the store, and its time */
	NOTE_EVENT_AT,
	NOTE_README, /* settings that the tag does not say */
	NOTE_OWN_RENEWAL,
	NOTE__MAX
};

struct note {
	uint64_t v[NOTE__MAX];
};

static char *
note_key(const struct primer *p)
{
	return xasprintf(PRIMER_NOTE_KEY "%s", p->tag);
}

/*
 * What must be read anew some day is looked at each time, and so is what no
 * server can tell of all others.
 */
static bool
is_noted(const struct primer *p)
{
	return p->lasts_ms == 0 && !p->o.dry_run && !p->o.verify &&
	    !kv_is_cluster(p->o.kv);
}

/* ---- what is now --------------------------------------------------------- */

static int
set_event(void *arg, const struct event *ev, struct err *e)
{
	struct note *n = arg;

	(void)e;
	n->v[NOTE_EVENT] = (uint64_t)ev->id;
	n->v[NOTE_EVENT_AT] = (uint64_t)ev->at;
	return 0;
}

static int
note_begin(const struct primer *p, struct note *n, struct err *e)
{
	const struct event_filter last = {.last = 1};

	*n = (struct note){{
	    [NOTE_WHOLE] = (uint64_t)p->o.now,
	    [NOTE_AT] = (uint64_t)p->o.now,
	    [NOTE_README] = p->o.settings->options.readme_keys,
	    [NOTE_OWN_RENEWAL] = p->o.settings->options.own_renewal,
	}};
	return event_each(p->o.st, &last, set_event, n, e);
}

static int
read_writes(struct primer *p, int64_t *writes, struct err *e)
{
	struct kv_reply *r = kv_ask(p->o.kv, e, "GET", PRIMER_WRITES_KEY, NULL);
	uint64_t n = 0;
	size_t len;
	int rc = r ? kv_check(r, e) : -1;

	if (rc == 0 && *kv_text(r, &len) &&
	    !str_to_u64(kv_text(r, &len), INT64_MAX, &n))
		rc = err_set(
		    e, KIND_CONFLICT, PRIMER_WRITES_KEY " is no number");
	*writes = (int64_t)n;
	kv_free(r);
	return rc;
}

/* ---- what was ------------------------------------------------------------ */

static bool
note_parse(const char *text, struct note *n)
{
	char *copy = xstrdup(text), *rest = copy, *word;
	size_t len = 0;

	while ((word = strsep(&rest, " ")) && len < NOTE__MAX &&
	    str_to_u64(word, INT64_MAX, &n->v[len]))
		len++;
	free(copy);
	return !word && len == NOTE__MAX;
}

/* Whether it is of this store, and not of what the store was later. */
static int
is_of_store(const struct primer *p, const struct note *n, struct err *e)
{
	int64_t at;

	if (event_time(p->o.st, (int64_t)n->v[NOTE_EVENT], &at, e) == 0)
		return (uint64_t)at == n->v[NOTE_EVENT_AT];
	return err_forgive(e, KIND_NOTFOUND);
}

static bool
is_of_today(const struct note *last, const struct note *now)
{
	uint64_t today = now->v[NOTE_AT];

	return last->v[NOTE_WHOLE] <= last->v[NOTE_AT] &&
	    last->v[NOTE_AT] <= today &&
	    today - last->v[NOTE_WHOLE] < NOTE_LASTS &&
	    last->v[NOTE_README] == now->v[NOTE_README] &&
	    last->v[NOTE_OWN_RENEWAL] == now->v[NOTE_OWN_RENEWAL];
}

/* 1: it counts, 0, -1. */
static int
note_read(
    struct primer *p, const struct note *now, struct note *last, struct err *e)
{
	char *key = note_key(p);
	struct kv_reply *r;
	size_t len;
	int rc = -1;

	primer_eval(p, SCRIPT_NOTE_READ, 3, 0);
	kv_arg_text(p->o.kv, key);
	kv_arg_text(p->o.kv, PRIMER_WRITES_KEY);
	kv_arg_text(p->o.kv, PRIMER_TURN_KEY);
	free(key);
	if (kv_send(p->o.kv, e) < 0 || !(r = kv_receive(p->o.kv, e)))
		return -1;
	if (kv_check(r, e) == 0)
		rc = note_parse(kv_text(r, &len), last) &&
		    is_of_today(last, now);
	kv_free(r);
	return rc > 0 ? is_of_store(p, last, e) : rc;
}

/* Unless somebody else has written meanwhile, or something is left to do. */
static int
note_write(
    struct primer *p, const struct note *n, int64_t writes, struct err *e)
{
	char *key, text[NOTE__MAX * 21 + 1] = "";
	size_t len = 0;
	int64_t done;

	if (p->counts.failed > 0 || n->v[NOTE_EVENT] == 0)
		return 0;
	for (size_t i = 0; i < NOTE__MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "%s%llu", i > 0 ? " " : "", (unsigned long long)n->v[i]);
	key = note_key(p);
	primer_eval(p, SCRIPT_NOTE_WRITE, 3, 2);
	kv_arg_text(p->o.kv, key);
	kv_arg_text(p->o.kv, PRIMER_WRITES_KEY);
	kv_arg_text(p->o.kv, PRIMER_TURN_KEY);
	kv_arg_int(p->o.kv,
	    writes + p->counts.written[REDIS_DOMAIN] + p->counts.removed);
	kv_arg_text(p->o.kv, text);
	free(key);
	return kv_send(p->o.kv, e) < 0 || primer_receive(p, &done, e) < 0 ? -1
									  : 0;
}

/* ---- names --------------------------------------------------------------- */

static int
prime_each(struct primer *p, struct err *e)
{
	return serving_each(p->o.st, p->o.now, primer_add, p, e) < 0
	    ? -1
	    : primer_finish(p, e);
}

int
primer_since(struct primer *p, int64_t since, struct err *e)
{
	return serving_each_since(p->o.st, since, p->o.now, primer_add, p, e) <
		0
	    ? -1
	    : primer_finish(p, e);
}

static int
prime_after(struct primer *p, const struct note *last, struct err *e)
{
	int rc = primer_since(p, (int64_t)last->v[NOTE_AT], e);
	int64_t others = (int64_t)last->v[NOTE_NAMES] - (p->names - p->fresh);

	if (rc == 0 && others > 0) {
		p->counts.unchanged += others;
		p->names += others;
	}
	return rc;
}

int
primer_all(struct primer *p, bool each, struct err *e)
{
	struct note now, last = {{0}};
	int64_t writes;
	int rc, counts = 0;

	if (!is_noted(p))
		return prime_each(p, e);
	if (note_begin(p, &now, e) < 0 || read_writes(p, &writes, e) < 0 ||
	    (!each && (counts = note_read(p, &now, &last, e)) < 0))
		return -1;
	rc = counts ? prime_after(p, &last, e) : prime_each(p, e);
	if (rc < 0)
		return -1;
	if (counts)
		now.v[NOTE_WHOLE] = last.v[NOTE_WHOLE];
	now.v[NOTE_NAMES] = (uint64_t)p->names;
	return note_write(p, &now, writes, e);
}

/* ---- one at a time ------------------------------------------------------- */

int
primer_take_turn(struct primer *p, int64_t ms, struct err *e)
{
	int64_t left;

	kv_to_key(p->o.kv, PRIMER_TURN_KEY);
	primer_eval(p, SCRIPT_TURN, 1, 2);
	kv_arg_text(p->o.kv, PRIMER_TURN_KEY);
	kv_arg_int(p->o.kv, p->fence);
	kv_arg_int(p->o.kv, ms);
	if (kv_send(p->o.kv, e) < 0 || primer_receive(p, &left, e) < 0)
		return -1;
	if (left == 0)
		return 0;
	err_set(e, KIND_BUSY,
	    "somebody else writes all names just now; one does at a time");
	e->retry_after = (int)(left / 1000) + 1;
	return -1;
}

void
primer_give_turn(struct primer *p)
{
	struct err ignored = {0};
	int64_t done;

	kv_to_key(p->o.kv, PRIMER_TURN_KEY);
	primer_eval(p, SCRIPT_TURN_OVER, 1, 1);
	kv_arg_text(p->o.kv, PRIMER_TURN_KEY);
	kv_arg_int(p->o.kv, p->fence);
	if (kv_send(p->o.kv, &ignored) == 0)
		primer_receive(p, &done, &ignored);
}
