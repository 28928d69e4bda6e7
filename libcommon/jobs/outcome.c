#include "jobs/outcome.h"

#include "base/str.h"
#include "jobs/retry.h"
#include "jobs/waiting.h"
#include "store/upstream_ca.h"
#include "sys/clock.h"
#include "wrap/digest.h"

#define DAY ((int64_t)86400)
#define BUSY_PAUSE 60 /* another process has the order */
#define LONG_WAIT 30 /* an order that waits for so long is left */
#define LEAST_SPAN ((int64_t)24 * 600)
#define PARK_NAME (7 * DAY)
#define PARK_OTHER (30 * DAY)

int64_t
outcome_span(const struct outcome_life *life, int64_t now)
{
	int64_t lifetime = life->not_after - life->not_before;
	int64_t span = 6 * (life->not_after - now);

	if (span <= 0)
		return lifetime;
	if (span < LEAST_SPAN)
		span = LEAST_SPAN;
	return span < lifetime ? span : lifetime;
}

/* What becomes of a name whose owner has gone elsewhere. */
static bool
is_of_name(enum cause cause)
{
	return cause == CAUSE_NAME || cause == CAUSE_CAA ||
	    cause == CAUSE_DNS || cause == CAUSE_CONNECTION ||
	    cause == CAUSE_CHALLENGE || cause == CAUSE_PRECHECK;
}

bool
outcome_parks(
    enum cause cause, int64_t attempts, int64_t seconds, int64_t lifetime)
{
	int64_t limit = is_of_name(cause) ? PARK_NAME : PARK_OTHER;

	if (cause == CAUSE_BLOCKED)
		return true;
	if (cause_is_temporary(cause) || attempts < OUTCOME_PARK_ATTEMPTS)
		return false;
	if (is_of_name(cause) && lifetime > 0 && lifetime < limit)
		limit = lifetime;
	return seconds >= limit;
}

bool
outcome_is_enough(void *arg, const struct upstream_order *o, int64_t steps)
{
	(void)arg;
	(void)steps;
	return (upstream_order_is_open(o->status) || o->alternates) &&
	    o->cause && o->retry_at > clock_now() + LONG_WAIT;
}

/* ---- an order ------------------------------------------------------------ */

static bool
is_rate_limited(const struct upstream_order *o)
{
	return str_same(o->cause, cause_name(CAUSE_RATE_LIMITED));
}

/* Nothing is wrong with it but that it takes its time. */
static bool
goes_on(const struct upstream_order *o, const struct err *why)
{
	return upstream_order_is_open(o->status) &&
	    (!o->cause || is_rate_limited(o)) && why->kind == KIND_BUSY;
}

static enum cause
cause_of(const struct outcome *a)
{
	enum cause cause = CAUSE_OTHER;

	if (!a->word)
		return a->why.kind == KIND_BUSY ? CAUSE_CA_UNREACHABLE
						: CAUSE_OTHER;
	return cause_by_name(a->word, &cause) ? cause : CAUSE_OTHER;
}

void
outcome_judge(const struct orders_result *x, int64_t now, struct outcome *out)
{
	const struct upstream_order *o = x->order;

	*out = (struct outcome){.result = OUTCOME_FAILED,
	    .word = o ? o->cause : NULL,
	    .order_is_over = !o || !upstream_order_is_open(o->status),
	    .retry_at = o ? o->retry_at : 0,
	    .why = *x->err};
	if (o)
		orders_why(
		    o, &out->why); /* where it was left, nothing says why */
	out->error = o && o->error ? o->error : out->why.text;
	out->cause = cause_of(out);
	if (o && o->status == UPSTREAM_ORDER_VALID)
		out->result = OUTCOME_DONE;
	else if (o && goes_on(o, &out->why))
		out->result = OUTCOME_GOES_ON;
	if (!o && x->id != 0 && out->why.kind == KIND_BUSY) {
		out->result = OUTCOME_GOES_ON;
		out->retry_at = now + BUSY_PAUSE;
	}
}

int
outcome_order(
    struct store *st, int64_t upstream_order_id, int64_t *order, struct err *e)
{
	struct upstream_order o;

	*order = 0;
	if (upstream_order_id == 0)
		return 0;
	if (upstream_order_by_id(st, upstream_order_id, &o, e) < 0)
		return -1;
	if (o.status != UPSTREAM_ORDER_CANCELLED)
		*order = o.id;
	upstream_order_release(&o);
	return 0;
}

void
outcome_judge_early(
    const struct err *why, enum cause cause, int64_t now, struct outcome *out)
{
	const struct orders_result none = {.err = why};

	outcome_judge(&none, now, out);
	if (cause == CAUSE_NONE)
		return;
	out->cause = cause;
	out->word = cause_name(cause);
}

/* Whether the CA of an account has not answered last. */
static bool
has_left(
    struct store *st, int64_t upstream_account_id, struct upstream_held *held)
{
	struct err ignored = {0};

	return upstream_ca_away_until(st, upstream_account_id, held, &ignored) >
	    0;
}

void
outcome_await_ca(struct store *st, int64_t upstream_account_id,
    const struct outcome *a, const struct queue_past *past,
    struct queue_failure *f)
{
	struct upstream_held held;
	int64_t now = clock_now();

	if ((a->cause != CAUSE_CA_UNREACHABLE && a->cause != CAUSE_CA_BROKEN) ||
	    !has_left(st, upstream_account_id, &held))
		return;
	f->is_of_ca = true;
	f->parks = false;
	f->is_known = past->failing_since != 0;
	f->retry_at =
	    held.until > now ? held.until : now + retry_pause(1, 0, 0);
	if (!f->cause)
		f->cause = cause_name(a->cause);
}

bool
outcome_leave_ca(struct store *st, int64_t upstream_account_id,
    const struct queue_past *past, struct queue_failure *f, struct err *why)
{
	struct upstream_held held;

	if (!waiting_ca_is_away(st, upstream_account_id, &held))
		return false;
	waiting_say_away(&held, why);
	*f = (struct queue_failure){.retry_at = held.until,
	    .cause = cause_name(CAUSE_CA_UNREACHABLE),
	    .error = why->text,
	    .is_known = past->failing_since != 0,
	    .is_of_ca = true};
	return true;
}

struct queue_failure
outcome_failure(const struct outcome *a, const struct queue_past *past,
    const struct outcome_life *life, int64_t now)
{
	struct queue_failure f = {.cause = a->word,
	    .error = a->error,
	    .order_is_over = a->order_is_over};
	/* nobody but an operator changes that, who is noticed at once */
	int64_t attempts = a->cause == CAUSE_BLOCKED ? OUTCOME_PARK_ATTEMPTS
						     : past->attempts + 1;
	int64_t since = queue_failing_since(past, now);
	uint32_t random;

	digest_random(&random, sizeof(random));
	f.retry_at =
	    now + retry_pause(attempts, outcome_span(life, now), random);
	if (a->retry_at > f.retry_at)
		f.retry_at = a->retry_at;
	f.parks = outcome_parks(a->cause, past->attempts + 1,
	    since ? now - since : 0, life->not_after - life->not_before);
	return f;
}
