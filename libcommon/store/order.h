#ifndef STORE_ORDER_H
#define STORE_ORDER_H

#include "store/identifier.h"
#include "store/store.h"

/* Orders (RFC 8555 7.1.3); states in acmed(7). */
struct cert_list;

enum order_status {
	ORDER_PENDING,
	ORDER_READY,
	ORDER_PROCESSING,
	ORDER_VALID,
	ORDER_INVALID,
	ORDER__MAX
};

/* A name of an order, in the order in which the client gave them. */
struct order_name {
	struct identifier identifier; /* with "*." for a wildcard */
	char authorization_url_id[STORE_URL_ID_SIZE];
};

struct order {
	int64_t id;
	char url_id[STORE_URL_ID_SIZE];
	int64_t account_id;
	/*
	 * The status as of the moment of loading: pending or ready beyond
	 * `expires` is invalid, with an `error` that says so.
	 */
	enum order_status status;
	int64_t created;
	int64_t expires;
	int64_t not_before, not_after; /* as asked for; 0: not asked */
	char *error; /* problem document in JSON, or NULL */
	struct order_name *names;
	size_t names_len;
	int64_t certificate_id; /* 0 unless valid */
	int64_t processing_since; /* 0 unless it was finalized */
	char *replaces; /* what it replaces, as the client spelt it, or NULL */
	/* Only from order_take_stale: */
	uint8_t *csr;
	size_t csr_len;
	int attempts; /* how often the signing was tried before */
};

/* What order_create needs. All is borrowed. */
struct order_new {
	int64_t account_id;
	const struct identifier *identifiers; /* distinct, canonical */
	size_t identifiers_len; /* at least 1 */
	int64_t expires; /* of the order and its authorizations */
	int64_t not_before, not_after; /* 0: not asked */
	int64_t replaces_id; /* a certificate (RFC 9773 5), 0: none */
	const char *replaces; /* how the client spelt it */
};

/* "pending", "ready", "processing", "valid", "invalid". */
const char *order_status_name(enum order_status status);

/*
 * Makes a pending order with an authorization of its own per name, and their
 * challenges with a token each: for a DNS name http-01, dns-01, tls-alpn-01;
 * for a wildcard dns-01; for an IP address http-01, tls-alpn-01 (RFC 8738 7).
 * The new order goes to `o`, which the caller releases.
 * KIND_CONFLICT when the account is no longer valid.  For an order that
 * replaces a certificate KIND_INPUT when that is none of the account's or has
 * no name of the order, and KIND_CONFLICT with the ACME type alreadyReplaced
 * when another order that is not invalid replaces it; of two at the same time
 * one is made.
 */
int order_create(struct store *st, const struct order_new *new, struct order *o,
    struct err *e);

/* How all of that is told, and an unknown one: KIND_INPUT.  Returns -1. */
int order_not_replaceable(struct err *e);

/*
 * Loads an order; the caller releases.  KIND_NOTFOUND.  `o` need not be
 * initialised, and is empty on failure.
 */
int order_by_url_id(
    struct store *st, const char *url_id, struct order *o, struct err *e);

/*
 * Adds to `url_ids` at most `limit` of the account's orders that are not
 * invalid (RFC 8555 7.1.2.1), oldest first, after `cursor` (0: from the
 * start).  `*next` is the cursor of the next page, 0 when there is none.
 */
int order_list(struct store *st, int64_t account_id, int64_t cursor,
    size_t limit, struct strv *url_ids, int64_t *next, struct err *e);

/*
 * ready -> processing: the CSR is stored together with the job `issue`, which
 * becomes due for the sweep after `lease` seconds; take more than the signer's
 * timeout.  It survives the death of the process; not, perhaps, a power cut
 * before order_finish, after which the order is ready again.  `*since` is the
 * processing_since that it has from now on.
 * KIND_CONFLICT (ACME type orderNotReady, 403) unless the order is ready and
 * has not expired.
 */
int order_start(struct store *st, int64_t id, const void *csr, size_t csr_len,
    int64_t lease, int64_t *since, struct err *e);

/*
 * processing -> valid: stores the certificate (chain->v[0]) and its chain, both
 * deduplicated by content, and ends the job.  Durable: on disk before the
 * client hears of it.  KIND_CONFLICT when the order is not processing; then
 * nothing is stored, and a certificate that exists all the same should be
 * recorded by certificate_add.
 */
int order_finish(
    struct store *st, int64_t id, const struct cert_list *chain, struct err *e);

/*
 * processing -> ready: the signer was not reached, or refused this CSR; the
 * client may finalize again.  Ends the job.  KIND_CONFLICT unless processing.
 */
int order_return(struct store *st, int64_t id, struct err *e);

/*
 * processing -> invalid, for good, with `error` (problem document in JSON).
 * Ends the job.  KIND_CONFLICT unless processing.
 */
int order_fail(struct store *st, int64_t id, const char *error, struct err *e);

/* The problem document of an order that has expired. */
extern const char order_expired_error[];

/*
 * Stays processing; the job is due again at `due`, one attempt more.
 * KIND_CONFLICT when there is no job any more.
 */
int order_retry(struct store *st, int64_t id, int64_t due, struct err *e);

/*
 * For the sweep: takes at most `limit` jobs `issue` that are due (their maker
 * died, or a retry has come), each for `lease` seconds, and loads their orders
 * with CSR and attempts into `*orders`; nobody else gets them in that time.
 * One that is due in more than `longest` seconds, which no lease and no retry
 * is, was made before the clock was set back, and is due now.
 * The caller frees with order_array_free.
 */
int order_take_stale(struct store *st, int64_t lease, int64_t longest,
    size_t limit, struct order **orders, size_t *len, struct err *e);

/* Frees what the order owns; it is empty then. NULL-safe. */
void order_release(struct order *o);
void order_array_free(struct order *orders, size_t len);

#endif
