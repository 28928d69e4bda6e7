#include "acme/keyauth.h"
#include "solve/lookup.h"
#include "solve/solve_part.h"

/* What all solvers of dns-01 share: names of records, and a look at them. */

/* Where CNAMEs of the record lead; the caller frees. */
static char *
find_name(struct solve_dns *d, const struct solver_task *t, struct err *e)
{
	char *record, *canonical;

	if (solve_check_task(t, e) < 0)
		return NULL;
	record = xasprintf("%s%s", KEYAUTH_RECORD_PREFIX, t->value);
	canonical = lookup_canonical(d->lookup, record, e);
	free(record);
	return canonical;
}

/* Others choose where a CNAME leads, and it stands in lines and arguments. */
static bool
is_plain(const char *name)
{
	return name[strspn(name,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		   "0123456789.-_")] == '\0';
}

static int
change(struct solve_dns *d, bool is_wanted, const struct solver_task *t,
    struct err *e)
{
	char digest[KEYAUTH_DIGEST_SIZE];
	char *fqdn = find_name(d, t, e);
	const struct solve_record r = {.is_wanted = is_wanted,
	    .verb = is_wanted ? "present" : "cleanup",
	    .name = t->value,
	    .fqdn = fqdn,
	    .value = digest,
	    .until = t->until};
	int rc = -1;

	if (!fqdn)
		return -1;
	keyauth_digest(digest, t->key_authorization);
	if (is_plain(fqdn))
		rc = d->change(d, &r, e);
	else
		err_set(e, KIND_DENIED,
		    "%s: the CNAME of its record leads to an odd name",
		    t->value);
	free(fqdn);
	return rc;
}

static int
present(void *self, const struct solver_task *t, struct err *e)
{
	return change(self, true, t, e);
}

static int
cleanup(void *self, const struct solver_task *t, struct err *e)
{
	return change(self, false, t, e);
}

int
solve_dns_check(void *self, const struct solver_task *t, struct err *e)
{
	struct solve_dns *d = self;
	char digest[KEYAUTH_DIGEST_SIZE];
	char *name = find_name(d, t, e);
	int rc;

	if (!name)
		return -1;
	keyauth_digest(digest, t->key_authorization);
	rc = lookup_has_txt(d->lookup, name, digest, e);
	free(name);
	return rc;
}

int
solve_dns_make(struct solve_dns *self,
    int (*change_record)(
	void *self, const struct solve_record *r, struct err *e),
    void (*free_self)(void *self), const struct solver_options *o,
    struct solver *out, struct err *e)
{
	const struct lookup_options how = {.resolvers = o->resolvers,
	    .port = o->dns_port,
	    .user = o->user,
	    .sandbox = o->sandbox};

	self->change = change_record;
	*out = (struct solver){.present = present,
	    .check = solve_dns_check,
	    .cleanup = cleanup,
	    .free = free_self,
	    .self = self};
	self->lookup = lookup_new(&how, e);
	return self->lookup ? 0 : -1;
}

void
solve_dns_release(struct solve_dns *d)
{
	lookup_free(d->lookup);
	d->lookup = NULL;
}
