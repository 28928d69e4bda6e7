#ifndef SYS_CHILD_H
#define SYS_CHILD_H

#include "base/err.h"

/*
 * Runs `fn(arg)` in a process of its own and waits for it: what it gives up,
 * reads or leaves behind ends with it.  No handle of a store may be open.
 * SIGTERM, SIGINT and SIGHUP that come meanwhile (sys/sig.h) are passed on once
 * to it; when this process is killed, so is that one, unless it has become
 * another user.  `*code` is what `fn` returns, an exit code; 111 when it was
 * killed. -1: KIND_SYS.
 */
int child_run(int (*fn)(void *arg), void *arg, int *code, struct err *e);

#endif
