#include "jobs/onboarder_part.h"

#include "base/str.h"
#include "jobs/parked.h"
#include "jobs/waiting.h"
#include "order/orderanswer.h"
#include "order/ordertemplate.h"
#include "store/served_name.h"
#include "store/upstream_account.h"
#include "store/upstream_authorization.h"
#include "sys/clock.h"

/* ---- ends ---------------------------------------------------------------- */

void
onboarder_tell(struct onboarder *o, const struct domain_item *i,
    const struct err *why, bool is_news)
{
	const struct onboarder_result r = {.name = i->name,
	    .err = why,
	    .is_news = is_news,
	    .is_served = i->certificate_id != 0};

	o->tell(o->arg, &r);
}

void
onboarder_tell_store(struct onboarder *o, const struct domain_group *g, int rc,
    const struct err *e)
{
	if (rc < 0)
		onboarder_tell(o, &g->items[0], e, true);
}

/*
 * Whether a look each day shows that it is back, and costs the CA nothing; not
 * when the CA has refused what looked well.
 */
static bool
is_looked_at(
    const struct onboarder *o, const struct outcome *out, bool is_known)
{
	return out->cause == CAUSE_BLOCKED ||
	    (o->prober.precheck && (out->cause == CAUSE_PRECHECK || !is_known));
}

/* Without it pauses are those of a new name. */
static struct outcome_life
life_of(const struct onboarder *o, const struct domain_item *i)
{
	struct served_life life = {0};
	struct err ignored = {0};

	if (i->certificate_id != 0)
		served_name_life(
		    o->st, i->name, i->certificate_id, &life, &ignored);
	return (struct outcome_life){life.not_before, life.not_after};
}

void
onboarder_fail(struct onboarder *o, const struct domain_group *g, size_t i,
    const struct outcome *out)
{
	const struct domain_item *item = &g->items[i];
	const struct outcome_life life = life_of(o, item);
	struct queue_failure f =
	    outcome_failure(out, &item->past, &life, clock_now());
	struct err e = {0}, text = out->why;
	bool was_told;

	f.is_known = f.parks && domain_item_has_turn(item);
	if (f.parks && !is_looked_at(o, out, f.is_known))
		f.retry_at = parked_pace();
	outcome_await_ca(o->st, o->row->id, out, &item->past, &f);
	was_told = f.is_of_ca
	    ? item->past.failing_since != 0
	    : queue_state_of(&item->past, item->error) == QUEUE_FAILING;
	if (domain_queue_fail(o->st, &g->holds[i], item->name, &f, &e) < 0) {
		/* somebody has asked for it meanwhile: it is tried anew */
		onboarder_tell(o, item, &e, e.kind != KIND_BUSY);
		return;
	}
	if (f.is_known && f.parks && !o->only)
		return; /* it was told when it was parked first */
	if (cause_is_temporary(out->cause))
		text.kind = KIND_BUSY;
	if (f.parks)
		err_object(&text, "parked; domain-queue add tries it at once");
	onboarder_tell(o, item, &text,
	    f.parks || !was_told ||
		(!f.is_of_ca && !str_same(item->cause, out->word)));
}

void
onboarder_fail_early(struct onboarder *o, const struct domain_group *g,
    size_t i, enum cause cause, const struct err *why)
{
	struct outcome out;

	outcome_judge_early(why, cause, clock_now(), &out);
	onboarder_fail(o, g, i, &out);
}

void
onboarder_put_back(struct onboarder *o, const struct domain_group *g,
    int64_t at, enum cause cause, const struct err *why)
{
	struct err e = {0};
	struct queue_wait w;
	char *text = waiting_for(
	    o->st, o->row, cause, why->text, at == 0 ? clock_now() : at, &w);

	onboarder_tell_store(o, g, domain_queue_put_back(o->st, g, &w, &e), &e);
	free(text);
	for (size_t i = 0; i < g->len; i++)
		onboarder_tell(o, &g->items[i], why, false);
}

void
onboarder_regroup(struct onboarder *o, const struct domain_group *g, bool alone)
{
	struct err e = {0};

	if (g->len == 0)
		return;
	onboarder_tell_store(
	    o, g, domain_queue_regroup(o->st, g, alone, &e), &e);
	*o->left += (int64_t)g->len;
	o->has_more = true;
}

void
onboarder_drop(struct domain_group *g, size_t i)
{
	domain_item_release(&g->items[i]);
	g->len--;
	g->items[i] = g->items[g->len];
	g->holds[i] = g->holds[g->len];
}

/* ---- who is to blame ----------------------------------------------------- */

static bool
is_of_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	    c == '*';
}

bool
onboarder_blames(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = strstr(text, name); at;
	     at = strstr(at + 1, name)) {
		char before = at > text ? at[-1] : ' ', after = at[len];

		if (is_of_name(before) || before == '.' || is_of_name(after))
			continue;
		/* a full stop ends the sentence, or the name goes on */
		if (after != '.' || !is_of_name(at[len + 1]))
			return true;
	}
	return false;
}

/* What the CA said of an authorization that it has refused, or NULL. */
static const char *
refusal(const struct upstream_authorization *a)
{
	for (size_t i = 0; i < a->challenges_len; i++)
		if (a->challenges[i].error)
			return a->challenges[i].error;
	return a->status == UPSTREAM_AUTHORIZATION_INVALID
	    ? "the authorization is invalid"
	    : NULL;
}

const char *
onboarder_find_refusal(
    const struct upstream_authorizations *l, const struct strv *names)
{
	for (size_t i = 0; i < l->len; i++)
		if (l->v[i].value && strv_has(names, l->v[i].value) &&
		    refusal(&l->v[i]))
			return refusal(&l->v[i]);
	return NULL;
}

bool
onboarder_has_refusals(const struct upstream_authorizations *l)
{
	for (size_t i = 0; i < l->len; i++)
		if (refusal(&l->v[i]))
			return true;
	return false;
}

/*
 * Whether an item is to blame, by what was said of its names or else by the
 * text for the whole order; `out` is changed to what was said.
 */
static bool
is_to_blame(struct onboarder *o, const struct domain_item *item,
    const struct upstream_authorizations *l, struct outcome *out)
{
	struct strv names = {0};
	struct err ignored = {0};
	const char *said = NULL;
	bool yes = false;

	if (ordertemplate_names(
		o->template->names, item->name, &names, &ignored) == 0)
		said = onboarder_find_refusal(l, &names);
	for (size_t i = 0; !onboarder_has_refusals(l) && !yes && i < names.len;
	     i++)
		yes = onboarder_blames(out->error, names.v[i]);
	if (said) {
		out->error = said;
		out->cause = orderanswer_cause(said);
		out->word = cause_name(out->cause);
		out->why = (struct err){0};
		err_set(&out->why, cause_kind(out->cause), "%s", said);
	}
	strv_release(&names);
	return yes || said;
}

void
onboarder_blame(struct onboarder *o, struct onboarder_flight *f,
    const struct outcome *of_order)
{
	struct domain_group *g = &f->group;
	struct upstream_authorizations l = {0};
	struct err ignored = {0};
	size_t before = g->len;

	/* without them, the text for the order says something too */
	upstream_authorization_by_order(o->st, f->order, &l, &ignored);
	for (size_t i = g->len; i-- > 0;) {
		struct outcome out = *of_order;

		if (of_order->error == of_order->why.text)
			out.error = out.why.text;
		if (!is_to_blame(o, &g->items[i], &l, &out))
			continue;
		onboarder_fail(o, g, i, &out);
		onboarder_drop(g, i);
	}
	onboarder_regroup(o, g, g->len == before);
	upstream_authorizations_release(&l);
}
