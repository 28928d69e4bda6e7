#include "client/solve_part.h"

#include <unistd.h>

#include "acme/keyauth.h"
#include "sys/run.h"

/*
 * Challenges by a program of the operator, run for each as
 *	PROGRAM present|cleanup NAME FQDN VALUE
 * where for dns-01 FQDN is the name of the TXT record and VALUE its text; for
 * http-01 FQDN is the token and VALUE the key authorization.
 */
#define TIMEOUT_MS (120 * 1000)

struct self {
	char *program;
	const struct solver_options *options;
	struct solve_dns dns; /* not for http-01 */
};

static int
run(const struct self *s, const char *verb, const char *name, const char *fqdn,
    const char *value, struct err *e)
{
	const char *argv[] = {s->program, verb, name, fqdn, value, NULL};
	const struct run r = {.argv = argv,
	    .timeout_ms =
		s->options->timeout_ms ? s->options->timeout_ms : TIMEOUT_MS};

	return run_wait(&r, e);
}

static int
run_dns(struct self *s, const char *verb, const struct solver_task *t,
    struct err *e)
{
	char digest[KEYAUTH_DIGEST_SIZE];
	char *fqdn = solve_dns_name(&s->dns, t, e);
	int rc;

	if (!fqdn)
		return -1;
	keyauth_digest(digest, t->key_authorization);
	rc = run(s, verb, t->value, fqdn, digest, e);
	free(fqdn);
	return rc;
}

static int
present_dns(void *self, const struct solver_task *t, struct err *e)
{
	return run_dns(self, "present", t, e);
}

static int
cleanup_dns(void *self, const struct solver_task *t, struct err *e)
{
	return run_dns(self, "cleanup", t, e);
}

static int
check_dns(void *self, const struct solver_task *t, struct err *e)
{
	struct self *s = self;

	return solve_dns_check(&s->dns, t, e);
}

static int
run_http(const struct self *s, const char *verb, const struct solver_task *t,
    struct err *e)
{
	if (solve_check_task(t, e) < 0)
		return -1;
	return run(s, verb, t->value, t->token, t->key_authorization, e);
}

static int
present_http(void *self, const struct solver_task *t, struct err *e)
{
	return run_http(self, "present", t, e);
}

static int
cleanup_http(void *self, const struct solver_task *t, struct err *e)
{
	return run_http(self, "cleanup", t, e);
}

static int
check_http(void *self, const struct solver_task *t, struct err *e)
{
	const struct self *s = self;

	return solve_check_http(s->options, t, e);
}

static void
free_self(void *self)
{
	struct self *s = self;

	solve_dns_release(&s->dns);
	free(s->program);
	free(s);
}

static int
make(const struct solve_making *m, struct solver *out, struct err *e)
{
	struct self *s;

	if (m->argument[0] != '/' || access(m->argument, X_OK) < 0)
		return solve_misuse(e,
		    "%.200s: not the absolute path of a program", m->argument);
	s = xcalloc(1, sizeof(*s));
	s->program = xstrdup(m->argument);
	s->options = m->options;
	out->self = s;
	out->free = free_self;
	return 0;
}

int
solve_hook_make(const struct solve_making *m, struct solver *out, struct err *e)
{
	struct self *s;

	if (make(m, out, e) < 0)
		return -1;
	s = out->self;
	out->type = "dns-01";
	out->present = present_dns;
	out->check = check_dns;
	out->cleanup = cleanup_dns;
	return solve_dns_init(&s->dns, m->options, e);
}

int
solve_hook_http_make(
    const struct solve_making *m, struct solver *out, struct err *e)
{
	if (make(m, out, e) < 0)
		return -1;
	out->type = "http-01";
	out->present = present_http;
	out->check = check_http;
	out->cleanup = cleanup_http;
	return 0;
}
