#ifndef ORDER_ORDERING_PART_H
#define ORDER_ORDERING_PART_H

#include "order/ordering.h"

struct deeds;

/* What the files of order/ordering share. */
struct ordering {
	struct ordering_env env;
	struct upstream_order_hold hold;
	struct upstream_order order;
	struct upstream_authorizations authorizations;
	bool *shared; /* each: an open order needs it */
	struct orderpolicy policy;
	struct strv dns, ip;
	struct orderstep step;
	int64_t rest; /* no poll before (clock_mono) */
	bool is_asking;
	struct deeds *deeds; /* solvers are at work, or NULL */
	int64_t keep_at; /* the hold is made longer then (clock_mono) */
	bool is_broken; /* `err` says why */
	int conflicts; /* in a row */
	int64_t steps;
	struct err err;
};

/* A cause that does not go away by itself. */
bool ordering_is_permanent(const struct reply *r);

/* The order has failed, for good. */
int ordering_fail(struct ordering *o, enum upstream_order_status status,
    enum cause cause, const char *text, struct err *e);

/*
 * The order waits: until `retry_at` when that is not 0, else as long as its
 * attempts say.
 */
int ordering_wait(struct ordering *o, int64_t retry_at, enum cause cause,
    const char *text, struct err *e);

/* The same for the authorization of the step in hand. */
int ordering_wait_authorization(struct ordering *o, int64_t retry_at,
    enum cause cause, const char *text, struct err *e);

/*
 * When to ask a CA again that was asked for something just now and did not say:
 * at once by its row, soon in this process.
 */
int64_t ordering_soon(struct ordering *o);

/* The authorization and challenge of the step in hand. */
struct upstream_authorization *ordering_authorization(struct ordering *o);
struct upstream_challenge *ordering_challenge(struct ordering *o);

/* That challenge is somewhere else now. */
int ordering_move(struct ordering *o, const struct upstream_challenge_move *to,
    struct err *e);

/*
 * Whether the CA is told of a certificate that the order replaces: not where it
 * has no renewal information (RFC 9773 5).
 */
bool ordering_replaces(const struct ordering *o);

/*
 * Before the CA is asked for an order with a request, or sent one: 0, its key
 * may be used; 1, it may not be any more, and what follows from that was
 * stored; -1.
 */
int ordering_check_request(struct ordering *o, struct err *e);

/*
 * A step that is done here; with `deeds` it is only begun, and the end of it
 * is ordering_done.
 */
int ordering_act(
    struct ordering *o, const struct orderstep_view *view, struct err *e);
void ordering_done(struct ordering *o, int rc);

/* Nobody waits any more for what was begun. */
void ordering_forget_deeds(struct ordering *o);

/* A step that is a request: sends it.  -1: it cannot be made. */
int ordering_ask(struct ordering *o, struct err *e);

/* What came of it: stores it, in one transaction. */
int ordering_answer(struct ordering *o, const struct reply *r, struct err *e);

/* Is called when the answer is there. */
void ordering_called_back(void *arg, const struct reply *r);

#endif
