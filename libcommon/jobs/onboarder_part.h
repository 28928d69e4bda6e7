#ifndef JOBS_ONBOARDER_PART_H
#define JOBS_ONBOARDER_PART_H

#include "jobs/onboarder.h"
#include "jobs/outcome.h"

/* What the files of jobs/onboarder.h share. */

/* A group under work. */
struct onboarder_flight {
	struct domain_group group;
	int64_t order; /* 0: none yet */
};

#define ONBOARDER_SOON 60 /* seconds */

/* ---- what becomes of names: stored and told -------------------------------
 */

void onboarder_tell(struct onboarder *o, const struct domain_item *i,
    const struct err *why, bool is_news);

/* The store does not take it: who comes when the lease is over finds out. */
void onboarder_tell_store(struct onboarder *o, const struct domain_group *g,
    int rc, const struct err *e);

/* Item `i` of a group has failed; it stays in the group. */
void onboarder_fail(struct onboarder *o, const struct domain_group *g, size_t i,
    const struct outcome *out);

/*
 * There is no order for it, since it would fail, for this cause or (CAUSE_NONE)
 * as `why` says.
 */
void onboarder_fail_early(struct onboarder *o, const struct domain_group *g,
    size_t i, enum cause cause, const struct err *why);

/* Nothing has failed, but not before `at`: 0, now. */
void onboarder_put_back(struct onboarder *o, const struct domain_group *g,
    int64_t at, enum cause cause, const struct err *why);

/* They are taken again at once, and have not been taken. */
void onboarder_regroup(
    struct onboarder *o, const struct domain_group *g, bool alone);

/* Takes item `i` out of a group; what comes last has its place then. */
void onboarder_drop(struct domain_group *g, size_t i);

/*
 * The order of several has failed, and is over.  One bad name does not sink the
 * others: it stays behind, and they are ordered again.  When nobody says which
 * one it was, each goes alone.
 */
void onboarder_blame(struct onboarder *o, struct onboarder_flight *f,
    const struct outcome *of_order);

/* ---- before there is an order ----------------------------------------------
 */

/* Whether the account may have one more order: 1, 0, -1. */
int onboarder_has_room(struct onboarder *o, struct err *e);

/* Takes item `i` out when its names are blocked or disabled: 1, 0, -1. */
int onboarder_refuse_blocked(
    struct onboarder *o, struct domain_group *g, size_t i, struct err *e);

/*
 * Takes item `i` out when the limit of its domain is used up: it waits, and so
 * do all others in it.
 */
int onboarder_hold_back(
    struct onboarder *o, struct domain_group *g, size_t i, struct err *e);

/*
 * An order for several was not sent, as others have used up the limit of a
 * domain meanwhile: it is given up, the names in such domains wait, and the
 * others are taken again.  1, 0: it is no such order, -1.
 */
int onboarder_divide(struct onboarder *o, const struct onboarder_flight *f,
    const struct upstream_order *order, struct err *e);

/* Looks at the names of all that is ready and has no order; bad ones fail. */
int onboarder_look(struct onboarder *o, struct err *e);

/* The policy of the template for a group; the caller releases. */
int onboarder_fill_policy(struct onboarder *o, const struct domain_group *g,
    struct orderpolicy *policy, struct err *e);

#endif
