#ifndef STORE_CA_CERTIFICATE_H
#define STORE_CA_CERTIFICATE_H

#include "store/store.h"

/*
 * Certificates of CAs, once each, by the SHA-256 of the DER: what chains are
 * made of, and roots that are relied on.
 */
struct cert;

struct ca_certificate {
	int64_t id;
	uint8_t sha256[32];
	char *subject; /* RFC 2253 */
	int64_t not_before, not_after;
	bool trusted; /* a root that is relied on */
	char *source; /* "chain" (of a certificate), "import", "roots", "aia" */
	uint8_t *der;
	size_t der_len;
};

/*
 * Stores a CA certificate; one that is there already stays as it is, but
 * becomes trusted when `trusted` says so.  Durable.  `*created`: it was new.
 * KIND_INPUT when it is none of a CA (basicConstraints).
 */
int ca_certificate_add(struct store *st, const struct cert *c,
    const char *source, bool trusted, int64_t *id, bool *created,
    struct err *e);

/*
 * Loads one; the caller releases.  KIND_NOTFOUND.  `c` need not be
 * initialised, and is empty on failure.
 */
int ca_certificate_by_id(
    struct store *st, int64_t id, struct ca_certificate *c, struct err *e);
int ca_certificate_by_sha256(struct store *st, const uint8_t sha256[32],
    struct ca_certificate *c, struct err *e);
int ca_certificate_by_sha1(struct store *st, const uint8_t sha1[20],
    struct ca_certificate *c, struct err *e);

/*
 * The next number after `*id`: 1 with it there, 0 when there is none, -1.  What
 * comes to be seen later has a larger one than all that could be seen.
 */
int ca_certificate_next(struct store *st, int64_t *id, struct err *e);
/* The same of those that chain_spread has not done yet. */
int ca_certificate_next_unspread(struct store *st, int64_t *id, struct err *e);
/* The highest: 1, or 0 and `*id` as it was, when there is none, or -1. */
int ca_certificate_last(struct store *st, int64_t *id, struct err *e);

/*
 * The number of the one that `text` means: a number, or at least eight hex
 * digits with which its SHA-256 begins, each also with "ca_certificate/" before
 * it.  KIND_INPUT when it is neither, or there are several; KIND_NOTFOUND.
 */
int ca_certificate_pick(
    struct store *st, const char *text, int64_t *id, struct err *e);

/*
 * Calls `fn` for each whose subject is the issuer of `c` (the signature is the
 * caller's to verify), until it returns -1, which is then the result.  `fn`
 * must not call the store; `ca` lives during the call only.
 */
int ca_certificate_each_issuer(struct store *st, const struct cert *c,
    int (*fn)(void *arg, const struct ca_certificate *ca, struct err *e),
    void *arg, struct err *e);

/* The same for each that has the subject of `c`. */
int ca_certificate_each_named(struct store *st, const struct cert *c,
    int (*fn)(void *arg, const struct ca_certificate *ca, struct err *e),
    void *arg, struct err *e);

/* Frees what it owns; it is empty then.  NULL-safe. */
void ca_certificate_release(struct ca_certificate *c);

/* As certificate_fill. */
int ca_certificate_fill(struct store *st, struct err *e);

/* For the modules of store/ only: finds or makes the row. */
int ca_certificate_put(struct store *st, const struct cert *c,
    const char *source, bool trusted, int64_t *id, bool *created,
    struct err *e);

#endif
