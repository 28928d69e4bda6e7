#ifndef STORE_UPSTREAM_REQUEST_H
#define STORE_UPSTREAM_REQUEST_H

#include "store/store.h"

/* The log of what was sent to other CAs: a row for each HTTP request. */
struct upstream_request {
	int64_t upstream_ca_id;
	int64_t upstream_account_id; /* 0: none */
	int64_t upstream_order_id; /* 0: none */
	const char *endpoint;
	int status; /* 0: no answer */
	const char *error_type; /* or NULL */
	int64_t retry_after; /* seconds; -1: the CA did not say */
	int64_t duration_ms;
};

/* Adds one, as of now. */
int upstream_request_add(
    struct store *st, const struct upstream_request *r, struct err *e);

#endif
