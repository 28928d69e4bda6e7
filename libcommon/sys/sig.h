#ifndef SYS_SIG_H
#define SYS_SIG_H

#include "base/base.h"

#include <signal.h>

/*
 * From now on SIGTERM, SIGINT and SIGHUP only set a flag, so that the unit of
 * work in hand is finished; a blocking call returns with EINTR.
 */
void sig_catch_term(void);

/*
 * From now on they come only while ppoll(2) waits with the mask `*waiting`, so
 * that none is missed between a look at sig_term and the wait.  `*before` is
 * the mask to go back to.
 */
void sig_hold_term(sigset_t *waiting, sigset_t *before);

/* Whether one of them has come. */
bool sig_term(void);

/* SIGPIPE becomes EPIPE: for programs that talk to strangers. */
void sig_ignore_pipe(void);

#endif
