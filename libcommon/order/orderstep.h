#ifndef ORDER_ORDERSTEP_H
#define ORDER_ORDERSTEP_H

#include "store/upstream_authorization.h"

/*
 * What comes next for an order, told from its rows alone, so that whoever
 * comes along can go on with it.  A step is one request, or one thing done
 * here; in this order of preference where several could be taken.
 */
enum orderstep_kind {
	ORDERSTEP_DONE, /* nothing is left to do */
	ORDERSTEP_WAIT, /* until a moment */
	ORDERSTEP_FAIL, /* here: an authorization is lost, or time is over */
	ORDERSTEP_CLEANUP, /* here: takes away what answered a challenge */
	ORDERSTEP_NEW_ORDER,
	ORDERSTEP_FETCH_AUTHORIZATION,
	ORDERSTEP_PLACE, /* here: puts in place what answers a challenge */
	ORDERSTEP_CHECK, /* here: looks whether the CA would find it */
	ORDERSTEP_TRIGGER, /* tells the CA to look */
	ORDERSTEP_POLL_AUTHORIZATION,
	ORDERSTEP_MAKE_REQUEST, /* here: key and CSR */
	ORDERSTEP_FINALIZE,
	ORDERSTEP_POLL_ORDER,
	ORDERSTEP_DOWNLOAD,
	ORDERSTEP_ALTERNATE, /* downloads one more chain */
	ORDERSTEP_DEACTIVATE, /* gives up an authorization */
	ORDERSTEP__MAX
};

#define ORDERSTEP_NONE SIZE_MAX

struct orderstep {
	enum orderstep_kind kind;
	size_t authorization; /* index, or ORDERSTEP_NONE: it is the order's */
	size_t challenge; /* index in that authorization, or ORDERSTEP_NONE */
	int64_t until; /* WAIT */
};

/* What the decision is made of. */
struct orderstep_view {
	const struct upstream_order *order;
	const struct upstream_authorizations *authorizations;
	const bool *shared; /* each; an open order needs it; NULL: none */
	bool keeps_pending; /* authorizations of an order that has failed */
	int64_t now;
};

/* How often giving up an authorization is tried. */
#define ORDERSTEP_DEACTIVATE_MAX 3

struct orderstep orderstep_next(const struct orderstep_view *v);

/*
 * After a step for an authorization that is not settled: the next one for which
 * the same is due.  False when there is none.
 */
bool orderstep_also(const struct orderstep_view *v, struct orderstep *s);

/* "new order", "fetch authorization" and so on: what is done. */
const char *orderstep_name(enum orderstep_kind kind);

/* Whether it is done here, without a request. */
bool orderstep_is_local(enum orderstep_kind kind);

/* Seconds to wait after so many attempts, when the CA does not say: 1, 2, 4
 * and so on, at most a minute. */
int64_t orderstep_pause(int64_t attempts);

#endif
