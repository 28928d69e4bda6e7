#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/buf.h"
#include "base/err.h"

/* Requests and responses, one after the other, on one connection. */
struct conn;
struct request;
struct response;

struct http_service {
	/*
	 * Answers one request into `res`, an empty 200.  It cannot fail: what
	 * fails is a response, too.
	 */
	void (*answer)(void *arg, const struct request *req,
	    const struct buf *body, struct response *res);

	/*
	 * Answers what was no request: `e` is the reason (its http_status is
	 * set), `is_post` whether it began like a POST.  The connection ends.
	 */
	void (*refuse)(
	    void *arg, const struct err *e, bool is_post, struct response *res);

	/*
	 * Whether a connection that waits for its next request shall end, for
	 * want of it elsewhere; asked every half second, of a request of which
	 * a second after its first byte a part is missing, of an answer, which
	 * then must be taken within a second, and after each answer of a
	 * connection that is older than a second; or NULL.
	 */
	bool (*is_wanted)(void *arg);

	/* Whether the connection shall end with the answer in hand; or NULL. */
	bool (*is_over)(void *arg);

	void *arg;
	size_t body_max; /* more is 413 */
	int64_t request_timeout; /* ms from the first byte to the last */
	int64_t idle_timeout; /* ms without a first byte */
	int64_t requests_max; /* then the connection is closed */
};

/*
 * Serves `c` until the client closes, the limits of `s` are reached, what
 * comes is no HTTP, or SIGTERM (sig_catch_term): then the request in hand is
 * finished, and the first one is if it comes within a second.  Requests that
 * were sent ahead (pipelined) are answered in order.  Returns 0, also when a
 * refusal was the end; -1 when the connection broke, as a read, write or wait
 * of `c` says: KIND_SYS, KIND_BUSY when it took too long, KIND_INPUT when TLS
 * broke.
 */
int http_serve(struct conn *c, const struct http_service *s, struct err *e);

#endif
