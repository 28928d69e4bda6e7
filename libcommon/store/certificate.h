#ifndef STORE_CERTIFICATE_H
#define STORE_CERTIFICATE_H

#include "store/chain.h"

/*
 * Certificates, once each, by the SHA-256 of the DER, with the chains they can
 * be served with.  Their key, if it is there, is found by its SHA-256, and so
 * are requests (store/private_key.h, store/certificate_request.h).
 */
enum certificate_status {
	CERTIFICATE_VALID, /* not revoked; it may have expired */
	CERTIFICATE_REVOKED,
	CERTIFICATE__MAX
};

/* No reason was given (a reasonCode is 0 to 10, RFC 5280 5.3.1). */
#define CERTIFICATE_NO_REASON (-1)
#define CERTIFICATE_KEY_COMPROMISE 1

struct certificate {
	int64_t id;
	uint8_t sha256[32];
	char *serial; /* lower-case hex */
	int64_t not_before, not_after;
	enum certificate_status status;
	int64_t revoked_at; /* 0 unless revoked */
	int revocation_reason; /* or CERTIFICATE_NO_REASON */
	int64_t account_id; /* who ordered it, 0: nobody */
	/* of our CA: "acme", "sign", "tls" (our server's own); else: "order",
	 * "import" */
	char *source;
	int64_t created; /* when it came to the store */
	bool active; /* it may be served; false: it was deactivated */
	bool auto_renew;
	int64_t fqdn_set_id;
	uint8_t spki_sha256[32]; /* of its key */
	struct certificate_der leaf;
	struct chain chain; /* only from certificate_by_order */
};

/* What is to be stored: certs->v[0], the rest (if there is one) its chain. */
struct certificate_new {
	const struct cert_list *certs;
	const char *source; /* as in struct certificate */
	int64_t account_id; /* 0: nobody */
	bool inactive;
	bool auto_renew;
	bool chain_found; /* put together here (store/chain_find.h) */
};

/*
 * Stores a certificate; what is there already is not stored twice, and not
 * changed, but may get one more chain.  `*id` is the certificate's; `created`
 * may be NULL.  One for a private key that is compromised is revoked at once.
 * Durable.  KIND_INPUT: a name in it is none (fqdn_set_put).
 */
int certificate_add(struct store *st, const struct certificate_new *n,
    int64_t *id, bool *created, struct err *e);

/*
 * For the modules of store/ only: the same within the transaction at hand, and
 * with no event but that of one more chain; `*chain_id` is that of the chain, 0
 * when there is none.
 */
int certificate_put(struct store *st, const struct certificate_new *n,
    int64_t *id, bool *created, int64_t *chain_id, struct err *e);

/*
 * Loads a certificate; the caller releases.  KIND_NOTFOUND.  `c` need not be
 * initialised, and is empty on failure.  By order: with the chain that the
 * order got.
 */
int certificate_by_id(
    struct store *st, int64_t id, struct certificate *c, struct err *e);
int certificate_by_sha256(struct store *st, const uint8_t sha256[32],
    struct certificate *c, struct err *e);
int certificate_by_order(
    struct store *st, int64_t order_id, struct certificate *c, struct err *e);

/*
 * Whether our CA has issued it: only then does it have a window of renewal
 * here, and only then can it be revoked here for everybody to see.
 */
bool certificate_is_ours(const struct certificate *c);

/*
 * The certificate that serves a name (as it is stored: lower case, A-labels)
 * at the time `now`.  Of the active ones that have it, or the wildcard one
 * level up, the first by this order: it is valid now, or else it has been; its
 * private key is in the store; it has the name itself; its notAfter is the
 * latest; it has the most names.  KIND_NOTFOUND.
 */
int certificate_serving(struct store *st, const char *name, int64_t now,
    struct certificate *c, struct err *e);

/*
 * Reads a SHA-256 or SHA-1 in hex (any case, colons allowed): 32, 20, or 0 when
 * it is none.
 */
size_t certificate_fingerprint(const char *text, uint8_t out[32]);

/*
 * The certificate that `text` means: a number, a fingerprint as above, or
 * else a name (name_spell), as certificate_serving.  KIND_NOTFOUND; KIND_INPUT
 * when it is none of these.
 */
int certificate_find(struct store *st, const char *text, int64_t now,
    struct certificate *c, struct err *e);

/*
 * Deactivates, or activates again.  Durable.  KIND_CONFLICT when it is so
 * already, or revoked, or what a backup keeps ready (store/renewal_backup.h);
 * KIND_NOTFOUND.
 */
int certificate_set_active(
    struct store *st, int64_t id, bool active, struct err *e);
int certificate_set_auto_renew(
    struct store *st, int64_t id, bool auto_renew, struct err *e);

/*
 * Notes to which of our accounts at other CAs it belongs: the last that has
 * ordered it, or had its former client.
 */
int certificate_set_upstream_account(
    struct store *st, int64_t id, int64_t upstream_account_id, struct err *e);

/*
 * For the modules of store/ only, in the transaction at hand: activates or
 * deactivates one, with what depends on that.  KIND_CONFLICT, KIND_NOTFOUND.
 */
int certificate_switch(struct store *st, int64_t id, bool active,
    const char *detail, struct err *e);

/*
 * For the modules of store/ only, in the transaction at hand: deactivates an
 * active one that is not the latest of any of its names.
 */
int certificate_deactivate_spare(
    struct store *st, int64_t id, const char *detail, struct err *e);

/*
 * The wildcard one level up from a name, which the caller frees; NULL when
 * there is none.
 */
char *certificate_wildcard_of(const char *name);

/* For the modules of store/ only: the status of that word, none for none. */
enum certificate_status certificate_status_of(const char *word);

/*
 * Reads out of the certificates themselves what a store of version 2 did not
 * keep.  A run that was cut short goes on with the next.
 */
int certificate_fill(struct store *st, struct err *e);

/*
 * For the modules of store/ only: the certificate of the first row (id, DER) of
 * `s`, which the caller frees, KIND_NOTFOUND when there is none; and `fn`, a
 * transaction each, until it says so.
 */
struct db_stmt;
struct cert *certificate_next_unfilled(
    struct db_stmt *s, int64_t *id, struct err *e);
int certificate_fill_with(
    struct store *st, int (*fn)(void *st, struct err *e), struct err *e);

/*
 * valid -> revoked, with a reasonCode or CERTIFICATE_NO_REASON.  Durable.
 * KIND_CONFLICT (ACME type alreadyRevoked) when it is revoked already.
 */
int certificate_revoke(struct store *st, int64_t id, int reason, struct err *e);

/* What a CRL says about one certificate. */
struct certificate_revoked {
	const char *serial; /* lower-case hex; lives during the call only */
	int64_t revoked_at;
	int reason; /* or CERTIFICATE_NO_REASON */
};

/*
 * Calls `fn` for each revoked certificate whose authority key identifier is
 * `aki` and whose notAfter is `since` or later, until `fn` returns -1, which is
 * then the result.  `fn` must not call the store.
 */
int certificate_each_revoked(struct store *st, const void *aki, size_t aki_len,
    int64_t since,
    int (*fn)(void *arg, const struct certificate_revoked *r, struct err *e),
    void *arg, struct err *e);

/* Frees what it owns; it is empty then. NULL-safe. */
void certificate_release(struct certificate *c);

#endif
