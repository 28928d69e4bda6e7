#include "jobs/onboarder_part.h"

#include "jobs/waiting.h"
#include "order/ordertemplate.h"
#include "store/blocked_name.h"
#include "store/upstream_account.h"
#include "sys/clock.h"

/* What is asked before there is an order: limits, and where names lead. */

int
onboarder_refuse_blocked(
    struct onboarder *o, struct domain_group *g, size_t i, struct err *e)
{
	struct strv names = {0};
	struct err why = {0};
	int rc = 0;

	/* one that is no name is told of when the order is made */
	if (ordertemplate_names(
		o->template->names, g->items[i].name, &names, &why) == 0)
		rc = blocked_name_check(o->st, &names, &why, e);
	strv_release(&names);
	if (rc <= 0)
		return rc;
	onboarder_fail_early(o, g, i, CAUSE_BLOCKED, &why);
	onboarder_drop(g, i);
	return 1;
}

/* ---- limits -------------------------------------------------------------- */

static int
ask_limits(struct onboarder *o, const struct strv *registered,
    size_t ahead_in_domain, struct limits_wait *w, struct err *e)
{
	const struct limits_order order = {.upstream_account_id = o->row->id,
	    .ahead = o->ready_len + o->len, /* near the end rather less */
	    .ahead_in_domain = ahead_in_domain,
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
	rc = ask_limits(o, &l, n, w, e);
	if (!*w->subject)
		w->at = 0;
	else if (n > 0)
		w->at = clock_now() + ONBOARDER_SOON;
	strv_release(&l);
	return rc;
}

int
onboarder_has_room(struct onboarder *o, struct err *e)
{
	const struct strv none = {0};
	const struct domain_item all = {.name = o->template->name};
	struct limits_wait w;
	struct err why = {0};

	if (ask_limits(o, &none, 0, &w, e) < 0)
		return -1;
	if (w.at == 0)
		return 1;
	err_set(&why, KIND_BUSY, "the CA's limit of %s is used up", w.rule);
	onboarder_tell(o, &all, &why, false);
	return 0;
}

static void
set_used_up(const struct limits_wait *w, struct err *why)
{
	err_set(why, KIND_BUSY, "the CA's limit of %s for %s is used up",
	    w->rule, w->subject);
}

/* All others in a domain wait, too. */
static int
delay(struct onboarder *o, const char *registered, const struct limits_wait *w,
    struct err *e)
{
	struct queue_wait how;
	struct err why = {0};
	char *text;
	int rc;

	set_used_up(w, &why);
	text = waiting_for(
	    o->st, o->row, CAUSE_RATE_LIMITED, why.text, w->at, &how);
	rc = domain_queue_delay(o->st, o->template->id, registered, &how, e);
	free(text);
	return rc;
}

int
onboarder_hold_back(
    struct onboarder *o, struct domain_group *g, size_t i, struct err *e)
{
	struct domain_group one = {&g->items[i], &g->holds[i], 1};
	struct limits_wait w;
	struct err why = {0};
	int rc = domain_free_at(o, g->items[i].registered, &w, e);

	if (rc < 0 || w.at == 0)
		return rc;
	set_used_up(&w, &why);
	onboarder_put_back(o, &one, w.at, CAUSE_RATE_LIMITED, &why);
	rc = delay(o, g->items[i].registered, &w, e);
	onboarder_drop(g, i);
	return rc;
}

static int
give_up(struct store *st, int64_t order, const char *why, struct err *e)
{
	struct upstream_order_hold hold = {0};
	int rc;

	if (upstream_order_take(st, order, ORDERING_HOLD, &hold, e) < 0)
		return -1;
	rc = upstream_order_fail(
	    st, &hold, UPSTREAM_ORDER_CANCELLED, NULL, why, e);
	return upstream_order_leave(st, &hold, e) < 0 ? -1 : rc;
}

/* Delays each domain of a group whose limit is used up: how many, or -1. */
static int
delay_domains(struct onboarder *o, const struct domain_group *g, struct err *e)
{
	int n = 0;

	for (size_t i = 0; i < g->len; i++) {
		struct limits_wait w;

		if (domain_free_at(o, g->items[i].registered, &w, e) < 0)
			return -1;
		if (w.at == 0)
			continue;
		if (delay(o, g->items[i].registered, &w, e) < 0)
			return -1;
		n++;
	}
	return n;
}

int
onboarder_divide(struct onboarder *o, const struct onboarder_flight *f,
    const struct upstream_order *order, struct err *e)
{
	struct limits_wait w = {0};
	size_t i = 0;
	int rc = 0;

	if (f->group.len < 2 || order->status != UPSTREAM_ORDER_NEW)
		return 0;
	while (rc == 0 && w.at == 0 && i < f->group.len)
		rc = domain_free_at(o, f->group.items[i++].registered, &w, e);
	if (rc < 0 || w.at == 0)
		return rc;
	if (give_up(o->st, f->order, "a limit of a domain was used up", e) < 0)
		return -1;
	onboarder_regroup(o, &f->group, false);
	return delay_domains(o, &f->group, e) < 0 ? -1 : 1;
}

/* ---- looking ------------------------------------------------------------- */

/* The names of all groups that have no order yet. */
struct looking {
	struct probe *v;
	struct strv *names; /* of an item each, itself first: `v` has them */
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
	strv_add(names, item->name);
	/* one that is no name is told of when the order is made */
	ordertemplate_names(o->template->names, item->name, names, &ignored);
	l->v = xreallocarray(l->v, l->len + names->len + 1, sizeof(*l->v));
	for (size_t i = 1; i < names->len; i++)
		l->v[l->len++] =
		    (struct probe){.name = names->v[i], .domain = names->v[0]};
}

int
onboarder_fill_policy(struct onboarder *o, const struct domain_group *g,
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
		onboarder_fail_early(o, g, i, CAUSE_PRECHECK, &denied);
		onboarder_drop(g, i);
	}
}

int
onboarder_look(struct onboarder *o, struct err *e)
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
	rc = onboarder_fill_policy(o, &all, &policy, e);
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
