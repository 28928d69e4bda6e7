#ifndef STORE_RENEWAL_H
#define STORE_RENEWAL_H

#include "store/certificate.h"
#include "store/store.h"

/*
 * When a certificate that our CA has issued should be renewed (RFC 9773): its
 * window, worked out of its lifetime, or set by hand to have very many replaced
 * in good time.  What was taken in from elsewhere has none.
 */
struct renewal {
	int64_t certificate_id;
	enum certificate_status status;
	int64_t lifetime; /* seconds that it is of use, from its issue on */
	int64_t start, end; /* the window; start < end */
	bool is_usual; /* neither set by hand, nor that of a revoked one */
};

/*
 * Loads that of the certificate with this authority key identifier and serial
 * number (lower-case hex), or SHA-256.  KIND_NOTFOUND, also for one that is not
 * of our CA.
 */
int renewal_find(struct store *st, const void *aki, size_t aki_len,
    const char *serial_hex, struct renewal *r, struct err *e);
int renewal_by_sha256(struct store *st, const uint8_t sha256[32],
    struct renewal *r, struct err *e);

/* Which windows are to be pulled forward, and to when. */
struct renewal_pull {
	/*
	 * The name of an issuer, or a part of it, in any case, that only one
	 * has; NULL: any.  Those with other keys of that name are meant too.
	 */
	const char *issuer;
	int64_t from, until; /* windows lie within; from <= until */
	bool undo; /* instead: the usual windows again; `until` is ignored */
	bool dry_run; /* only count */
};

struct renewal_pulled {
	int64_t pulled; /* how many have another window now */
	int64_t kept; /* how many begin as early, or are usual, already */
};

/*
 * Sets the windows of all certificates of our CA that are valid at `from` and
 * that no order has replaced, spread evenly between `from` and `until`: where
 * one lies depends on the certificate and on these two, so that a run which was
 * cut short, also by SIGTERM (sys/sig.h), is finished by another.  A window is
 * pulled forward, and never pushed back but by `undo`, which takes all back
 * that was set.  Each transaction takes some of them; each change is an event.
 * Durable.  KIND_NOTFOUND when no issuer has such a name, KIND_INPUT when
 * several have it.
 */
int renewal_pull(struct store *st, const struct renewal_pull *how,
    struct renewal_pulled *done, struct err *e);

/*
 * The same for those with one serial number, as certificate_serial_clean makes
 * it, and what was done is added to `done`.  KIND_NOTFOUND when no certificate
 * of our CA that is valid has it.
 */
int renewal_pull_serial(struct store *st, const char *serial_hex,
    const struct renewal_pull *how, struct renewal_pulled *done, struct err *e);

#endif
