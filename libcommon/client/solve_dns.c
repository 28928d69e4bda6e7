#include "acme/keyauth.h"
#include "client/lookup.h"
#include "client/solve_part.h"

/* What all solvers of dns-01 share: names of records, and a look at them. */

int
solve_dns_init(
    struct solve_dns *d, const struct solver_options *o, struct err *e)
{
	d->lookup = lookup_new(o->resolvers, o->dns_port, e);
	return d->lookup ? 0 : -1;
}

void
solve_dns_release(struct solve_dns *d)
{
	lookup_free(d->lookup);
	d->lookup = NULL;
}

char *
solve_dns_record(const struct solver_task *t, struct err *e)
{
	if (solve_check_task(t, e) < 0)
		return NULL;
	return xasprintf("%s%s", KEYAUTH_RECORD_PREFIX, t->value);
}

char *
solve_dns_name(struct solve_dns *d, const struct solver_task *t, struct err *e)
{
	char *record = solve_dns_record(t, e), *canonical;

	if (!record)
		return NULL;
	canonical = lookup_canonical(d->lookup, record, e);
	free(record);
	return canonical;
}

int
solve_dns_check(struct solve_dns *d, const struct solver_task *t, struct err *e)
{
	char digest[KEYAUTH_DIGEST_SIZE];
	char *name = solve_dns_name(d, t, e);
	int rc;

	if (!name)
		return -1;
	keyauth_digest(digest, t->key_authorization);
	rc = lookup_has_txt(d->lookup, name, digest, e);
	free(name);
	return rc;
}
