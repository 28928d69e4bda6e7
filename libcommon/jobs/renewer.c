#include "jobs/renewer.h"

#include "base/log.h"
#include "jobs/outcome.h"
#include "jobs/parked.h"
#include "jobs/parting.h"
#include "jobs/waiting.h"
#include "order/ordernew.h"
#include "order/orderpolicy.h"
#include "store/blocked_name.h"
#include "store/fqdn_set.h"
#include "store/renewal_configuration.h"
#include "store/upstream_account.h"
#include "store/upstream_rest.h"
#include "sys/clock.h"

/* An item under work. */
struct renewer_flight {
	struct queue_hold hold;
	struct renewal_item item;
	struct renewal_configuration configuration;
	int64_t order; /* 0: none yet */
	enum cause cause; /* why there is none, when that is known */
};

/* ---- ends ---------------------------------------------------------------- */

static void
flight_release(struct renewer_flight *f)
{
	renewal_item_release(&f->item);
	renewal_configuration_release(&f->configuration);
}

/* "a.example and 2 others"; the caller frees. */
static char *
names_of(struct renewer *r, const struct renewer_flight *f)
{
	char *text =
	    fqdn_set_describe(r->st, f->configuration.fqdn_set_id, INT_MAX);

	return text ? text
		    : xasprintf("renewal_configuration/%lld",
			  (long long)f->item.renewal_configuration_id);
}

static void
tell(struct renewer *r, const struct renewer_flight *f, const struct err *why,
    bool is_kept)
{
	char *names = names_of(r, f);
	const struct renewer_result result = {
	    .names = names, .err = why, .is_kept = is_kept};

	r->tell(r->arg, &result);
	free(names);
}

/* The store does not take it: who comes when the lease is over finds out. */
static void
tell_store(struct renewer *r, const struct renewer_flight *f, int rc,
    const struct err *e)
{
	if (rc < 0)
		tell(r, f, e, false);
}

static void
put_back(struct renewer *r, struct renewer_flight *f, const struct outcome *a)
{
	struct err e = {0};
	struct queue_wait w;
	char *text =
	    waiting_for(r->st, r->row, a->cause, a->error, a->retry_at, &w);

	tell_store(r, f, renewal_queue_put_back(r->st, &f->hold, &w, &e), &e);
	free(text);
	tell(r, f, &a->why, true);
}

/* Whether the names that share it go on without those to blame. */
static bool
part(struct renewer *r, struct renewer_flight *f, const struct outcome *a)
{
	const struct parting p = {.st = r->st,
	    .suffixes = r->suffixes,
	    .configuration = &f->configuration,
	    .hold = &f->hold,
	    .order = f->order,
	    .outcome = a};
	struct strv blamed = {0};
	struct err why = {0}, ignored = {0};
	bool is_parted = a->order_is_over && !cause_is_temporary(a->cause) &&
	    (f->item.past.attempts + 1 >= PARTING_ATTEMPTS ||
		a->cause == CAUSE_BLOCKED) &&
	    parting_try(&p, &blamed, &ignored) > 0;

	if (is_parted) {
		err_set(&why, KIND_DENIED,
		    "no longer with %s%s, since %s; domain-queue list says "
		    "what becomes of them",
		    blamed.v[0], blamed.len > 1 ? " and others" : "", a->error);
		tell(r, f, &why, false);
	}
	strv_release(&blamed);
	return is_parted;
}

static void
fail(struct renewer *r, struct renewer_flight *f, const struct outcome *a)
{
	const struct renewal_item *i = &f->item;
	const struct outcome_life life = {
	    f->configuration.not_before, f->configuration.not_after};
	struct queue_failure failure =
	    outcome_failure(a, &i->past, &life, clock_now());
	struct err e = {0}, text = a->why;

	if (part(r, f, a))
		return;
	outcome_await_ca(r->st, r->account, a, &i->past, &failure);
	if (failure.parks)
		failure.retry_at =
		    parked_again(r->st, r->prober, &f->configuration,
			failure.cause, i->added, failure.retry_at);
	tell_store(r, f, renewal_queue_fail(r->st, &f->hold, &failure, &e), &e);
	if (cause_is_temporary(a->cause))
		text.kind = KIND_BUSY;
	tell(r, f, &text, true);
}

/* Nothing is begun at a CA that is away. */
static bool
leave(struct renewer *r, struct renewer_flight *f)
{
	struct queue_failure failure;
	struct err e = {0}, why = {0};

	if (!outcome_leave_ca(r->st, r->account, &f->item.past, &failure, &why))
		return false;
	tell_store(r, f, renewal_queue_fail(r->st, &f->hold, &failure, &e), &e);
	tell(r, f, &why, true);
	return true;
}

/* There is no order for it. */
static void
fail_early(struct renewer *r, struct renewer_flight *f, const struct err *why)
{
	struct outcome a;

	outcome_judge_early(why, f->cause, clock_now(), &a);
	fail(r, f, &a);
}

/* ---- beginning ----------------------------------------------------------- */

static int
refuse_blocked(struct renewer *r, struct renewer_flight *f,
    const struct strv *names, struct err *e)
{
	int rc = blocked_name_check(r->st, names, e, e);

	if (rc > 0)
		f->cause = CAUSE_BLOCKED;
	return rc == 0 ? 0 : -1;
}

/* What was given for one order only is not for the next. */
static int
write_policy(const struct renewer_flight *f, struct orderpolicy *p,
    struct buf *text, struct err *e)
{
	if (orderpolicy_read(p, f->configuration.policy, e) < 0)
		return -1;
	p->replaces_id = f->configuration.certificate_id;
	p->not_after = p->lasts = p->replaced_key_id = 0;
	p->auto_renew = true;
	return orderpolicy_write(p, text) < 0
	    ? err_set(e, KIND_BUG, "a policy is too long")
	    : 0;
}

static int
order_names(struct renewer *r, struct renewer_flight *f,
    const struct orderpolicy *policy, const struct upstream_order_new *how,
    struct err *e)
{
	const struct ordercheck check = {.client = r->client,
	    .account = r->row,
	    .policy = policy,
	    .solvers = r->solvers,
	    .profile = how->profile};
	struct strv names = {0};
	struct ordernew n = {.row = *how};
	int rc = fqdn_set_names(r->st, f->configuration.fqdn_set_id, &names, e);

	if (rc == 0)
		rc = refuse_blocked(r, f, &names, e);
	if (rc == 0)
		rc = ordernew_set_names(&n, &names, r->suffixes, e);
	if (rc == 0)
		rc = solvers_prepare(r->solvers, policy, e);
	if (rc == 0)
		rc = ordercheck_account(&check, e);
	if (rc == 0)
		rc = ordercheck_order(&check, &n.dns, &n.ip, e);
	if (rc == 0)
		rc = renewal_queue_order(r->st, &f->hold, &n.row, &f->order, e);
	strv_release(&names);
	ordernew_release(&n);
	return rc;
}

static int
make_order(struct renewer *r, struct renewer_flight *f, struct err *e)
{
	const struct renewal_configuration *c = &f->configuration;
	struct orderpolicy policy = {0};
	struct upstream_order_new n = {.upstream_account_id = r->account,
	    .profile = c->profile,
	    .replaces_id = c->certificate_id,
	    .resume = true};
	struct buf text;
	int rc;

	buf_init(&text, ORDERPOLICY_MAX);
	rc = write_policy(f, &policy, &text, e);
	n.policy = text.data;
	if (policy.no_replaces)
		n.replaces_id = 0;
	n.private_key_id = policy.private_key_id;
	n.certificate_request_id = policy.certificate_request_id;
	n.not_after = orderpolicy_end(&policy, clock_now());
	if (rc == 0)
		rc = order_names(r, f, &policy, &n, e);
	orderpolicy_release(&policy);
	buf_release(&text);
	return rc;
}

/* 1: there is an order to go on with; 0: there is nothing to do any more. */
static int
begin(struct renewer *r, struct renewer_flight *f, struct err *e)
{
	const struct renewal_configuration *c = &f->configuration;

	if (renewal_configuration_by_id(r->st, f->item.renewal_configuration_id,
		&f->configuration, e) < 0 ||
	    outcome_order(r->st, f->item.upstream_order_id, &f->order, e) < 0)
		return -1;
	if (f->order != 0)
		return 1;
	if (!c->active ||
	    (f->item.why != RENEWAL_ASKED && c->due.at > clock_now()))
		return renewal_queue_done(r->st, &f->hold, e);
	return make_order(r, f, e) < 0 ? -1 : 1;
}

static int
take(struct renewer *r, struct renewer_flight *f, struct err *e)
{
	*f = (struct renewer_flight){0};
	if (*r->left <= 0 || clock_now() >= r->take_until)
		return 0;
	return renewal_queue_take(
	    r->st, r->account, &r->at, r->hold_until, &f->hold, &f->item, e);
}

/* Then what was left of those that are done; nobody is told of that. */
static int
next_rest(struct renewer *r, int64_t *order, struct err *e)
{
	int rc = 0;

	if (clock_now() < r->take_until)
		rc = upstream_rest_next(r->st, r->account, &r->rest, e);
	if (rc > 0)
		*order = r->rest;
	return rc;
}

int
renewer_next(void *renewer, int64_t *order, struct err *e)
{
	struct renewer *r = renewer;
	struct renewer_flight f;
	int rc;

	while ((rc = take(r, &f, e)) > 0) {
		struct err why = {0};

		--*r->left;
		if (leave(r, &f)) {
			flight_release(&f);
			continue;
		}
		rc = begin(r, &f, &why);
		if (rc > 0) {
			r->flights = xreallocarray(
			    r->flights, r->len + 1, sizeof(*r->flights));
			r->flights[r->len++] = f;
			*order = f.order;
			return 1;
		}
		if (rc < 0)
			fail_early(r, &f, &why);
		flight_release(&f);
	}
	return rc < 0 ? -1 : next_rest(r, order, e);
}

/* ---- ending -------------------------------------------------------------- */

static void
finish(struct renewer *r, struct renewer_flight *f)
{
	struct err e = {0};
	char text[32];

	tell_store(r, f, renewal_queue_done(r->st, &f->hold, &e), &e);
	snprintf(text, sizeof(text), "%lld",
	    (long long)f->item.renewal_configuration_id);
	log_event(LOG_LEVEL_DEBUG, "renewed", "renewal_configuration", text,
	    "why", renewal_rule_name(f->item.why), (char *)NULL);
}

static void
end(struct renewer *r, struct renewer_flight *f, const struct orders_result *x)
{
	struct outcome a;

	outcome_judge(x, clock_now(), &a);
	if (a.result == OUTCOME_DONE)
		finish(r, f);
	else if (a.result == OUTCOME_GOES_ON)
		put_back(r, f, &a);
	else
		fail(r, f, &a);
}

void
renewer_told(void *renewer, const struct orders_result *x)
{
	struct renewer *r = renewer;

	for (size_t i = 0; i < r->len; i++) {
		if (r->flights[i].order != x->id)
			continue;
		end(r, &r->flights[i], x);
		flight_release(&r->flights[i]);
		r->flights[i] = r->flights[--r->len];
		return;
	}
}

int
renewer_fail_all(struct renewer *r, const struct err *why, struct err *e)
{
	struct renewer_flight f;
	int rc;

	while ((rc = take(r, &f, e)) > 0) {
		struct err ignored = {0};

		--*r->left;
		/* what cannot be loaded fails no less */
		renewal_configuration_by_id(r->st,
		    f.item.renewal_configuration_id, &f.configuration,
		    &ignored);
		if (!leave(r, &f))
			fail_early(r, &f, why);
		flight_release(&f);
	}
	return rc;
}

void
renewer_release(struct renewer *r)
{
	const struct queue_wait now = {0};
	struct err ignored = {0};

	if (!r)
		return;
	for (size_t i = 0; i < r->len; i++) {
		renewal_queue_put_back(
		    r->st, &r->flights[i].hold, &now, &ignored);
		flight_release(&r->flights[i]);
	}
	free(r->flights);
	r->flights = NULL;
	r->len = 0;
}
