#ifndef SOLVE_LISTENER_H
#define SOLVE_LISTENER_H

#include "base/err.h"

/*
 * A port on which a process of its own answers challenges: those it has been
 * told of and no others, a process for each connection, at most
 * LISTENER_CONNECTIONS at once, each for a few seconds.  It has neither a store
 * nor a key: start it before there are any.
 */
struct solve_making;
struct solver;

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
 * Makes a solver of it (solve/solve_part.h), for challenges of a type; the
 * argument is the port, which is bound on all addresses, IPv6 and IPv4, until
 * the release.  KIND_USAGE for what is no port, KIND_CONF when it is taken or
 * may not be had, KIND_SYS.
 */
int listener_make(const char *type, listener_serve *serve,
    const struct solve_making *m, struct solver *out, struct err *e);

#endif
