#ifndef SIGN_SERVICE_H
#define SIGN_SERVICE_H

#include "base/err.h"

/* The signing service: answers acme/signmsg.h on unix stream sockets. */
struct sign;

#define SERVICE_CLIENTS_MAX 256

/*
 * Serves every client of the listening socket `fd`, or, when it is not
 * listening, the one connection that it is.  Requests are answered one after
 * the other; a client that is silent or slow blocks nobody, one that sends
 * garbage loses its connection, and beyond SERVICE_CLIENTS_MAX the client that
 * was silent for longest loses its own.
 * With `client_uid` 0 or more, only that user, root, and the user of this
 * process are served; -1: whoever reaches the socket.
 * Returns 0 after SIGTERM (sig_catch_term; the request in hand is finished),
 * after `linger` ms without a client (0: never) or, for one connection, when
 * the client has closed; -1: KIND_DENIED when the one connection is of somebody
 * else, KIND_SYS when the listening socket fails.  Closes the one connection.
 */
int service_run(
    int fd, struct sign *s, int64_t linger, int64_t client_uid, struct err *e);

#endif
