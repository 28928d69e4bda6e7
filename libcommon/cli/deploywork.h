#ifndef CLI_DEPLOYWORK_H
#define CLI_DEPLOYWORK_H

#include "base/err.h"

/*
 * Deploys what serves to the targets of [client] targets_file: a process for
 * each target, since what one may do another may not.  A tree has the seal and
 * its own directory, and nothing else; a hook, which no sandbox could let be,
 * has no secret.
 */
struct prog;

struct deploywork {
	struct prog *prog;
	const char *only; /* this target; NULL: all */
	bool again; /* all that serves, also what has been deployed */
	/*
	 * Those targets only that are to have it immediately; one that another
	 * process is at is waited for, for a while.
	 */
	bool immediately;
	bool tells; /* what has failed, a line each: no teller follows */
	int64_t take_until; /* nothing is begun after that (clock_now) */
};

/* Whether any target is to have it immediately: 1, 0, or -1 (KIND_CONF). */
int deploywork_is_immediate(const struct prog *p, struct err *e);

/*
 * No store may be open, and no rights given up.  What has failed is stored, and
 * makes the exit code of the program.  -1: nothing could be done.
 */
int deploywork_run(const struct deploywork *w, struct err *e);

#endif
