#ifndef CLI_ONBOARDING_H
#define CLI_ONBOARDING_H

#include "cli/orderwork.h"
#include "store/domain_queue_work.h"
#include "store/domain_template.h"

/*
 * Names that wait for their first certificate are worked off
 * (jobs/onboarder.h), by a program that may have more to do: {0}, then
 * onboarding_find, onboarding_prepare between the halves of orderwork_start,
 * onboarding_run, and onboarding_end in any case.
 */
struct onboarding {
	struct domain_template *templates; /* with something that is ready */
	size_t len;
	struct domain_ids called; /* nothing but these, if there are any */
	struct strv names, heard; /* of those; and who was told of */
	size_t told; /* names that a person has been told of */
	bool teller_follows; /* and tells of those that are not new */
};

int onboarding_find(struct onboarding *k, struct store *st, struct err *e);

/*
 * The same with these names of the queue and no others, which are due then,
 * however long they were put off.  One that is not in it, or that a process is
 * at, is told of.
 */
void onboarding_find_named(struct onboarding *k, struct prog *p,
    struct store *st, const struct strv *names);

/* Makes solvers; what cannot be made is told of later. */
void onboarding_prepare(const struct onboarding *k, struct orderwork *w);

struct onboarding_how {
	size_t in_flight;
	size_t per_certificate; /* 0: as templates have it */
	int64_t *left; /* names that may be taken */
	int64_t take_until;
};

/* One account or CA that is away does not stop the others. */
int onboarding_run(struct onboarding *k, struct orderwork *w,
    const struct onboarding_how *how, struct err *e);

/* Says how many more names need a person; NULL-safe, also for {0}. */
void onboarding_end(struct onboarding *k, const struct prog *p);

#endif
