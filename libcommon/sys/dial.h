#ifndef SYS_DIAL_H
#define SYS_DIAL_H

#include "base/err.h"

/*
 * Connects by TCP to a host, a name or an address, and the number of a port:
 * to the first of its addresses that can be had before the deadline.  Names
 * are those of getaddrinfo(3), which has a time limit of its own.
 * Returns the descriptor, which does not block, or -1: KIND_BUSY;
 * KIND_DENIED, this process may not connect there.
 */
int dial_tcp(
    const char *host, const char *port, int64_t deadline, struct err *e);

#endif
