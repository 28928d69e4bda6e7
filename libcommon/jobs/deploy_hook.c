#include "jobs/deploy_kind.h"

#include <unistd.h>

#include "base/hex.h"
#include "store/certificate.h"
#include "store/deploy_target.h"
#include "store/serving.h"
#include "sys/clock.h"
#include "sys/run.h"
#include "wrap/js.h"

/*
 * A program, run once for a batch: an object for each certificate on its
 * standard input, a line each.
 */
#define INPUT_MAX ((size_t)512 * 1024 * 1024)
#define GRACE_MS 10000 /* between SIGTERM and SIGKILL */

static bool
is_variable(const char *text)
{
	size_t len = strcspn(text, "=");

	return text[len] == '=' && len > 0 && !(*text >= '0' && *text <= '9') &&
	    strspn(text,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789_") == len;
}

int
deploy_hook_check(const struct deploy_conf *c, struct err *e)
{
	if (!c->program)
		return err_set(e, KIND_CONF, "a hook needs a program");
	for (size_t i = 0; i < c->environment.len; i++)
		if (!is_variable(c->environment.v[i]))
			return err_set(
			    e, KIND_CONF, "environment: must be NAME=value");
	return 0;
}

/* ---- what it is told ----------------------------------------------------- */

struct telling {
	struct deploying *d;
	const struct deploy_conf **trees; /* that have the certificate */
	size_t trees_len;
	struct js *names, *paths;
};

static int
add_name(void *arg, const struct serving *s, struct err *e)
{
	struct telling *t = arg;

	(void)e;
	js_add_text(t->names, s->name);
	for (size_t i = 0; i < t->trees_len; i++) {
		char *path = layout_place(
		    t->trees[i]->layout, t->trees[i]->directory, s->name);

		if (path)
			js_add_text(t->paths, path);
		free(path);
	}
	return 0;
}

/* Only what is there: a tree that does not have it yet is not named. */
static int
find_trees(struct telling *t, int64_t certificate_id, struct err *e)
{
	const struct deploy_confs *all = t->d->all;

	t->trees_len = 0;
	for (size_t i = 0; i < all->len; i++) {
		struct deploy_target target;
		struct err none = {0};
		int rc;

		if (!all->v[i].layout)
			continue;
		if (deploy_target_by_name(
			t->d->st, all->v[i].name, &target, &none) < 0)
			continue;
		rc = deployment_is_done(t->d->st, target.id, certificate_id, e);
		deploy_target_release(&target);
		if (rc < 0)
			return -1;
		if (rc > 0)
			t->trees[t->trees_len++] = &all->v[i];
	}
	return 0;
}

static int
add_object(struct telling *t, const struct deployment *d,
    const struct certificate *c, struct buf *out, struct err *e)
{
	struct js *o = js_object();
	char hex[2 * sizeof(c->sha256) + 1];
	int rc;

	hex_encode(hex, c->sha256, sizeof(c->sha256));
	t->names = js_array();
	t->paths = js_array();
	rc = find_trees(t, c->id, e);
	if (rc == 0)
		rc = serving_each_of(
		    t->d->st, &c->id, 1, clock_now(), add_name, t, e);
	js_put_int(o, "id", c->id);
	js_put(o, "names", t->names);
	js_put_text(o, "fingerprint", hex);
	js_put_time(o, "not_after", c->not_after);
	if (d->previous_id != 0)
		js_put_int(o, "previous", d->previous_id);
	else
		js_put(o, "previous", js_null());
	js_put(o, "paths", t->paths);
	if (rc == 0 && (js_write(o, out) < 0 || buf_addc(out, '\n') < 0))
		rc = err_set(e, KIND_SYS, "a batch of a hook is too long");
	js_free(o);
	return rc;
}

static int
make_input(struct deploying *d, struct buf *out, struct err *e)
{
	struct telling t = {.d = d,
	    .trees = xcalloc(d->all->len + 1, sizeof(struct deploy_conf *))};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < d->len; i++) {
		struct certificate c;

		rc =
		    certificate_by_id(d->st, d->batch[i].certificate_id, &c, e);
		if (rc == 0)
			rc = add_object(&t, &d->batch[i], &c, out, e);
		certificate_release(&c);
	}
	free(t.trees);
	return rc;
}

/* ---- running it ---------------------------------------------------------- */

static int
run(struct deploying *d, const char *input, struct err *e)
{
	const struct deploy_conf *c = d->conf;
	struct strv environment = {0};
	struct run r = {.input = input,
	    .timeout_ms = c->timeout * 1000,
	    .grace_ms = GRACE_MS,
	    .first_line = true};
	const char **argv = xcalloc(c->arguments.len + 2, sizeof(*argv));
	const char **variables;
	char *target = xasprintf("ACMED_TARGET=%s", c->name);
	int rc;

	strv_add(&environment, target);
	for (size_t i = 0; i < c->environment.len; i++)
		strv_add(&environment, c->environment.v[i]);
	variables = xcalloc(environment.len + 1, sizeof(*variables));
	for (size_t i = 0; i < environment.len; i++)
		variables[i] = environment.v[i];
	argv[0] = c->program;
	for (size_t i = 0; i < c->arguments.len; i++)
		argv[i + 1] = c->arguments.v[i];
	r.argv = argv;
	r.environment = variables;
	rc = run_wait(&r, e);
	strv_release(&environment);
	free(variables);
	free(argv);
	free(target);
	return rc;
}

int
deploy_hook_run(struct deploying *d, struct err *e)
{
	struct buf input;
	int rc;

	if (d->len == 0)
		return 0;
	buf_init(&input, INPUT_MAX);
	rc = make_input(d, &input, e);
	if (rc == 0)
		rc = run(d, input.data, e);
	buf_release(&input);
	return rc;
}
