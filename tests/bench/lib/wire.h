#ifndef TESTS_BENCH_LIB_WIRE_H
#define TESTS_BENCH_LIB_WIRE_H

#include <sys/socket.h>

#include "base/buf.h"
#include "loop.h"

/*
 * HTTP/1.1 over TLS to one server, without waiting: a site is what all
 * connections share, a wire is one client's connection, which is made when a
 * request needs it, and kept or not as the site says.
 */
struct ssl_ctx_st;
struct ssl_st;
struct ssl_session_st;

struct site {
	struct loop *loop;
	struct ssl_ctx_st *tls;
	struct sockaddr_storage address;
	socklen_t address_len;
	char host[256]; /* without port */
	char authority[264];
	bool per_request; /* a connection for each request */
	bool resume; /* TLS sessions */
	unsigned long connections;
	unsigned long resumed;
	unsigned long reconnects; /* a kept connection was gone */
};

struct response {
	int status;
	char nonce[256]; /* empty without one */
	char location[512];
	bool close;
	char *body; /* ends with a NUL */
	size_t body_len;
};

enum wire_state {
	WIRE_CLOSED,
	WIRE_HANDSHAKE,
	WIRE_WRITE,
	WIRE_READ,
	WIRE_IDLE
};

struct wire {
	struct site *site;
	struct watch watch;
	enum wire_state state;
	int fd;
	struct ssl_st *ssl;
	struct ssl_session_st *session;
	bool verified; /* the server's certificate, once */
	bool used; /* has had an answer */
	bool head; /* the request is HEAD: no body comes */
	bool wanting; /* a request is on its way */
	struct buf out;
	struct buf in;
	struct response response;
	/* The answer is in `response`, until the next request; or why not. */
	void (*done)(void *arg, const char *error);
	void *arg;
};

/* `url` is https://HOST[:PORT]/...; exits if it is not or cannot be resolved.
 */
void site_init(
    struct site *s, struct loop *loop, const char *url, const char *ca);
void site_release(struct site *s);

void wire_init(struct wire *w, struct site *site,
    void (*done)(void *arg, const char *error), void *arg);
void wire_release(struct wire *w);

/*
 * Sends a request; `post` NULL means HEAD when `head`, else GET.  `url` is of
 * the wire's site.  done() is called when it is answered or has failed, which
 * may be before this returns if it fails.
 */
void wire_request(
    struct wire *w, const char *url, bool head, const struct buf *post);

/* Ends the request on its way as failed, if there is one. */
void wire_abort(struct wire *w, const char *error);

#endif
