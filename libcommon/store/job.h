#ifndef STORE_JOB_H
#define STORE_JOB_H

#include "base/log.h"
#include "store/store.h"

/*
 * Work that must be finished even if whoever began it dies: a row made in the
 * same transaction as the state that promises the work, deleted in the same
 * transaction as the state that ends it.  `due` says when it may be taken; a
 * taker moves it into the future (its lease) in the transaction that takes it,
 * so a dead taker's job comes back by itself.
 *
 * For the modules of store/ only; all calls join the transaction at hand.
 */
enum job_kind {
	JOB_VALIDATE, /* object: a challenge */
	JOB_ISSUE, /* object: an order */
	JOB__MAX
};

struct job {
	int64_t object_id;
	int attempts;
	char request_id[LOG_ID_SIZE]; /* log id of the request that asked for it
				       */
};

/* "validate", "issue". */
const char *job_kind_name(enum job_kind kind);

/* Makes a job due at `due`.  KIND_CONFLICT when the object has one. */
int job_add(struct store *st, enum job_kind kind, int64_t object_id,
    int64_t due, struct err *e);

/* Ends the object's job; none is fine. */
int job_end(
    struct store *st, enum job_kind kind, int64_t object_id, struct err *e);

/* One attempt more, due again at `due`.  KIND_CONFLICT when there is none. */
int job_retry(struct store *st, enum job_kind kind, int64_t object_id,
    int64_t due, struct err *e);

/* The same without an attempt: nothing was learned.  KIND_CONFLICT as above. */
int job_return(struct store *st, enum job_kind kind, int64_t object_id,
    int64_t due, struct err *e);

/*
 * A lease of `length` seconds.  No honest lease or pause is longer than
 * `longest`: a job that is due later than that from now was made before the
 * clock was set back, and is due now.
 */
struct job_lease {
	int64_t now;
	int64_t length;
	int64_t longest;
};

/*
 * Takes at most `max` jobs that are due, oldest first, and makes them due at
 * the end of the lease; `*len` is how many went to `jobs`.
 */
int job_take(struct store *st, enum job_kind kind, const struct job_lease *l,
    struct job *jobs, size_t max, size_t *len, struct err *e);

/* When the first job of the kind is due; INT64_MAX when there is none. */
int job_next_due(struct store *st, enum job_kind kind,
    const struct job_lease *l, int64_t *when, struct err *e);

#endif
