#ifndef WRAP_HTTPS_H
#define WRAP_HTTPS_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Requests to servers that prove who they are, by libcurl, very many at once:
 * https, unless told otherwise, TLS 1.2 or newer with the certificate verified,
 * HTTP/1.1 or 2 on connections that are kept.  No redirect is followed, no
 * cookie kept, and neither the environment nor ~/.netrc is read.
 */
struct https;

struct https_options {
	const char *user_agent;
	const char *proxy; /* URL, or NULL: none, whatever the environment */
	int64_t connect_ms; /* until connected, with TLS */
	int64_t total_ms; /* until all is read */
	bool allows_http; /* for what is on this machine */
	size_t head_max, body_max; /* bytes */
};

struct https_request {
	const char *method; /* GET, HEAD, POST */
	const char *url;
	const char *trust; /* PEM of the roots, or NULL: the machine's */
	const char *content_type; /* of the body, or NULL */
	const char
	    *fields; /* more of them, a line "NAME: VALUE" each; or NULL */
	const char *body; /* of a POST */
	size_t len;
};

enum https_field {
	HTTPS_REPLAY_NONCE,
	HTTPS_LOCATION,
	HTTPS_RETRY_AFTER,
	HTTPS_CONTENT_TYPE,
	HTTPS_DATE,
	HTTPS_LINK, /* all of them, with commas between */
	HTTPS_FIELD__MAX
};

/* Lives during the callback only. */
struct https_response {
	int status; /* 0: no whole answer */
	const char *reason; /* why, in words; else NULL */
	const char *fields[HTTPS_FIELD__MAX]; /* NULL: absent */
	const char *body;
	size_t len;
	int64_t duration_ms;
};

typedef void https_callback(void *arg, const struct https_response *response);

/* The file with the roots of this machine, which is read as it is needed. */
const char *https_roots(void);

/* NULL on failure (KIND_SYS). */
struct https *https_new(const struct https_options *o, struct err *e);

/* Drops what is under way.  NULL-safe. */
void https_free(struct https *h);

/* Begins a request; `fn` is called once, from https_wait.  KIND_SYS. */
int https_start(struct https *h, const struct https_request *r,
    https_callback *fn, void *arg, struct err *e);

/*
 * Waits until something moves, or `fd` is readable, moves all requests on and
 * calls the callbacks of those that have ended.  KIND_SYS.
 */
int https_wait(struct https *h, int fd, bool *is_readable, struct err *e);

#endif
