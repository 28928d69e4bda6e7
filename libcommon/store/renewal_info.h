#ifndef STORE_RENEWAL_INFO_H
#define STORE_RENEWAL_INFO_H

#include "store/store.h"

/*
 * What a CA has said of when a certificate should be renewed (RFC 9773): one
 * row for a certificate, as of the last time it was asked.
 */
struct renewal_info {
	int64_t certificate_id, upstream_ca_id;
	int64_t window_start, window_end; /* 0: the CA has not said yet */
	int64_t chosen; /* a moment in the window, which stays */
	char *explanation_url; /* or NULL */
	int64_t fetched; /* 0: never */
	int64_t retry_at; /* ask again, not before */
};

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

/* The certificates to be asked for by `now`, most overdue first. */
int renewal_info_due(struct store *st, int64_t now, int64_t *certificate_ids,
    size_t max, size_t *len, struct err *e);

/* NULL-safe. */
void renewal_info_release(struct renewal_info *r);

#endif
