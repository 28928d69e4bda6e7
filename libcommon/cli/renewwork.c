#include "cli/renewwork.h"

#include <unistd.h>

#include "base/log.h"
#include "cli/onboarding.h"
#include "cli/orderwork.h"
#include "cli/prog.h"
#include "cli/renewalinfo.h"
#include "jobs/outcome.h"
#include "jobs/parked.h"
#include "jobs/renewer.h"
#include "store/clock_step.h"
#include "store/domain_queue_work.h"
#include "store/renewal_queue_work.h"
#include "store/upstream_rest.h"
#include "sys/clock.h"
#include "sys/sig.h"

#define LOOKS_MAX 256 /* at what is parked, in a run */

/* ---- renewals ------------------------------------------------------------ */

struct account {
	int64_t id;
	int64_t window_end; /* the first */
};

struct processing {
	const struct renewwork *how;
	struct orderwork w;
	struct account *accounts; /* with something that is ready */
	size_t len;
	struct onboarding new; /* names, after renewals */
	bool asks; /* CAs, when to renew */
	int64_t left;
	int64_t looks; /* at so many that are parked */
	int64_t take_until; /* renewals: the rest is for new names */
	int64_t until;
};

static int
by_window(const void *a, const void *b)
{
	const struct account *x = a, *y = b;

	return (x->window_end > y->window_end) -
	    (x->window_end < y->window_end);
}

/* With nothing else to do: the last. */
static void
add_late(struct processing *k, int64_t id)
{
	const struct account a = {id, INT64_MAX};

	for (size_t i = 0; i < k->len; i++)
		if (k->accounts[i].id == id)
			return;
	k->accounts =
	    xreallocarray(k->accounts, k->len + 1, sizeof(*k->accounts));
	k->accounts[k->len++] = a;
}

/* What is parked and is to be looked at, and chains left to be fetched. */
static int
find_late(struct processing *k, struct store *st, struct err *e)
{
	int64_t id = 0;
	int rc;

	while ((rc = renewal_queue_next_parked(st, &id, e)) > 0)
		add_late(k, id);
	id = 0;
	while (rc >= 0 && (rc = upstream_rest_next_account(st, &id, e)) > 0)
		add_late(k, id);
	return rc;
}

static int
find_accounts(struct processing *k, struct store *st, struct err *e)
{
	struct account a = {0};
	int rc;

	while ((rc = renewal_queue_next_account(st, &a.id, &a.window_end, e)) >
	    0) {
		k->accounts = xreallocarray(
		    k->accounts, k->len + 1, sizeof(*k->accounts));
		k->accounts[k->len++] = a;
	}
	if (rc == 0)
		rc = find_late(k, st, e);
	if (k->len > 0)
		qsort(k->accounts, k->len, sizeof(*k->accounts), by_window);
	return rc;
}

static int
add_policy(void *arg, const char *policy, struct err *e)
{
	(void)e;
	strv_add(arg, policy);
	return 0;
}

/* Before there is a secret in memory; what cannot be made is told of later. */
static int
prepare_solvers(struct processing *k, struct err *e)
{
	struct strv policies = {0};
	int rc =
	    renewal_queue_each_policy(k->w.up.st, add_policy, &policies, e);

	for (size_t i = 0; rc == 0 && i < policies.len; i++) {
		struct orderpolicy policy = {0};
		struct err ignored = {0};

		if (orderpolicy_read(&policy, policies.v[i], &ignored) == 0)
			solvers_prepare(&k->w.solvers, &policy, &ignored);
		orderpolicy_release(&policy);
	}
	strv_release(&policies);
	return rc;
}

/* What the queue keeps is told at the end, with all else. */
static void
tell(void *arg, const struct renewer_result *r)
{
	struct prog *p = arg;
	struct err e = *r->err;

	if (!err_is_set(&e))
		return;
	if (!r->is_kept) {
		err_object(&e, "%s", r->names);
		prog_item_failed(p, &e);
	} else {
		p->exit_code = prog_worse(p->exit_code, err_exit(&e));
		log_event(LOG_LEVEL_DEBUG, "renewal", "names", r->names,
		    "error", e.text, (char *)NULL);
	}
}

/* While names wait for a first certificate, a part of limits is for those. */
static int
share_of(struct processing *k, struct limits_share *out, struct err *e)
{
	int rc = domain_queue_is_waiting(k->w.up.st, e);

	*out = (struct limits_share){.is_renewal = true};
	if (rc > 0)
		out->percent =
		    100 - (int)k->w.prog->conf.client.new_names_share;
	return rc < 0 ? -1 : 0;
}

static int
run_account(struct processing *k, struct renewer *r, struct err *e)
{
	struct ordering_env env = orderwork_env(&k->w);
	const struct orders how = {.env = &env,
	    .in_flight = k->how->in_flight,
	    .give_up_at = k->take_until + ORDERWORK_GRACE,
	    .next = renewer_next,
	    .is_enough = outcome_is_enough,
	    .tell = renewer_told,
	    .is_stopped = sig_term,
	    .arg = r};

	if (share_of(k, &env.share, e) < 0)
		return -1;
	r->row = &k->w.account;
	r->client = k->w.up.client;
	return orders_run(&how, e);
}

/*
 * After what is due, which is not to wait for it.  -1: nothing could be looked
 * at, which was told.
 */
static int
look_at_parked(struct processing *k, const struct renewer *r, bool is_open,
    size_t *returned)
{
	struct parked p = {.st = r->st,
	    .account = r->account,
	    .prober = is_open ? r->prober : NULL,
	    .left = &k->looks,
	    .until = k->take_until,
	    .hold_until = r->hold_until};
	struct err why = {0};
	int rc = parked_look(&p, &why);

	if (rc < 0)
		prog_item_failed(k->w.prog, &why);
	*returned = p.returned;
	return rc;
}

static int
run_all(struct processing *k, struct renewer *r, struct err *e)
{
	size_t returned;

	if (run_account(k, r, e) < 0)
		return -1;
	if (look_at_parked(k, r, true, &returned) < 0 || returned == 0)
		return 0;
	r->at = (struct renewal_cursor){0};
	return run_account(k, r, e);
}

static int
fail_all(struct processing *k, struct renewer *r, const struct err *why,
    struct err *e)
{
	size_t ignored;

	if (renewer_fail_all(r, why, e) < 0)
		return -1;
	look_at_parked(k, r, false, &ignored);
	return 0;
}

/* One CA that is away does not stop the others. */
static int
process_account(struct processing *k, int64_t account, struct err *e)
{
	struct prog *p = k->w.prog;
	const struct prober prober = {.solvers = &k->w.solvers,
	    .precheck = k->w.options.look ? &k->w.precheck : NULL,
	    .thumbprint = k->w.thumbprint};
	struct renewer r = {.st = k->w.up.st,
	    .account = account,
	    .solvers = &k->w.solvers,
	    .prober = &prober,
	    .suffixes = k->w.suffixes,
	    .left = &k->left,
	    .take_until = k->take_until,
	    .hold_until =
		k->take_until + ORDERWORK_GRACE + orderwork_env(&k->w).hold,
	    .tell = tell,
	    .arg = p};
	struct err why = {0};
	int rc = orderwork_open(&k->w, account, &why);

	rc = rc < 0 ? fail_all(k, &r, &why, e) : run_all(k, &r, e);
	renewer_release(&r);
	return rc;
}

/* ---- renewal information ------------------------------------------------- */

static int64_t ask_until;

static bool
is_time_up(void)
{
	return sig_term() || clock_now() >= ask_until;
}

/* A CA that does not say is asked again, and meanwhile the lifetime decides. */
static void
tell_asked(void *arg, int64_t certificate_id, const struct err *why)
{
	struct prog *p = arg;

	(void)certificate_id;
	if (why)
		p->exit_code = prog_worse(p->exit_code, err_exit(why));
}

static void
tell_ca(void *arg, const struct err *why)
{
	log_event(LOG_LEVEL_INFO, "renewal.info", "error", why->text, NULL);
	tell_asked(arg, 0, why);
}

static int
ask_cas(struct processing *k, struct err *e)
{
	const struct renewalinfo r = {.up = &k->w.up,
	    .prog = k->w.prog,
	    .in_flight = k->how->in_flight,
	    .is_stopped = is_time_up,
	    .tell = tell_asked,
	    .tell_ca = tell_ca,
	    .arg = k->w.prog};

	ask_until = k->until;
	return renewalinfo_ask_due(&r, e);
}

/* ---- all of it ------------------------------------------------------------
 */

static int
process_new(struct processing *k, struct err *e)
{
	const struct onboarding_how how = {.in_flight = k->how->in_flight,
	    .left = &k->left,
	    .take_until = k->until};

	return onboarding_run(&k->new, &k->w, &how, e);
}

/* What is ready still was not taken up in time, unless so much was asked for.
 */
static int
tell_left(struct processing *k, struct prog *p, struct err *e)
{
	struct account a = {0};
	int rc = k->left <= 0
	    ? 0
	    : renewal_queue_next_account(k->w.up.st, &a.id, &a.window_end, e);

	if (rc == 0 && k->left > 0 && k->how->is_all) {
		a.id = 0;
		rc = domain_queue_next_template(k->w.up.st, &a.id, e);
	}
	if (rc > 0)
		p->exit_code = prog_worse(p->exit_code, 111);
	return rc < 0 ? -1 : 0;
}

static int
process_accounts(struct processing *k, struct prog *p, struct err *e)
{
	int rc;

	if (orderwork_load_limits(&k->w, p, e) < 0 ||
	    orderwork_prepare(&k->w, p, NULL, e) < 0 ||
	    prepare_solvers(k, e) < 0)
		return -1;
	k->new.teller_follows = true;
	onboarding_prepare(&k->new, &k->w);
	if (orderwork_enter(&k->w, e) < 0)
		return -1;
	k->w.up.trace = k->how->traces ? STDERR_FILENO : -1;
	k->w.up.is_unattended = true;
	rc = 0;
	for (size_t i = 0; rc == 0 && i < k->len && !sig_term(); i++)
		rc = process_account(k, k->accounts[i].id, e);
	if (rc == 0)
		rc = process_new(k, e);
	if (rc == 0)
		rc = tell_left(k, p, e);
	return rc == 0 && k->asks ? ask_cas(k, e) : rc;
}

/* When new names wait too, they have their part of the time. */
static int
find_work(struct processing *k, struct store *st, struct err *e)
{
	int64_t added, share;

	if (clock_step_forget(st, e) < 0)
		return -1;
	if (k->how->is_all &&
	    (renewal_queue_update(st, &added, e) < 0 ||
		renewalinfo_is_due(st, &k->asks, e) < 0 ||
		onboarding_find(&k->new, st, e) < 0))
		return -1;
	share = k->new.len > 0 ? k->w.prog->conf.client.new_names_share : 0;
	k->until = clock_now() + k->how->budget;
	k->take_until = k->until - k->how->budget * share / 100;
	return find_accounts(k, st, e);
}

/* Mostly there is nothing to do. */
int
renewwork_run(struct prog *p, const struct renewwork *how, struct err *e)
{
	struct processing k = {
	    .how = how, .left = how->max, .looks = LOOKS_MAX, .w = {.prog = p}};
	struct store *st = store_open(p->conf.store.url, STORE_WRITE, e);
	int rc = st ? find_work(&k, st, e) : -1;
	bool is_some = k.len > 0 || k.new.len > 0;

	store_close(st);
	if (is_some && how->is_all)
		k.asks = true;
	if (rc == 0 && (is_some || k.asks))
		rc = process_accounts(&k, p, e);
	orderwork_stop(&k.w);
	onboarding_end(&k.new, p);
	free(k.accounts);
	return rc;
}
