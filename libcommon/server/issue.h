#ifndef SERVER_ISSUE_H
#define SERVER_ISSUE_H

#include "base/err.h"

/*
 * From a checked CSR to a stored certificate, by way of the signer: what
 * finalize does while the client waits, and the sweep when nobody does.
 */
struct conf;
struct csr;
struct order;
struct signmsg_client;
struct store;

enum issue_result {
	ISSUE_VALID, /* stored; the order is valid */
	ISSUE_WAITING, /* the order stays processing; the sweep goes on */
	ISSUE_RETURNED, /* nothing was issued; nothing was changed in the store
			 */
	ISSUE_REFUSED /* likewise, and asking again is of no use */
};

/* How long after its start an order belongs to the sweep, in seconds. */
int64_t issue_lease(const struct conf *conf);

/*
 * Has the order, which is `processing`, signed and stores the result.  The
 * names are the order's; the request gives only its key (and proves that it
 * is held).  `email` may be NULL.
 * Returns 0 with ISSUE_VALID or ISSUE_WAITING, or -1 with the failure and
 * ISSUE_RETURNED or ISSUE_REFUSED; the order's state is then the caller's to
 * move.
 */
int issue_order(struct store *st, const struct conf *conf,
    struct signmsg_client *signer, const struct order *o, const struct csr *csr,
    const char *email, enum issue_result *result, struct err *e);

/*
 * Finishes orders whose process died or whose signer was too slow: for
 * `acme-sign sweep`.  A refusal makes the order invalid; what is temporary is
 * tried again later, at most ISSUE_ATTEMPTS times.  When nobody answers, the
 * rest is left to the next run.
 * Returns 0 also when some could not be finished; -1 when the store fails.
 */
#define ISSUE_ATTEMPTS 20
int issue_sweep(struct store *st, const struct conf *conf, struct err *e);

#endif
