#include "order/ordering_part.h"

#include "sys/clock.h"
#include "sys/fd.h"

#define CONFLICTS_MAX 5
#define SOON_MS 200 /* most CAs have looked by then, or signed */

/* ---- loading ------------------------------------------------------------- */

static void
forget(struct ordering *o)
{
	upstream_order_release(&o->order);
	upstream_authorizations_release(&o->authorizations);
	orderpolicy_release(&o->policy);
	free(o->shared);
	o->shared = NULL;
}

/* It matters only once the order is over. */
static int
load_shared(struct ordering *o, struct err *e)
{
	if (upstream_order_is_open(o->order.status))
		return 0;
	o->shared = xcalloc(o->authorizations.len + 1, sizeof(*o->shared));
	for (size_t i = 0; i < o->authorizations.len; i++)
		if (upstream_authorization_is_shared(o->env.st,
			o->authorizations.v[i].id, o->hold.id, &o->shared[i],
			e) < 0)
			return -1;
	return 0;
}

int
ordering_reload(struct ordering *o, struct err *e)
{
	forget(o);
	if (upstream_order_by_id(o->env.st, o->hold.id, &o->order, e) < 0 ||
	    upstream_authorization_by_order(
		o->env.st, o->hold.id, &o->authorizations, e) < 0 ||
	    load_shared(o, e) < 0)
		return -1;
	return orderpolicy_read(&o->policy, o->order.policy, e);
}

struct ordering *
ordering_open(const struct ordering_env *env, int64_t id, struct err *e)
{
	struct ordering *o = xcalloc(1, sizeof(*o));

	o->env = *env;
	if (upstream_order_take(env->st, id, env->hold, &o->hold, e) < 0) {
		free(o);
		return NULL;
	}
	if (ordering_reload(o, e) == 0 &&
	    upstream_order_names(env->st, id, &o->dns, &o->ip, e) == 0)
		return o;
	ordering_close(o);
	return NULL;
}

void
ordering_leave(struct ordering *o)
{
	struct err ignored = {0};

	upstream_order_leave(o->env.st, &o->hold, &ignored);
}

void
ordering_close(struct ordering *o)
{
	if (!o)
		return;
	ordering_forget_deeds(o);
	ordering_leave(o);
	forget(o);
	strv_release(&o->dns);
	strv_release(&o->ip);
	free(o);
}

/* ---- parts of steps ------------------------------------------------------ */

bool
ordering_is_permanent(const struct reply *r)
{
	return r->cause != CAUSE_NONE && !cause_is_temporary(r->cause);
}

int
ordering_fail(struct ordering *o, enum upstream_order_status status,
    enum cause cause, const char *text, struct err *e)
{
	return upstream_order_fail(o->env.st, &o->hold, status,
	    cause == CAUSE_NONE ? NULL : cause_name(cause), text, e);
}

int
ordering_wait(struct ordering *o, int64_t retry_at, enum cause cause,
    const char *text, struct err *e)
{
	if (retry_at == 0)
		retry_at = clock_now() + orderstep_pause(o->order.attempts);
	return upstream_order_wait(o->env.st, &o->hold, retry_at,
	    cause == CAUSE_NONE ? NULL : cause_name(cause), text, e);
}

int64_t
ordering_soon(struct ordering *o)
{
	o->rest = clock_mono() + SOON_MS;
	return clock_now();
}

struct upstream_authorization *
ordering_authorization(struct ordering *o)
{
	return o->step.authorization == ORDERSTEP_NONE
	    ? NULL
	    : &o->authorizations.v[o->step.authorization];
}

struct upstream_challenge *
ordering_challenge(struct ordering *o)
{
	return o->step.challenge == ORDERSTEP_NONE
	    ? NULL
	    : &ordering_authorization(o)->challenges[o->step.challenge];
}

int
ordering_move(
    struct ordering *o, const struct upstream_challenge_move *to, struct err *e)
{
	return upstream_challenge_move(o->env.st, &o->hold,
	    ordering_authorization(o), o->step.challenge, to, e);
}

int
ordering_wait_authorization(struct ordering *o, int64_t retry_at,
    enum cause cause, const char *text, struct err *e)
{
	const struct upstream_authorization *a = ordering_authorization(o);

	if (retry_at == 0)
		retry_at = clock_now() + orderstep_pause(a->attempts);
	return upstream_authorization_wait(
	    o->env.st, &o->hold, a->id, retry_at, cause_name(cause), text, e);
}

/* ---- going on ------------------------------------------------------------ */

/*
 * Somebody else has moved what this order shares with another: it is looked at
 * again, and all else ends the work of this process.
 */
static enum ordering_result
came_to(struct ordering *o, int rc)
{
	if (rc == 0) {
		o->conflicts = 0;
		o->steps++;
		return ORDERING_GOES_ON;
	}
	if (o->err.kind == KIND_CONFLICT && o->conflicts++ < CONFLICTS_MAX) {
		err_clear(&o->err);
		return ORDERING_GOES_ON;
	}
	o->is_broken = true;
	return ORDERING_FAILED;
}

void
ordering_called_back(void *arg, const struct reply *r)
{
	struct ordering *o = arg;

	o->is_asking = false;
	came_to(o, ordering_answer(o, r, &o->err));
}

void
ordering_done(struct ordering *o, int rc)
{
	came_to(o, rc);
}

#define KEEPS 3 /* times in the length of a hold */

bool
ordering_keep(struct ordering *o)
{
	struct err ignored = {0};

	if (!o->deeds || o->keep_at > clock_mono())
		return o->deeds != NULL;
	o->keep_at = clock_mono() + o->hold.seconds * 1000 / KEEPS;
	/* one that is lost will be found so by the step */
	upstream_order_keep(o->env.st, &o->hold, &ignored);
	return true;
}

struct asking {
	struct ordering *o;
	struct limits_wait wait;
};

/* In one transaction: two processes would both see the last token. */
static int
take_token(void *arg, struct err *e)
{
	struct asking *a = arg;
	const struct ordering *o = a->o;
	const struct limits_order order = {.id = o->order.id,
	    .upstream_account_id = o->order.upstream_account_id,
	    .fqdn_set_id = o->order.fqdn_set_id,
	    .replaces_id = ordering_replaces(o) ? o->order.replaces_id : 0,
	    .share = o->env.share};

	if (limits_order(
		o->env.limits, o->env.st, &order, clock_now(), &a->wait, e) < 0)
		return -1;
	return a->wait.at == 0 ? upstream_order_ask(o->env.st, &o->hold, e) : 0;
}

/*
 * What the CA would refuse is not asked for: 1, the order waits; 0, it need
 * not; -1.
 */
static int
await_limits(struct ordering *o, struct err *e)
{
	struct asking a = {.o = o};
	const struct limits_wait *w = &a.wait;
	char *text;
	int rc;

	if (!limits_any(o->env.limits))
		return 0;
	if (store_transaction(o->env.st, take_token, &a, e) < 0)
		return -1;
	if (w->at == 0)
		return 0;
	text = xasprintf("not sent: the CA's limit of %s%s%s is used up",
	    w->rule, *w->subject ? " for " : "", w->subject);
	rc = ordering_wait(o, w->at, CAUSE_RATE_LIMITED, text, e);
	free(text);
	return rc < 0 ? -1 : 1;
}

/* Those steps take their time, and there may be very many of them. */
static bool
is_too_late(const struct ordering *o)
{
	return o->env.give_up_at != 0 && o->env.give_up_at <= clock_now() &&
	    (o->env.gives_up_all || o->step.kind == ORDERSTEP_PLACE ||
		o->step.kind == ORDERSTEP_CHECK);
}

static bool
is_resting(const struct ordering *o)
{
	return (o->step.kind == ORDERSTEP_POLL_AUTHORIZATION ||
		   o->step.kind == ORDERSTEP_POLL_ORDER) &&
	    o->rest > clock_mono();
}

/* Whether the request in hand must not be sent: 1, 0, -1. */
static int
hold_back(struct ordering *o, struct err *e)
{
	bool is_new = o->step.kind == ORDERSTEP_NEW_ORDER;
	int rc = 0;

	if (is_new || o->step.kind == ORDERSTEP_FINALIZE)
		rc = ordering_check_request(o, e);
	return rc == 0 && is_new ? await_limits(o, e) : rc;
}

enum ordering_result
ordering_next(struct ordering *o)
{
	struct orderstep_view view = {.order = &o->order,
	    .authorizations = &o->authorizations,
	    .now = clock_now()};
	int rc;

	if (ordering_is_asking(o))
		return ORDERING_ASKS;
	if (o->is_broken || ordering_reload(o, &o->err) < 0)
		return ORDERING_FAILED;
	view.shared = o->shared;
	view.keeps_pending = o->policy.keeps_pending;
	o->step = orderstep_next(&view);
	if (o->step.kind == ORDERSTEP_DONE)
		return ORDERING_DONE;
	if (o->step.kind == ORDERSTEP_WAIT)
		return ORDERING_WAITS;
	if (is_too_late(o) || is_resting(o)) {
		o->step.until = is_too_late(o) ? INT64_MAX : view.now;
		return ORDERING_WAITS;
	}
	if (orderstep_is_local(o->step.kind)) {
		rc = ordering_act(o, &view, &o->err);
		return o->deeds ? ORDERING_ASKS : came_to(o, rc);
	}
	rc = hold_back(o, &o->err);
	if (rc != 0)
		return came_to(o, rc < 0 ? -1 : 0);
	if (ordering_ask(o, &o->err) < 0)
		return came_to(o, -1);
	return ORDERING_ASKS;
}

/* ---- synchronizing ------------------------------------------------------- */

/* One request, whatever comes next for the order. */
static int
ask_for(struct ordering *o, enum orderstep_kind kind, size_t authorization,
    struct err *e)
{
	o->step = (struct orderstep){.kind = kind,
	    .authorization = authorization,
	    .challenge = ORDERSTEP_NONE};
	if (ordering_ask(o, e) < 0)
		return -1;
	while (o->is_asking)
		if (client_wait(o->env.client, FD_FOREVER, e) < 0)
			return -1;
	if (o->is_broken) {
		*e = o->err;
		return -1;
	}
	return ordering_reload(o, e);
}

int
ordering_sync(struct ordering *o, struct err *e)
{
	enum upstream_order_status status = o->order.status;

	if (status >= UPSTREAM_ORDER_PENDING &&
	    status <= UPSTREAM_ORDER_PROCESSING &&
	    ask_for(o, ORDERSTEP_POLL_ORDER, ORDERSTEP_NONE, e) < 0)
		return -1;
	for (size_t i = 0; i < o->authorizations.len; i++)
		if (o->authorizations.v[i].status <=
			UPSTREAM_AUTHORIZATION_PENDING &&
		    ask_for(o, ORDERSTEP_FETCH_AUTHORIZATION, i, e) < 0)
			return -1;
	return 0;
}

/* ---- looking ------------------------------------------------------------- */

int64_t
ordering_steps(const struct ordering *o)
{
	return o->steps;
}

bool
ordering_is_asking(const struct ordering *o)
{
	return o->is_asking || o->deeds;
}

int64_t
ordering_until(const struct ordering *o)
{
	return o->step.until;
}

int64_t
ordering_rest(const struct ordering *o)
{
	return o->rest;
}

const struct upstream_order *
ordering_order(const struct ordering *o)
{
	return &o->order;
}

const struct err *
ordering_err(const struct ordering *o)
{
	return &o->err;
}
