#ifndef STORE_DEPLOYMENT_H
#define STORE_DEPLOYMENT_H

#include "store/queue.h"
#include "store/store.h"

/*
 * What is to be deployed: a row for each certificate that serves a name and
 * each target it is for (store/deploy_target.h).
 */
enum deployment_status {
	DEPLOYMENT_PENDING, /* to be done, or put off by the target */
	DEPLOYMENT_FAILED, /* tried, to be tried again */
	DEPLOYMENT_DONE,
	DEPLOYMENT__MAX
};

struct deployment {
	int64_t id;
	int64_t certificate_id;
	int64_t previous_id; /* what the target had; 0: nothing, or unknown */
	int64_t revision;
	int64_t attempts; /* that failed, one after the other */
	int64_t not_before, not_after; /* of the certificate */
};

/*
 * Those of a target that may be tried now, most overdue first, at most `max`;
 * the caller frees.  Not before what has a lower rank, but `reads` at least,
 * and does not rest, has the certificate.
 */
int deployment_ready(struct store *st, int64_t deploy_target_id, int64_t reads,
    size_t max, struct deployment **out, size_t *len, struct err *e);

/* The certificates of a target, by number, done or not; the caller frees. */
int deployment_certificates(struct store *st, int64_t deploy_target_id,
    int64_t **ids, size_t *len, struct err *e);

/* Whether a target has a certificate: 1, 0, -1. */
int deployment_is_done(struct store *st, int64_t deploy_target_id,
    int64_t certificate_id, struct err *e);

/* What has become of one. */
struct deployment_result {
	const struct deployment *d;
	enum deployment_status status;
	int64_t retry_at; /* unless it is done */
	const char *error; /* the same */
};

/*
 * Stores what became of some under the hold of their target, in one
 * transaction, durable.  One that has become pending again meanwhile stays so.
 * KIND_BUSY: the hold is lost.
 */
int deployment_store(struct store *st, const struct queue_hold *hold,
    const struct deployment_result *r, size_t len, struct err *e);

/* ---- for the modules of store/, in the transaction at hand --------------- */

/* A name is served by another certificate; 0: by none. */
struct deployment_change {
	int64_t from, to;
};

/*
 * Makes a certificate pending at all targets it is for, `from` being what they
 * have before.  With nothing in its place they are to be complete.
 */
int deployment_note(
    struct store *st, const struct deployment_change *c, struct err *e);

/* One that serves no name any more is for no target. */
int deployment_forget(struct store *st, int64_t certificate_id, struct err *e);

#endif
