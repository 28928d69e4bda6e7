#ifndef STORE_CHALLENGE_ANSWER_H
#define STORE_CHALLENGE_ANSWER_H

#include "store/store.h"

/*
 * What http-01 challenges are answered with, by any number of front ends: for
 * orders of ours, and for those of other tools, whose tokens are added by hand.
 * A token that has expired is not there any more, purged or not.
 */
struct challenge_answer {
	char *token;
	char *key_authorization;
	char *host; /* in lower case; NULL: any */
	int64_t upstream_challenge_id; /* 0: of another tool */
	int64_t created;
	int64_t expires;
};
/*
 * How tokens of our own begin that are no CA's (jobs/probe.h): there are no
 * events of them.
 */
#define CHALLENGE_ANSWER_PROBE "acmed-probe-"

void challenge_answer_release(struct challenge_answer *a); /* NULL-safe */

/*
 * Adds an answer (`created` is now); one with the same token and key
 * authorization is replaced.  Durable: a CA may be told at once.  KIND_CONFLICT
 * when the token is there with another key authorization, KIND_INPUT when it
 * is no token or the key authorization does not begin with it.
 */
int challenge_answer_put(
    struct store *st, const struct challenge_answer *a, struct err *e);

/*
 * Takes one back; of another tool's there is an event, as of its coming.
 * KIND_NOTFOUND when there is none.
 */
int challenge_answer_remove(struct store *st, const char *token, struct err *e);

/*
 * Copies the key authorization for a token that `host` (lower case) is asked
 * for; it may be that of any good token.  KIND_NOTFOUND.
 */
int challenge_answer_find(struct store *st, const char *token, const char *host,
    char *out, size_t size, struct err *e);

/*
 * Calls `fn` for each, in the order of their tokens, until it returns -1, which
 * is then the result.  What it is given lives during the call only.
 */
int challenge_answer_each(struct store *st,
    int (*fn)(void *arg, const struct challenge_answer *a, struct err *e),
    void *arg, struct err *e);

/*
 * Removes at most `max` that have expired, in one transaction.  Returns how
 * many there were, or -1.
 */
int64_t challenge_answer_expire(struct store *st, int64_t max, struct err *e);

#endif
