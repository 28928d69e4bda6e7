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

/*
 * Certificates of a batch, for what looks whether they are served: `next` gives
 * one, or returns 0 when there is no other, and `told` takes what came of it;
 * `why` is not set when it is served, else KIND_DENIED or KIND_BUSY.
 */
struct deployer_proof {
	int (*next)(void *arg, int64_t *certificate_id, size_t *tag);
	void (*told)(void *arg, size_t tag, const struct err *why);
	void *arg;
};

struct deployer {
	struct store *st;
	const struct deploy_confs *all;
	const struct seal_key *seal; /* NULL: none */
	struct kv *kv; /* of the target; NULL: none */
	const struct expirer *expirer; /* the same */
	const struct err *broken; /* why nothing can be done; NULL: it can */
	int64_t take_until; /* no batch is begun after that (clock_now) */
	/*
	 * Looks whether certificates are served where they were deployed,
	 * several at once, or NULL.  -1: it could not go on.
	 */
	int (*prove)(void *arg, const struct deploy_conf *c,
	    const struct deployer_proof *proof, struct err *e);
	void *arg;
};

/*
 * Works one target off, batch by batch, under its lease.  0; 1: another process
 * has it.  -1: KIND_DENIED or KIND_BUSY with what has failed, which is
 * stored; else the store.
 */
int deployer_run(const struct deployer *d, const char *name, struct err *e);

#endif
