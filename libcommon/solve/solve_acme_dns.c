#include "solve/solve_part.h"

#include "acme/keyauth.h"
#include "solve/acme_dns.h"
#include "store/acme_dns_account.h"

/*
 * dns-01 by an acme-dns server: an account for each name, whose CNAME a person
 * makes once; then the server is told the text.  It keeps the last two texts,
 * so there is nothing to clean up.
 */
struct self {
	struct solve_dns dns;
	struct store *store;
	const struct solver_options *options;
	char *url;
	struct acme_dns *server;
};

/* The account of a name; with `make`, a new one if it has none. */
static int
find_account(const struct self *s, const char *name, bool make,
    struct acme_dns_account *a, struct err *e)
{
	if (acme_dns_account_find(
		s->store, s->url, name, s->options->account_key, a, e) == 0)
		return 0;
	acme_dns_account_release(a);
	if (!make || err_forgive(e, KIND_NOTFOUND) < 0 ||
	    acme_dns_register(s->server, a, e) < 0)
		return -1;
	return acme_dns_account_add(
	    s->store, s->url, name, a, s->options->account_key, e);
}

static int
present(void *self, const struct solver_task *t, struct err *e)
{
	struct acme_dns_account a = {0};
	char digest[KEYAUTH_DIGEST_SIZE];
	struct self *s = self;
	int rc;

	if (solve_check_task(t, e) < 0)
		return -1;
	keyauth_digest(digest, t->key_authorization);
	rc = find_account(s, t->value, true, &a, e);
	if (rc == 0)
		rc = acme_dns_check_cname(s->dns.lookup, t->value, &a, e);
	if (rc == 0)
		rc = acme_dns_update(s->server, &a, digest, e);
	acme_dns_account_release(&a);
	return rc;
}

static int
check_account(struct self *s, const struct solver_task *t, struct err *e)
{
	struct acme_dns_account a = {0};
	int rc = solve_check_task(t, e);

	if (rc == 0)
		rc = find_account(s, t->value, false, &a, e);
	if (rc == 0)
		rc = acme_dns_check_cname(s->dns.lookup, t->value, &a, e);
	acme_dns_account_release(&a);
	return rc;
}

static void
begin(void *self, enum solver_verb verb, const struct solver_task *t,
    solver_done *fn, void *arg)
{
	struct err why = {0};

	if (check_account(self, t, &why) < 0)
		fn(arg, &why);
	else
		solve_dns_begin(self, verb, t, fn, arg);
}

static int
cleanup(void *self, const struct solver_task *t, struct err *e)
{
	(void)self;
	return solve_check_task(t, e);
}

static void
free_self(void *self)
{
	struct self *s = self;

	acme_dns_free(s->server);
	solve_dns_release(&s->dns);
	free(s->url);
	free(s);
}

int
solve_acme_dns_make(
    const struct solve_making *m, struct solver *out, struct err *e)
{
	const struct acme_dns_options o = {.url = m->argument,
	    .proxy = m->options->proxy,
	    .trust = m->options->acme_dns_trust,
	    .user = m->options->user,
	    .sandbox = m->options->sandbox};
	struct self *s;

	if (!m->store)
		return solve_misuse(e, "needs a store");
	s = xcalloc(1, sizeof(*s));
	s->url = acme_dns_spell(m->argument);
	s->store = m->store;
	s->options = m->options;
	s->server = acme_dns_new(&o, e);
	if (!s->server) {
		free_self(s);
		return -1;
	}
	if (solve_dns_make(&s->dns, free_self, m->options, out, e) < 0)
		return -1;
	out->present = present;
	out->cleanup = cleanup;
	out->begin = begin;
	return 0;
}
