#ifndef CLI_ORDERWORK_H
#define CLI_ORDERWORK_H

#include "acme/jwk.h"
#include "cli/out.h"
#include "cli/upstream.h"
#include "jobs/precheck.h"
#include "order/ordercheck.h"
#include "order/orders.h"
#include "store/upstream_account.h"
#include "store/upstream_authorization.h"
#include "sys/asker.h"

/*
 * What programs that order certificates do at their start and end, on top of
 * cli/upstream: solvers, keys, the account, and telling what has become of an
 * order.  {0}, then orderwork_start, orderwork_open for each account, and
 * orderwork_stop in any case.
 */
struct orderwork {
	struct prog *prog;
	struct upstream up;
	struct askers askers; /* the processes of solvers and looks */
	struct solver_options options; /* of solvers */
	struct solvers solvers;
	struct precheck precheck;
	struct seal_key seal_room; /* of certificate keys */
	const struct seal_key *seal;
	struct upstream_account account;
	struct key *account_key;
	struct signer signer;
	char thumbprint[JWK_THUMBPRINT_SIZE];
	struct buf limits_text; /* of all CAs; {0}: not loaded */
	struct limits limits; /* of the account's */
	struct suffix_list *suffixes; /* loaded together with them */
	struct out out;
};

/*
 * Starts the process with the network, makes the solvers of `policy` (may be
 * NULL) and of the orders `ids`, reads what orders are sealed under, and gives
 * up rights.  A solver that runs a program needs some that no sandbox can
 * leave: then there is none.
 */
int orderwork_start(struct orderwork *w, struct prog *p, const char *ca,
    const struct orderpolicy *policy, const int64_t *ids, size_t len,
    struct err *e);

/*
 * The two halves of it, for a program that finds out between them which solvers
 * it needs, and makes them (solvers_prepare).
 */
int orderwork_prepare(
    struct orderwork *w, struct prog *p, const char *ca, struct err *e);
int orderwork_enter(struct orderwork *w, struct err *e);

/* Reads what CAs allow, for orders; before orderwork_start. */
int orderwork_load_limits(
    struct orderwork *w, const struct prog *p, struct err *e);

/* Whether a certificate has come, for deploynow_run. */
void orderwork_note_result(struct prog *p, const struct orders_result *r);

/* Opens an account, its CA and the directory; the one before is closed. */
int orderwork_open(struct orderwork *w, int64_t account_id, struct err *e);

/*
 * The account that `text` means, or NULL: the default one of `ca`, or of
 * [client] ca.
 */
int orderwork_pick_account(struct orderwork *w, const char *text,
    const char *ca, int64_t *id, struct err *e);

struct ordering_env orderwork_env(struct orderwork *w);

/* Seconds for what is under way when the time of a run is spent. */
#define ORDERWORK_GRACE 120

/* NULL-safe; also for {0}. */
void orderwork_stop(struct orderwork *w);

/* "upstream_order/7" or "7".  KIND_INPUT. */
int orderwork_parse_id(const char *text, int64_t *id, struct err *e);

/* An order as lists print it: orderwork_begin, one each, out_finish. */
void orderwork_begin(struct out *o, const struct prog *p);
int orderwork_print(struct out *o, struct store *st, int64_t id, struct err *e);

/* Authorizations of all orders, in columns; {.status = ...__MAX}: all. */
int orderwork_print_authorizations(const struct prog *p, struct store *st,
    const struct upstream_authorization_filter *f, struct err *e);

/* One in full, with its authorizations and challenges, on stdout. */
int orderwork_show(struct store *st, int64_t id, bool json, struct err *e);

#endif
