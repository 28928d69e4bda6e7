#ifndef STORE_CERTIFICATE_H
#define STORE_CERTIFICATE_H

#include "store/store.h"

/*
 * Certificates, and the chains they are served with.  All is deduplicated by
 * content: a certificate and a CA certificate by the SHA-256 of its DER, a
 * chain by the sequence of its CA certificates.
 */
struct cert_list;

enum certificate_status {
	CERTIFICATE_VALID, /* not revoked; it may have expired */
	CERTIFICATE_REVOKED,
	CERTIFICATE__MAX
};

/* No reason was given (a reasonCode is 0 to 10, RFC 5280 5.3.1). */
#define CERTIFICATE_NO_REASON (-1)

struct certificate_der {
	uint8_t *der;
	size_t len;
};

struct certificate {
	int64_t id;
	uint8_t sha256[32];
	char *serial; /* lower-case hex */
	int64_t not_before, not_after;
	enum certificate_status status;
	int64_t revoked_at; /* 0 unless revoked */
	int revocation_reason; /* or CERTIFICATE_NO_REASON */
	int64_t account_id; /* who ordered it, 0: nobody */
	char *source; /* "acme", "sign", "tls" (our server's own) */
	struct certificate_der leaf;
	/* Only from certificate_by_order; chain[0] signed the leaf. */
	struct certificate_der *chain;
	size_t chain_len;
};

/*
 * Stores the certificate chain->v[0] with the rest as its chain (if there is a
 * rest); what is there already is not stored twice, and is not changed.
 * `source` is as in the struct, `account_id` 0 for nobody.  `*id` is the
 * certificate's.  Durable.
 */
int certificate_add(struct store *st, const struct cert_list *chain,
    const char *source, int64_t account_id, int64_t *id, struct err *e);

/*
 * For the modules of store/ only: the same within the transaction at hand;
 * `*chain_id` is that of the chain, 0 when there is none.
 */
int certificate_put(struct store *st, const struct cert_list *chain,
    const char *source, int64_t account_id, int64_t *id, int64_t *chain_id,
    struct err *e);

/*
 * Loads a certificate; the caller releases.  KIND_NOTFOUND.  `c` need not be
 * initialised, and is empty on failure.  By order: with the chain that the
 * order got.
 */
int certificate_by_sha256(struct store *st, const uint8_t sha256[32],
    struct certificate *c, struct err *e);
int certificate_by_order(
    struct store *st, int64_t order_id, struct certificate *c, struct err *e);

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
