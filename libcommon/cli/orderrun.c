#include "cli/orderrun.h"

#include <unistd.h>

#include "base/rfc3339.h"
#include "cli/prog.h"
#include "sys/clock.h"
#include "sys/sig.h"

#define WAIT_UNTOLD 10 /* seconds of a wait about which nothing is said */

void
orderrun_fail_one(struct orderrun *r, const struct err *e)
{
	prog_item_failed(r->w.prog, e);
}

/* What was put in place for an authorization and is there still, or NULL. */
static const char *
in_place(const struct upstream_authorization *a)
{
	for (size_t i = 0; i < a->challenges_len; i++)
		if (a->challenges[i].place != UPSTREAM_PLACE_NONE)
			return a->challenges[i].type;
	return NULL;
}

/* What is left, at the CA or in place, though nobody needs it. */
int
orderrun_check_left(
    struct store *st, const struct upstream_order *o, struct err *e)
{
	struct upstream_authorizations l;
	int rc = upstream_authorization_by_order(st, o->id, &l, e);

	for (size_t i = 0; rc == 0 && i < l.len; i++) {
		const struct upstream_authorization *a = &l.v[i];
		const char *type = in_place(a);
		bool is_left =
		    type || a->status == UPSTREAM_AUTHORIZATION_PENDING;
		bool shared = false;

		if (is_left)
			rc = upstream_authorization_is_shared(
			    st, a->id, o->id, &shared, e);
		if (rc == 0 && is_left && !shared)
			rc = err_set(e, KIND_BUSY,
			    "upstream_order/%lld: the %s for %s is still %s",
			    (long long)o->id, type ? type : "authorization",
			    a->value, type ? "in place" : "pending at the CA");
	}
	upstream_authorizations_release(&l);
	return rc;
}

static void
check_given_up(struct orderrun *r, const struct upstream_order *o)
{
	struct orderpolicy policy;
	struct err why = {0};
	int rc = orderpolicy_read(&policy, o->policy, &why);

	if (rc == 0 && !policy.keeps_pending)
		rc = orderrun_check_left(r->w.up.st, o, &why);
	if (rc < 0)
		orderrun_fail_one(r, &why);
	orderpolicy_release(&policy);
}

/* A step that has only failed for now is none that was done. */
static int
check_step(
    const struct orderrun *r, const struct upstream_order *o, struct err *e)
{
	if (!r->is_enough || !o->cause || !upstream_order_is_open(o->status))
		return 0;
	orders_why(o, e);
	return err_is_set(e) ? -1 : 0;
}

/* Once for each reason: who looks on may wonder, and cron's mail is read. */
static void
tell_wait(void *arg, int64_t id, int64_t until)
{
	struct orderrun *r = arg;
	struct upstream_order o;
	struct err why = {0};
	char when[RFC3339_SIZE];

	if (r->w.prog->quiet || until <= clock_now() + WAIT_UNTOLD ||
	    upstream_order_by_id(r->w.up.st, id, &o, &why) < 0)
		return;
	if (!r->waits_for ||
	    strcmp(r->waits_for, o.error ? o.error : "") != 0) {
		rfc3339_format(when, until);
		free(r->waits_for);
		r->waits_for = xstrdup(o.error ? o.error : "");
		err_set(&why, KIND_BUSY,
		    "waits until %s: upstream_order/%lld is %s%s%s", when,
		    (long long)id, upstream_order_status_name(o.status),
		    o.error ? ": " : "", o.error ? o.error : "");
		progress_end(&r->progress);
		prog_fail(r->w.prog, &why);
	}
	upstream_order_release(&o);
}

static void
tell(void *arg, const struct orders_result *result)
{
	struct orderrun *r = arg;
	struct err why = {0};

	progress_add(&r->progress, 1);
	orderwork_note_result(r->w.prog, result);
	if (result->order &&
	    orderwork_print(&r->w.out, r->w.up.st, result->id, &why) < 0)
		orderrun_fail_one(r, &why);
	if (r->is_cancelling && result->order &&
	    !upstream_order_is_open(result->order->status) &&
	    result->order->status != UPSTREAM_ORDER_VALID)
		check_given_up(r, result->order);
	else if (err_is_set(result->err))
		orderrun_fail_one(r, result->err);
	else if (result->order && check_step(r, result->order, &why) < 0)
		orderrun_fail_one(r, &why);
}

static int
take_next(void *arg, int64_t *id, struct err *e)
{
	struct orderrun *r = arg;

	return r->next(r->arg, id, e);
}

int
orderrun_all(struct orderrun *r, struct err *e)
{
	struct ordering_env env = orderwork_env(&r->w);
	const struct orders how = {.env = &env,
	    .in_flight = (size_t)r->how->jobs,
	    .give_up_at = clock_now() + r->how->timeout,
	    .next = take_next,
	    .is_enough = r->is_enough,
	    .tell = tell,
	    .tell_wait = tell_wait,
	    .is_stopped = sig_term,
	    .arg = r};

	env.gives_up_all = r->is_cancelling;
	return orders_run(&how, e);
}

void
orderrun_begin(struct orderrun *r, const struct prog *p)
{
	r->w.up.trace = r->how->traces ? STDERR_FILENO : -1;
	orderwork_begin(&r->w.out, p);
	progress_begin(&r->progress, "orders");
}

void
orderrun_close(struct orderrun *r)
{
	progress_end(&r->progress);
	orderwork_stop(&r->w);
	free(r->waits_for);
}
