#ifndef WRAP_WEB_H
#define WRAP_WEB_H

#include "base/err.h"

#include <sys/socket.h>

/*
 * GET requests to strangers that do not wait, by libcurl.  A request goes to
 * exactly one address, which the caller has checked: no look-up, no proxy, no
 * redirect, no cookie, no credentials, no second connection.  TLS is at least
 * 1.2 and proves nothing: certificates are not verified (RFC 8555 8.3).
 */
struct web;
struct web_transfer;

#define WEB_BODY_MAX 128 /* bytes; then we stop reading */
#define WEB_HEAD_MAX 8192 /* bytes of status line and header fields */
#define WEB_BYTES_MAX 98304 /* of all, with TLS and what chunks bring along */
#define WEB_PATH_MAX 2000
#define WEB_HOST_SIZE 256

struct web_request {
	const char *url; /* http or https */
	const struct sockaddr_storage *address; /* with its port */
	const char *user_agent;
	int64_t connect_ms; /* until connected, with TLS */
	int64_t total_ms; /* until all is read */
};

enum web_outcome {
	WEB_ANSWER, /* status and body are there */
	WEB_NO_CONNECTION, /* refused, unreachable, or not in time */
	WEB_TIMEOUT, /* connected, but no whole answer in time */
	WEB_TLS, /* no TLS, or below 1.2 */
	WEB_BROKEN /* closed early, no HTTP, too large */
};

/* Lives during the callback only. */
struct web_response {
	enum web_outcome outcome;
	long status;
	const char *body; /* at most WEB_BODY_MAX bytes */
	size_t body_len;
	bool is_cut; /* there was more of the body */
	const char *redirect; /* where a Location field leads, or NULL */
	const char *reason; /* in words, when there is no answer */
};

typedef void web_callback(void *arg, const struct web_response *response);

/* NULL on failure (KIND_SYS). */
struct web *web_new(struct err *e);

/* Cancels what is under way and frees all.  NULL-safe. */
void web_free(struct web *w);

/*
 * When this descriptor is readable, or web_wait_ms milliseconds have passed
 * (-1: no limit), web_process has something to do.
 */
int web_fd(const struct web *w);
int64_t web_wait_ms(const struct web *w);

/* Moves all transfers on; calls the callbacks of those that have ended. */
void web_process(struct web *w);

/*
 * Begins a request; `fn(arg, response)` is called from web_process, once,
 * unless it is cancelled before.  NULL on failure (KIND_SYS).
 */
struct web_transfer *web_start(struct web *w, const struct web_request *r,
    web_callback *fn, void *arg, struct err *e);

/* Its callback will not be called; never from within it.  NULL-safe. */
void web_cancel(struct web *w, struct web_transfer *t);

/* An absolute URL in its parts. */
struct web_url {
	bool is_https;
	char host[WEB_HOST_SIZE]; /* lower case; an IPv6 address unbracketed */
	uint16_t port; /* as written, or that of the scheme */
	char path[WEB_PATH_MAX + 1]; /* with the query; no fragment */
};

/*
 * Takes a URL apart.  KIND_INPUT for other schemes than http and https, for a
 * user name or password, and for what is too long or no URL.
 */
int web_url_parse(const char *text, struct web_url *out, struct err *e);

/* Spells the parts as a URL; the caller frees. */
char *web_url_format(const struct web_url *u);

#endif
