#ifndef ADMIN_CALLER_H
#define ADMIN_CALLER_H

#include "base/err.h"

/* Who asks, and what he may do. */
struct admin;
struct request;

#define CALLER_NAME_SIZE 48

struct caller {
	char name[CALLER_NAME_SIZE]; /* token/ID certificate/ID user/UID */
	unsigned scopes; /* conf/scope.h */
};

/*
 * By the token that the request shows, or else by the user at the other end of
 * a unix socket; of a front, by the client certificate that it passes on, which
 * from everybody else is refused.  On failure `c` has neither name nor scopes.
 * -1: KIND_DENIED, 403 for another machine, 401 for nobody; KIND_INPUT, 401,
 * what a front passes on is no certificate, as clientcert_read says; otherwise
 * as admin_token_check and admin_token_of_certificate.
 */
int caller_meet(const struct admin *a, const struct request *req,
    struct caller *c, struct err *e);

/* Whether he has all these scopes.  KIND_DENIED names the first he has not. */
int caller_check(const struct caller *c, unsigned scopes, struct err *e);

#endif
