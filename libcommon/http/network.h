#ifndef HTTP_NETWORK_H
#define HTTP_NETWORK_H

#include "base/buf.h"
#include "base/err.h"

/*
 * A process that talks to CAs, for any number of clients, or to another server
 * whose certificate is to be verified: it is given whole requests and answers
 * with what came, many at once (wrap/https.h).  It must be started before the
 * store is open, and before there is any secret in memory.
 */
struct askers;
struct network;

/* Bytes of an answer. */
#define NETWORK_BODY_MAX ((size_t)96 * 1024)

struct network_options {
	const char *proxy; /* URL, or NULL: none */
	int64_t connect_ms; /* until connected, with TLS */
	int64_t total_ms; /* for each request */
	bool allows_http;
	const char *user; /* that it becomes, if it can, or NULL */
	/* Called in the new process, to give up its rights. */
	int (*confine)(void *arg, struct err *e);
	void *arg;
};

struct network_request {
	const char *method; /* GET, HEAD, POST */
	const char *url; /* https, unless the options allow more */
	const char *trust; /* PEM of the roots, or NULL: the machine's */
	const char *body; /* or NULL */
	size_t len;
	const char *content_type; /* of that; NULL: application/jose+json */
	const char *fields; /* as in wrap/https.h, or NULL */
};

/* Fields that we read; NULL when absent.  Lives during the callback only. */
struct network_reply {
	int status; /* 0: none, and `reason` says why */
	const char *reason;
	const char *nonce, *location, *retry_after, *content_type, *date;
	const char *links; /* all Link fields, joined by commas */
	const char *body;
	size_t len;
	int64_t duration_ms;
};

typedef void network_callback(void *arg, const struct network_reply *reply);

/* NULL: KIND_SYS. */
struct network *network_start(const struct network_options *o, struct err *e);

/* Ends it; what is under way is dropped without a callback.  NULL-safe. */
void network_stop(struct network *n);

/*
 * Queues a request; `fn` is called once from network_wait.  KIND_DENIED when
 * it is too long, KIND_BUSY when too many wait, KIND_SYS when the process is
 * lost.
 */
int network_send(struct network *n, const struct network_request *r,
    network_callback *fn, void *arg, struct err *e);

/* What is under way for `arg` is not called back. */
void network_drop(struct network *n, const void *arg);

/* network_wait waits for these as well from then on, and calls them back. */
void network_watch(struct network *n, struct askers *askers);

/*
 * Waits until at least one answer was called back, or `until` (clock_mono), or
 * a signal.  -1: KIND_SYS, the process is lost, or one that is watched.
 */
int network_wait(struct network *n, int64_t until, struct err *e);

#endif
