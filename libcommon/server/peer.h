#ifndef SERVER_PEER_H
#define SERVER_PEER_H

#include "base/err.h"

/*
 * The address of the client, in r->client.peer: that of the socket if it is an
 * internet socket, else what peer_from of the settings trusts.  One that is not
 * told is "unknown".
 */
struct conn;
struct responder;
struct request;

/*
 * When a connection begins, before TLS: its peer, or "unknown" until a request
 * tells it.  A header of the PROXY protocol is read from `plain`.
 * Returns 0, or -1: KIND_INPUT when the header is none, KIND_BUSY, KIND_SYS.
 */
int peer_meet(
    struct responder *r, struct conn *plain, int64_t deadline, struct err *e);

/* When a request begins: what an earlier one has told is not of this one. */
void peer_forget(struct responder *r);

/*
 * When the head of a request is known.  Returns 0, or -1 (KIND_CONF) when it
 * should tell the peer, in exactly one field and as an address, and does not.
 */
int peer_tell(struct responder *r, const struct request *req, struct err *e);

#endif
