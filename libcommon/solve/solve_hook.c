#include "solve/solve_part.h"

#include "sys/run.h"

/*
 * Challenges by a program of the operator, run for each as
 *	PROGRAM present|cleanup NAME FQDN VALUE
 * where for dns-01 FQDN is the name of the TXT record and VALUE its text; for
 * http-01 FQDN is the token and VALUE the key authorization.
 */
struct program {
	char *path;
	int64_t timeout_ms;
};

static int
program_init(struct program *p, const struct solve_making *m, struct err *e)
{
	p->path = xstrdup(m->argument);
	p->timeout_ms = solve_timeout(m->options);
	return solve_check_program(p->path, e);
}

static int
program_run(
    const struct program *p, const struct solve_record *s, struct err *e)
{
	const char *argv[] = {
	    p->path, s->verb, s->name, s->fqdn, s->value, NULL};
	const struct run r = {.argv = argv,
	    .timeout_ms = solve_patience(p->timeout_ms, s->until),
	    .grace_ms = SOLVE_GRACE_MS,
	    .dies_too = true};

	return run_wait(&r, e);
}

/* ---- dns-01 -------------------------------------------------------------- */

struct dns_hook {
	struct solve_dns dns;
	struct program program;
};

static int
change(void *self, const struct solve_record *r, struct err *e)
{
	const struct dns_hook *h = self;

	return program_run(&h->program, r, e);
}

static void
free_dns_hook(void *self)
{
	struct dns_hook *h = self;

	solve_dns_release(&h->dns);
	free(h->program.path);
	free(h);
}

int
solve_hook_make(const struct solve_making *m, struct solver *out, struct err *e)
{
	struct dns_hook *h = xcalloc(1, sizeof(*h));

	if (program_init(&h->program, m, e) == 0)
		return solve_dns_make(
		    &h->dns, change, free_dns_hook, m->options, out, e);
	free_dns_hook(h);
	return -1;
}

/* ---- http-01 ------------------------------------------------------------- */

struct http_hook {
	struct solve_look look;
	struct program program;
};

static int
run(const struct http_hook *h, const char *verb, const struct solver_task *t,
    struct err *e)
{
	const struct solve_record r = {.verb = verb,
	    .name = t->value,
	    .fqdn = t->token,
	    .value = t->key_authorization,
	    .until = t->until};

	if (solve_check_task(t, e) < 0)
		return -1;
	return program_run(&h->program, &r, e);
}

static int
present(void *self, const struct solver_task *t, struct err *e)
{
	return run(self, "present", t, e);
}

static int
cleanup(void *self, const struct solver_task *t, struct err *e)
{
	return run(self, "cleanup", t, e);
}

static void
free_http_hook(void *self)
{
	struct http_hook *h = self;

	free(h->program.path);
	free(h);
}

int
solve_hook_http_make(
    const struct solve_making *m, struct solver *out, struct err *e)
{
	struct http_hook *h = xcalloc(1, sizeof(*h));

	h->look.options = m->options;
	*out = (struct solver){.present = present,
	    .check = solve_look,
	    .cleanup = cleanup,
	    .free = free_http_hook,
	    .self = h};
	return program_init(&h->program, m, e);
}
