#ifndef WRAP_FETCH_H
#define WRAP_FETCH_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/socket.h>

/*
 * One GET by libcurl that waits for the answer, for what is proven by its own
 * signature: no proxy, cookie or credentials, and certificates of servers are
 * not verified.
 */
#define FETCH_REDIRECTS_MAX 3

struct fetch {
	const char *url; /* http or https */
	const char *user_agent;
	int64_t total_ms; /* until all is read, with redirects */
	/*
	 * Whether an address may be connected to, its port too: 0, or -1 with
	 * the reason.
	 */
	int (*check)(void *arg, const struct sockaddr *address, struct err *e);
	void *arg;
};

/*
 * Adds the body of the answer to `out`, whose maximum is the limit.
 * KIND_DENIED: no URL for us, or an answer that is too long; KIND_BUSY: no
 * answer, or another than 200; as `check` says.
 */
int fetch_get(const struct fetch *f, struct buf *out, struct err *e);

#endif
