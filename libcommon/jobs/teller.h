#ifndef JOBS_TELLER_H
#define JOBS_TELLER_H

#include "base/buf.h"
#include "base/err.h"
#include "store/telling.h"

/*
 * What a run says at its end, on standard error: one block, when something has
 * become worse, or has come right again that was told of; nothing otherwise.
 * When something is to be told again, so is all that was told before, so that
 * what stays as it is speaks once in that time.
 */
struct teller {
	struct store *st;
	const char *prog; /* the block begins with it */
	/* Seconds until all is told again; 0: what was told is not. */
	int64_t again;
	int64_t now;
	int (*write)(void *arg, const struct buf *block, struct err *e);
	void *arg;
};

/*
 * Gives the block to `write`, if there is something to tell.  A run at the same
 * time does not tell it, too; what could not be written is told by a later one.
 */
int teller_tell(const struct teller *t, struct err *e);
#define TELLER_LINES 20 /* at most, of names */
#define TELLER_MAX ((size_t)16 * 1024)

/* How many are in which state; {[TELLING_OK]} is of all others. */
struct teller_counts {
	int64_t renewals[TELLING__MAX];
};
int teller_count(
    struct store *st, int64_t now, struct teller_counts *c, struct err *e);

/*
 * Everything that can be watched, in Prometheus' text format: as many series as
 * there are states, CAs and targets, however many names there are.
 */
int teller_metrics(
    struct store *st, int64_t now, struct buf *out, struct err *e);

/* The run whose success is noted and counted. */
#define TELLER_RUN "renew-queue run"

/* ---- decisions, which are nothing but that ------------------------------- */

/*
 * How a renewal fares.  Parked is told once, and not repeated.  Urgent is one
 * that fails, or waits for a limit, or is a served name, which nothing but the
 * queue renews, when less than half of the time is left that was left when it
 * became due by the rule: a sixth of its lifetime, or a quarter of a short one.
 */
enum telling_state teller_state(const struct telling_renewal *r, int64_t now);

/* A target: urgent when it has failed for a day. */
enum telling_state teller_target_state(
    int64_t failing, int64_t failing_since, int64_t now);

/* Whether it is told: it is worse, or has come right, or is to be repeated. */
bool teller_is_due(const struct telling_row *row, enum telling_state state,
    int64_t again, int64_t now);

#endif
