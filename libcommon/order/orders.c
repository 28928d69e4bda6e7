#include "order/orders.h"

#include "sys/clock.h"

#define NEAR_MS 100 /* how often what is due within a second is looked at */
#define LONG_MS 60000 /* after which all are looked at */
#define SOLVING_MS 1000 /* a signal may come just before a wait for solvers */

struct slot {
	int64_t id;
	struct ordering *ordering; /* NULL: given back while it waits */
	int64_t until; /* nothing to do before (clock_now) */
	int64_t rest; /* nor before (clock_mono) */
};

struct run {
	const struct orders *how;
	struct ordering_env env;
	struct slot *slots;
	size_t len;
	bool is_dry; /* `next` has no more, or is not asked any more */
	int64_t told; /* until when all wait, as was told last */
};

/* ---- what has become of one ---------------------------------------------- */

void
orders_why(const struct upstream_order *o, struct err *e)
{
	enum cause cause = CAUSE_OTHER;
	enum err_kind kind;

	if (o->cause && !cause_by_name(o->cause, &cause))
		cause = CAUSE_OTHER;
	if (o->status == UPSTREAM_ORDER_VALID)
		return;
	kind = upstream_order_is_open(o->status) ? KIND_BUSY
	    : cause_is_temporary(cause)		 ? KIND_DENIED
						 : cause_kind(cause);
	err_set(e, kind, "upstream_order/%lld is %s%s%s%s%s", (long long)o->id,
	    upstream_order_status_name(o->status), o->error ? ": " : "",
	    o->error ? o->error : "", o->cause ? "; " : "",
	    o->cause ? cause_advice(cause) : "");
}

static void
end(struct run *r, struct slot *s, const struct err *e)
{
	const struct orders_result result = {.id = s->id,
	    .order = s->ordering ? ordering_order(s->ordering) : NULL,
	    .err = e};

	if (s->ordering)
		ordering_leave(s->ordering);
	r->how->tell(r->how->arg, &result);
	ordering_close(s->ordering);
	*s = r->slots[--r->len];
}

/* It is over: the row says how. */
static void
end_by_row(struct run *r, struct slot *s)
{
	struct err why = {0};

	if (ordering_reload(s->ordering, &why) == 0)
		orders_why(ordering_order(s->ordering), &why);
	end(r, s, &why);
}

/* As far as it is wanted, which its row says. */
static bool
is_enough(const struct run *r, struct slot *s)
{
	const struct orders *how = r->how;
	struct err why = {0};

	return how->is_enough && ordering_reload(s->ordering, &why) == 0 &&
	    how->is_enough(how->arg, ordering_order(s->ordering),
		ordering_steps(s->ordering));
}

/* ---- going on ------------------------------------------------------------ */

/* One that waits for long is given back: its hold would not last. */
static void
wait_for(struct run *r, struct slot *s)
{
	s->until = ordering_until(s->ordering);
	s->rest = ordering_rest(s->ordering);
	if (s->until > r->how->give_up_at) {
		end_by_row(r, s);
	} else if (s->until > clock_now() + r->how->env->hold / 2) {
		ordering_close(s->ordering);
		s->ordering = NULL;
	}
}

static void
go_on(struct run *r, struct slot *s)
{
	static const struct err none;

	while (!ordering_is_asking(s->ordering)) {
		if (is_enough(r, s)) {
			end(r, s, &none);
			return;
		}
		if (r->how->is_stopped()) {
			end_by_row(r, s);
			return;
		}
		switch (ordering_next(s->ordering)) {
		case ORDERING_GOES_ON:
		case ORDERING_ASKS:
			break;
		case ORDERING_WAITS:
			wait_for(r, s);
			return;
		case ORDERING_DONE:
			end_by_row(r, s);
			return;
		case ORDERING_FAILED:
			end(r, s, ordering_err(s->ordering));
			return;
		}
	}
}

/* Opens the order of a slot; one that cannot be is over. */
static bool
take(struct run *r, struct slot *s)
{
	struct err why = {0};

	if (!s->ordering)
		s->ordering = ordering_open(&r->env, s->id, &why);
	if (s->ordering)
		return true;
	end(r, s, &why);
	return false;
}

/* Milliseconds for which a slot has nothing to do, as is known now. */
static int64_t
ms_left(const struct slot *s, int64_t now, int64_t mono)
{
	int64_t seconds = s->until - now;

	if (seconds <= 0)
		return s->rest > mono ? s->rest - mono : 0;
	if (seconds == 1)
		return NEAR_MS;
	return seconds > LONG_MS / 1000 ? LONG_MS : (seconds - 1) * 1000;
}

/* From the end: one that is over is replaced by the last. */
static void
sweep(struct run *r)
{
	int64_t now = clock_now(), mono = clock_mono();

	for (size_t i = r->len; i-- > 0;) {
		struct slot *s = &r->slots[i];
		bool is_due = ms_left(s, now, mono) == 0;

		if ((is_due || r->how->is_stopped()) && take(r, s))
			go_on(r, s);
	}
}

static int
fill(struct run *r, struct err *e)
{
	while (r->len < r->how->in_flight && !r->is_dry) {
		struct slot *s = &r->slots[r->len];
		int rc = r->how->next(r->how->arg, &s->id, e);

		if (rc < 0)
			return -1;
		r->is_dry = rc == 0;
		if (r->is_dry)
			return 0;
		s->ordering = NULL;
		s->until = s->rest = 0;
		r->len++;
		take(r, s);
	}
	return 0;
}

/*
 * The slot that waits for the shortest, and for `*ms`, or NULL; `*asks`:
 * another asks.
 */
static const struct slot *
find_first(const struct run *r, int64_t now, int64_t *ms, bool *asks)
{
	const struct slot *first = NULL;
	int64_t mono = clock_mono();

	*asks = false;
	*ms = LONG_MS;
	for (size_t i = 0; i < r->len; i++) {
		const struct slot *s = &r->slots[i];
		int64_t left = ms_left(s, now, mono);

		if (s->ordering && ordering_is_asking(s->ordering)) {
			*asks = true;
		} else if (!first || left < *ms ||
		    (left == *ms && s->until < first->until)) {
			first = s;
			*ms = left;
		}
	}
	return first;
}

static void
tell_wait(struct run *r, const struct slot *first)
{
	if (!r->how->tell_wait || first->until <= r->told)
		return;
	r->told = first->until;
	r->how->tell_wait(r->how->arg, first->id, first->until);
}

/*
 * Keeps what solvers are at work for; whether there is any.
 */
static bool
keep(const struct run *r)
{
	bool any = false;

	for (size_t i = 0; i < r->len; i++)
		if (r->slots[i].ordering && ordering_keep(r->slots[i].ordering))
			any = true;
	return any;
}

/* Until something comes, or the first that waits has waited. */
static int
wait_a_while(struct run *r, struct err *e)
{
	bool asks;
	int64_t now = clock_now(), ms;
	const struct slot *first = find_first(r, now, &ms, &asks);

	if (first && !asks && first->until > now)
		tell_wait(r, first);
	if (keep(r) && ms > SOLVING_MS)
		ms = SOLVING_MS;
	return client_wait(r->how->env->client, clock_mono() + ms, e);
}

int
orders_run(const struct orders *how, struct err *e)
{
	struct run r = {.how = how, .env = *how->env};
	bool stopped = false;
	int rc = 0;

	r.env.give_up_at = how->give_up_at;
	r.slots = xcalloc(how->in_flight, sizeof(*r.slots));
	for (;;) {
		if (how->is_stopped()) {
			solvers_stop(how->env->solvers);
			stopped = stopped || !r.is_dry;
			r.is_dry = true;
		}
		rc = fill(&r, e);
		if (rc < 0 || r.len == 0)
			break;
		sweep(&r);
		if (r.len < how->in_flight && !r.is_dry)
			continue;
		if (r.len > 0 && wait_a_while(&r, e) < 0) {
			rc = -1;
			break;
		}
	}
	for (size_t i = 0; i < r.len; i++)
		ordering_close(r.slots[i].ordering);
	free(r.slots);
	return rc == 0 && stopped
	    ? err_set(e, KIND_BUSY, "stopped before all were looked at")
	    : rc;
}
