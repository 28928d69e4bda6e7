#include "jobs/onboarder_part.h"
#include "jobs/waiting.h"

#include "base/log.h"
#include "order/ordernew.h"
#include "order/ordertemplate.h"
#include "store/upstream_account.h"
#include "store/upstream_ca.h"
#include "sys/clock.h"

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
		rc = onboarder_fill_policy(o, &f->group, &policy, e);
	policy.auto_renew = true;
	if (f->group.len > 1)
		policy.domain_template_id = t->id;
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

/* 1: a group is ready; 0: there is none, or no room for it; -1. */
static int
take(struct onboarder *o, struct err *e)
{
	const struct domain_template *t = o->template;
	struct domain_taking how = {.domain_template_id = t->id,
	    .per_certificate = o->per_certificate,
	    .one_domain = t->one_domain,
	    .only = o->only,
	    .until = o->hold_until};
	struct onboarder_flight f = {0};
	struct upstream_held held;
	int rc;

	if (*o->left <= 0 || clock_now() >= o->take_until ||
	    waiting_ca_is_away(o->st, o->row->id, &held))
		return 0;
	if (*o->left < (int64_t)how.per_certificate)
		how.per_certificate = (size_t)*o->left;
	rc = onboarder_has_room(o, e);
	if (rc > 0)
		rc = domain_queue_take(o->st, &how, &f.group, e);
	if (rc <= 0)
		return rc;
	*o->left -= (int64_t)f.group.len;
	rc = outcome_order(
	    o->st, f.group.items[0].upstream_order_id, &f.order, e);
	for (size_t i = f.group.len; rc >= 0 && f.order == 0 && i-- > 0;) {
		rc = onboarder_refuse_blocked(o, &f.group, i, e);
		if (rc == 0)
			rc = onboarder_hold_back(o, &f.group, i, e);
	}
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
	if (o->prober.precheck && onboarder_look(o, e) < 0)
		return -1;
	return 1;
}

/* What is refused before the CA is asked is for the name, or for one of them.
 */
static void
refuse(struct onboarder *o, const struct domain_group *g, const struct err *why)
{
	if (why->kind == KIND_BUSY || why->kind == KIND_SYS)
		onboarder_put_back(
		    o, g, clock_now() + ONBOARDER_SOON, CAUSE_NONE, why);
	else if (g->len == 1)
		onboarder_fail_early(o, g, 0, CAUSE_NAME, why);
	else
		onboarder_regroup(o, g, true);
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

	onboarder_tell_store(
	    o, &f->group, domain_queue_done(o->st, &f->group, &e), &e);
	for (size_t i = 0; i < f->group.len; i++)
		log_event(LOG_LEVEL_DEBUG, "onboarded", "name",
		    f->group.items[i].name, (char *)NULL);
}

/* There is more to do; what keeps one name from it does not keep the others. */
static void
go_on_later(struct onboarder *o, const struct onboarder_flight *f,
    const struct orders_result *x, const struct outcome *out)
{
	struct err e = {0};
	int rc = x->order ? onboarder_divide(o, f, x->order, &e) : 0;

	onboarder_tell_store(o, &f->group, rc, &e);
	if (rc == 0)
		onboarder_put_back(
		    o, &f->group, out->retry_at, out->cause, &out->why);
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
		go_on_later(o, f, x, &out);
	else if (out.order_is_over && f->group.len > 1)
		onboarder_blame(o, f, &out);
	else
		for (size_t i = 0; i < f->group.len; i++)
			onboarder_fail(o, &f->group, i, &out);
}

void
onboarder_told(void *onboarder, const struct orders_result *x)
{
	struct onboarder *o = onboarder;

	for (size_t i = 0; i < o->len; i++) {
		struct onboarder_flight f = o->flights[i];

		if (f.order != x->id)
			continue;
		o->flights[i] = o->flights[--o->len];
		end(o, &f, x);
		domain_group_release(&f.group);
		return;
	}
}

static void
give_back(struct onboarder *o, struct onboarder_flight *v, size_t len)
{
	struct err ignored = {0};

	for (size_t i = 0; i < len; i++) {
		const struct domain_group *g = &v[i].group;
		const struct queue_wait w = {
		    .retry_at = g->len > 0 ? g->items[0].retry_at : 0};

		domain_queue_put_back(o->st, g, &w, &ignored);
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
