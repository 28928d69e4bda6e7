#ifndef STORE_RENEWAL_INFO_H
#define STORE_RENEWAL_INFO_H

#include "store/store.h"

/*
 * What a CA has said of when a certificate should be renewed (RFC 9773): one
 * row for a certificate, as of the last time it was asked.  A certificate that
 * was ordered has one from the beginning, and is due to be asked for.
 */
struct renewal_info {
	int64_t certificate_id, upstream_ca_id;
	int64_t window_start, window_end; /* 0: the CA has not said yet */
	int64_t chosen; /* a moment in the window, which stays */
	char *explanation_url; /* or NULL */
	int64_t fetched; /* 0: never */
	int64_t retry_at; /* ask again, not before */
};

/* `retry_at` of what is over: the end of RFC 5280's time. */
#define RENEWAL_INFO_NEVER INT64_C(253402300799)

/*
 * Keeps what the CA has said now.  A moment that was chosen before stays as
 * long as it is in the window, else `r->chosen` takes its place.
 */
int renewal_info_keep(
    struct store *st, const struct renewal_info *r, struct err *e);

/* Nothing came of asking: the next time is not before `retry_at`. */
int renewal_info_postpone(struct store *st, int64_t certificate_id,
    int64_t upstream_ca_id, int64_t retry_at, struct err *e);

/*
 * Loads one; the caller releases.  KIND_NOTFOUND.  `r` need not be initialised,
 * and is empty on failure.
 */
int renewal_info_load(struct store *st, int64_t certificate_id,
    struct renewal_info *r, struct err *e);

/*
 * The directory of the CA to be asked about a certificate, which the caller
 * frees: of the order that brought it, or, for one that was imported, of the
 * account with which its former client renewed it.  KIND_DENIED: nobody knows.
 */
int renewal_info_directory(struct store *st, int64_t certificate_id,
    char **directory_url, struct err *e);

/*
 * Those of a CA that need not be asked for by `now` are put off: for ever when
 * they have expired, are revoked or replaced, and for a day when they are
 * deactivated, or their renewal is parked.
 */
int renewal_info_settle(
    struct store *st, int64_t upstream_ca_id, int64_t now, struct err *e);

/*
 * The certificates of a CA to be asked for by `now`, most overdue first, at
 * most `max`; the caller frees.  What renewal_info_settle has not seen yet may
 * be among them.
 */
int renewal_info_due(struct store *st, int64_t upstream_ca_id, int64_t now,
    size_t max, int64_t **certificate_ids, size_t *len, struct err *e);

/*
 * For the modules of store/ only, in the transaction at hand: the certificate
 * that an order has brought is due, unless it has a row.
 */
int renewal_info_begin(struct store *st, int64_t certificate_id,
    int64_t upstream_order_id, struct err *e);

/* NULL-safe. */
void renewal_info_release(struct renewal_info *r);

#endif
