#ifndef JOBS_PRECHECK_H
#define JOBS_PRECHECK_H

#include "base/err.h"
#include "solve/solver.h"
#include "sys/helper.h"

/*
 * A look at challenges before a CA is told: http-01 and tls-alpn-01 as
 * validate/ has them, by the rules of CAs on the internet, from a process of
 * its own that has the network and nothing else.
 */
struct asker;
struct conf_client;

struct precheck {
	struct helper helper;
	struct asker *asker;
	struct askers *askers;
};

struct precheck_options {
	const struct conf_client *conf;
	struct askers *askers; /* of the loop that waits for it */
	/* Called in the new process, to give up its rights. */
	int (*confine)(void *arg, struct err *e);
	void *arg;
};

/*
 * Starts the process; before there is a secret in memory.  KIND_SYS; KIND_CONF
 * when it cannot be set up, and it has logged why.
 */
int precheck_start(
    struct precheck *p, const struct precheck_options *o, struct err *e);

/*
 * Looks at one challenge, as struct solver_options wants it; `arg` is a struct
 * precheck.  It takes half a minute at most, however many are looked at.
 * KIND_DENIED when no waiting mends it, else KIND_BUSY: what was asked, at
 * which address, and what was found there.  KIND_SYS when the process is lost.
 */
void precheck_look(
    void *arg, const struct solver_task *t, solver_done *fn, void *done_arg);

/*
 * Looks at `len` challenges and waits for it: what precheck_look says of each
 * is in `why`.  -1: the process is lost.
 */
int precheck_look_all(struct precheck *p, const struct solver_task *v,
    size_t len, struct err *why, struct err *e);

/* NULL-safe; also for {0}. */
void precheck_stop(struct precheck *p);

#endif
