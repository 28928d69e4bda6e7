#ifndef JOBS_PARTING_H
#define JOBS_PARTING_H

#include "base/str.h"
#include "jobs/outcome.h"
#include "store/queue.h"
#include "store/renewal_configuration.h"

/*
 * A certificate that names of store/domain_queue.h share, and whose renewal has
 * failed for some of them: those must not keep the others from being renewed.
 * All are queued again, and share a certificate without them.
 */
struct suffix_list;

struct parting {
	struct store *st;
	const struct suffix_list *suffixes;
	const struct renewal_configuration *configuration;
	const struct queue_hold *hold; /* of the renewal queue */
	int64_t order; /* that has failed, and is over */
	const struct outcome *outcome; /* of it */
};

/*
 * 1, with the names to blame added to `blamed`; 0: they share none, or nobody
 * says who is to blame, or all are, or an operator has made it his own, by a
 * label; -1.
 */
int parting_try(const struct parting *p, struct strv *blamed, struct err *e);

#define PARTING_ATTEMPTS 3 /* that failed, before that */

#endif
