#ifndef ORDER_ORDERANSWER_H
#define ORDER_ORDERANSWER_H

#include "client/cause.h"
#include "store/upstream_authorization.h"

/* What a CA says of orders and authorizations, from JSON to what is stored. */
struct js;

/* A problem document within another: one line, and why. */
struct orderanswer_problem {
	enum cause cause; /* CAUSE_NONE: there is none */
	char text[320];
};

struct orderanswer {
	struct upstream_order_answer order; /* borrows from the JSON and here */
	bool is_invalid; /* the rest of `order` does not count */
	struct strv authorizations;
	struct orderanswer_problem problem;
};

/*
 * Reads an order object (RFC 8555 7.1.3); release it in any case.  -1 for what
 * is none (KIND_SYS): with `is_new` also when it has no authorizations or no
 * finalize.
 */
int orderanswer_read(
    const struct js *js, bool is_new, struct orderanswer *out, struct err *e);
void orderanswer_release(struct orderanswer *a);

#define ORDERANSWER_CHALLENGES_MAX 20

struct orderanswer_authorization {
	struct upstream_authorization_answer authorization; /* borrows too */
	char *value;
	struct upstream_challenge_answer challenges[ORDERANSWER_CHALLENGES_MAX];
	char errors[ORDERANSWER_CHALLENGES_MAX][320];
};

/* The same of an authorization object (RFC 8555 7.1.4). */
int orderanswer_read_authorization(
    const struct js *js, struct orderanswer_authorization *out, struct err *e);
void orderanswer_authorization_release(struct orderanswer_authorization *a);

/*
 * What went wrong with a challenge, in the line that stands in
 * upstream_challenges: "type: detail".
 */
enum cause orderanswer_cause(const char *line);

#endif
