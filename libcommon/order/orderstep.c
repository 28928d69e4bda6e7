#include "order/orderstep.h"

#define PAUSE_MAX 60 /* seconds */

static const struct {
	const char *name;
	bool is_local;
} kinds[] = {
    [ORDERSTEP_DONE] = {"done", true},
    [ORDERSTEP_WAIT] = {"wait", true},
    [ORDERSTEP_FAIL] = {"fail", true},
    [ORDERSTEP_CLEANUP] = {"clean up", true},
    [ORDERSTEP_NEW_ORDER] = {"new order", false},
    [ORDERSTEP_FETCH_AUTHORIZATION] = {"fetch authorization", false},
    [ORDERSTEP_PLACE] = {"place", true},
    [ORDERSTEP_CHECK] = {"check", true},
    [ORDERSTEP_TRIGGER] = {"trigger", false},
    [ORDERSTEP_POLL_AUTHORIZATION] = {"poll authorization", false},
    [ORDERSTEP_MAKE_REQUEST] = {"make request", true},
    [ORDERSTEP_FINALIZE] = {"finalize", false},
    [ORDERSTEP_POLL_ORDER] = {"poll order", false},
    [ORDERSTEP_DOWNLOAD] = {"download", false},
    [ORDERSTEP_ALTERNATE] = {"download alternate", false},
    [ORDERSTEP_DEACTIVATE] = {"deactivate authorization", false},
};
_Static_assert(ARRAY_LEN(kinds) == ORDERSTEP__MAX, "one per kind");

const char *
orderstep_name(enum orderstep_kind kind)
{
	return kinds[kind].name;
}

bool
orderstep_is_local(enum orderstep_kind kind)
{
	return kinds[kind].is_local;
}

int64_t
orderstep_pause(int64_t attempts)
{
	return attempts < 6 ? (int64_t)1 << attempts : PAUSE_MAX;
}

/* ---- steps --------------------------------------------------------------- */

static struct orderstep
step(enum orderstep_kind kind)
{
	return (struct orderstep){.kind = kind,
	    .authorization = ORDERSTEP_NONE,
	    .challenge = ORDERSTEP_NONE};
}

static struct orderstep
wait_until(int64_t until)
{
	struct orderstep s = step(ORDERSTEP_WAIT);

	s.until = until;
	return s;
}

/* A request for the order itself, when it may be sent. */
static struct orderstep
request(const struct orderstep_view *v, enum orderstep_kind kind)
{
	return v->order->retry_at > v->now ? wait_until(v->order->retry_at)
					   : step(kind);
}

static size_t
challenge_in_place(const struct upstream_authorization *a)
{
	for (size_t i = 0; i < a->challenges_len; i++)
		if (a->challenges[i].place != UPSTREAM_PLACE_NONE)
			return i;
	return ORDERSTEP_NONE;
}

static bool
is_shared(const struct orderstep_view *v, size_t i)
{
	return v->shared && v->shared[i];
}

/* ---- challenges ---------------------------------------------------------- */

/* What an authorization needs that is not valid yet. */
static struct orderstep
step_of(const struct orderstep_view *v, size_t i)
{
	static const enum orderstep_kind after[] = {
	    [UPSTREAM_PLACE_NONE] = ORDERSTEP_PLACE,
	    [UPSTREAM_PLACE_PLACING] = ORDERSTEP_PLACE,
	    [UPSTREAM_PLACE_PLACED] = ORDERSTEP_CHECK,
	    [UPSTREAM_PLACE_CHECKED] = ORDERSTEP_TRIGGER,
	    [UPSTREAM_PLACE_TRIGGERED] = ORDERSTEP_POLL_AUTHORIZATION,
	};
	const struct upstream_authorization *a = &v->authorizations->v[i];
	struct orderstep s = step(ORDERSTEP_FETCH_AUTHORIZATION);

	_Static_assert(
	    ARRAY_LEN(after) == UPSTREAM_PLACE__MAX, "one per place");
	s.authorization = i;
	if (a->status == UPSTREAM_AUTHORIZATION_UNKNOWN)
		return s;
	s.challenge = challenge_in_place(a);
	s.kind = s.challenge == ORDERSTEP_NONE
	    ? ORDERSTEP_PLACE
	    : after[a->challenges[s.challenge].place];
	return s;
}

/* The first kind of all that are due; DONE: all are valid. */
static struct orderstep
prove(const struct orderstep_view *v)
{
	struct orderstep best = step(ORDERSTEP_DONE);
	int64_t until = INT64_MAX;
	bool is_open = false;

	for (size_t i = 0; i < v->authorizations->len; i++) {
		const struct upstream_authorization *a =
		    &v->authorizations->v[i];
		struct orderstep s;

		if (a->status == UPSTREAM_AUTHORIZATION_VALID)
			continue;
		is_open = true;
		s = step_of(v, i);
		if (a->retry_at > v->now) {
			until = a->retry_at < until ? a->retry_at : until;
			continue;
		}
		if (best.kind == ORDERSTEP_DONE || s.kind < best.kind)
			best = s;
	}
	return is_open && best.kind == ORDERSTEP_DONE ? wait_until(until)
						      : best;
}

bool
orderstep_also(const struct orderstep_view *v, struct orderstep *s)
{
	for (size_t i = s->authorization + 1; i < v->authorizations->len; i++) {
		const struct upstream_authorization *a =
		    &v->authorizations->v[i];
		struct orderstep other;

		if (a->status > UPSTREAM_AUTHORIZATION_PENDING ||
		    a->retry_at > v->now)
			continue;
		other = step_of(v, i);
		if (other.kind != s->kind)
			continue;
		*s = other;
		return true;
	}
	return false;
}

/* What answered the challenge of an authorization that is settled. */
static bool
find_cleanup(const struct orderstep_view *v, bool is_over, struct orderstep *s)
{
	for (size_t i = 0; i < v->authorizations->len; i++) {
		const struct upstream_authorization *a =
		    &v->authorizations->v[i];
		size_t challenge = challenge_in_place(a);
		bool is_settled = is_over
		    ? !is_shared(v, i)
		    : a->status == UPSTREAM_AUTHORIZATION_VALID;

		if (challenge == ORDERSTEP_NONE || !is_settled)
			continue;
		*s = step(ORDERSTEP_CLEANUP);
		s->authorization = i;
		s->challenge = challenge;
		return true;
	}
	return false;
}

static bool
find_lost(const struct orderstep_view *v, struct orderstep *s)
{
	*s = step(ORDERSTEP_FAIL);
	for (size_t i = 0; i < v->authorizations->len; i++)
		if (v->authorizations->v[i].status >
		    UPSTREAM_AUTHORIZATION_VALID) {
			s->authorization = i;
			return true;
		}
	return v->order->expires != 0 && v->order->expires <= v->now;
}

/* ---- by status ----------------------------------------------------------- */

/*
 * All authorizations are valid: the order is ready, or will be found so.  After
 * a finalize that has brought nothing the order is looked at, in turns.
 */
static struct orderstep
finalize(const struct orderstep_view *v)
{
	if (v->order->certificate_request_id == 0)
		return step(ORDERSTEP_MAKE_REQUEST);
	return request(v,
	    v->order->attempts % 2 == 0 ? ORDERSTEP_FINALIZE
					: ORDERSTEP_POLL_ORDER);
}

static struct orderstep
pending(const struct orderstep_view *v)
{
	struct orderstep s;

	if (find_lost(v, &s) || find_cleanup(v, false, &s))
		return s;
	s = prove(v);
	if (s.kind == ORDERSTEP_DONE)
		return finalize(v);
	if (v->order->retry_at > v->now)
		return wait_until(v->order->retry_at);
	return s;
}

static struct orderstep
ready(const struct orderstep_view *v)
{
	struct orderstep s = step(ORDERSTEP_FAIL);

	if (v->order->expires != 0 && v->order->expires <= v->now)
		return s;
	return find_cleanup(v, false, &s) ? s : finalize(v);
}

static struct orderstep
valid(const struct orderstep_view *v)
{
	struct orderstep s;

	if (find_cleanup(v, true, &s))
		return s;
	return v->order->alternates ? request(v, ORDERSTEP_ALTERNATE)
				    : step(ORDERSTEP_DONE);
}

/* Whether an authorization is to be given up, which only that of others is
 * not. */
static bool
is_left(const struct orderstep_view *v, size_t i)
{
	const struct upstream_authorization *a = &v->authorizations->v[i];

	return a->status <= UPSTREAM_AUTHORIZATION_PENDING &&
	    !is_shared(v, i) && a->attempts < ORDERSTEP_DEACTIVATE_MAX;
}

/* It has failed: nothing stays behind, here or there. */
static struct orderstep
failed(const struct orderstep_view *v)
{
	struct orderstep s;

	if (find_cleanup(v, true, &s))
		return s;
	if (v->keeps_pending || v->order->status == UPSTREAM_ORDER_GONE)
		return step(ORDERSTEP_DONE);
	for (size_t i = 0; i < v->authorizations->len; i++) {
		const struct upstream_authorization *a =
		    &v->authorizations->v[i];

		if (!is_left(v, i))
			continue;
		if (a->retry_at > v->now)
			return wait_until(a->retry_at);
		s = step(a->status == UPSTREAM_AUTHORIZATION_UNKNOWN
			? ORDERSTEP_FETCH_AUTHORIZATION
			: ORDERSTEP_DEACTIVATE);
		s.authorization = i;
		return s;
	}
	return step(ORDERSTEP_DONE);
}

struct orderstep
orderstep_next(const struct orderstep_view *v)
{
	switch (v->order->status) {
	case UPSTREAM_ORDER_NEW:
		return request(v, ORDERSTEP_NEW_ORDER);
	case UPSTREAM_ORDER_PENDING:
		return pending(v);
	case UPSTREAM_ORDER_READY:
		return ready(v);
	case UPSTREAM_ORDER_PROCESSING:
		return request(v, ORDERSTEP_POLL_ORDER);
	case UPSTREAM_ORDER_ISSUED:
		return request(v, ORDERSTEP_DOWNLOAD);
	case UPSTREAM_ORDER_VALID:
		return valid(v);
	case UPSTREAM_ORDER_INVALID:
	case UPSTREAM_ORDER_GONE:
	case UPSTREAM_ORDER_CANCELLED:
	case UPSTREAM_ORDER__MAX:
		break;
	}
	return failed(v);
}
