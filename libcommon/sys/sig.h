#ifndef SYS_SIG_H
#define SYS_SIG_H

#include "base/base.h"

#include <signal.h>

/*
 * From now on SIGTERM, SIGINT and SIGHUP only set a flag, so that the unit of
 * work in hand is finished; a blocking call returns with EINTR.  A SIGHUP that
 * is ignored stays so: nohup(1).
 */
void sig_catch_term(void);

/* From now on they do what they did before that. */
void sig_leave_term(void);

/*
 * From now on they come only while ppoll(2) waits with the mask `*waiting`, so
 * that none is missed between a look at sig_term and the wait.  `*before` is
 * the mask to go back to.
 */
void sig_hold_term(sigset_t *waiting, sigset_t *before);

/*
 * From now on the death of a child ends a wait with the mask `*waiting` (of
 * sig_hold_term), and comes at no other time; and the way back.
 */
void sig_hold_child(sigset_t *waiting);
void sig_forget_child(void);

/* Whether one of SIGTERM, SIGINT and SIGHUP has come. */
bool sig_term(void);

/* SIGPIPE becomes EPIPE: for programs that talk to strangers. */
void sig_ignore_pipe(void);

#endif
