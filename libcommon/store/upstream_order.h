#ifndef STORE_UPSTREAM_ORDER_H
#define STORE_UPSTREAM_ORDER_H

#include "store/store.h"

/*
 * Our orders at other CAs (RFC 8555 7.1.3); states in acmed(7).  A row is there
 * before the request for it is sent, and what the CA answers is stored in one
 * transaction, so that any process can go on with an order whose process died.
 */
struct cert_list;

enum upstream_order_status {
	UPSTREAM_ORDER_NEW, /* not asked for, or nobody knows whether */
	UPSTREAM_ORDER_PENDING,
	UPSTREAM_ORDER_READY,
	UPSTREAM_ORDER_PROCESSING,
	UPSTREAM_ORDER_ISSUED, /* "valid" there, the certificate is not here */
	UPSTREAM_ORDER_VALID, /* the certificate is here */
	UPSTREAM_ORDER_INVALID,
	UPSTREAM_ORDER_GONE, /* the CA does not know it any more */
	UPSTREAM_ORDER_CANCELLED, /* by us */
	UPSTREAM_ORDER__MAX
};

struct upstream_order {
	int64_t id;
	int64_t upstream_account_id;
	int64_t fqdn_set_id;
	enum upstream_order_status status;
	char *url; /* NULL while it is new */
	char *finalize_url, *certificate_url; /* or NULL */
	char *alternates; /* URLs of chains not fetched yet, or NULL */
	int64_t created;
	int64_t expires; /* 0: the CA has not said */
	int64_t retry_at; /* no request before */
	int64_t attempts; /* since something has changed */
	int64_t lease_until;
	char *policy; /* JSON, see order/orderpolicy.h */
	char *profile; /* or NULL */
	int64_t not_before, not_after; /* as we ask; 0: we do not */
	int64_t replaces_id; /* certificate, and so on; 0: none */
	int64_t private_key_id;
	int64_t certificate_request_id;
	int64_t certificate_id;
	int64_t retry_of_id;
	char *cause, *error; /* of the last failure, or NULL */
};

/* What is asked for.  All is borrowed. */
struct upstream_order_new {
	int64_t upstream_account_id;
	const struct strv *dns, *ip; /* canonical; together at least one */
	const struct strv *registered; /* what they are in (client/limit.h), or
					  NULL */
	const char *policy;
	const char *profile; /* or NULL */
	int64_t not_before, not_after; /* 0: not asked */
	int64_t replaces_id; /* 0: none, and so on */
	bool follows; /* without replaces_id: see below */
	int64_t private_key_id;
	int64_t certificate_request_id;
	int64_t retry_of_id;
	bool resume; /* rather go on with one that is the same and not over */
};

/* "new", "pending" and so on; the status of that name, -1: there is none. */
const char *upstream_order_status_name(enum upstream_order_status status);
int upstream_order_status_by_name(
    const char *name, enum upstream_order_status *status);

/* Whether the CA may still give a certificate for it. */
bool upstream_order_is_open(enum upstream_order_status status);

/*
 * Makes a new order; with `resume` one of the same account, names, policy and
 * profile is taken instead that is open, or whose other chains are not here
 * yet, and `*created` is false.  With `follows` a new one replaces the latest
 * certificate for exactly these names that is active, has not expired, is of
 * this account, by an order of ours or of the client whose store was imported,
 * and that no other order which is open or valid replaces, if there is one.
 * KIND_CONFLICT: the account is not valid; KIND_DENIED: a name is disabled
 * (store/domain.h) or blocked (store/blocked_name.h); KIND_INPUT: a name is
 * none (fqdn_set_put).
 */
int upstream_order_create(struct store *st, const struct upstream_order_new *n,
    int64_t *id, bool *created, struct err *e);

/*
 * Loads one; the caller releases.  KIND_NOTFOUND.  `o` need not be
 * initialised, and is empty on failure.
 */
int upstream_order_by_id(
    struct store *st, int64_t id, struct upstream_order *o, struct err *e);

/* Frees what it owns; it is empty then.  NULL-safe. */
void upstream_order_release(struct upstream_order *o);

/*
 * The account whose order got a certificate, the last one; 0: none did.
 */
int upstream_order_account_of(struct store *st, int64_t certificate_id,
    int64_t *upstream_account_id, struct err *e);

/* The names of an order, sorted, by kind; added to the lists. */
int upstream_order_names(struct store *st, int64_t id, struct strv *dns,
    struct strv *ip, struct err *e);

/* Which orders; {.status = UPSTREAM_ORDER__MAX} is all of them. */
struct upstream_order_filter {
	enum upstream_order_status status; /* UPSTREAM_ORDER__MAX: any */
	int64_t upstream_account_id; /* 0: any */
};

/*
 * Calls `fn` for each order, by number, until it returns -1, which is then the
 * result.  `fn` may call the store.
 */
int upstream_order_each(struct store *st, const struct upstream_order_filter *f,
    int (*fn)(void *arg, const struct upstream_order *o, struct err *e),
    void *arg, struct err *e);

/* ---- working on one ------------------------------------------------------ */

/*
 * That nobody else works on an order: until `seconds` after the last call
 * below, each of which makes it longer.  Whoever takes the order after that has
 * a greater `lease`, and what the one before still wants to store fails with
 * KIND_BUSY: nothing is stored then.  KIND_CONFLICT: the order, or what belongs
 * to it, is not in the state that a call is for.
 */
struct upstream_order_hold {
	int64_t id;
	int64_t lease;
	int64_t seconds;
};
#define UPSTREAM_ORDER_HOLD_MAX 3600 /* seconds; no honest one is longer */

/* KIND_BUSY: another process has it; KIND_NOTFOUND. */
int upstream_order_take(struct store *st, int64_t id, int64_t seconds,
    struct upstream_order_hold *hold, struct err *e);

/* Gives it back; nothing happens when it is another's. */
int upstream_order_leave(
    struct store *st, const struct upstream_order_hold *hold, struct err *e);

/* What a CA says of an order.  All is borrowed. */
struct upstream_order_answer {
	enum upstream_order_status status; /* PENDING to ISSUED */
	const char *url; /* newOrder's Location; else NULL */
	const char *finalize_url, *certificate_url; /* or NULL: as before */
	const struct strv *authorizations; /* URLs, when `url` is given */
	int64_t expires; /* 0: it does not say */
	int64_t retry_at; /* no request before */
};

/*
 * Notes, in a transaction of the caller, that the CA is being asked for an
 * order that is new, so that all processes count it (store/upstream_use.h)
 * until its answer is stored.  KIND_CONFLICT, KIND_BUSY.
 */
int upstream_order_ask(
    struct store *st, const struct upstream_order_hold *hold, struct err *e);

/*
 * Stores it.  The order was new (exactly when `url` is given), pending, ready
 * or processing; `attempts` grows when its status is as before, else it is 0.
 * KIND_CONFLICT also when the URL is that of another order that is open or
 * valid, which some CAs give again for the same names.
 */
int upstream_order_learn(struct store *st,
    const struct upstream_order_hold *hold,
    const struct upstream_order_answer *a, struct err *e);

/* Nothing has come of a request: `attempts` grows.  `cause` may be NULL. */
int upstream_order_wait(struct store *st,
    const struct upstream_order_hold *hold, int64_t retry_at, const char *cause,
    const char *error, struct err *e);

/* Goes on without naming the certificate that it replaces; it is new. */
int upstream_order_drop_replaces(struct store *st,
    const struct upstream_order_hold *hold, const char *why, struct err *e);

/* Key (0: it is not here) and request, which are there; it has none yet. */
int upstream_order_set_request(struct store *st,
    const struct upstream_order_hold *hold, int64_t private_key_id,
    int64_t certificate_request_id, struct err *e);

/*
 * The request that it has is not to be sent, and another will be made; the key
 * is the one it was given, or 0.  It is pending or ready.
 */
int upstream_order_drop_request(struct store *st,
    const struct upstream_order_hold *hold, int64_t private_key_id,
    const char *why, struct err *e);

/*
 * Another policy for one that is not valid, and may be over: authorizations
 * that it has kept are given up then.
 */
int upstream_order_let_go(struct store *st,
    const struct upstream_order_hold *hold, const char *policy, struct err *e);

/* Another way to meet its challenges; it is open. */
int upstream_order_set_policy(struct store *st,
    const struct upstream_order_hold *hold, const char *policy, struct err *e);

/*
 * issued -> valid, with the certificate (chain->v[0]), the chain that came with
 * it, and the URLs where there are others.  Durable.
 */
int upstream_order_finish(struct store *st,
    const struct upstream_order_hold *hold, const struct cert_list *chain,
    const struct strv *alternates, bool auto_renew, int64_t *certificate_id,
    struct err *e);

/*
 * What came from the first URL of `alternates`, which is so no more: a list as
 * above, of which the rest is one more chain, or NULL for nothing of use.
 * With `prefer` it becomes the default one.  Durable.
 */
int upstream_order_add_chain(struct store *st,
    const struct upstream_order_hold *hold, const struct cert_list *chain,
    bool prefer, struct err *e);

/* open -> INVALID, GONE or CANCELLED, with a word of client/cause.h. */
int upstream_order_fail(struct store *st,
    const struct upstream_order_hold *hold, enum upstream_order_status status,
    const char *cause, const char *error, struct err *e);

/*
 * Makes a hold longer, for who has long to wait, or in the transaction of one
 * of the above.  KIND_BUSY when it is lost.
 */
int upstream_order_keep(
    struct store *st, const struct upstream_order_hold *hold, struct err *e);

#endif
