#include "jobs/onboarder.h"

#include "base/log.h"
#include "jobs/outcome.h"
#include "order/orderanswer.h"
#include "order/ordernew.h"
#include "order/ordertemplate.h"
#include "store/upstream_account.h"
#include "store/upstream_authorization.h"
#include "sys/clock.h"

#define SOON 60 /* seconds */

/* A group under work. */
struct onboarder_flight {
	struct domain_group group;
	int64_t order; /* 0: none yet */
};

/* ---- ends ---------------------------------------------------------------- */

static void
tell(struct onboarder *o, const char *name, const struct err *why, bool is_news)
{
	const struct onboarder_result r = {
	    .name = name, .err = why, .is_news = is_news};

	o->tell(o->arg, &r);
}

/* The store does not take it: who comes when the lease is over finds out. */
static void
tell_store(struct onboarder *o, const struct domain_group *g, int rc,
    const struct err *e)
{
	if (rc < 0)
		tell(o, g->items[0].name, e, true);
}

static bool
is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void
fail(struct onboarder *o, const struct domain_group *g, size_t i,
    const struct outcome *out)
{
	const struct domain_item *item = &g->items[i];
	const struct queue_failure f = outcome_failure(
	    out, item->attempts, item->failing_since, 0, clock_now());
	struct err e = {0}, text = out->why;

	tell_store(o, g,
	    domain_queue_fail(o->st, &g->holds[i], item->name, &f, &e), &e);
	if (cause_is_temporary(out->cause))
		text.kind = KIND_BUSY;
	if (f.parks)
		err_object(&text,
		    "parked, and not tried any more until domain-queue add");
	tell(o, item->name, &text,
	    f.parks || item->attempts == 0 || !is_same(item->cause, out->word));
}

/* There is no order for it, since it would fail for this cause. */
static void
fail_early(struct onboarder *o, const struct domain_group *g, size_t i,
    enum cause cause, const struct err *why)
{
	const struct orders_result none = {.err = why};
	struct outcome out;

	outcome_judge(&none, clock_now(), &out);
	if (cause != CAUSE_NONE) {
		out.cause = cause;
		out.word = cause_name(cause);
	}
	fail(o, g, i, &out);
}

static void
put_back(struct onboarder *o, const struct domain_group *g, int64_t at,
    const struct err *why)
{
	struct err e = {0};

	tell_store(o, g, domain_queue_put_back(o->st, g, at, &e), &e);
	for (size_t i = 0; i < g->len; i++)
		tell(o, g->items[i].name, why, false);
}

/* They are taken again at once, and have not been taken. */
static void
regroup(struct onboarder *o, const struct domain_group *g, bool alone)
{
	struct err e = {0};

	if (g->len == 0)
		return;
	tell_store(o, g, domain_queue_regroup(o->st, g, alone, &e), &e);
	*o->left += (int64_t)g->len;
}

/* Takes item `i` out of a group; what comes last has its place then. */
static void
drop(struct domain_group *g, size_t i)
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

static const char *
find_refusal(const struct upstream_authorizations *l, const struct strv *names)
{
	for (size_t i = 0; i < l->len; i++)
		if (l->v[i].value && strv_has(names, l->v[i].value) &&
		    refusal(&l->v[i]))
			return refusal(&l->v[i]);
	return NULL;
}

static bool
has_refusals(const struct upstream_authorizations *l)
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
		said = find_refusal(l, &names);
	for (size_t i = 0; !has_refusals(l) && !yes && i < names.len; i++)
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

/*
 * One bad name does not sink the others: it stays behind, and they are ordered
 * again.  When nobody says which one it was, each goes alone.
 */
static void
blame(struct onboarder *o, struct onboarder_flight *f,
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
		fail(o, g, i, &out);
		drop(g, i);
	}
	regroup(o, g, g->len == before);
	upstream_authorizations_release(&l);
}

/* ---- limits -------------------------------------------------------------- */

static int
ask_limits(struct onboarder *o, const struct strv *registered,
    size_t under_way_domain, struct limits_wait *w, struct err *e)
{
	const struct limits_order order = {.upstream_account_id = o->row->id,
	    .under_way =
		client_under_way(o->client, ENDPOINT_NEW_ORDER) + o->ready_len,
	    .under_way_domain = under_way_domain,
	    .share = o->share};

	return limits_new(
	    o->limits, o->st, &order, registered, clock_now(), w, e);
}

static size_t
count_domain(
    const struct onboarder_flight *v, size_t len, const char *registered)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		for (size_t k = 0; k < v[i].group.len; k++)
			n += strcmp(v[i].group.items[k].registered,
				 registered) == 0;
	return n;
}

/*
 * When a name in this domain may be ordered, by its domain's limit: 0, now.
 * What is under way here may fail, and is not waited for very long.
 */
static int
domain_free_at(struct onboarder *o, const char *registered,
    struct limits_wait *w, struct err *e)
{
	size_t n = count_domain(o->ready, o->ready_len, registered) +
	    count_domain(o->flights, o->len, registered);
	struct strv l = {0};
	int rc;

	strv_add(&l, registered);
	rc = ask_limits(o, &l, 0, w, e);
	if (rc == 0 && !*w->subject && n > 0) {
		rc = ask_limits(o, &l, n, w, e);
		if (w->at != 0)
			w->at = clock_now() + SOON;
	}
	if (!*w->subject)
		w->at = 0;
	strv_release(&l);
	return rc;
}

/* Whether the account may have one more order: 1, 0, -1. */
static int
has_room(struct onboarder *o, struct err *e)
{
	const struct strv none = {0};
	struct limits_wait w;
	struct err why = {0};

	if (ask_limits(o, &none, 0, &w, e) < 0)
		return -1;
	if (w.at == 0)
		return 1;
	err_set(&why, KIND_BUSY, "the CA's limit of %s is used up", w.rule);
	tell(o, o->template->name, &why, false);
	return 0;
}

/* Those in a domain whose limit is used up wait, and all others in it. */
static int
hold_back(struct onboarder *o, struct domain_group *g, size_t i, struct err *e)
{
	struct domain_group one = {&g->items[i], &g->holds[i], 1};
	struct limits_wait w;
	struct err why = {0};
	int rc = domain_free_at(o, g->items[i].registered, &w, e);

	if (rc < 0 || w.at == 0)
		return rc;
	err_set(&why, KIND_BUSY, "the CA's limit of %s for %s is used up",
	    w.rule, w.subject);
	put_back(o, &one, w.at, &why);
	rc = domain_queue_delay(
	    o->st, o->template->id, g->items[i].registered, w.at, e);
	drop(g, i);
	return rc;
}

/* ---- looking ------------------------------------------------------------- */

/* The names of all groups that have no order yet. */
struct looking {
	struct probe *v;
	struct strv *names; /* of an item each, which `v` points into */
	size_t len, items;
};

static void
looking_release(struct looking *l)
{
	for (size_t i = 0; i < l->items; i++)
		strv_release(&l->names[i]);
	free(l->names);
	free(l->v);
}

static void
add_item(struct onboarder *o, const struct domain_item *item, struct looking *l)
{
	struct strv *names;
	struct err ignored = {0};

	l->names = xreallocarray(l->names, l->items + 1, sizeof(*l->names));
	names = &l->names[l->items++];
	*names = (struct strv){0};
	/* one that is no name is told of when the order is made */
	ordertemplate_names(o->template->names, item->name, names, &ignored);
	l->v = xreallocarray(l->v, l->len + names->len + 1, sizeof(*l->v));
	for (size_t i = 0; i < names->len; i++)
		l->v[l->len++] =
		    (struct probe){.name = names->v[i], .domain = item->name};
}

static int
fill_policy(struct onboarder *o, const struct domain_group *g,
    struct orderpolicy *policy, struct err *e)
{
	struct strv domains = {0};
	int rc = orderpolicy_read(policy, o->template->policy, e);

	for (size_t i = 0; i < g->len; i++)
		strv_add(&domains, g->items[i].name);
	if (rc == 0)
		ordertemplate_fill(policy, &domains);
	strv_release(&domains);
	return rc;
}

/* What is wrong with the names of an item, the first of them. */
static const struct err *
find_bad(const struct looking *l, const char *domain)
{
	for (size_t i = 0; i < l->len; i++)
		if (strcmp(l->v[i].domain, domain) == 0 &&
		    err_is_set(&l->v[i].why))
			return &l->v[i].why;
	return NULL;
}

static void
drop_bad(struct onboarder *o, struct domain_group *g, const struct looking *l)
{
	for (size_t i = g->len; i-- > 0;) {
		const struct err *why = find_bad(l, g->items[i].name);
		struct err denied;

		if (!why)
			continue;
		denied = *why;
		/* it is not this machine that is to be waited for */
		if (denied.kind == KIND_BUSY)
			denied.kind = KIND_DENIED;
		fail_early(o, g, i, CAUSE_PRECHECK, &denied);
		drop(g, i);
	}
}

static int
look(struct onboarder *o, struct err *e)
{
	struct orderpolicy policy = {0};
	struct domain_group all = {0};
	struct looking l = {0};
	int rc;

	for (size_t i = 0; i < o->ready_len; i++) {
		const struct domain_group *g = &o->ready[i].group;

		for (size_t k = 0; o->ready[i].order == 0 && k < g->len; k++) {
			add_item(o, &g->items[k], &l);
			all.items = xreallocarray(
			    all.items, all.len + 1, sizeof(*all.items));
			all.items[all.len++] = g->items[k];
		}
	}
	rc = fill_policy(o, &all, &policy, e);
	if (rc == 0)
		rc = probe_all(&o->prober, &policy, l.v, l.len, e);
	for (size_t i = 0; rc == 0 && i < o->ready_len; i++)
		if (o->ready[i].order == 0)
			drop_bad(o, &o->ready[i].group, &l);
	free(all.items); /* what they point to is the groups' */
	orderpolicy_release(&policy);
	looking_release(&l);
	return rc;
}

/* ---- beginning ----------------------------------------------------------- */

int
onboarder_start(struct onboarder *o, struct err *e)
{
	const struct ordercheck check = {.client = o->client,
	    .account = o->row,
	    .policy = &o->policy,
	    .solvers = o->prober.solvers,
	    .profile = o->template->profile};

	if (o->per_certificate == 0)
		o->per_certificate = (size_t)o->template->per_certificate;
	if (orderpolicy_read(&o->policy, o->template->policy, e) < 0 ||
	    solvers_prepare(o->prober.solvers, &o->policy, e) < 0)
		return -1;
	return ordercheck_account(&check, e);
}

static int
order_names(struct onboarder *o, struct onboarder_flight *f,
    const struct orderpolicy *policy, const struct strv *names,
    const struct upstream_order_new *how, struct err *e)
{
	const struct ordercheck check = {.client = o->client,
	    .account = o->row,
	    .policy = policy,
	    .solvers = o->prober.solvers,
	    .profile = how->profile};
	struct ordernew n = {.row = *how};
	int rc = ordernew_set_names(&n, names, o->suffixes, e);

	if (rc == 0)
		rc = ordercheck_order(&check, &n.dns, &n.ip, e);
	if (rc == 0)
		rc = domain_queue_order(o->st, &f->group, &n.row, &f->order, e);
	ordernew_release(&n);
	return rc;
}

static int
make_order(struct onboarder *o, struct onboarder_flight *f, struct err *e)
{
	const struct domain_template *t = o->template;
	struct orderpolicy policy = {0};
	struct upstream_order_new n = {.upstream_account_id = o->row->id,
	    .profile = t->profile,
	    .resume = true};
	struct strv names = {0};
	struct buf text;
	int rc = 0;

	buf_init(&text, ORDERPOLICY_MAX);
	for (size_t i = 0; rc == 0 && i < f->group.len; i++)
		rc = ordertemplate_names(
		    t->names, f->group.items[i].name, &names, e);
	if (rc == 0)
		rc = fill_policy(o, &f->group, &policy, e);
	policy.auto_renew = true;
	if (rc == 0 && orderpolicy_write(&policy, &text) < 0)
		rc = err_set(e, KIND_INPUT, "its policy is too long");
	n.policy = text.data;
	n.not_after = orderpolicy_end(&policy, clock_now());
	if (rc == 0)
		rc = order_names(o, f, &policy, &names, &n, e);
	orderpolicy_release(&policy);
	strv_release(&names);
	buf_release(&text);
	return rc;
}

/* Whether its order, that of a process that died perhaps, can go on. */
static int
resume(struct onboarder *o, struct onboarder_flight *f, struct err *e)
{
	int64_t id = f->group.items[0].upstream_order_id;
	struct upstream_order order;

	if (id == 0)
		return 0;
	if (upstream_order_by_id(o->st, id, &order, e) < 0)
		return -1;
	if (upstream_order_is_open(order.status) ||
	    order.status == UPSTREAM_ORDER_VALID)
		f->order = id;
	upstream_order_release(&order);
	return 0;
}

/* 1: a group is ready; 0: there is none, or no room for it; -1. */
static int
take(struct onboarder *o, struct err *e)
{
	const struct domain_template *t = o->template;
	struct domain_taking how = {.domain_template_id = t->id,
	    .per_certificate = o->per_certificate,
	    .one_domain = t->one_domain,
	    .until = o->hold_until};
	struct onboarder_flight f = {0};
	int rc;

	if (*o->left <= 0 || clock_now() >= o->take_until)
		return 0;
	if (*o->left < (int64_t)how.per_certificate)
		how.per_certificate = (size_t)*o->left;
	rc = has_room(o, e);
	if (rc > 0)
		rc = domain_queue_take(o->st, &how, &f.group, e);
	if (rc <= 0)
		return rc;
	*o->left -= (int64_t)f.group.len;
	rc = resume(o, &f, e);
	for (size_t i = f.group.len; rc == 0 && f.order == 0 && i-- > 0;)
		rc = hold_back(o, &f.group, i, e);
	o->ready = xreallocarray(o->ready, o->ready_len + 1, sizeof(*o->ready));
	o->ready[o->ready_len++] = f;
	return rc < 0 ? -1 : 1;
}

/* As many as may be in flight are looked at together. */
static int
refill(struct onboarder *o, struct err *e)
{
	int rc = 1;

	while (rc > 0 && o->ready_len < o->in_flight)
		rc = take(o, e);
	if (rc < 0 || o->ready_len == 0)
		return rc;
	if (o->prober.precheck && look(o, e) < 0)
		return -1;
	return 1;
}

/* What is refused before the CA is asked is for the name, or for one of them.
 */
static void
refuse(struct onboarder *o, const struct domain_group *g, const struct err *why)
{
	if (why->kind == KIND_BUSY || why->kind == KIND_SYS)
		put_back(o, g, clock_now() + SOON, why);
	else if (g->len == 1)
		fail_early(o, g, 0, CAUSE_NAME, why);
	else
		regroup(o, g, true);
}

int
onboarder_next(void *onboarder, int64_t *order, struct err *e)
{
	struct onboarder *o = onboarder;
	int rc = 1;

	while (o->ready_len > 0 || (rc = refill(o, e)) > 0) {
		struct onboarder_flight f = o->ready[--o->ready_len];
		struct err why = {0};

		if (f.group.len > 0 && f.order == 0 &&
		    make_order(o, &f, &why) < 0)
			refuse(o, &f.group, &why);
		if (f.order == 0) {
			domain_group_release(&f.group);
			continue;
		}
		o->flights =
		    xreallocarray(o->flights, o->len + 1, sizeof(*o->flights));
		o->flights[o->len++] = f;
		*order = f.order;
		return 1;
	}
	return rc;
}

/* ---- ending -------------------------------------------------------------- */

static void
finish(struct onboarder *o, const struct onboarder_flight *f)
{
	struct err e = {0};

	tell_store(o, &f->group, domain_queue_done(o->st, &f->group, &e), &e);
	for (size_t i = 0; i < f->group.len; i++)
		log_event(LOG_LEVEL_DEBUG, "onboarded", "name",
		    f->group.items[i].name, (char *)NULL);
}

static void
end(struct onboarder *o, struct onboarder_flight *f,
    const struct orders_result *x)
{
	struct outcome out;

	outcome_judge(x, clock_now(), &out);
	if (out.result == OUTCOME_DONE)
		finish(o, f);
	else if (out.result == OUTCOME_GOES_ON)
		put_back(o, &f->group, out.retry_at, &out.why);
	else if (out.order_is_over && f->group.len > 1)
		blame(o, f, &out);
	else
		for (size_t i = 0; i < f->group.len; i++)
			fail(o, &f->group, i, &out);
}

void
onboarder_told(void *onboarder, const struct orders_result *x)
{
	struct onboarder *o = onboarder;

	for (size_t i = 0; i < o->len; i++) {
		if (o->flights[i].order != x->id)
			continue;
		end(o, &o->flights[i], x);
		domain_group_release(&o->flights[i].group);
		o->flights[i] = o->flights[--o->len];
		return;
	}
}

static void
give_back(struct onboarder *o, struct onboarder_flight *v, size_t len)
{
	struct err ignored = {0};

	for (size_t i = 0; i < len; i++) {
		domain_queue_put_back(
		    o->st, &v[i].group, clock_now(), &ignored);
		domain_group_release(&v[i].group);
	}
	free(v);
}

void
onboarder_release(struct onboarder *o)
{
	if (!o)
		return;
	give_back(o, o->ready, o->ready_len);
	give_back(o, o->flights, o->len);
	orderpolicy_release(&o->policy);
	o->ready = o->flights = NULL;
	o->ready_len = o->len = 0;
}
