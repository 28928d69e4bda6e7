#ifndef JOBS_PROVE_H
#define JOBS_PROVE_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Whether what a server shows is what should be served (store/certificate.h):
 * the judgement, on what a process with the network has brought
 * (jobs/prober.h).
 */
enum prove_result {
	PROVE_SAME, /* the certificate, with one of its chains */
	PROVE_CHAIN, /* the certificate, but its chain is short or foreign */
	PROVE_OURS, /* another one of the store's: an older one, mostly */
	PROVE_OTHER, /* one that is not in the store: another CA's, mostly */
	PROVE_EXPIRED, /* whichever it is, its time is over */
	PROVE_NO_TLS, /* something answers, but not as a TLS server */
	PROVE_UNREACHABLE, /* nothing answers */
	PROVE__MAX
};

/* "same", "chain" and so on. */
const char *prove_result_name(enum prove_result result);

struct store;
struct proved {
	enum prove_result result;
	int64_t served_id; /* in the store; 0: it is not */
	uint8_t served_sha256[32];
	int64_t served_not_after; /* 0: nothing was served */
	char *served_issuer; /* or NULL */
};

/*
 * `certs` as tlsprobe gives them; `why` is set when there are none.  The caller
 * releases.  KIND_NOTFOUND: there is no such certificate.
 */
int prove_judge(struct store *st, int64_t certificate_id,
    const struct buf *certs, const struct err *why, int64_t now,
    struct proved *out, struct err *e);

void proved_release(struct proved *p); /* NULL-safe */

#endif
