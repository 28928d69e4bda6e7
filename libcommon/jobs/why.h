#ifndef JOBS_WHY_H
#define JOBS_WHY_H

#include "store/store.h"

/*
 * Why a name is served with the certificate that it is served with, and what
 * comes next: certificate_serving (store/certificate.h) in words.
 */
enum why_what {
	WHY_SERVED, /* from now on */
	WHY_PASSED_OVER, /* has the name, but another one is served */
	WHY_NEXT, /* served from then on */
	WHY_EXPIRES, /* is served on, though it has expired */
	WHY_RENEWAL, /* who sees to it that there is another in time */
	WHY__MAX
};

/* "served", "passed over" and so on. */
const char *why_word(enum why_what what);

struct why_line {
	int64_t at; /* 0: no time */
	enum why_what what;
	const char *name; /* as certificates have it; during the call only */
	int64_t certificate_id;
	const char *rule; /* by which; lives during the call only */
};

struct why_question {
	const char *name; /* in any spelling */
	const char *ca; /* [client] ca */
	int64_t now;
};

#define WHY_CHANGES_MAX 20 /* so many in the future are told */

/*
 * Calls `fn` for each line until it returns -1, which is then the result; `fn`
 * may call the store.  `*is_served`: there is a certificate for the name.
 * KIND_NOTFOUND when there is none at all, also none that is not active.
 */
int why_explain(struct store *st, const struct why_question *q,
    int (*fn)(void *arg, const struct why_line *l, struct err *e), void *arg,
    bool *is_served, struct err *e);

#endif
