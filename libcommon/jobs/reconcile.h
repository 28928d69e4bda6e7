#ifndef JOBS_RECONCILE_H
#define JOBS_RECONCILE_H

#include "base/buf.h"
#include "store/issuer.h"

/*
 * Fetches the certificates of issuers that the store does not know, from where
 * the certificates that they have signed say (RFC 5280 4.2.2.1, caIssuers), as
 * DER, PKCS#7 or PEM; verifies that they have signed them, and enrols them; and
 * so on with theirs, up to one that has signed itself.  Then all certificates
 * get the chains that there are now (store/chain_spread.h).
 */
struct reconcile_result {
	const struct issuer_gap *gap;
	const char *url; /* NULL: nobody says where it is, or can be read */
	int64_t ca_certificate_id; /* that was enrolled, or 0 */
	const struct err *why; /* when it was not */
};

struct reconcile {
	bool dry_run; /* only tell what would be fetched */
	/* Puts what is at a URL into `body` (of RECONCILE_BODY_MAX at least).
	 */
	int (*fetch)(
	    void *arg, const char *url, struct buf *body, struct err *e);
	void *arg;
	/* Told of each URL that was tried, and of each issuer without one. */
	int (*tell)(void *arg, const struct reconcile_result *r, struct err *e);
};

#define RECONCILE_BODY_MAX ((size_t)96 * 1024)
#define RECONCILE_URLS_MAX 4 /* of one certificate */

/*
 * Each issuer is tried once; what could not be had is left to a later run.
 * What became of it is in the event log, of the certificate that says where.
 * Ends early, and well, on SIGTERM (sys/sig.h).  KIND_SYS and KIND_BUG of
 * `fetch` end it.
 */
int reconcile_run(struct store *st, const struct reconcile *r, struct err *e);

#endif
