#ifndef SYS_SIG_H
#define SYS_SIG_H

#include "base/base.h"

/*
 * From now on SIGTERM, SIGINT and SIGHUP only set a flag, so that the unit of
 * work in hand is finished; a blocking call returns with EINTR.
 */
void sig_catch_term(void);

/* Whether one of them has come. */
bool sig_term(void);

/* SIGPIPE becomes EPIPE: for programs that talk to strangers. */
void sig_ignore_pipe(void);

#endif
