#include "solve/hands.h"

#include "base/log.h"
#include "sys/asker.h"
#include "sys/clock.h"
#include "sys/helper.h"

#define QUESTION_MAX 2048
#define WORDS 6
#define MARGIN_MS 10000 /* beyond its own time, the other process is stuck */

struct hands {
	struct hands_options how;
	struct helper helper;
	struct asker *asker;
	int leash; /* in the other process */
};

/* ---- the other process --------------------------------------------------- */

/*
 * A question is ID VERB NAME FQDN VALUE UNTIL, all of them words; an answer the
 * id, the kind of the error or "-", and its text.
 */
static bool
split(char *text, char *words[WORDS])
{
	for (size_t i = 0; i < WORDS; i++) {
		words[i] = text;
		text = text ? strchr(text, ' ') : NULL;
		if (text)
			*text++ = '\0';
		if (!text != (i + 1 == WORDS))
			return false;
	}
	return true;
}

static void
answer(void *arg, const struct buf *question, struct buf *out)
{
	struct hands *h = arg;
	struct err e = {0};
	char *w[WORDS];
	uint64_t until = 0;

	if (!split(question->data, w) || !str_to_u64(w[5], INT64_MAX, &until)) {
		log_event(LOG_LEVEL_ERR, "hands", "result", "is not asked",
		    (char *)NULL);
		return;
	}
	const struct solve_record r = {
	    .is_wanted = strcmp(w[1], "present") == 0,
	    .verb = w[1],
	    .name = w[2],
	    .fqdn = w[3],
	    .value = w[4],
	    .until = (int64_t)until};

	/* very many may have waited for their turn */
	if (r.until != 0 && r.until <= clock_mono())
		err_set(&e, KIND_BUSY, "no time is left for it");
	if (!err_is_set(&e) &&
	    h->how.change(h->how.self, h->leash, &r, &e) == 0)
		buf_addf(out, "%s - ", w[0]);
	else
		buf_addf(out, "%s %s %s", w[0], err_row(e.kind)->name, e.text);
}

/* What it has done nobody knows: whoever comes next takes it away. */
static void
lost(const struct buf *question, const char *why, struct buf *out)
{
	buf_add(out, question->data, strcspn(question->data, " "));
	buf_addf(out, " %s %s", err_row(KIND_BUSY)->name, why);
}

static void
live(int fd, void *arg)
{
	struct hands *h = arg;
	const struct helper_service s = {.answer = answer,
	    .arg = h,
	    .one_by_one = h->how.one_by_one,
	    .lost = lost};
	struct err e = {0};

	h->leash = fd;
	if (helper_serve(fd, &s, &e) < 0)
		log_err("hands", &e);
	if (h->how.end)
		h->how.end(h->how.self);
}

/* ---- this one ------------------------------------------------------------ */

struct hands *
hands_new(const struct hands_options *o, struct err *e)
{
	struct hands *h = xcalloc(1, sizeof(*h));
	const struct helper_options how = {.live = live,
	    .arg = h,
	    .keep = -1,
	    .user = o->options->user,
	    .lingers = true};
	const struct asker_options asks = {.askers = o->options->askers,
	    .helper = &h->helper,
	    .at_once = o->one_by_one || o->options->programs == 0
		? 1
		: o->options->programs,
	    .ends_softly = true};

	h->how = *o;
	if (helper_start(&h->helper, &how, e) == 0) {
		h->asker = asker_new(&asks);
		return h;
	}
	hands_free(h);
	return NULL;
}

void
hands_free(struct hands *h)
{
	if (!h)
		return;
	asker_free(h->asker);
	helper_end(&h->helper, 3 * SOLVE_GRACE_MS);
	free(h);
}

struct asking {
	solver_done *fn;
	void *arg;
};

static enum err_kind
kind_by_name(const char *name)
{
	for (int kind = KIND_NONE + 1; kind < KIND__MAX; kind++)
		if (strcmp(err_row((enum err_kind)kind)->name, name) == 0)
			return (enum err_kind)kind;
	return KIND_SYS;
}

static void
on_answer(void *arg, const struct buf *reply, const struct err *why)
{
	struct asking *a = arg;
	struct err e = *why;
	char *kind = reply ? strchr(reply->data, ' ') + 1 : NULL;
	char *text = kind ? strchr(kind, ' ') : NULL;

	if (text)
		*text++ = '\0';
	if (kind && strcmp(kind, "-") != 0)
		err_set(&e, kind_by_name(kind), "%s", text ? text : "");
	a->fn(a->arg, &e);
	free(a);
}

void
hands_ask(
    struct hands *h, const struct solve_record *r, solver_done *fn, void *arg)
{
	struct asking *a = xcalloc(1, sizeof(*a));
	struct buf question;

	*a = (struct asking){fn, arg};
	buf_init(&question, QUESTION_MAX);
	buf_addf(&question, "%lld %s %s %s %s %lld",
	    (long long)asker_next_id(h->asker), r->verb, r->name, r->fqdn,
	    r->value, (long long)r->until);
	asker_ask(h->asker, &question,
	    h->how.timeout_ms + SOLVE_GRACE_MS + MARGIN_MS, on_answer, a);
	buf_release(&question);
}
