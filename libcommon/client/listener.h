#ifndef CLIENT_LISTENER_H
#define CLIENT_LISTENER_H

#include "base/err.h"

/*
 * A port on which a process of its own answers challenges: those it has been
 * told of and no others, a process for each connection, at most
 * LISTENER_CONNECTIONS at once, each for a few seconds.  It has neither a store
 * nor a key: start it before there are any.
 */
struct listener;
struct solver_task;

#define LISTENER_CONNECTIONS 64

struct listener_answer {
	char *name; /* of the identifier */
	char *token;
	char *key_authorization;
};

/* Answers on the connection `fd`, in a process of its own. */
typedef void listener_serve(
    int fd, const struct listener_answer *answers, size_t len);

/*
 * Binds the port on all addresses, IPv6 and IPv4.  The caller frees.  NULL:
 * KIND_SYS, KIND_CONF when it is taken or may not be had.
 */
struct listener *listener_new(
    uint16_t port, listener_serve *serve, struct err *e);
void listener_free(struct listener *l); /* NULL-safe */

/* Begins, or ends, to answer a task; both may be said twice. */
int listener_add(
    struct listener *l, const struct solver_task *t, struct err *e);
int listener_remove(
    struct listener *l, const struct solver_task *t, struct err *e);

#endif
