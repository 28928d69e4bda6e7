#ifndef SYS_RUN_H
#define SYS_RUN_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

/*
 * Programs of the operator, started without a shell.  Each is the leader of a
 * process group of its own, with default signals, no descriptor of ours but
 * those it is given, and a small environment: PATH, HOME, USER, LOGNAME, LANG,
 * LC_ALL, TZ, TMPDIR, and what begins with HOOK_.
 */

/*
 * Starts `argv` (argv[0] without a slash is looked for in PATH) with these as
 * descriptors 0 to 2; -1 is /dev/null.  Returns its process id, or -1
 * (KIND_SYS).  That it could not be started is its exit code 127 and a line on
 * its standard error.  It is killed when this process dies, but not what it has
 * started itself.
 */
pid_t run_start(const char *const *argv, const int fds[3], struct err *e);

/* Kills its process group, waits for it, and makes `*pid` 0; not for 0. */
void run_kill(pid_t *pid);

/*
 * The same, but it has so long to end by itself, and, after a SIGTERM for the
 * group, for the grace.
 */
void run_end(pid_t *pid, int64_t patience_ms, int64_t grace_ms);

struct run {
	const char *const *argv; /* ends with NULL */
	const char *name; /* what errors call it, or NULL: its path */
	const char *const *environment; /* besides; ends with NULL, or NULL */
	const char *input; /* of its standard input, or NULL */
	int64_t timeout_ms; /* then its process group is killed */
	int64_t grace_ms; /* so long after a SIGTERM; 0: at once */
	bool first_line; /* of its standard error, instead of the last, */
	bool all_lines; /* or all of it, with "; " between lines */
	bool dies_too; /* with this process, as one of run_start */
	bool echoes; /* its standard error is also written to ours */
	bool heeds_term; /* sig_catch_term: SIGTERM means that time is over */
	/*
	 * A socket: once its other side has nothing more to say, the time is
	 * over; 0: none.
	 */
	int leash;
	/* Made: gets its standard output, which is dropped without (NULL). */
	struct buf *output;
	int *code; /* NULL, or gets its exit code; -1: it has not come to one */
};

/*
 * Runs it to its end.  0 when its exit code is 0; -1: KIND_DENIED with a line
 * of its standard error; the same with KIND_BUSY for 111, a signal, and when
 * its time was over; KIND_SYS, also when `output` cannot hold all it says,
 * which does not stop it.
 */
int run_wait(const struct run *r, struct err *e);

#endif
