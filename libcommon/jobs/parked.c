#include "jobs/parked.h"

#include "base/str.h"
#include "client/cause.h"
#include "jobs/outcome.h"
#include "jobs/retry.h"
#include "store/blocked_name.h"
#include "store/fqdn_set.h"
#include "store/renewal_queue_work.h"
#include "sys/clock.h"
#include "wrap/digest.h"

#define AT_ONCE 64 /* names, and those that wait in vain cost one wait */

/* One under a look. */
struct view {
	struct queue_hold hold;
	struct renewal_item item;
	struct renewal_configuration configuration;
	struct orderpolicy policy;
	struct strv names;
	char id[48];
	bool can_look; /* where its names lead */
	bool was_blocked, is_blocked; /* that is looked at here */
};

struct views {
	struct view *v;
	size_t len, names;
};

static void
view_release(struct view *v)
{
	renewal_item_release(&v->item);
	renewal_configuration_release(&v->configuration);
	orderpolicy_release(&v->policy);
	strv_release(&v->names);
}

static uint32_t
random_number(void)
{
	uint32_t n;

	digest_random(&n, sizeof(n));
	return n;
}

/* Whether where a name leads has to do with it. */
static bool
is_seen(const char *word)
{
	enum cause cause;

	return word && cause_by_name(word, &cause) &&
	    (cause == CAUSE_DNS || cause == CAUSE_CONNECTION ||
		cause == CAUSE_CHALLENGE || cause == CAUSE_PRECHECK);
}

static bool
is_word(const char *word, enum cause cause)
{
	return str_same(word, cause_name(cause));
}

static int
read_policy(struct store *st, const struct renewal_configuration *c,
    struct orderpolicy *policy, struct strv *names, struct err *e)
{
	return orderpolicy_read(policy, c->policy, e) < 0
	    ? -1
	    : fqdn_set_names(st, c->fqdn_set_id, names, e);
}

int64_t
parked_pace(void)
{
	return clock_now() + PARKED_PACE + random_number() % (PARKED_PACE / 10);
}

int64_t
parked_again(struct store *st, const struct prober *prober,
    const struct renewal_configuration *c, const char *cause, int64_t added,
    int64_t retry_at)
{
	struct orderpolicy policy = {0};
	struct strv names = {0};
	struct err ignored = {0};
	int64_t now = clock_now();
	bool can_look = is_seen(cause) && now - added < PARKED_LOOKS &&
	    read_policy(st, c, &policy, &names, &ignored) == 0 &&
	    probe_can(prober, &policy, &names);

	orderpolicy_release(&policy);
	strv_release(&names);
	return can_look || is_word(cause, CAUSE_BLOCKED) ? retry_at
							 : parked_pace();
}

/* ---- looking ------------------------------------------------------------- */

static int
look_here(struct parked *p, struct view *v, struct err *e)
{
	struct err ignored = {0};
	int rc;

	v->was_blocked = is_word(v->item.cause, CAUSE_BLOCKED);
	if (!v->was_blocked)
		return 0;
	strv_release(&v->names);
	rc = fqdn_set_names(p->st, v->configuration.fqdn_set_id, &v->names, e);
	if (rc == 0)
		rc = blocked_name_check(p->st, &v->names, &ignored, e);
	v->is_blocked = rc > 0;
	return rc < 0 ? -1 : 0;
}

/* 1, 0: there is none, -1. */
static int
take(struct parked *p, struct view *v, struct err *e)
{
	struct err ignored = {0};
	int rc;

	*v = (struct view){0};
	if (*p->left <= 0 || clock_now() >= p->until)
		return 0;
	rc = renewal_queue_take_parked(
	    p->st, p->account, p->after, p->hold_until, &v->hold, &v->item, e);
	if (rc <= 0)
		return rc;
	--*p->left;
	p->after = v->item.id;
	snprintf(v->id, sizeof(v->id), "renewal_configuration/%lld",
	    (long long)v->item.renewal_configuration_id);
	if (renewal_configuration_by_id(p->st, v->item.renewal_configuration_id,
		&v->configuration, e) < 0 ||
	    look_here(p, v, e) < 0)
		return -1;
	/* what cannot be read cannot be looked at: the attempt says why */
	v->can_look = p->prober && is_seen(v->item.cause) &&
	    read_policy(p->st, &v->configuration, &v->policy, &v->names,
		&ignored) == 0 &&
	    probe_can(p->prober, &v->policy, &v->names);
	return 1;
}

static int
take_some(struct parked *p, struct views *l, struct err *e)
{
	int rc = 1;

	while (rc > 0 && l->names < AT_ONCE) {
		struct view *v;

		l->v = xreallocarray(l->v, l->len + 1, sizeof(*l->v));
		v = &l->v[l->len++];
		rc = take(p, v, e);
		if (rc <= 0) {
			view_release(v);
			l->len--;
		} else {
			l->names += v->names.len + 1;
		}
	}
	return rc;
}

static size_t
add_probes(const struct view *v, struct probe *to)
{
	size_t i = 0;

	for (; v->can_look && i < v->names.len; i++)
		to[i] = (struct probe){.name = v->names.v[i],
		    .domain = v->id,
		    .policy = &v->policy};
	return i;
}

static int
end(struct parked *p, const struct view *v, bool is_good, struct err *e)
{
	const struct renewal_configuration *c = &v->configuration;

	if (!p->prober || (v->can_look && !is_good) || v->is_blocked) {
		const struct queue_wait w = {.retry_at = clock_now() +
			retry_pause(OUTCOME_PARK_ATTEMPTS,
			    c->not_after - c->not_before, random_number())};

		return renewal_queue_put_back(p->st, &v->hold, &w, e);
	}
	if (renewal_queue_return(
		p->st, &v->hold, !v->can_look && !v->was_blocked, e) == 0) {
		p->returned++;
		return 0;
	}
	/* Somebody has asked for it meanwhile. */
	return err_forgive(e, KIND_BUSY);
}

static int
look(struct parked *p, const struct views *l, struct err *e)
{
	struct probe *probes = xcalloc(l->names + 1, sizeof(*probes));
	size_t len = 0, at = 0;
	int rc;

	for (size_t i = 0; i < l->len; i++)
		len += add_probes(&l->v[i], probes + len);
	rc = len > 0 ? probe_all(p->prober, NULL, probes, len, e) : 0;
	for (size_t i = 0; rc == 0 && i < l->len; i++) {
		const struct view *v = &l->v[i];
		bool is_good = true;

		for (size_t k = 0; v->can_look && k < v->names.len; k++)
			is_good &= !err_is_set(&probes[at++].why);
		rc = end(p, v, is_good, e);
	}
	free(probes);
	return rc;
}

int
parked_look(struct parked *p, struct err *e)
{
	int rc = 1;

	while (rc > 0) {
		struct views l = {0};

		rc = take_some(p, &l, e);
		if (l.len > 0 && rc >= 0 && look(p, &l, e) < 0)
			rc = -1;
		for (size_t i = 0; i < l.len; i++)
			view_release(&l.v[i]);
		free(l.v);
	}
	return rc;
}
