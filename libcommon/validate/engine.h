#ifndef VALIDATE_ENGINE_H
#define VALIDATE_ENGINE_H

#include "base/err.h"

/*
 * The process with the network and without the store: one loop that carries
 * out any number of attempts at the same time.
 */
struct conf;

/*
 * Sets itself up, calls `confine` (unless NULL), which gives up the rights that
 * are needed no more, and says on the socket `channel` that it is ready.  Then
 * takes tasks from it and writes results to it (acme/validmsg.h) until the
 * other side closes.  Needs the sections policy and validate.
 * Returns 0, or -1: KIND_CONF, KIND_SYS, KIND_INPUT for a broken message.
 */
int engine_run(int channel, const struct conf *conf,
    int (*confine)(void *arg, struct err *e), void *arg, struct err *e);

#endif
