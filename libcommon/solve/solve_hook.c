#include "solve/hands.h"

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
change(void *self, int leash, const struct solve_record *s, struct err *e)
{
	const struct program *p = self;
	const char *argv[] = {
	    p->path, s->verb, s->name, s->fqdn, s->value, NULL};
	const struct run r = {.argv = argv,
	    .timeout_ms = solve_patience(p->timeout_ms, s->until),
	    .grace_ms = SOLVE_GRACE_MS,
	    .dies_too = true,
	    .leash = leash};

	return run_wait(&r, e);
}

/* Starts the process that runs it. */
static int
program_start(struct program *p, const struct solve_making *m,
    struct hands **hands, struct err *e)
{
	const struct hands_options o = {.change = change,
	    .self = p,
	    .timeout_ms = solve_timeout(m->options),
	    .options = m->options};

	p->path = xstrdup(m->argument);
	p->timeout_ms = o.timeout_ms;
	if (solve_check_program(p->path, e) < 0)
		return -1;
	*hands = hands_new(&o, e);
	return *hands ? 0 : -1;
}

/* ---- dns-01 -------------------------------------------------------------- */

struct dns_hook {
	struct solve_dns dns;
	struct program program;
};

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

	if (program_start(&h->program, m, &h->dns.hands, e) == 0)
		return solve_dns_make(
		    &h->dns, free_dns_hook, m->options, out, e);
	free_dns_hook(h);
	return -1;
}

/* ---- http-01 ------------------------------------------------------------- */

struct http_hook {
	struct solve_look look;
	struct program program;
	struct hands *hands;
};

static void
begin(void *self, enum solver_verb verb, const struct solver_task *t,
    solver_done *fn, void *arg)
{
	const struct http_hook *h = self;
	const struct solve_record r = {.is_wanted = verb == SOLVER_PRESENT,
	    .verb = verb == SOLVER_PRESENT ? "present" : "cleanup",
	    .name = t->value,
	    .fqdn = t->token,
	    .value = t->key_authorization,
	    .until = t->until};
	struct err why = {0};

	if (verb == SOLVER_CHECK)
		solve_look(self, verb, t, fn, arg);
	else if (solve_check_task(t, &why) < 0)
		fn(arg, &why);
	else
		hands_ask(h->hands, &r, fn, arg);
}

static void
free_http_hook(void *self)
{
	struct http_hook *h = self;

	hands_free(h->hands);
	free(h->program.path);
	free(h);
}

int
solve_hook_http_make(
    const struct solve_making *m, struct solver *out, struct err *e)
{
	struct http_hook *h = xcalloc(1, sizeof(*h));

	h->look.options = m->options;
	*out =
	    (struct solver){.begin = begin, .free = free_http_hook, .self = h};
	return program_start(&h->program, m, &h->hands, e);
}
