#include "acme/keyauth.h"
#include "solve/hands.h"
#include "solve/lookup.h"
#include "solve/solve_part.h"

/* What all solvers of dns-01 share: names of records, and a look at them. */

/* Something that is done, while names are looked up and programs run. */
struct doing {
	struct solve_dns *dns;
	enum solver_verb verb;
	char *name; /* of the identifier */
	char digest[KEYAUTH_DIGEST_SIZE];
	int64_t until;
	solver_done *fn;
	void *arg;
};

static void
end(void *arg, const struct err *why)
{
	struct doing *d = arg;

	d->fn(d->arg, why);
	free(d->name);
	free(d);
}

/* Others choose where a CNAME leads, and it stands in lines and arguments. */
static bool
is_plain(const char *name)
{
	return name[strspn(name,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		   "0123456789.-_")] == '\0';
}

static void
on_canonical(void *arg, const char *canonical, const struct err *why)
{
	struct doing *d = arg;
	struct err odd = {0};
	const struct solve_record r = {.is_wanted = d->verb == SOLVER_PRESENT,
	    .verb = d->verb == SOLVER_PRESENT ? "present" : "cleanup",
	    .name = d->name,
	    .fqdn = canonical,
	    .value = d->digest,
	    .until = d->until};

	if (!canonical || d->verb == SOLVER_CHECK) {
		end(d, why);
	} else if (is_plain(canonical)) {
		hands_ask(d->dns->hands, &r, end, d);
	} else {
		err_set(&odd, KIND_DENIED,
		    "%s: the CNAME of its record leads to an odd name",
		    d->name);
		end(d, &odd);
	}
}

void
solve_dns_begin(void *self, enum solver_verb verb, const struct solver_task *t,
    solver_done *fn, void *arg)
{
	struct solve_dns *dns = self;
	struct doing *d;
	struct err why = {0};
	char *record;

	if (solve_check_task(t, &why) < 0) {
		fn(arg, &why);
		return;
	}
	d = xcalloc(1, sizeof(*d));
	*d = (struct doing){.dns = dns,
	    .verb = verb,
	    .name = xstrdup(t->value),
	    .until = t->until,
	    .fn = fn,
	    .arg = arg};
	keyauth_digest(d->digest, t->key_authorization);
	record = xasprintf("%s%s", KEYAUTH_RECORD_PREFIX, t->value);
	if (verb == SOLVER_CHECK)
		lookup_start_txt(
		    dns->lookup, record, d->digest, on_canonical, d);
	else
		lookup_start(dns->lookup, record, on_canonical, d);
	free(record);
}

int
solve_dns_make(struct solve_dns *self, void (*free_self)(void *self),
    const struct solver_options *o, struct solver *out, struct err *e)
{
	const struct lookup_options how = {.resolvers = o->resolvers,
	    .port = o->dns_port,
	    .user = o->user,
	    .sandbox = o->sandbox,
	    .askers = o->askers};

	*out = (struct solver){
	    .begin = solve_dns_begin, .free = free_self, .self = self};
	self->lookup = lookup_new(&how, e);
	return self->lookup ? 0 : -1;
}

void
solve_dns_release(struct solve_dns *d)
{
	lookup_free(d->lookup);
	hands_free(d->hands);
	*d = (struct solve_dns){0};
}
