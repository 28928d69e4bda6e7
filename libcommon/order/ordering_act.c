#include "order/ordering_part.h"

#include "acme/keyauth.h"
#include "base/log.h"
#include "order/orderanswer.h"
#include "store/event.h"
#include "store/renewal_configuration.h"
#include "sys/clock.h"
#include "sys/sig.h"
#include "wrap/csr.h"

/* The steps of order/ordering.h that are done here. */

#define PLACE_ATTEMPTS_MAX 8 /* four minutes */
#define LOOK_ATTEMPTS_MAX 4 /* a quarter of a minute */
#define RECORD_ATTEMPTS_MAX 15 /* ten minutes, for all its name servers */

/* ---- challenges ---------------------------------------------------------- */

/*
 * What solvers are at work on: one thing, or looks at all that is in place. The
 * rows stay as they are until all is over, and then each is stored in its turn.
 */
struct deed {
	struct deeds *all;
	size_t authorization, challenge;
	struct solver_task task;
	char key_authorization[KEYAUTH_SIZE];
	struct err why;
};

struct deeds {
	struct ordering *o; /* NULL: nobody waits for it */
	struct deed *v;
	size_t len;
	size_t open;
	bool is_begun; /* all of them */
	int (*end)(struct ordering *o, const struct err *why, struct err *e);
};

void
ordering_forget_deeds(struct ordering *o)
{
	if (o->deeds)
		o->deeds->o = NULL;
	o->deeds = NULL;
}

static void
deeds_free(struct deeds *d)
{
	free(d->v);
	free(d);
}

/* Nothing is stored of what comes after a failure of the order. */
static int
store_all(struct ordering *o, const struct deeds *d, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < d->len; i++) {
		o->step.authorization = d->v[i].authorization;
		o->step.challenge = d->v[i].challenge;
		rc = d->end(o, &d->v[i].why, e);
	}
	return rc < 0 ? -1 : 0;
}

/* 1: all are over, with `*rc` of what was stored. */
static int
finish(struct deeds *d, int *rc, struct err *e)
{
	struct ordering *o = d->o;

	if (!d->is_begun || d->open > 0)
		return 0;
	if (o) {
		*rc = store_all(o, d, e);
		o->deeds = NULL;
	}
	deeds_free(d);
	return 1;
}

static void
on_done(void *arg, const struct err *why)
{
	struct deed *deed = arg;
	struct deeds *d = deed->all;
	struct ordering *o = d->o;
	struct err ignored = {0};
	int rc = 0;

	deed->why = *why;
	d->open--;
	if (finish(d, &rc, o ? &o->err : &ignored) && o)
		ordering_done(o, rc);
}

/* When what is begun now is to be over, by clock_mono. */
static int64_t
end_of(const struct ordering *o)
{
	return o->env.give_up_at == 0
	    ? 0
	    : clock_mono() + (o->env.give_up_at - clock_now()) * 1000;
}

static void
begin_one(struct deeds *d, struct deed *deed, enum solver_verb verb)
{
	const struct ordering *o = d->o;
	const struct upstream_authorization *a =
	    &o->authorizations.v[deed->authorization];
	const struct upstream_challenge *c = &a->challenges[deed->challenge];
	const struct solver *solver;

	keyauth_format(deed->key_authorization, c->token, o->env.thumbprint);
	deed->task = (struct solver_task){.upstream_challenge_id = c->id,
	    .type = c->type,
	    .identifier_type = identifier_type_name(a->type),
	    .value = str_starts(a->value, "*.") ? a->value + 2 : a->value,
	    .token = c->token,
	    .key_authorization = deed->key_authorization};
	if (verb == SOLVER_PRESENT ||
	    (verb == SOLVER_CLEANUP && o->env.gives_up_all))
		deed->task.until = end_of(o);
	solver = solvers_get(o->env.solvers, c->solver, &deed->why);
	if (solver)
		solver_begin(solver, verb, &deed->task, on_done, deed);
	else
		d->open--;
}

/* Has a solver do the step in hand, and the same for others with `view`. */
static int
begin(struct ordering *o, enum solver_verb verb,
    const struct orderstep_view *view,
    int (*end)(struct ordering *o, const struct err *why, struct err *e),
    struct err *e)
{
	struct deeds *d = xcalloc(1, sizeof(*d));
	struct orderstep s = o->step;
	int rc = 0;

	*d = (struct deeds){.o = o, .end = end};
	d->v = xcalloc(o->authorizations.len, sizeof(*d->v));
	do {
		d->v[d->len++] = (struct deed){.all = d,
		    .authorization = s.authorization,
		    .challenge = s.challenge};
	} while (view && orderstep_also(view, &s));
	d->open = d->len;
	o->deeds = d;
	o->keep_at = clock_mono();
	for (size_t i = 0; i < d->len; i++)
		begin_one(d, &d->v[i], verb);
	d->is_begun = true;
	finish(d, &rc, e);
	return rc;
}

static int
move(struct ordering *o, enum upstream_challenge_place to, const char *error,
    struct err *e)
{
	const struct upstream_challenge_move m = {.to = to,
	    .solver = to == UPSTREAM_PLACE_NONE ? NULL
						: ordering_challenge(o)->solver,
	    .error = error};

	return ordering_move(o, &m, e);
}

/*
 * A solver has failed: what may mend itself is tried again for a while.  1: the
 * order has failed.
 */
static int
solver_failed(struct ordering *o, const struct err *why, int64_t attempts_max,
    enum cause cause, struct err *e)
{
	char text[400];
	bool may_mend = why->kind == KIND_BUSY || why->kind == KIND_SYS;

	snprintf(text, sizeof(text), "%s: %s", ordering_authorization(o)->value,
	    why->text);
	if (!may_mend || ordering_authorization(o)->attempts >= attempts_max)
		return ordering_fail(
			   o, UPSTREAM_ORDER_INVALID, cause, text, e) < 0
		    ? -1
		    : 1;
	return ordering_wait_authorization(o, 0, cause, text, e);
}

/* Which challenge, and who meets it: a row before anything is done. */
static int
choose(struct ordering *o, struct err *e)
{
	struct upstream_authorization *a = ordering_authorization(o);
	struct upstream_challenge_move m = {.to = UPSTREAM_PLACE_PLACING};
	struct err why = {0};

	if (solvers_choose(o->env.solvers, &o->policy, a, &o->step.challenge,
		&m.solver, &why) < 0)
		return ordering_fail(
		    o, UPSTREAM_ORDER_INVALID, CAUSE_CHALLENGE, why.text, e);
	return ordering_move(o, &m, e);
}

/*
 * It has failed as all is to end: that says nothing about it, and whoever goes
 * on finds what was in hand.
 */
static bool
is_cut_short(const struct ordering *o)
{
	return sig_term() ||
	    (o->env.gives_up_all && o->env.give_up_at <= clock_now());
}

static int
end_place(struct ordering *o, const struct err *why, struct err *e)
{
	if (!err_is_set(why))
		return move(o, UPSTREAM_PLACE_PLACED, NULL, e);
	return is_cut_short(o)
	    ? 0
	    : solver_failed(o, why, PLACE_ATTEMPTS_MAX, CAUSE_HOOK, e);
}

static int
place(struct ordering *o, struct err *e)
{
	return o->step.challenge == ORDERSTEP_NONE
	    ? choose(o, e)
	    : begin(o, SOLVER_PRESENT, NULL, end_place, e);
}

static int
end_check(struct ordering *o, const struct err *why, struct err *e)
{
	bool is_record = strcmp(ordering_challenge(o)->type, "dns-01") == 0;

	if (!err_is_set(why))
		return move(o, UPSTREAM_PLACE_CHECKED, NULL, e);
	return is_cut_short(o)
	    ? 0
	    : solver_failed(o, why,
		  is_record ? RECORD_ATTEMPTS_MAX : LOOK_ATTEMPTS_MAX,
		  CAUSE_PRECHECK, e);
}

static int
check(struct ordering *o, const struct orderstep_view *view, struct err *e)
{
	return o->policy.unchecked || o->env.unchecked
	    ? move(o, UPSTREAM_PLACE_CHECKED, NULL, e)
	    : begin(o, SOLVER_CHECK, view, end_check, e);
}

/* What cannot be taken away is told of, and does not stop the order. */
static int
end_cleanup(struct ordering *o, const struct err *why, struct err *e)
{
	if (err_is_set(why) && is_cut_short(o))
		return 0;
	if (err_is_set(why))
		log_err("upstream_challenge.cleanup", why);
	return move(o, UPSTREAM_PLACE_NONE, ordering_challenge(o)->error, e);
}

/* ---- the order ----------------------------------------------------------- */

static enum cause
cause_of(const struct upstream_authorization *a, const char **error)
{
	*error = NULL;
	for (size_t i = 0; i < a->challenges_len; i++)
		if (a->challenges[i].error)
			*error = a->challenges[i].error;
	if (a->status == UPSTREAM_AUTHORIZATION_GONE)
		return CAUSE_GONE;
	return *error ? orderanswer_cause(*error) : CAUSE_CHALLENGE;
}

static int
lose(struct ordering *o, struct err *e)
{
	const struct upstream_authorization *a = ordering_authorization(o);
	const char *error;
	enum cause cause;
	char text[400];

	if (!a)
		return ordering_fail(o, UPSTREAM_ORDER_GONE, CAUSE_GONE,
		    "the order has expired", e);
	cause = cause_of(a, &error);
	snprintf(text, sizeof(text), "%s: the authorization is %s%s%s",
	    a->value ? a->value : a->url,
	    upstream_authorization_status_name(a->status), error ? ": " : "",
	    error ? error : "");
	return ordering_fail(o, UPSTREAM_ORDER_INVALID, cause, text, e);
}

/* ---- key and request ----------------------------------------------------- */

struct replacing {
	struct ordering *o;
	const struct orderkey_choice *choice;
};

/* It is not asked for in the next order either, of the same configuration. */
static int
replace_for_all(struct ordering *o, int64_t key, struct err *e)
{
	struct renewal_configuration c;
	int rc = renewal_configuration_by_order(o->env.st, o->order.id, &c, e);

	if (rc > 0)
		rc = orderpolicy_replace_key(&c.policy, key, e) < 0
		    ? -1
		    : renewal_configuration_set(o->env.st, &c, e);
	renewal_configuration_release(&c);
	return rc;
}

static int
replace(void *arg, struct err *e)
{
	struct replacing *r = arg;
	struct ordering *o = r->o;
	char *policy = xstrdup(o->order.policy);
	char detail[96];
	int rc = orderpolicy_replace_key(&policy, r->choice->replaced_id, e);

	snprintf(detail, sizeof(detail),
	    "private_key/%lld for private_key/%lld",
	    (long long)r->choice->private_key_id,
	    (long long)r->choice->replaced_id);
	if (rc == 0)
		rc = upstream_order_set_policy(o->env.st, &o->hold, policy, e);
	if (rc == 0)
		rc = replace_for_all(o, r->choice->replaced_id, e);
	if (rc == 0)
		rc = event_add(o->env.st, "upstream_order.replace_key",
		    EVENT_UPSTREAM_ORDER, o->order.id, detail, e);
	if (rc == 0)
		rc = upstream_order_set_request(o->env.st, &o->hold,
		    r->choice->private_key_id,
		    r->choice->certificate_request_id, e);
	free(policy);
	return rc;
}

static void
tell_replaced(const struct ordering *o, const struct orderkey_choice *choice)
{
	char order[48], old[48], new[48];

	snprintf(
	    order, sizeof(order), "upstream_order/%lld", (long long)o->hold.id);
	snprintf(old, sizeof(old), "private_key/%lld",
	    (long long)choice->replaced_id);
	snprintf(new, sizeof(new), "private_key/%lld",
	    (long long)choice->private_key_id);
	log_event(LOG_LEVEL_WARN, "upstream_order.replace_key", "object", order,
	    "given", old, "now", new, "why",
	    "the key that was given is not active any more", NULL);
}

static int
set_request(
    struct ordering *o, const struct orderkey_choice *choice, struct err *e)
{
	struct replacing r = {o, choice};

	if (choice->replaced_id == 0)
		return upstream_order_set_request(o->env.st, &o->hold,
		    choice->private_key_id, choice->certificate_request_id, e);
	if (store_transaction(o->env.st, replace, &r, e) < 0)
		return -1;
	tell_replaced(o, choice);
	return 0;
}

static int
make_request(struct ordering *o, struct err *e)
{
	const struct orderkey k = {.policy = &o->policy,
	    .key_type = o->env.key_type,
	    .key_cycle = o->env.key_cycle,
	    .seal = o->env.seal};
	struct orderkey_choice choice;
	struct err why = {0};

	if (orderkey_make(
		o->env.st, &k, &o->order, &o->dns, &o->ip, &choice, &why) == 0)
		return set_request(o, &choice, e);
	if (why.kind == KIND_DENIED || why.kind == KIND_NOTFOUND)
		return ordering_fail(
		    o, UPSTREAM_ORDER_INVALID, CAUSE_KEY, why.text, e);
	*e = why;
	return -1;
}

/* That of others ends the order; one of ours is made anew. */
static int
refuse_request(struct ordering *o, const struct err *why, struct err *e)
{
	if (o->order.private_key_id == 0)
		return ordering_fail(
		    o, UPSTREAM_ORDER_INVALID, CAUSE_KEY, why->text, e);
	return upstream_order_drop_request(
	    o->env.st, &o->hold, o->policy.private_key_id, why->text, e);
}

int
ordering_check_request(struct ordering *o, struct err *e)
{
	struct err why = {0};
	struct csr *csr;
	int rc;

	if (o->order.certificate_request_id == 0)
		return 0;
	csr = orderkey_request(o->env.st, &o->order, e);
	if (!csr)
		return -1;
	rc = orderkey_check_request(o->env.st, csr, &why);
	csr_free(csr);
	if (rc == 0)
		return 0;
	if (why.kind == KIND_DENIED)
		return refuse_request(o, &why, e) < 0 ? -1 : 1;
	*e = why;
	return -1;
}

int
ordering_act(
    struct ordering *o, const struct orderstep_view *view, struct err *e)
{
	switch (o->step.kind) {
	case ORDERSTEP_FAIL:
		return lose(o, e);
	case ORDERSTEP_CLEANUP:
		return begin(o, SOLVER_CLEANUP, NULL, end_cleanup, e);
	case ORDERSTEP_PLACE:
		return place(o, e);
	case ORDERSTEP_CHECK:
		return check(o, view, e);
	case ORDERSTEP_MAKE_REQUEST:
		return make_request(o, e);
	default:
		return err_set(e, KIND_BUG, "%s is not done here",
		    orderstep_name(o->step.kind));
	}
}
