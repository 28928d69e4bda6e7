#include "cli/onboarding.h"

#include "base/log.h"
#include "cli/prog.h"
#include "jobs/enlist.h"
#include "jobs/onboarder.h"
#include "jobs/outcome.h"
#include "store/renewal_queue_work.h"
#include "sys/sig.h"

#define RETURNED_MAX 64 /* parked names that have a turn in a run */
#define TOLD_MAX 20 /* names a line each; the rest is a number */

static int
add_template(struct onboarding *k, struct store *st, int64_t id, struct err *e)
{
	for (size_t i = 0; i < k->len; i++)
		if (k->templates[i].id == id)
			return 0;
	k->templates =
	    xreallocarray(k->templates, k->len + 1, sizeof(*k->templates));
	if (domain_template_by_id(st, id, &k->templates[k->len], e) < 0)
		return -1;
	k->len++;
	return 0;
}

int
onboarding_find(struct onboarding *k, struct store *st, struct err *e)
{
	int64_t id = 0;
	int rc;

	if (domain_queue_return(st, RETURNED_MAX, e) < 0)
		return -1;
	while ((rc = domain_queue_next_template(st, &id, e)) > 0)
		if (add_template(k, st, id, e) < 0)
			return -1;
	return rc;
}

static int
call(struct onboarding *k, struct store *st, const char *typed, struct err *e)
{
	struct domain_ids *l = &k->called;
	int64_t id, template;
	char *name = enlist_spell(typed, e);
	int rc = -1;

	if (name && domain_queue_call(st, name, &id, &template, e) == 0 &&
	    add_template(k, st, template, e) == 0) {
		l->v = xreallocarray(l->v, l->len + 1, sizeof(*l->v));
		l->v[l->len++] = id;
		strv_add(&k->names, name);
		rc = 0;
	}
	free(name);
	return rc;
}

void
onboarding_find_named(struct onboarding *k, struct prog *p, struct store *st,
    const struct strv *names)
{
	for (size_t i = 0; i < names->len; i++) {
		struct err why = {0};

		if (call(k, st, names->v[i], &why) == 0)
			continue;
		err_object(&why, "%.255s", names->v[i]);
		prog_item_failed(p, &why);
	}
}

void
onboarding_prepare(const struct onboarding *k, struct orderwork *w)
{
	for (size_t i = 0; i < k->len; i++) {
		struct orderpolicy policy = {0};
		struct err ignored = {0};

		if (orderpolicy_read(
			&policy, k->templates[i].policy, &ignored) == 0)
			solvers_prepare(&w->solvers, &policy, &ignored);
		orderpolicy_release(&policy);
	}
}

/* ---- running ------------------------------------------------------------- */

struct telling {
	struct onboarding *k;
	struct prog *prog;
};

/* What failed before in the same way was told of then. */
static void
tell(void *arg, const struct onboarder_result *r)
{
	struct telling *t = arg;
	struct prog *p = t->prog;
	struct err e = *r->err;

	if (!err_is_set(&e))
		return;
	p->exit_code = prog_worse(p->exit_code, err_exit(&e));
	if (t->k->called.len > 0)
		strv_add(&t->k->heard, r->name);
	else if (!r->is_news || (r->is_served && t->k->teller_follows) ||
	    t->k->told++ >= TOLD_MAX)
		return;
	err_object(&e, "%s", r->name);
	prog_fail(p, &e);
}

static int
share_of(struct orderwork *w, struct limits_share *out, struct err *e)
{
	int rc = renewal_queue_is_waiting(w->up.st, w->account.id, e);

	*out = (struct limits_share){0};
	if (rc > 0)
		out->percent = (int)w->prog->conf.client.new_names_share;
	return rc < 0 ? -1 : 0;
}

static struct onboarder
make_onboarder(const struct onboarding *k, struct orderwork *w,
    const struct domain_template *t, const struct onboarding_how *how)
{
	return (struct onboarder){.st = w->up.st,
	    .template = t,
	    .row = &w->account,
	    .client = w->up.client,
	    .limits = &w->limits,
	    .suffixes = w->suffixes,
	    .prober = {.solvers = &w->solvers,
		.precheck = w->options.look ? &w->precheck : NULL,
		.thumbprint = w->thumbprint},
	    .in_flight = how->in_flight,
	    .per_certificate = how->per_certificate,
	    .only = k->called.len > 0 ? &k->called : NULL,
	    .left = how->left,
	    .take_until = how->take_until,
	    .hold_until =
		how->take_until + ORDERWORK_GRACE + orderwork_env(w).hold,
	    .tell = tell};
}

static void
order_told(void *arg, const struct orders_result *r)
{
	struct onboarder *o = arg;
	const struct telling *t = o->arg;

	orderwork_note_result(t->prog, r);
	onboarder_told(o, r);
}

static int
run_template(struct orderwork *w, struct onboarder *o, struct err *e)
{
	struct ordering_env env = orderwork_env(w);
	const struct orders how = {.env = &env,
	    .in_flight = o->in_flight,
	    .give_up_at = o->take_until + ORDERWORK_GRACE,
	    .next = onboarder_next,
	    .is_enough = outcome_is_enough,
	    .tell = order_told,
	    .is_stopped = sig_term,
	    .arg = o};
	int rc = 0;

	env.share = o->share;
	do {
		o->has_more = false;
		rc = orders_run(&how, e);
	} while (rc == 0 && o->has_more);
	return rc;
}

/*
 * Nothing can be ordered, and no name is to blame: they stay as they are.  What
 * goes away by itself is worth a line in the log only.
 */
static void
tell_template(
    struct prog *p, const struct domain_template *t, const struct err *why)
{
	struct err e = *why;

	p->exit_code = prog_worse(p->exit_code, err_exit(&e));
	err_object(&e, "template %s", t->name);
	if (e.kind == KIND_BUSY)
		log_event(LOG_LEVEL_INFO, "onboarding", "error", e.text, NULL);
	else
		prog_fail(p, &e);
}

static int
process_template(struct onboarding *k, struct orderwork *w,
    const struct domain_template *t, const struct onboarding_how *how,
    struct err *e)
{
	struct telling telling = {.k = k, .prog = w->prog};
	int64_t account = t->upstream_account_id;
	struct onboarder o = {0};
	struct err why = {0};
	int rc = 0;

	if (account == 0)
		rc = orderwork_pick_account(w, NULL, NULL, &account, &why);
	if (rc == 0)
		rc = orderwork_open(w, account, &why);
	if (rc == 0) {
		o = make_onboarder(k, w, t, how);
		o.arg = &telling;
		rc = onboarder_start(&o, &why);
	}
	if (rc < 0)
		tell_template(w->prog, t, &why);
	else if (share_of(w, &o.share, e) < 0 || run_template(w, &o, e) < 0)
		rc = -2;
	onboarder_release(&o);
	return rc == -2 ? -1 : 0;
}

/* A name that was asked for is done, or it was told why not. */
static int
tell_left(
    struct onboarding *k, struct orderwork *w, const char *name, struct err *e)
{
	struct domain_item i;
	struct err why = {0};

	if (strv_has(&k->heard, name))
		return 0;
	if (domain_queue_by_name(w->up.st, name, &i, e) < 0)
		return err_forgive(e, KIND_NOTFOUND);
	err_set(&why, KIND_BUSY, "it waits still%s%s", i.error ? ": " : "",
	    i.error ? i.error : "");
	err_object(&why, "%s", name);
	prog_item_failed(w->prog, &why);
	domain_item_release(&i);
	return 0;
}

int
onboarding_run(struct onboarding *k, struct orderwork *w,
    const struct onboarding_how *how, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < k->len && !sig_term(); i++)
		rc = process_template(k, w, &k->templates[i], how, e);
	for (size_t i = 0; rc == 0 && i < k->names.len; i++)
		rc = tell_left(k, w, k->names.v[i], e);
	return rc;
}

void
onboarding_end(struct onboarding *k, const struct prog *p)
{
	struct err e = {0};

	if (!k)
		return;
	if (k->told > TOLD_MAX) {
		err_set(&e, KIND_DENIED,
		    "%zu more names have failed; domain-queue list says which",
		    k->told - TOLD_MAX);
		prog_fail(p, &e);
	}
	for (size_t i = 0; i < k->len; i++)
		domain_template_release(&k->templates[i]);
	free(k->templates);
	free(k->called.v);
	strv_release(&k->names);
	strv_release(&k->heard);
	*k = (struct onboarding){0};
}
