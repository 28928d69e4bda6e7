#include "jobs/deployer.h"

#include "jobs/retry.h"
#include "store/deploy_target.h"
#include "store/renewal_configuration.h"
#include "store/serving_change.h"
#include "sys/clock.h"
#include "sys/sig.h"
#include "wrap/digest.h"

#define PROVE_GRACE 120 /* seconds, for what was taken up in time */

/* ---- the targets of the file --------------------------------------------- */

struct resolved {
	struct deploy_target_new *v;
	int64_t **sets;
	char **resting;
};

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* The sets of names of its renewals, sorted, each once. */
static int
find_sets(struct store *st, const struct deploy_conf *c, int64_t *sets,
    size_t *len, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < c->renewals.len; i++) {
		struct renewal_configuration r;

		if (renewal_configuration_pick(st, c->renewals.v[i], &r, e) < 0)
			return err_object(e, "renewal");
		sets[i] = r.fqdn_set_id;
		renewal_configuration_release(&r);
	}
	if (c->renewals.len > 0)
		qsort(sets, c->renewals.len, sizeof(*sets), compare);
	for (size_t i = 0; i < c->renewals.len; i++)
		if (n == 0 || sets[n - 1] != sets[i])
			sets[n++] = sets[i];
	*len = n;
	return 0;
}

/* What only somebody who changes something can put right. */
static bool
is_lasting(const struct err *why)
{
	return why->kind == KIND_NOTFOUND || why->kind == KIND_INPUT ||
	    why->kind == KIND_DENIED || why->kind == KIND_CONFLICT;
}

static int
resolve(struct store *st, const struct deploy_confs *all, struct resolved *r,
    struct err *e)
{
	for (size_t i = 0; i < all->len; i++) {
		const struct deploy_conf *c = &all->v[i];
		struct deploy_target_new *n = &r->v[i];
		struct err why = {0};

		r->sets[i] = xcalloc(c->renewals.len + 1, sizeof(int64_t));
		*n = (struct deploy_target_new){.name = c->name,
		    .kind = c->kind->name,
		    .rank = c->kind->rank,
		    .settings = c->settings,
		    .is_for_all = c->renewals.len == 0,
		    .fqdn_set_ids = r->sets[i]};
		if (find_sets(st, c, r->sets[i], &n->len, &why) == 0)
			continue;
		if (!is_lasting(&why)) {
			*e = why;
			return err_object(e, "[%s]", c->name);
		}
		n->resting = r->resting[i] = xstrdup(why.text);
	}
	return 0;
}

int
deployer_prepare(
    struct store *st, const struct deploy_confs *all, struct err *e)
{
	struct resolved r = {.v = xcalloc(all->len + 1, sizeof(*r.v)),
	    .sets = xcalloc(all->len + 1, sizeof(*r.sets)),
	    .resting = xcalloc(all->len + 1, sizeof(*r.resting))};
	int rc = resolve(st, all, &r, e);

	if (rc == 0)
		rc = deploy_target_sync(st, r.v, all->len, e);
	if (rc == 0)
		rc = serving_change_settle(st, e);
	for (size_t i = 0; i < all->len; i++) {
		free(r.sets[i]);
		free(r.resting[i]);
	}
	free(r.sets);
	free(r.resting);
	free(r.v);
	return rc;
}

struct finding {
	const char *name;
	bool found;
	size_t resting;
	int (*fn)(void *arg, const char *name, struct err *e);
	void *arg;
};

static int
find_one(void *arg, const struct deploy_target *t, struct err *e)
{
	struct finding *f = arg;
	bool is_wanted = !f->name || strcmp(f->name, t->name) == 0;

	f->found |= is_wanted;
	f->resting += is_wanted && t->resting;
	if (!is_wanted || t->resting ||
	    (!t->is_incomplete && t->pending + t->failing == 0) ||
	    (!t->is_incomplete && t->retry_at > clock_now()))
		return 0;
	return f->fn(f->arg, t->name, e);
}

int
deployer_each_ready(struct store *st, const char *name,
    int (*fn)(void *arg, const char *name, struct err *e), void *arg,
    size_t *resting, struct err *e)
{
	struct finding f = {.name = name, .fn = fn, .arg = arg};

	if (deploy_target_each(st, find_one, &f, e) < 0)
		return -1;
	*resting = f.resting;
	return name && !f.found
	    ? err_set(e, KIND_NOTFOUND, "%s: no such deploy target", name)
	    : 0;
}

/* ---- a batch ------------------------------------------------------------- */

struct working {
	const struct deployer *d;
	const struct deploy_conf *conf;
	struct deploying batch;
	struct queue_hold hold;
	struct err first; /* failure */
	bool is_elsewhere; /* another process has the target */
};

/* What goes away by itself, or is no judgement on the certificate. */
static bool
is_temporary(const struct err *why)
{
	return why->kind == KIND_BUSY || why->kind == KIND_SYS;
}

void
deploying_fail(
    struct deploying *d, int64_t certificate_id, const struct err *why)
{
	for (size_t i = 0; i < d->len; i++) {
		struct deployment_result *r = &d->results[i];

		if ((certificate_id != 0 &&
			d->batch[i].certificate_id != certificate_id) ||
		    r->status != DEPLOYMENT_DONE)
			continue;
		r->status =
		    is_temporary(why) ? DEPLOYMENT_PENDING : DEPLOYMENT_FAILED;
		r->error = xstrdup(why->text);
	}
}

/* One that waits for a program cannot, meanwhile. */
static int64_t
hold_until(const struct deploying *d)
{
	return clock_now() + DEPLOYING_HOLD +
	    (d->conf->kind->reads_keys ? 0 : d->conf->timeout);
}

int
deploying_keep(struct deploying *d, struct err *e)
{
	int64_t now = clock_now();

	if (now >= d->kept_at && now - d->kept_at < DEPLOYING_KEEP)
		return 0;
	d->kept_at = now;
	return deploy_target_keep(d->st, d->hold, hold_until(d), e);
}

int
deploying_certificates(
    struct deploying *d, int64_t **ids, size_t *len, struct err *e)
{
	*ids = NULL;
	*len = 0;
	if (d->complete && d->conf->renewals.len == 0)
		return 0;
	if (d->complete) {
		if (deployment_certificates(d->st, d->target_id, ids, len, e) <
		    0)
			return -1;
		if (!*ids)
			*ids = xcalloc(1, sizeof(**ids));
		return 0;
	}
	*ids = xcalloc(d->len + 1, sizeof(**ids));
	for (size_t i = 0; i < d->len; i++)
		(*ids)[i] = d->batch[i].certificate_id;
	*len = d->len;
	return 0;
}

static int64_t
retry_at(const struct deployment *d)
{
	uint32_t n;

	digest_random(&n, sizeof(n));
	return clock_now() +
	    retry_pause(d->attempts + 1, d->not_after - d->not_before, n);
}

struct proving {
	struct working *w;
	bool *told; /* of each of the batch */
	size_t at;
	struct err lost; /* the hold is */
};

/* What was taken up is looked at for a while, but not for ever. */
static int
prove_next(void *arg, int64_t *certificate_id, size_t *tag)
{
	struct proving *p = arg;
	struct deploying *b = &p->w->batch;

	if (clock_now() - PROVE_GRACE >= p->w->d->take_until ||
	    deploying_keep(b, &p->lost) < 0)
		return 0;
	while (p->at < b->len && b->results[p->at].status != DEPLOYMENT_DONE)
		p->at++;
	if (p->at == b->len)
		return 0;
	*tag = p->at++;
	*certificate_id = b->batch[*tag].certificate_id;
	return 1;
}

static void
prove_told(void *arg, size_t tag, const struct err *why)
{
	struct proving *p = arg;
	struct deploying *b = &p->w->batch;

	p->told[tag] = true;
	if (err_is_set(why))
		deploying_fail(b, b->batch[tag].certificate_id, why);
}

/* What nobody has looked at is not done. */
static void
fail_untold(struct proving *p, const struct err *why)
{
	struct deploying *b = &p->w->batch;
	struct err e = *why;

	if (!err_is_set(&e))
		err_set(&e, KIND_BUSY,
		    "there was no time to look whether it is served");
	for (size_t i = 0; i < b->len; i++)
		if (!p->told[i] && b->results[i].status == DEPLOYMENT_DONE)
			deploying_fail(b, b->batch[i].certificate_id, &e);
}

static int
prove_all(struct working *w, struct err *e)
{
	struct proving p = {.w = w};
	const struct deployer_proof proof = {
	    .next = prove_next, .told = prove_told, .arg = &p};
	struct err why = {0};

	if (!w->d->prove || !w->conf->prove)
		return 0;
	p.told = xcalloc(w->batch.len + 1, sizeof(*p.told));
	w->d->prove(w->d->arg, w->conf, &proof, &why);
	fail_untold(&p, &why);
	free(p.told);
	if (!err_is_set(&p.lost))
		return 0;
	*e = p.lost;
	return -1;
}

static void
note_failures(struct working *w)
{
	for (size_t i = 0; i < w->batch.len; i++) {
		struct deployment_result *r = &w->batch.results[i];

		if (r->status == DEPLOYMENT_DONE)
			continue;
		r->retry_at = retry_at(r->d);
		if (!err_is_set(&w->first))
			err_set(&w->first,
			    r->status == DEPLOYMENT_PENDING ? KIND_BUSY
							    : KIND_DENIED,
			    "%s", r->error);
	}
}

static int
run_batch(struct working *w, struct err *e)
{
	struct deploying *b = &w->batch;
	struct err why = {0};
	int rc;

	b->results = xcalloc(b->len + 1, sizeof(*b->results));
	for (size_t i = 0; i < b->len; i++)
		b->results[i] = (struct deployment_result){
		    .d = &b->batch[i], .status = DEPLOYMENT_DONE};
	if (w->d->broken)
		rc =
		    err_set(&why, w->d->broken->kind, "%s", w->d->broken->text);
	else
		rc = w->conf->kind->run(b, &why);
	if (rc < 0) {
		deploying_fail(b, 0, &why);
		if (!err_is_set(&w->first))
			err_set(&w->first,
			    is_temporary(&why) ? KIND_BUSY : KIND_DENIED, "%s",
			    why.text);
	} else if (prove_all(w, e) < 0) {
		rc = -2;
	}
	note_failures(w);
	if (rc != -2 &&
	    deployment_store(w->d->st, &w->hold, b->results, b->len, e) < 0)
		rc = -2;
	for (size_t i = 0; i < b->len; i++)
		free((char *)(uintptr_t)b->results[i].error);
	free(b->results);
	return rc;
}

/* ---- a target ------------------------------------------------------------ */

/* 1: there was something, 0: there is nothing left, -1. */
static int
work(struct working *w, int64_t id, struct err *e)
{
	struct deployment *batch = NULL;
	size_t most = w->conf->kind->batch;
	int64_t complete = 0;
	int rc = deploy_target_take(
	    w->d->st, id, hold_until(&w->batch), &w->hold, &complete, e);

	w->is_elsewhere = rc == 0;
	if (rc <= 0)
		return rc;
	w->batch.complete = complete != 0;
	w->batch.kept_at = clock_now();
	rc = deployment_ready(
	    w->d->st, id, w->conf->kind->reads, most, &batch, &w->batch.len, e);
	if (rc == 0 && (w->batch.len > 0 || complete != 0)) {
		w->batch.batch = batch;
		rc = run_batch(w, e);
		if (rc == -1)
			complete = 0; /* not yet */
		rc = rc == -2 ? -1 : 1;
	}
	free(batch);
	/* A lost hold is not ours to give back, and that does not hurt. */
	if (deploy_target_give_back(
		w->d->st, &w->hold, rc == 1 ? complete : 0, e) < 0)
		return -1;
	return rc == 1 && w->batch.len < most ? 0 : rc;
}

int
deployer_run(const struct deployer *d, const char *name, struct err *e)
{
	struct working w = {.d = d, .conf = deploy_conf_by_name(d->all, name)};
	struct deploy_target target;
	int rc;

	if (!w.conf)
		return err_set(
		    e, KIND_NOTFOUND, "%s: no such deploy target", name);
	if (deploy_target_by_name(d->st, name, &target, e) < 0)
		return -1;
	w.batch = (struct deploying){.st = d->st,
	    .hold = &w.hold,
	    .conf = w.conf,
	    .all = d->all,
	    .seal = d->seal,
	    .kv = d->kv,
	    .expirer = d->expirer,
	    .target_id = target.id};
	do
		rc = work(&w, target.id, e);
	while (rc > 0 && clock_now() < d->take_until && !sig_term());
	deploy_target_release(&target);
	if (rc < 0)
		return -1;
	if (!err_is_set(&w.first))
		return w.is_elsewhere;
	*e = w.first;
	return -1;
}
