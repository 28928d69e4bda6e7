#ifndef SYS_HELPER_H
#define SYS_HELPER_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

/*
 * A process of our own that does what this one had better not do itself, and
 * answers questions, one at a time, as frames (sys/frame.h).  Start it before
 * there is a secret in memory.  It ends when the other one does.
 */
struct helper {
	pid_t pid; /* 0: none */
	int fd;
};

#define HELPER_KEPT 4

/*
 * Starts it: `live(fd, arg)` is its whole life, and returns when the other
 * side of `fd` is closed.  It has descriptor 2, the log's, `keep`, which is
 * HELPER_KEPT there, and no other; SIGTERM, SIGINT, SIGHUP and SIGPIPE are
 * ignored.  KIND_SYS.
 */
struct helper_options {
	void (*live)(int fd, void *arg);
	void *arg;
	int keep; /* one more descriptor, or -1 */
	const char *user; /* it becomes that, if it can; NULL: it stays */
	/* When this process dies it is not killed: it sees `fd` closed. */
	bool lingers;
};
int helper_start(
    struct helper *h, const struct helper_options *o, struct err *e);

/*
 * Asks, and waits for the answer.  KIND_SYS when it is dead or does not answer
 * in `timeout_ms`, and then it is stopped.
 */
int helper_ask(struct helper *h, const struct buf *question, struct buf *answer,
    int64_t timeout_ms, struct err *e);

void helper_stop(struct helper *h); /* NULL-safe */

/*
 * The same, but it is told that nothing more comes, and has so long to end by
 * itself.
 */
void helper_end(struct helper *h, int64_t patience_ms);

/* ---- in the helper ------------------------------------------------------- */

struct helper_service {
	/* Fills in the answer, at most HELPER_ANSWER_MAX bytes. */
	void (*answer)(void *arg, const struct buf *question, struct buf *out);
	void *arg;
	/* one after the other, here; else each in a process of its own, */
	bool one_by_one;
	/*
	 * and this fills in the answer, here, to a question whose process was
	 * lost, for this reason.
	 */
	void (*lost)(
	    const struct buf *question, const char *why, struct buf *out);
};
#define HELPER_ANSWER_MAX ((size_t)2048) /* is written as a whole, or not */

/*
 * Answers on `fd` until the other side has closed, and what was asked before
 * that is answered.  0; -1: KIND_SYS, KIND_INPUT.
 */
int helper_serve(int fd, const struct helper_service *s, struct err *e);

/* Whether the other side has nothing more to say. */
bool helper_is_left(int fd);

#endif
