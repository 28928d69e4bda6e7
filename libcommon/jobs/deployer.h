#ifndef JOBS_DEPLOYER_H
#define JOBS_DEPLOYER_H

#include "jobs/deploy_kind.h"

/*
 * Brings the targets of the file to what serves: several processes may do so at
 * once, and each may be killed.  What was begun is begun again by the next one.
 */
struct store;

/*
 * Makes the store's targets those of the file, and settles what serves.  One
 * with a renewal that is not there rests, and the others have their turn.
 */
int deployer_prepare(
    struct store *st, const struct deploy_confs *all, struct err *e);

/*
 * Calls `fn` for each target that has something to do now, first what comes
 * first, until it returns -1; its name lives during the call only.  With
 * `name` only for that one: KIND_NOTFOUND.  `*resting`: of these so many rest.
 */
int deployer_each_ready(struct store *st, const char *name,
    int (*fn)(void *arg, const char *name, struct err *e), void *arg,
    size_t *resting, struct err *e);

struct deployer {
	struct store *st;
	const struct deploy_confs *all;
	const struct seal_key *seal; /* NULL: none */
	const struct err *broken; /* why nothing can be done; NULL: it can */
	int64_t take_until; /* no batch is begun after that (clock_now) */
	/*
	 * Looks whether a certificate is served where it was deployed, or NULL;
	 * KIND_DENIED, KIND_BUSY: it is not.
	 */
	int (*prove)(void *arg, const struct deploy_conf *c,
	    int64_t certificate_id, struct err *e);
	void *arg;
};

/*
 * Works one target off, batch by batch, under its lease.  0, also when another
 * process has it.  -1: KIND_DENIED or KIND_BUSY with what has failed, which is
 * stored; else the store.
 */
int deployer_run(const struct deployer *d, const char *name, struct err *e);

#define DEPLOYER_BATCH 1000 /* certificates */

#endif
