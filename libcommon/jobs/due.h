#ifndef JOBS_DUE_H
#define JOBS_DUE_H

#include "base/base.h"

/* When a certificate is due to be renewed. */
struct renewal_info;

enum due_rule {
	DUE_WINDOW, /* of the CA (RFC 9773): the moment that was chosen in it */
	DUE_LIFETIME /* a third of its lifetime is left */
};

struct due {
	int64_t at;
	enum due_rule rule;
};

/*
 * `info` is what the CA has said, or NULL: it has not.  A window that would
 * have the certificate end first is none.
 */
struct due due_find(
    int64_t not_before, int64_t not_after, const struct renewal_info *info);

#endif
