#ifndef SERVER_RESPONDER_H
#define SERVER_RESPONDER_H

#include "base/buf.h"
#include "base/log.h"
#include "sys/sock.h"

/*
 * What every program has that answers HTTP on connections it is given: its
 * settings, who is served at the moment, and what it answers with.
 */
struct conf_listener;
struct err;
struct request;
struct response;
struct workers;

#define CLIENT_ID_SIZE 32

/* Who is served at the moment: one connection after the other. */
struct client {
	char peer[SOCK_ADDR_SIZE]; /* its address, or "unknown" */
	bool told; /* by each request, not by the connection */
	/* The user at the other end of a unix socket; -1 when it is none. */
	int64_t sender;
	int64_t uid; /* the same, but -1 when that is a front by peer_from */
	bool far; /* at the other end of an internet socket, not of loopback */
	char id[CLIENT_ID_SIZE]; /* of the connection */
	uint64_t requests; /* counted on from the id */
};

struct responder {
	const struct conf_listener *conf;
	const struct workers *workers; /* that this process is of, or NULL */
	struct client client;

	/* As in struct http_service (http/http.h), with `arg`. */
	void (*answer)(void *arg, const struct request *req,
	    const struct buf *body, struct response *res);
	void (*refuse)(
	    void *arg, const struct err *e, bool is_post, struct response *res);
	/*
	 * Called when no request has come for half a second, and when the
	 * connection is over; or NULL.
	 */
	void (*rest)(void *arg);
	void *arg;
	size_t body_max;
};

/*
 * What a request begins with: its number, in the id that the log has from now
 * on; and what an earlier request has told of its peer is forgotten.
 */
void responder_begin(struct responder *r);

/*
 * The fields of every answer: it is not to be kept or taken for another type,
 * and it is of no fake server (scripts/fake-server), which who wires up a proxy
 * sees by the field that peter_sslers has.
 */
void responder_sign(struct response *res);

/* Logs what was no request, and was answered with `status`. */
void responder_log_refused(const struct responder *r, enum log_level level,
    const struct err *e, int status);

#endif
