#include "jobs/deploy_kind.h"

#include "deploy/exporttree.h"
#include "sys/clock.h"

/* A tree of files, as cert-export --tree writes it. */

int
deploy_tree_check(const struct deploy_conf *c, struct err *e)
{
	struct err why = {0};

	if (!c->layout || !c->directory)
		return err_set(
		    e, KIND_CONF, "a tree needs layout and directory");
	if (c->remove && c->renewals.len > 0)
		return err_set(
		    e, KIND_CONF, "delete: only where all certificates are");
	return chainpick_check(&c->pick, &why) < 0
	    ? err_set(e, KIND_CONF, "chain: %s", why.text)
	    : 0;
}

static void
changed(void *arg, const char *name, enum exporttree_change change,
    int64_t certificate_id)
{
	(void)arg;
	(void)name;
	(void)change;
	(void)certificate_id;
}

static void
tell(void *arg)
{
	(void)arg; /* the store says it, when it is done */
}

static void
failed(void *arg, int64_t certificate_id, const struct err *why)
{
	struct deploying *d = arg;

	/* A name that could not be removed spoils nothing that is there. */
	if (certificate_id != 0)
		deploying_fail(d, certificate_id, why);
}

static int
goes_on(void *arg, struct err *e)
{
	return deploying_keep(arg, e);
}

int
deploy_tree_run(struct deploying *d, struct err *e)
{
	const struct deploy_conf *c = d->conf;
	struct exporttree t = {.st = d->st,
	    .root = c->directory,
	    .layout = c->layout,
	    .pick = c->pick,
	    .seal = d->seal,
	    .mode = c->mode,
	    .now = clock_now(),
	    .remove = c->remove,
	    .changed = changed,
	    .tell = tell,
	    .failed = failed,
	    .goes_on = goes_on,
	    .arg = d};
	int64_t *ids = NULL;
	int rc = file_owner_find(c->owner, c->group, &t.owner, e);

	if (rc == 0)
		rc = deploying_certificates(d, &ids, &t.certificate_ids_len, e);
	t.certificate_ids = ids;
	if (rc == 0 && ids && t.certificate_ids_len == 0) {
		free(ids);
		return 0;
	}
	if (rc == 0)
		rc = exporttree_run(&t, e);
	free(ids);
	return rc;
}
