#ifndef SYS_NETIF_H
#define SYS_NETIF_H

#include "base/err.h"

struct sockaddr;

/*
 * Calls `fn` with each internet address that an interface of this machine has
 * now.  Returns 0, or -1 (KIND_SYS).
 */
int netif_each_address(
    void (*fn)(void *arg, const struct sockaddr *sa), void *arg, struct err *e);

#endif
