#ifndef CLIENT_HOLD_H
#define CLIENT_HOLD_H

#include "client/answer.h"

/*
 * When a CA is to be left alone, for all processes: it has asked for that (429,
 * or Retry-After with 503, RFC 8555 6.6), or does not answer
 * (store/upstream_ca.h).
 */
struct hold_of {
	struct store *st;
	const struct upstream_ca *ca;
	enum endpoint endpoint;
	int64_t upstream_account_id; /* 0: none */
};

/* Keeps what an answer says about it; sets its retry_at if it does not. */
void hold_keep(const struct hold_of *h, struct answer *a);

/*
 * Whether the CA did not answer: it was not reached, its front or gateway says
 * that there is nobody, or something else than ACME has failed.
 */
bool hold_is_away(const struct answer *a);

/*
 * Whether a request may be sent now; `anyway`: also to a CA that is away.  If
 * not, `*cause`, `*until` and `why` say it.
 */
bool hold_allows(const struct hold_of *h, bool anyway, enum cause *cause,
    int64_t *until, struct err *why);

#endif
