#ifndef STORE_UPSTREAM_AUTHORIZATION_H
#define STORE_UPSTREAM_AUTHORIZATION_H

#include "store/identifier.h"
#include "store/upstream_order.h"

/*
 * The authorizations of our orders at other CAs, and their challenges (RFC 8555
 * 7.1.4, 7.1.5).  One authorization may belong to several orders of an account.
 * All changes are made under the hold of an order.
 */
enum upstream_authorization_status {
	UPSTREAM_AUTHORIZATION_UNKNOWN, /* its URL is all we know */
	UPSTREAM_AUTHORIZATION_PENDING,
	UPSTREAM_AUTHORIZATION_VALID,
	UPSTREAM_AUTHORIZATION_INVALID,
	UPSTREAM_AUTHORIZATION_DEACTIVATED,
	UPSTREAM_AUTHORIZATION_EXPIRED,
	UPSTREAM_AUTHORIZATION_REVOKED,
	UPSTREAM_AUTHORIZATION_GONE, /* the CA does not know it any more */
	UPSTREAM_AUTHORIZATION__MAX
};

enum upstream_challenge_status {
	UPSTREAM_CHALLENGE_PENDING,
	UPSTREAM_CHALLENGE_PROCESSING,
	UPSTREAM_CHALLENGE_VALID,
	UPSTREAM_CHALLENGE_INVALID,
	UPSTREAM_CHALLENGE_GONE, /* the authorization lists it no more */
	UPSTREAM_CHALLENGE__MAX
};

/* How far we are with a challenge, in this order. */
enum upstream_challenge_place {
	UPSTREAM_PLACE_NONE, /* nothing is in place */
	UPSTREAM_PLACE_PLACING, /* a solver was called, and may have done it */
	UPSTREAM_PLACE_PLACED,
	UPSTREAM_PLACE_CHECKED, /* the CA would find it */
	UPSTREAM_PLACE_TRIGGERED, /* the CA was told to look */
	UPSTREAM_PLACE__MAX
};

struct upstream_challenge {
	int64_t id;
	char *type;
	char *url;
	char *token; /* "" when it has none */
	enum upstream_challenge_status status;
	enum upstream_challenge_place place;
	char *solver; /* who has it in place (solve/solver.h), or NULL */
	char *error; /* one line, or NULL */
};

struct upstream_authorization {
	int64_t id;
	char *url;
	enum upstream_authorization_status status;
	enum identifier_type type; /* these two once it is not UNKNOWN */
	char *value; /* with "*." for a wildcard; else NULL */
	int64_t expires; /* 0: the CA has not said */
	int64_t retry_at; /* no step before */
	int64_t attempts; /* since something has changed */
	struct upstream_challenge *challenges;
	size_t challenges_len;
};

struct upstream_authorizations {
	struct upstream_authorization *v;
	size_t len;
};

/*
 * "unknown" and so on; the status of that name as a CA writes it (so neither
 * "unknown" nor "gone"), -1: there is none.
 */
const char *upstream_authorization_status_name(
    enum upstream_authorization_status status);
int upstream_authorization_status_by_name(
    const char *name, enum upstream_authorization_status *status);
const char *upstream_challenge_status_name(
    enum upstream_challenge_status status);
int upstream_challenge_status_by_name(
    const char *name, enum upstream_challenge_status *status);
const char *upstream_challenge_place_name(enum upstream_challenge_place place);

/*
 * Loads those of an order, in the CA's order; the caller releases.  `out` need
 * not be initialised, and is empty on failure.
 */
int upstream_authorization_by_order(struct store *st, int64_t order_id,
    struct upstream_authorizations *out, struct err *e);

/* Frees what it owns; it is empty then.  NULL-safe. */
void upstream_authorizations_release(struct upstream_authorizations *l);

/* What a CA says of a challenge, and of an authorization.  Borrowed. */
struct upstream_challenge_answer {
	const char *type, *url;
	const char *token; /* or NULL */
	enum upstream_challenge_status status;
	const char *error; /* one line, or NULL */
};

struct upstream_authorization_answer {
	enum upstream_authorization_status status;
	enum identifier_type type;
	const char *value; /* with "*." for a wildcard */
	int64_t expires; /* 0: it does not say */
	int64_t retry_at; /* no step before */
	const struct upstream_challenge_answer *challenges;
	size_t challenges_len;
};

/*
 * Stores it; the authorization was unknown or pending.  Challenges that are not
 * listed any more and were open are gone.  `attempts` grows when the status is
 * as before, else it is 0.
 */
int upstream_authorization_learn(struct store *st,
    const struct upstream_order_hold *hold, int64_t id,
    const struct upstream_authorization_answer *a, struct err *e);

/* Only its status is another: DEACTIVATED, GONE, VALID. */
int upstream_authorization_set_status(struct store *st,
    const struct upstream_order_hold *hold, int64_t id,
    enum upstream_authorization_status status, struct err *e);

/*
 * Nothing has come of a step: `attempts` grows.  The order says why, in a word
 * of client/cause.h (or NULL) and a line.
 */
int upstream_authorization_wait(struct store *st,
    const struct upstream_order_hold *hold, int64_t id, int64_t retry_at,
    const char *cause, const char *error, struct err *e);

/* What becomes of a challenge. */
struct upstream_challenge_move {
	enum upstream_challenge_place to;
	const char *solver; /* NULL exactly with UPSTREAM_PLACE_NONE */
	const char *error; /* or NULL */
	int64_t retry_at; /* of the authorization: no step before */
};

/*
 * From one place to another: compare-and-set, KIND_CONFLICT.  `attempts` of the
 * authorization is 0 then.
 */
int upstream_challenge_move(struct store *st,
    const struct upstream_order_hold *hold,
    const struct upstream_authorization *a, size_t challenge,
    const struct upstream_challenge_move *to, struct err *e);

/* An authorization as lists show it; its texts live during the call only. */
struct upstream_authorization_item {
	int64_t id;
	const char *status;
	const char *value; /* with "*." for a wildcard, or NULL */
	int64_t upstream_account_id;
	const char *ca; /* its name, or the URL of its directory */
	int64_t upstream_order_id; /* the last that has it; 0: none */
	/* what is in place for it; the three are NULL when nothing is */
	const char *type, *solver, *place;
	int64_t expires; /* 0: not known */
	const char *url;
};

/* Which; {.status = UPSTREAM_AUTHORIZATION__MAX} is all of them. */
struct upstream_authorization_filter {
	enum upstream_authorization_status status;
	int64_t upstream_account_id; /* 0: any */
};

/*
 * Calls `fn` for each that matches, by their ids, until it returns -1, which is
 * then the result.  `fn` must not call the store.
 */
int upstream_authorization_each(struct store *st,
    const struct upstream_authorization_filter *f,
    int (*fn)(
	void *arg, const struct upstream_authorization_item *i, struct err *e),
    void *arg, struct err *e);

/* As upstream_authorization_status_by_name, but for our own words as well. */
int upstream_authorization_status_parse(
    const char *name, enum upstream_authorization_status *status);

/*
 * Whether another order that is open needs this authorization: then it is not
 * to be deactivated.
 */
int upstream_authorization_is_shared(struct store *st, int64_t id,
    int64_t order_id, bool *shared, struct err *e);

/*
 * For store/upstream_order.c, in the transaction at hand: authorization
 * `position` of an order, new or known, whose status is unknown then.
 */
int upstream_authorization_link(struct store *st, int64_t order_id,
    int64_t position, const char *url, struct err *e);

#endif
