#ifndef STORE_UPSTREAM_REST_H
#define STORE_UPSTREAM_REST_H

#include "store/store.h"

/*
 * What is left of orders that are valid: chains that the CA has named, and that
 * a process which was cut short has not fetched.
 */

/* The next account that has any, by number after `*account`: 1, 0, -1. */
int upstream_rest_next_account(
    struct store *st, int64_t *account, struct err *e);

/* The next such order of an account that may be gone on with now: the same. */
int upstream_rest_next(
    struct store *st, int64_t account, int64_t *order, struct err *e);

#endif
