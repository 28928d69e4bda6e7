#include "order/ordering_part.h"

#include "base/log.h"
#include "base/str.h"
#include "order/orderanswer.h"
#include "order/orderchain.h"
#include "sys/clock.h"
#include "wrap/cert.h"
#include "wrap/js.h"

/* What came of the requests of order/ordering.h. */

#define ALTERNATES_MAX 10
#define DOWNLOAD_ATTEMPTS_MAX 5

/* ---- failures ------------------------------------------------------------ */

static bool
is_account_gone(const struct reply *r)
{
	return str_same(r->error_type, "accountDoesNotExist");
}

/* The CA has forgotten the account, or the order (RFC 8555 6.7). */
static bool
is_gone(const struct reply *r)
{
	return r->cause == CAUSE_GONE || is_account_gone(r);
}

static int
gone(struct ordering *o, const struct reply *r, struct err *e)
{
	char text[400];

	snprintf(text, sizeof(text), "the CA does not know the %s any more: %s",
	    r->cause == CAUSE_GONE ? "order" : "account", r->text);
	return ordering_fail(o, UPSTREAM_ORDER_GONE, CAUSE_GONE, text, e);
}

/* For all requests that nothing more is known of. */
static int
failed(struct ordering *o, const struct reply *r, struct err *e)
{
	if (is_gone(r))
		return gone(o, r, e);
	if (!ordering_is_permanent(r))
		return ordering_wait(o, r->retry_at, r->cause, r->text, e);
	return ordering_fail(o, UPSTREAM_ORDER_INVALID, r->cause, r->text, e);
}

/* What came is not what it should be: perhaps it is next time. */
static int
broken(struct ordering *o, const struct err *why, struct err *e)
{
	return ordering_wait(o, 0, CAUSE_CA_BROKEN, why->text, e);
}

/* ---- the order ----------------------------------------------------------- */

static int
invalid(struct ordering *o, const struct orderanswer *a, struct err *e)
{
	bool told = a->problem.cause != CAUSE_NONE && a->problem.text[0];

	return ordering_fail(o, UPSTREAM_ORDER_INVALID,
	    told ? a->problem.cause : CAUSE_OTHER,
	    told ? a->problem.text : "the CA calls the order invalid", e);
}

/*
 * When to ask again.  What has begun to be processed is looked at soon; an
 * order that is new, or has become ready, is not waited for.
 */
static int64_t
next_poll(struct ordering *o, const struct reply *r,
    enum upstream_order_status status)
{
	bool is_same = status == o->order.status;

	if (!is_same && status != UPSTREAM_ORDER_PROCESSING)
		return 0;
	if (r->retry_at != 0)
		return r->retry_at;
	return is_same ? clock_now() + orderstep_pause(o->order.attempts)
		       : ordering_soon(o);
}

static int
learn(struct ordering *o, const struct reply *r, const char *url,
    struct orderanswer *a, struct err *e)
{
	if (a->is_invalid)
		return invalid(o, a, e);
	a->order.url = url;
	a->order.retry_at = next_poll(o, r, a->order.status);
	return upstream_order_learn(o->env.st, &o->hold, &a->order, e);
}

static int
on_order(struct ordering *o, const struct reply *r, struct err *e)
{
	struct err why = {0};
	struct orderanswer a;
	int rc;

	if (r->cause != CAUSE_NONE)
		return failed(o, r, e);
	rc = orderanswer_read(r->json, false, &a, &why);
	rc = rc < 0 ? broken(o, &why, e) : learn(o, r, NULL, &a, e);
	orderanswer_release(&a);
	return rc;
}

/*
 * A CA that refuses `replaces` is asked once more without it.  How it says so
 * is its own affair, even by 404 (RFC 9773 5), so all is taken for that which
 * is not plainly something else.
 */
static bool
is_for_replaces(const struct reply *r)
{
	return ordering_is_permanent(r) && r->cause != CAUSE_NAME &&
	    r->cause != CAUSE_CAA && r->cause != CAUSE_PROFILE &&
	    r->cause != CAUSE_TERMS && r->cause != CAUSE_BINDING &&
	    !is_account_gone(r);
}

static int
drop_replaces(struct ordering *o, const struct reply *r, struct err *e)
{
	char order[48], certificate[48];

	snprintf(
	    order, sizeof(order), "upstream_order/%lld", (long long)o->hold.id);
	snprintf(certificate, sizeof(certificate), "certificate/%lld",
	    (long long)o->order.replaces_id);
	log_event(LOG_LEVEL_WARN, "upstream_order.drop_replaces", "object",
	    order, "replaces", certificate, "why", r->text, NULL);
	return upstream_order_drop_replaces(o->env.st, &o->hold, r->text, e);
}

static int
new_order_failed(struct ordering *o, const struct reply *r, struct err *e)
{
	if (ordering_replaces(o) && is_for_replaces(r))
		return drop_replaces(o, r, e);
	if (!ordering_is_permanent(r))
		return ordering_wait(o, r->retry_at, r->cause, r->text, e);
	return ordering_fail(o, UPSTREAM_ORDER_INVALID, r->cause, r->text, e);
}

/*
 * The CA gives an order that another row has: this one has nothing of its own.
 */
static int
learn_new(struct ordering *o, const struct reply *r, struct orderanswer *a,
    struct err *e)
{
	struct err why = {0};

	if (learn(o, r, r->location, a, &why) == 0)
		return 0;
	if (why.kind == KIND_CONFLICT)
		return ordering_fail(
		    o, UPSTREAM_ORDER_CANCELLED, CAUSE_NONE, why.text, e);
	*e = why;
	return -1;
}

static int
on_new_order(struct ordering *o, const struct reply *r, struct err *e)
{
	struct err why = {0};
	struct orderanswer a;
	int rc;

	if (r->cause != CAUSE_NONE)
		return new_order_failed(o, r, e);
	rc = orderanswer_read(r->json, true, &a, &why);
	if (rc == 0 && !r->location)
		rc = err_set(&why, KIND_SYS,
		    "RFC 8555 7.4: a new order without a Location");
	rc = rc < 0 ? broken(o, &why, e) : learn_new(o, r, &a, e);
	orderanswer_release(&a);
	return rc;
}

/* It may be finalized already, or not be ready yet: the order is looked at. */
static int
on_finalize(struct ordering *o, const struct reply *r, struct err *e)
{
	if (str_same(r->error_type, "orderNotReady"))
		return ordering_wait(o,
		    o->order.attempts == 0 ? clock_now() : r->retry_at,
		    CAUSE_OTHER, r->text, e);
	return on_order(o, r, e);
}

/* ---- authorizations ------------------------------------------------------ */

/* That of a request for one authorization. */
static int
authorization_failed(struct ordering *o, const struct reply *r, struct err *e)
{
	bool is_open = upstream_order_is_open(o->order.status);

	if (!ordering_is_permanent(r))
		return ordering_wait_authorization(
		    o, r->retry_at, r->cause, r->text, e);
	if (is_open && r->cause != CAUSE_GONE)
		return failed(o, r, e);
	return upstream_authorization_set_status(o->env.st, &o->hold,
	    ordering_authorization(o)->id, UPSTREAM_AUTHORIZATION_GONE, e);
}

/* An order that is over has nothing to wait for itself. */
static int
broken_authorization(struct ordering *o, const struct err *why, struct err *e)
{
	return upstream_order_is_open(o->order.status)
	    ? broken(o, why, e)
	    : ordering_wait_authorization(o, 0, CAUSE_CA_BROKEN, why->text, e);
}

/* The CA did not take our word that it may look, and does not look. */
static bool
was_refused(
    const struct ordering *o, const struct upstream_authorization_answer *a)
{
	const struct upstream_authorization *known =
	    &o->authorizations.v[o->step.authorization];
	const struct upstream_challenge *c = o->step.challenge == ORDERSTEP_NONE
	    ? NULL
	    : &known->challenges[o->step.challenge];

	if (!c || !c->error || known->attempts < 2)
		return false;
	for (size_t i = 0; i < a->challenges_len; i++)
		if (strcmp(a->challenges[i].type, c->type) == 0)
			return a->challenges[i].status ==
			    UPSTREAM_CHALLENGE_PENDING;
	return false;
}

static int64_t
next_look(const struct ordering *o, const struct reply *r,
    enum upstream_authorization_status status)
{
	const struct upstream_authorization *a =
	    &o->authorizations.v[o->step.authorization];

	if (status != UPSTREAM_AUTHORIZATION_PENDING ||
	    o->step.kind == ORDERSTEP_FETCH_AUTHORIZATION)
		return 0;
	return r->retry_at != 0 ? r->retry_at
				: clock_now() + orderstep_pause(a->attempts);
}

static int
learn_authorization(struct ordering *o, const struct reply *r,
    struct upstream_authorization_answer *a, struct err *e)
{
	const char *text;

	if (!strv_has(&o->dns, a->value) && !strv_has(&o->ip, a->value)) {
		struct err why = {0};

		err_set(&why, KIND_SYS,
		    "RFC 8555 7.1.4: an authorization for %s, which was not "
		    "asked for",
		    a->value);
		return broken_authorization(o, &why, e);
	}
	if (a->status == UPSTREAM_AUTHORIZATION_PENDING && was_refused(o, a)) {
		text = ordering_challenge(o)->error;
		return ordering_fail(o, UPSTREAM_ORDER_INVALID,
		    orderanswer_cause(text), text, e);
	}
	a->retry_at = next_look(o, r, a->status);
	return upstream_authorization_learn(
	    o->env.st, &o->hold, ordering_authorization(o)->id, a, e);
}

static int
on_authorization(struct ordering *o, const struct reply *r, struct err *e)
{
	struct orderanswer_authorization *a;
	struct err why = {0};
	int rc;

	if (r->cause != CAUSE_NONE)
		return authorization_failed(o, r, e);
	a = xmalloc(sizeof(*a));
	rc = orderanswer_read_authorization(r->json, a, &why);
	rc = rc < 0 ? broken_authorization(o, &why, e)
		    : learn_authorization(o, r, &a->authorization, e);
	orderanswer_authorization_release(a);
	free(a);
	return rc;
}

/* The CA has looked before it answered, as its answer tells. */
static bool
has_looked(const struct reply *r)
{
	enum upstream_challenge_status status = UPSTREAM_CHALLENGE_PENDING;
	const char *name = js_get_text(r->json, "status");

	return name && upstream_challenge_status_by_name(name, &status) == 0 &&
	    (status == UPSTREAM_CHALLENGE_VALID ||
		status == UPSTREAM_CHALLENGE_INVALID);
}

/* What has become of it, the authorization says. */
static int
on_trigger(struct ordering *o, const struct reply *r, struct err *e)
{
	struct upstream_challenge_move m = {.to = UPSTREAM_PLACE_TRIGGERED,
	    .solver = ordering_challenge(o)->solver,
	    .retry_at = r->retry_at != 0 ? r->retry_at
		: has_looked(r)		 ? clock_now()
					 : ordering_soon(o)};
	char text[400];

	if (r->cause != CAUSE_NONE && !ordering_is_permanent(r))
		return ordering_wait_authorization(
		    o, r->retry_at, r->cause, r->text, e);
	if (r->cause != CAUSE_NONE && is_gone(r))
		return authorization_failed(o, r, e);
	if (r->cause != CAUSE_NONE) {
		snprintf(text, sizeof(text), "%s: %s",
		    r->error_type ? r->error_type : "refused", r->text);
		m.error = text;
	}
	return ordering_move(o, &m, e);
}

static int
on_deactivate(struct ordering *o, const struct reply *r, struct err *e)
{
	if (r->cause != CAUSE_NONE)
		return authorization_failed(o, r, e);
	return upstream_authorization_set_status(o->env.st, &o->hold,
	    ordering_authorization(o)->id, UPSTREAM_AUTHORIZATION_DEACTIVATED,
	    e);
}

/* ---- certificates -------------------------------------------------------- */

/* All chains are here, and none is what was asked for: that is told. */
static int
check_preferred(struct ordering *o, int64_t certificate_id, struct err *e)
{
	const char *cn = o->policy.preferred_chain;
	char order[48];
	bool is_there;

	if (!cn)
		return 0;
	if (orderchain_default_leads_to(
		o->env.st, certificate_id, cn, &is_there, e) < 0)
		return -1;
	snprintf(
	    order, sizeof(order), "upstream_order/%lld", (long long)o->hold.id);
	if (!is_there)
		log_event(LOG_LEVEL_WARN, "upstream_order.preferred_chain",
		    "object", order, "wanted", cn, "why",
		    "no chain of the CA leads there; its default is kept",
		    NULL);
	return 0;
}

static int
finish(struct ordering *o, const struct reply *r, struct cert_list *chain,
    struct err *e)
{
	struct strv alternates = {0};
	int64_t id;
	int rc;

	for (size_t i = 0;
	     r->alternates && i < r->alternates->len && i < ALTERNATES_MAX; i++)
		if (!strchr(r->alternates->v[i], '\n') &&
		    strcmp(r->alternates->v[i], o->order.certificate_url) != 0)
			strv_add(&alternates, r->alternates->v[i]);
	rc = upstream_order_finish(o->env.st, &o->hold, chain, &alternates,
	    o->policy.auto_renew, &id, e);
	if (rc == 0 && alternates.len == 0)
		rc = check_preferred(o, id, e);
	strv_release(&alternates);
	return rc;
}

static int
on_certificate(struct ordering *o, const struct reply *r, struct err *e)
{
	struct cert_list chain = {0};
	struct err why = {0};
	enum cause cause;
	int rc;

	if (is_gone(r) && o->order.attempts < DOWNLOAD_ATTEMPTS_MAX)
		return ordering_wait(o, r->retry_at, CAUSE_GONE, r->text, e);
	if (r->cause != CAUSE_NONE)
		return failed(o, r, e);
	rc = orderchain_read(o->env.st, &o->order, r->body, r->len, &o->dns,
	    &o->ip, &chain, &cause, &why);
	if (rc == 0)
		rc = finish(o, r, &chain, e);
	else if (cause == CAUSE_NONE)
		*e = why;
	else if (cause_is_temporary(cause))
		rc = ordering_wait(o, 0, cause, why.text, e);
	else
		rc = ordering_fail(
		    o, UPSTREAM_ORDER_INVALID, cause, why.text, e);
	cert_list_release(&chain);
	return rc;
}

/* Whether a chain is the one that was asked for, and the default is not. */
static int
is_preferred(
    struct ordering *o, const struct cert_list *chain, bool *yes, struct err *e)
{
	const char *cn = o->policy.preferred_chain;
	bool is_so_already;

	*yes = false;
	if (!cn || !orderchain_leads_to(chain, cn))
		return 0;
	if (orderchain_default_leads_to(
		o->env.st, o->order.certificate_id, cn, &is_so_already, e) < 0)
		return -1;
	*yes = !is_so_already;
	return 0;
}

/* One chain more is welcome; without it the certificate is as good. */
static int
on_alternate(struct ordering *o, const struct reply *r, struct err *e)
{
	struct cert_list chain = {0};
	struct err why = {0};
	bool is_good, prefer = false;
	int rc = 0;

	if (r->cause != CAUSE_NONE && !ordering_is_permanent(r) &&
	    o->order.attempts < DOWNLOAD_ATTEMPTS_MAX)
		return ordering_wait(o, r->retry_at, r->cause, r->text, e);
	is_good = r->cause == CAUSE_NONE &&
	    orderchain_read_other(
		o->env.st, &o->order, r->body, r->len, &chain, &why) == 0;
	if (is_good)
		rc = is_preferred(o, &chain, &prefer, e);
	else
		log_err("upstream_order.alternate",
		    r->cause == CAUSE_NONE ? &why : r->err);
	if (rc == 0)
		rc = upstream_order_add_chain(
		    o->env.st, &o->hold, is_good ? &chain : NULL, prefer, e);
	if (rc == 0 && !strchr(o->order.alternates, '\n'))
		rc = check_preferred(o, o->order.certificate_id, e);
	cert_list_release(&chain);
	return rc;
}

int
ordering_answer(struct ordering *o, const struct reply *r, struct err *e)
{
	switch (o->step.kind) {
	case ORDERSTEP_NEW_ORDER:
		return on_new_order(o, r, e);
	case ORDERSTEP_FETCH_AUTHORIZATION:
	case ORDERSTEP_POLL_AUTHORIZATION:
		return on_authorization(o, r, e);
	case ORDERSTEP_TRIGGER:
		return on_trigger(o, r, e);
	case ORDERSTEP_DEACTIVATE:
		return on_deactivate(o, r, e);
	case ORDERSTEP_FINALIZE:
		return on_finalize(o, r, e);
	case ORDERSTEP_POLL_ORDER:
		return on_order(o, r, e);
	case ORDERSTEP_DOWNLOAD:
		return on_certificate(o, r, e);
	case ORDERSTEP_ALTERNATE:
		return on_alternate(o, r, e);
	default:
		return err_set(e, KIND_BUG, "%s has no answer",
		    orderstep_name(o->step.kind));
	}
}
