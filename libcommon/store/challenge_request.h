#ifndef STORE_CHALLENGE_REQUEST_H
#define STORE_CHALLENGE_REQUEST_H

#include "store/store.h"

/*
 * Who asked for the answers to challenges.  The oldest make room: there are
 * about CHALLENGE_REQUESTS_MAX at most of those that were answered, and as
 * many of those that were not, so that whoever makes tokens up pushes out
 * nothing but his own like.
 */
#define CHALLENGE_REQUESTS_MAX 10000

struct challenge_request {
	int64_t at;
	const char *token;
	const char *host;
	const char *address;
	bool answered;
};

/*
 * Adds them in one transaction, which a power cut may lose; it waits at most
 * `patience` milliseconds for other writers (KIND_BUSY).
 */
int challenge_request_add(struct store *st, const struct challenge_request *r,
    size_t len, int64_t patience, struct err *e);

/* Which ones, the oldest first; {0} is all. */
struct challenge_request_filter {
	const char *token; /* or NULL */
	int64_t since; /* not before */
};

/*
 * Calls `fn` for each, until it returns -1, which is then the result.  The
 * texts live during the call only.
 */
int challenge_request_each(struct store *st,
    const struct challenge_request_filter *filter,
    int (*fn)(void *arg, const struct challenge_request *r, struct err *e),
    void *arg, struct err *e);

#endif
