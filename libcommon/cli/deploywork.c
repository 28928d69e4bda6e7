#include "cli/deploywork.h"

#include <poll.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/gateway.h"
#include "cli/nginxpool.h"
#include "cli/prog.h"
#include "cli/prover.h"
#include "cli/rights.h"
#include "cli/secret.h"
#include "deploy/redis_format.h"
#include "jobs/deployer.h"
#include "store/clock_step.h"
#include "store/deploy_target.h"
#include "store/sealing_key.h"
#include "sys/child.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "wrap/kv.h"
#include "wrap/seal.h"

#define REDIS_CONNECT 5 /* seconds */
/* The exit code of a target that another process has. */
#define ELSEWHERE 2
#define ELSEWHERE_MS 15000 /* so long it is waited for */
#define ELSEWHERE_LOOK_MS 200

int
deploywork_is_immediate(const struct prog *p, struct err *e)
{
	const char *path = p->conf.client.targets_file;
	struct deploy_confs all;
	bool any = false;

	if (!deploy_file_is_ours(path))
		return 0;
	if (deploy_file_load(path, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.len; i++)
		any |= all.v[i].immediately;
	deploy_confs_release(&all);
	return any;
}

/* ---- one target, in its own process -------------------------------------- */

struct target_work {
	const struct deploywork *w;
	const struct deploy_confs *all;
	const char *name;
};

/* What it has besides. */
struct target_secrets {
	struct seal_key room;
	struct prover prover;
	struct nginxpool pool;
};

/* By their numbers: afterwards no file says who has which name. */
static int
find_owner(struct deploy_conf *c, struct err *e)
{
	struct file_owner owner;

	if (file_owner_find(c->owner, c->group, &owner, e) < 0)
		return -1;
	if (c->owner) {
		free(c->owner);
		c->owner = xasprintf("%lu", (unsigned long)owner.uid);
	}
	if (c->group) {
		free(c->group);
		c->group = xasprintf("%lu", (unsigned long)owner.gid);
	}
	return 0;
}

/* What only a process with rights can have: a directory, or a connection. */
static int
open_place(struct prog *p, struct deploy_conf *c, struct kv **kv, struct err *e)
{
	char *root;

	if (c->kind->to_redis) {
		struct conf_redis r = c->redis;

		r.connect_timeout = REDIS_CONNECT;
		r.timeout = c->timeout;
		sig_ignore_pipe();
		*kv = gateway_open(
		    &r, redis_format_by_name(r.prime_style)->database, e);
		return *kv ? 0 : -1;
	}
	if (find_owner(c, e) < 0)
		return -1;
	root = file_root(c->directory, 0755, e);
	if (!root)
		return -1;
	free(c->directory);
	p->output = c->directory = root;
	return 0;
}

static struct store *
open_confined(const struct prog *p, struct deploy_conf *c, struct deployer *d,
    struct seal_key *room, struct err *e)
{
	struct prog confined = *p;
	struct store *st;

	if (proc_harden(true, e) < 0 ||
	    secret_seal_key("certificate_key_file",
		p->conf.store.certificate_key_file, room, &d->seal, e) < 0 ||
	    open_place(&confined, c, &d->kv, e) < 0)
		return NULL;
	st = rights_open_store(&confined, STORE_WRITE,
	    c->kind->to_redis ? SANDBOX_STORE_USER : SANDBOX_EXPORT_TREE, e);
	if (st &&
	    sealing_key_check(st, "certificate_key_file", d->seal, e) < 0) {
		store_close(st);
		st = NULL;
	}
	return st;
}

static int
prove(void *arg, const struct deploy_conf *c,
    const struct deployer_proof *proof, struct err *e)
{
	return prover_check_deployed(arg, c->prove, proof, e);
}

/* With the processes that have the network, which come first. */
static struct store *
open_target(struct target_work *t, struct deploy_conf *c, struct deployer *d,
    struct target_secrets *s, struct err *e)
{
	struct prog *p = t->w->prog;

	if (c->prove) {
		if (prover_start(&s->prover, p, c->prove, e) < 0)
			return NULL;
		d->prove = prove;
		d->arg = &s->prover;
	}
	if (c->kind->reads_keys)
		return open_confined(p, c, d, &s->room, e);
	if (!c->kind->to_nginx)
		return store_open(p->conf.store.url, STORE_WRITE, e);
	if (nginxpool_start(&s->pool, p, &c->nginx, e) < 0 ||
	    proc_harden(true, e) < 0)
		return NULL;
	d->expirer = &s->pool.expirer;
	return rights_open_store(p, STORE_WRITE, SANDBOX_STORE_USER, e);
}

/* What the store could not be told of is told of here. */
static int
finish(const struct target_work *t, const struct deployer *d)
{
	struct err e = {0};
	int rc = deployer_run(d, t->name, &e);

	if (rc >= 0)
		return rc == 0 ? 0 : ELSEWHERE;
	err_object(&e, "[%s]%s", t->name, t->w->tells ? ": not deployed" : "");
	log_event(LOG_LEVEL_DEBUG, "deploy", "target", t->name, "error", e.text,
	    (char *)NULL);
	if (t->w->tells || (e.kind != KIND_DENIED && e.kind != KIND_BUSY))
		prog_fail(t->w->prog, &e);
	return err_exit(&e);
}

/* It could not begin: what was to be done has failed, and is tried again. */
static int
give_up(const struct target_work *t, struct deployer *d, struct err *why)
{
	const struct prog *p = t->w->prog;
	struct err e = {0};

	d->broken = why;
	d->st = store_open(p->conf.store.url, STORE_WRITE, &e);
	return d->st ? finish(t, d) : prog_fail(p, &e);
}

static int
run_target(void *arg)
{
	struct target_work *t = arg;
	struct deploy_conf *c =
	    (struct deploy_conf *)(uintptr_t)deploy_conf_by_name(
		t->all, t->name);
	struct deployer d = {.all = t->all, .take_until = t->w->take_until};
	struct target_secrets s = {0};
	struct err e = {0};
	int code;

	s.prover.st = d.st = open_target(t, c, &d, &s, &e);
	code = d.st ? finish(t, &d) : give_up(t, &d, &e);
	prover_stop(&s.prover);
	nginxpool_stop(&s.pool);
	store_close(d.st);
	kv_close(d.kv);
	explicit_bzero(&s.room, sizeof(s.room));
	return code;
}

/* ---- all ----------------------------------------------------------------- */

struct naming {
	const struct deploywork *w;
	const struct deploy_confs *all;
	struct strv *names;
};

static int
add_name(void *arg, const char *name, struct err *e)
{
	struct naming *n = arg;
	const struct deploy_conf *c = deploy_conf_by_name(n->all, name);

	(void)e;
	if (!n->w->immediately || (c && c->immediately))
		strv_add(n->names, name);
	return 0;
}

static int
mark_again(struct store *st, const char *name, struct err *e)
{
	struct deploy_target t;
	int rc = deploy_target_by_name(st, name, &t, e);

	if (rc == 0)
		rc = deploy_target_again(st, t.id, e);
	deploy_target_release(&t);
	return rc;
}

static int
mark_all_again(const struct deploywork *w, const struct deploy_confs *all,
    struct store *st, struct err *e)
{
	for (size_t i = 0; i < all->len; i++)
		if ((!w->only || strcmp(w->only, all->v[i].name) == 0) &&
		    mark_again(st, all->v[i].name, e) < 0)
			return -1;
	return 0;
}

/* The names of those that have something to do. */
static int
prepare(const struct deploywork *w, const struct deploy_confs *all,
    struct strv *names, struct err *e)
{
	struct store *st = store_open(w->prog->conf.store.url, STORE_WRITE, e);
	int rc = st ? deployer_prepare(st, all, e) : -1;
	struct naming naming = {w, all, names};
	size_t resting = 0;

	if (rc == 0)
		rc = clock_step_forget(st, e);
	if (rc == 0 && w->again)
		rc = mark_all_again(w, all, st, e);
	if (rc == 0)
		rc = deployer_each_ready(
		    st, w->only, add_name, &naming, &resting, e);
	store_close(st);
	/* What they wait for is a person. */
	if (resting > 0 && !w->immediately)
		w->prog->exit_code = prog_worse(w->prog->exit_code, 1);
	return rc;
}

/* It may have looked before there was what we have brought. */
static int
wait_and_run(const struct target_work *t, int *code, struct err *e)
{
	int64_t until = clock_mono() + ELSEWHERE_MS;
	struct err why = {0};

	while (*code == ELSEWHERE && clock_mono() < until && !sig_term()) {
		poll(NULL, 0, ELSEWHERE_LOOK_MS);
		if (child_run(run_target, (void *)(uintptr_t)t, code, e) < 0)
			return -1;
	}
	if (*code == ELSEWHERE && t->w->tells) {
		err_set(&why, KIND_BUSY,
		    "[%s]: not deployed: another process is at it", t->name);
		prog_fail(t->w->prog, &why);
	}
	return 0;
}

static int
run_targets(const struct deploywork *w, const struct deploy_confs *all,
    const struct strv *names, struct err *e)
{
	for (size_t i = 0; i < names->len; i++) {
		struct target_work t = {w, all, names->v[i]};
		int code;

		if (sig_term() || clock_now() >= w->take_until)
			break;
		if (child_run(run_target, &t, &code, e) < 0 ||
		    (w->immediately && wait_and_run(&t, &code, e) < 0))
			return -1;
		if (code == ELSEWHERE)
			continue;
		w->prog->exit_code = prog_worse(w->prog->exit_code, code);
	}
	return 0;
}

int
deploywork_run(const struct deploywork *w, struct err *e)
{
	struct deploy_confs all;
	struct strv names = {0};
	int rc = deploy_file_load(w->prog->conf.client.targets_file, &all, e);

	if (rc < 0)
		return -1;
	sig_catch_term();
	rc = prepare(w, &all, &names, e);
	if (rc == 0)
		rc = run_targets(w, &all, &names, e);
	strv_release(&names);
	deploy_confs_release(&all);
	return rc;
}
