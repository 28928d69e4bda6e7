#ifndef STORE_UPSTREAM_REQUEST_H
#define STORE_UPSTREAM_REQUEST_H

#include "store/store.h"

/* The log of what was sent to other CAs: a row for each HTTP request. */
struct upstream_request {
	int64_t id, at; /* when it is read */
	const char *request_id; /* of the log; when it is read; may be "" */
	int64_t upstream_ca_id;
	int64_t upstream_account_id; /* 0: none */
	int64_t upstream_order_id; /* 0: none */
	const char *endpoint;
	int status; /* 0: no answer */
	const char *error_type; /* or NULL */
	int64_t retry_after; /* seconds; -1: the CA did not say */
	int64_t duration_ms; /* of all */
	int64_t requests; /* that this row stands for; 1 when it is added */
};

/* Adds one, as of now. */
int upstream_request_add(
    struct store *st, const struct upstream_request *r, struct err *e);

/* Which of them; {0} is all. */
struct upstream_request_filter {
	int64_t since; /* not before; 0: any time */
	int64_t upstream_ca_id, upstream_account_id,
	    upstream_order_id; /* 0: any */
	int64_t last; /* only the last so many; 0: all */
};

/*
 * Calls `fn` for each request that matches, oldest first, until it returns -1,
 * which is then the result.  The texts live during the call only; `fn` must not
 * call the store.
 */
int upstream_request_each(struct store *st,
    const struct upstream_request_filter *filter,
    int (*fn)(void *arg, const struct upstream_request *r, struct err *e),
    void *arg, struct err *e);

#endif
