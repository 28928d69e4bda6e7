#ifndef JOBS_WHY_PART_H
#define JOBS_WHY_PART_H

#include "jobs/why.h"
#include "store/certificate_list.h"
#include "store/domain_queue.h"

/* For the two files of why: who has the name, and what is told of it. */
struct why_candidate {
	struct certificate_item item; /* without the issuer */
	bool has_name; /* itself, and not only by a wildcard */
	size_t names;
};

struct why {
	struct store *st;
	const char *name, *ca;
	int64_t now;
	int (*fn)(void *arg, const struct why_line *l, struct err *e);
	void *arg;
	struct why_candidate *v;
	size_t len;
};

/* What keeps a name that waits in domain-queue is in its item, as to be said.
 */
int why_complete(const struct why *w, struct domain_item *i, struct err *e);

/* One line; its time may be 0. */
int why_tell(const struct why *w, enum why_what what, int64_t at,
    const struct why_candidate *c, const char *rule, struct err *e);

/* Who sees to it that there is another in time, and when: one line. */
int why_tell_renewal(
    const struct why *w, const struct why_candidate *c, struct err *e);

#endif
