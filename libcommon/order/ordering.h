#ifndef ORDER_ORDERING_H
#define ORDER_ORDERING_H

#include "acme/jwk.h"
#include "client/client.h"
#include "client/limit.h"
#include "order/orderkey.h"
#include "order/orderstep.h"
#include "order/solvers.h"

/*
 * An order at a CA under work: it is held (store/upstream_order.h), its next
 * step is told from its rows (order/orderstep.h) and taken, and what comes of
 * it is stored in one transaction.  A process that dies between or in steps
 * leaves rows with which another goes on.  Only newOrder has no name before its
 * answer is stored: sent again it makes a second order, unless the CA gives the
 * first one again, as those do that mind; the first is never touched then, and
 * expires.
 */
struct ordering;

/* What orders of one account have in common. */
struct ordering_env {
	struct store *st;
	struct client *client;
	const struct signer *signer; /* the account, with its URL */
	const char *thumbprint; /* of its key, RFC 7638 */
	const char *key_type, *key_cycle; /* of the account, or NULL */
	const struct seal_key *seal; /* for keys of certificates */
	struct solvers *solvers;
	bool unchecked; /* challenges are not looked at, whatever an order says
			 */
	const struct limits *limits; /* of the CA */
	struct limits_share share; /* of them, for these orders */
	/*
	 * No challenge is put in place or looked at from then on, and a program
	 * that does is killed (clock_now); 0: never.  What is in place may
	 * still be taken away.
	 */
	int64_t give_up_at;
	bool gives_up_all; /* then nothing is taken away, nor asked for */
	int64_t hold; /* seconds for which an order is held: longer than any
			 request takes */
};

enum ordering_result {
	ORDERING_DONE, /* nothing is left to do */
	ORDERING_WAITS, /* until ordering_until and ordering_rest */
	ORDERING_ASKS, /* a request is under way, or a solver: client_wait */
	ORDERING_GOES_ON, /* a step was taken: go on at once */
	ORDERING_FAILED /* this process can do nothing more for it */
};

/*
 * Takes an order; the caller closes it.  NULL: KIND_BUSY, another process has
 * it; KIND_NOTFOUND.
 */
struct ordering *ordering_open(
    const struct ordering_env *env, int64_t id, struct err *e);

/* Gives it back early: it can only be read then, or closed. */
void ordering_leave(struct ordering *o);

/*
 * Gives it back; what is under way must be over, or the client be gone.
 * NULL-safe.
 */
void ordering_close(struct ordering *o);

/*
 * Takes the next step, unless one is under way.  With ORDERING_FAILED the
 * reason is in ordering_err.
 */
enum ordering_result ordering_next(struct ordering *o);

/* When to go on, after ORDERING_WAITS (clock_now), and not before
 * (clock_mono). */
int64_t ordering_until(const struct ordering *o);
int64_t ordering_rest(const struct ordering *o);

/* The order as it was last loaded. */
const struct upstream_order *ordering_order(const struct ordering *o);
const struct err *ordering_err(const struct ordering *o);

/* How many steps it has taken; whether the end of one is awaited. */
int64_t ordering_steps(const struct ordering *o);
bool ordering_is_asking(const struct ordering *o);

/*
 * To be called every few seconds, as solvers may take longer than an order is
 * held: makes that longer when it is time.  Whether a solver is at work.
 */
bool ordering_keep(struct ordering *o);

/* Loads it again: what was stored last is seen. */
int ordering_reload(struct ordering *o, struct err *e);

/*
 * Asks the CA for the order, and for its authorizations that are not settled,
 * whatever comes next; waits for the answers.  -1: the last that failed.
 */
int ordering_sync(struct ordering *o, struct err *e);

/* Seconds for which an order is held for what needs no CA. */
#define ORDERING_HOLD 60

#endif
