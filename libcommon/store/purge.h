#ifndef STORE_PURGE_H
#define STORE_PURGE_H

#include "store/store.h"

/* Housekeeping: what has expired becomes so for good, and later goes. */
struct purge {
	/* events and requests to CAs older than that go, in seconds; 0: none */
	int64_t event_age;
	int64_t invalid_age; /* how long an expired order can still be read */
	/*
	 * when requests for renewal information that have brought it become
	 * one row that counts them, unless event_age is 0
	 */
	int64_t look_age;
	/* how long orders at other CAs stay when they are over */
	int64_t upstream_age;
	size_t batch; /* objects per transaction; bounds how long it locks */
};

#define PURGE_DEFAULT                                                          \
	{                                                                      \
		.event_age = 365 * 86400, .invalid_age = 7 * 86400,            \
		.look_age = 86400, .upstream_age = 90 * 86400, .batch = 200    \
	}

struct purge_result {
	int64_t orders_expired; /* pending, ready -> invalid */
	int64_t orders; /* gone, with authorizations and challenges */
	int64_t events;
	int64_t requests; /* to other CAs: their rows */
	int64_t upstream_orders; /* gone, with authorizations and challenges */
	int64_t answers; /* to challenges, that have expired */
};

/*
 * Marks expired orders (and their authorizations), removes those that ended
 * `invalid_age` ago unless their certificate is still valid, those at other CAs
 * that are over, were made `upstream_age` ago, have no certificate that is
 * valid still and nothing in place, and old
 * events, requests and answers to challenges, then moves the write-ahead log
 * into the database.  Each batch is one transaction.  Certificates and accounts
 * stay.  Stops between two batches, without error, when sig_term().
 */
int purge_run(struct store *st, const struct purge *p, struct purge_result *r,
    struct err *e);

#endif
