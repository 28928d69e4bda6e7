#ifndef STORE_DEPLOY_TARGET_H
#define STORE_DEPLOY_TARGET_H

#include "store/queue.h"
#include "store/store.h"

/*
 * Where certificates are deployed to.  What a target is stands in a file of the
 * operator (jobs/deploy_file.h): the store holds what has become of it, and
 * nothing by which a writer of the store could choose a program or a place.
 */
struct deploy_target_new {
	const char *name, *kind;
	int64_t rank; /* what has a lower one comes first */
	const char *settings; /* another text: all is deployed again */
	bool is_for_all; /* or for these sets of names: */
	const int64_t *fqdn_set_ids; /* sorted, each once */
	size_t len;
	const char *resting; /* why what it is for is unknown, or NULL */
};

/*
 * Makes the targets of the store those of the file: one that is new, or is
 * another now, has all that it is for pending, and is to be complete; one that
 * is gone leaves with its deployments.  One that rests keeps what it has, and
 * is for nothing if it is new.  Durable.
 */
int deploy_target_sync(struct store *st, const struct deploy_target_new *v,
    size_t len, struct err *e);

/* One with what has become of it. */
struct deploy_target {
	int64_t id;
	char *name, *kind;
	int64_t rank;
	int64_t pending, failing; /* certificates */
	int64_t done; /* after deploy_target_count */
	int64_t since; /* the oldest that is not done became so; 0: none */
	int64_t failing_since; /* 0: nothing fails */
	int64_t retry_at; /* of the first that is not done */
	int64_t lease_until;
	char *error; /* of one that fails, or NULL */
	char *resting; /* why nothing is done for it, or NULL */
	int64_t resting_since;
	bool is_incomplete; /* what is there is to be completed */
};

/* KIND_NOTFOUND: no such name.  The caller releases. */
int deploy_target_by_name(
    struct store *st, const char *name, struct deploy_target *t, struct err *e);

/* NULL-safe; it is empty then. */
void deploy_target_release(struct deploy_target *t);

/* Calls `fn` for each, first what comes first, until it returns -1. */
int deploy_target_each(struct store *st,
    int (*fn)(void *arg, const struct deploy_target *t, struct err *e),
    void *arg, struct err *e);

/* Sets `done`, which takes as long as there are many. */
int deploy_target_count(
    struct store *st, struct deploy_target *t, struct err *e);

/*
 * Takes one for this process until then: 1; 0: another has it; -1.  Not 0 in
 * `*complete`: what is there is to be complete, not only what is pending.
 */
int deploy_target_take(struct store *st, int64_t id, int64_t until,
    struct queue_hold *hold, int64_t *complete, struct err *e);

/* Prolongs that.  KIND_BUSY: another has taken it. */
int deploy_target_keep(struct store *st, const struct queue_hold *hold,
    int64_t until, struct err *e);

/* Gives it back; it is complete, if it was to be (0: it is not). */
int deploy_target_give_back(struct store *st, const struct queue_hold *hold,
    int64_t complete, struct err *e);

/* All of it is pending again.  Durable. */
int deploy_target_again(struct store *st, int64_t id, struct err *e);

#endif
