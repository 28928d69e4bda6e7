#ifndef SYS_HANDED_H
#define SYS_HANDED_H

#include "base/err.h"

/*
 * Takes the socket that systemd hands over as sd_listen_fds(3) says: LISTEN_PID
 * is our own, LISTEN_FDS is 1, and it is descriptor 3.  It becomes descriptor 0
 * and, when it is a connection, descriptor 1 as well, as if inetd had started
 * us; the variables go, so that nobody else takes it.
 * Returns 0, also when nothing is for us; -1: KIND_CONF when there are several,
 * KIND_SYS when descriptor 3 is not open.  What it is, the caller finds out.
 */
int handed_take(struct err *e);

#endif
