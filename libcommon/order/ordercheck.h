#ifndef ORDER_ORDERCHECK_H
#define ORDER_ORDERCHECK_H

#include "client/client.h"
#include "order/solvers.h"

/*
 * Whether an order can work, before anything is asked of the CA: by its
 * directory, the account, the names, and the ways to meet challenges.
 */
struct upstream_account;

#define ORDERCHECK_NAMES_MAX 100

struct ordercheck {
	struct client *client; /* with a directory */
	const struct upstream_account *account;
	const struct orderpolicy *policy;
	struct solvers *solvers;
	const char *profile; /* or NULL */
};

/*
 * What an operator writes as names, as they are stored: added to `dns` and
 * `ip`, each once.  KIND_INPUT: what is none, none at all, too many.
 */
int ordercheck_names(
    const struct strv *typed, struct strv *dns, struct strv *ip, struct err *e);

/* One of them. */
int ordercheck_name(
    const char *typed, struct strv *dns, struct strv *ip, struct err *e);

/* KIND_DENIED with what to do about it; KIND_CONFLICT: the account. */
int ordercheck_account(const struct ordercheck *c, struct err *e);
int ordercheck_order(const struct ordercheck *c, const struct strv *dns,
    const struct strv *ip, struct err *e);

#endif
