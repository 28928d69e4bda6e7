#ifndef JOBS_PROBE_H
#define JOBS_PROBE_H

#include "order/solvers.h"

/*
 * Whether names lead to what answers challenges, before anything is ordered for
 * them, as orders are what CAs count: a challenge of our own is met in the way
 * that the policy has for the name, looked at, and taken away.
 */
struct precheck;

struct prober {
	struct solvers *solvers;
	struct precheck *precheck; /* NULL: nothing is looked at */
	const char *thumbprint; /* of the account's key */
};

struct probe {
	const char *name;
	const char
	    *domain; /* that it is for: nobody else probes for that now */
	const struct orderpolicy *policy; /* or NULL: as for all */
	struct err why; /* what is wrong, as struct solver's check has it */
};

/* Whether all of these names can be looked at. */
bool probe_can(const struct prober *p, const struct orderpolicy *policy,
    const struct strv *names);

/*
 * Looks at all at once.  `why` stays not set for those that are good, or are
 * proved by DNS, or in no way that could be looked at.  -1: nothing is known.
 */
int probe_all(const struct prober *p, const struct orderpolicy *policy,
    struct probe *v, size_t len, struct err *e);

#endif
