#ifndef ORDER_ORDERKEY_H
#define ORDER_ORDERKEY_H

#include "order/orderpolicy.h"
#include "store/upstream_order.h"

/* Key and request for an order, chosen when it is finalized and not before. */
struct csr;
struct private_key;
struct seal_key;

struct orderkey {
	const struct orderpolicy *policy;
	const char *key_type; /* of the account, or NULL: p256 */
	const char
	    *key_cycle; /* of the account, or NULL: a new key each time */
	const struct seal_key *seal;
};

/* The type and the cycle that it comes to, as words. */
const char *orderkey_type(const struct orderkey *k);
const char *orderkey_cycle(const struct orderkey *k);

/* What an order got. */
struct orderkey_choice {
	int64_t private_key_id;
	int64_t certificate_request_id;
	int64_t replaced_id; /* the key it was given, and that is retired or
				compromised; 0: none */
};

/*
 * Takes the key that the order was given, or, also where that is not active any
 * more, the one that its policy leads to, and makes and stores a request with
 * it for these names.  KIND_DENIED: the key has become retired or compromised
 * meanwhile.
 */
int orderkey_make(struct store *st, const struct orderkey *k,
    const struct upstream_order *o, const struct strv *dns,
    const struct strv *ip, struct orderkey_choice *out, struct err *e);

/*
 * Whether an operator may give a key to an order now; one that is no longer
 * active when the order is finalized is replaced.  KIND_DENIED, also when it
 * is for the certificates of another account.
 */
int orderkey_check_given(struct store *st, const struct private_key *k,
    int64_t upstream_account_id, struct err *e);

/*
 * Whether a request may be sent to a CA: not when it is known that its key is
 * retired or compromised.  KIND_DENIED.
 */
int orderkey_check_request(
    struct store *st, const struct csr *csr, struct err *e);

/*
 * Checks the words of a type and a cycle; NULL is fine.  Those of an account
 * cannot be as the account says.  KIND_USAGE.
 */
int orderkey_check(const char *key_type, const char *key_cycle, struct err *e);
int orderkey_check_account(
    const char *key_type, const char *key_cycle, struct err *e);

/* The request of an order; the caller frees with csr_free. */
struct csr *orderkey_request(
    struct store *st, const struct upstream_order *o, struct err *e);

#endif
