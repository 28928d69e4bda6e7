#ifndef ACME_PROBLEM_H
#define ACME_PROBLEM_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Problem documents (RFC 7807 as RFC 8555 6.7 uses it): the one place where a
 * failure becomes what an ACME client reads.
 */
#define PROBLEM_URN "urn:ietf:params:acme:error:"
#define PROBLEM_TYPE "application/problem+json"

/* A failure of one identifier (RFC 8555 6.7.1). */
struct problem_sub {
	const char *acme_type; /* static */
	int http_status;
	const char *type, *value; /* of the identifier, UTF-8, borrowed */
	char text[160];
};

/* What a document may hold besides the failure itself; all may be absent. */
struct problem {
	const char *instance; /* URL, borrowed */
	struct problem_sub *subs;
	size_t subs_len;
};

/* Frees what it holds. NULL-safe. */
void problem_release(struct problem *p);

/* Adds the failure `e` of the identifier `type`, `value`. */
void problem_add(struct problem *p, const char *type, const char *value,
    const struct err *e);

/*
 * Makes `e` what stands above the sub-failures: the type and status that they
 * share, or malformed.  Returns -1; 0 when there is none.
 */
int problem_sum_up(const struct problem *p, struct err *e);

/*
 * An ACME type without the PROBLEM_URN before it: a part of `type`, or all of
 * it if it is of another kind; NULL for NULL.
 */
const char *problem_bare_type(const char *type);

/* The ACME type of a failure: its own, or that of its kind. */
const char *problem_type(const struct err *e);

/* The HTTP status of a failure: its own, or that of its kind. */
int problem_status(const struct err *e);

/*
 * What a stranger may read of a failure: the text of a kind that is not public
 * is replaced by a general one with `id`, which stands in the log, too.
 */
#define PROBLEM_TEXT_SIZE 320
void problem_public(
    const struct err *e, const char *id, char out[PROBLEM_TEXT_SIZE]);

/*
 * Appends the document for `e`: type, detail, status, and what `p` (may be
 * NULL) adds;
 * badSignatureAlgorithm lists the algorithms (RFC 8555 6.2); its
 * detail is as problem_public.  All text is printable ASCII.
 */
int problem_write(const struct err *e, const struct problem *p, const char *id,
    struct buf *out);

#endif
