#include "jobs/parting.h"

#include "jobs/onboarder.h"
#include "order/orderanswer.h"
#include "order/ordertemplate.h"
#include "store/blocked_name.h"
#include "store/domain_queue.h"
#include "store/fqdn_set.h"
#include "store/upstream_authorization.h"
#include "sys/clock.h"
#include "wrap/suffix.h"

/* A name of the queue, and what its template makes of it. */
struct member {
	const char *name;
	struct strv names;
	struct err blocked; /* why, if it is */
};

struct members {
	struct strv all; /* names of the certificate */
	struct member *v;
	size_t len;
};

static void
members_release(struct members *m)
{
	for (size_t i = 0; i < m->len; i++)
		strv_release(&m->v[i].names);
	free(m->v);
	strv_release(&m->all);
}

static bool
has_all(const struct strv *all, const struct strv *names)
{
	for (size_t i = 0; i < names->len; i++)
		if (!strv_has(all, names->v[i]))
			return false;
	return names->len > 0;
}

static bool
is_of_one(const struct members *m, const char *name)
{
	for (size_t i = 0; i < m->len; i++)
		if (strv_has(&m->v[i].names, name))
			return true;
	return false;
}

static size_t
longest(const struct members *m, const char *words)
{
	size_t most = 0;

	for (size_t i = 0; i < m->all.len; i++) {
		struct strv names = {0};
		struct err ignored = {0};

		if (ordertemplate_names(words, m->all.v[i], &names, &ignored) ==
			0 &&
		    has_all(&m->all, &names) && names.len > most)
			most = names.len;
		strv_release(&names);
	}
	return most;
}

/* Those whose names are `len`, which the certificate has all. */
static void
add_members(struct members *m, const char *words, size_t len)
{
	for (size_t i = 0; i < m->all.len; i++) {
		struct member one = {.name = m->all.v[i]};
		struct err ignored = {0};

		if (!is_of_one(m, one.name) &&
		    ordertemplate_names(
			words, one.name, &one.names, &ignored) == 0 &&
		    one.names.len == len && has_all(&m->all, &one.names)) {
			m->v = xreallocarray(m->v, m->len + 1, sizeof(*m->v));
			m->v[m->len++] = one;
		} else {
			strv_release(&one.names);
		}
	}
}

/* Which names of the queue it was made of: those with most names first. */
static bool
find_members(struct members *m, const char *words)
{
	for (size_t len = longest(m, words); len > 0; len--)
		add_members(m, words, len);
	for (size_t i = 0; i < m->all.len; i++)
		if (!is_of_one(m, m->all.v[i]))
			return false;
	return m->len > 1;
}

/* What was said against one, or NULL. */
static const char *
find_blame(const struct parting *p, const struct upstream_authorizations *l,
    const struct member *m)
{
	const struct strv *names = &m->names;

	if (p->outcome->cause == CAUSE_BLOCKED)
		return err_is_set(&m->blocked) ? m->blocked.text : NULL;
	if (onboarder_has_refusals(l))
		return onboarder_find_refusal(l, names);
	for (size_t i = 0; i < names->len; i++)
		if (onboarder_blames(p->outcome->error, names->v[i]))
			return p->outcome->error;
	return NULL;
}

static struct queue_failure
failure_of(const struct parting *p, const char *said)
{
	struct outcome one = *p->outcome;
	const struct queue_past none = {0};
	const struct outcome_life life = {
	    p->configuration->not_before, p->configuration->not_after};

	one.error = said;
	if (one.cause != CAUSE_BLOCKED && said != p->outcome->error) {
		one.cause = orderanswer_cause(said);
		one.word = cause_name(one.cause);
	}
	return outcome_failure(&one, &none, &life, clock_now());
}

static int
find_blocked(const struct parting *p, struct members *m, struct err *e)
{
	int rc = 0;

	if (p->outcome->cause != CAUSE_BLOCKED)
		return 0;
	for (size_t i = 0; rc >= 0 && i < m->len; i++)
		rc = blocked_name_check(
		    p->st, &m->v[i].names, &m->v[i].blocked, e);
	return rc < 0 ? -1 : 0;
}

static int
store_parted(const struct parting *p, const struct members *m,
    int64_t domain_template_id, struct strv *blamed, struct err *e)
{
	struct domain_return *v = xcalloc(m->len, sizeof(*v));
	struct upstream_authorizations l = {0};
	int rc = upstream_authorization_by_order(p->st, p->order, &l, e);

	for (size_t i = 0; rc == 0 && i < m->len; i++) {
		const char *said = find_blame(p, &l, &m->v[i]);

		v[i] = (struct domain_return){.name = m->v[i].name,
		    .registered = suffix_registered(p->suffixes, m->v[i].name)};
		if (!said)
			continue;
		v[i].failure = failure_of(p, said);
		strv_add(blamed, v[i].name);
	}
	if (rc == 0 && blamed->len > 0 && blamed->len < m->len)
		rc = domain_queue_put_parted(
			 p->st, p->hold, domain_template_id, v, m->len, e) < 0
		    ? -1
		    : 1;
	upstream_authorizations_release(&l);
	free(v);
	return rc;
}

static int
part(const struct parting *p, int64_t domain_template_id, struct strv *blamed,
    struct err *e)
{
	struct members m = {0};
	struct domain_template t;
	int rc = domain_template_by_id(p->st, domain_template_id, &t, e);

	if (rc == 0)
		rc = fqdn_set_names(
		    p->st, p->configuration->fqdn_set_id, &m.all, e);
	if (rc == 0 && find_members(&m, t.names)) {
		rc = find_blocked(p, &m, e);
		if (rc == 0)
			rc = store_parted(p, &m, domain_template_id, blamed, e);
	}
	members_release(&m);
	domain_template_release(&t);
	return rc;
}

int
parting_try(const struct parting *p, struct strv *blamed, struct err *e)
{
	struct orderpolicy policy;
	int64_t id;
	int rc = orderpolicy_read(&policy, p->configuration->policy, e);

	id = policy.domain_template_id;
	orderpolicy_release(&policy);
	if (rc < 0 || id == 0 || p->configuration->label ||
	    p->configuration->backup_of_id != 0 ||
	    p->configuration->part_left != 0)
		return rc;
	return part(p, id, blamed, e);
}
