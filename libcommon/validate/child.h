#ifndef VALIDATE_CHILD_H
#define VALIDATE_CHILD_H

#include "acme/validmsg.h"

#include <sys/types.h>

/* The process with the network, as the one with the store sees it. */
struct conf;

struct child {
	pid_t pid; /* 0: none */
	int fd; /* both ways, non-blocking; -1: none */
	struct buf in; /* read, not yet a whole message */
	struct buf out; /* tasks it has not taken yet */
};

/* Makes one that is not running; release ends it, gently at first. */
void child_init(struct child *c);
void child_release(struct child *c); /* NULL-safe */

struct child_options {
	const struct conf *conf;
	int (*confine)(void *arg, struct err *e); /* as of engine_run */
	void *arg;
	const int *shut; /* descriptors to close */
	size_t shut_len;
};

/*
 * Starts the process and waits until it is ready.  It keeps descriptor 2 and
 * its end of the socket; 0 and 1 become /dev/null, those in `shut` are closed.
 * No store may be open now, nor a thread be running.  -1: KIND_SYS, KIND_CONF
 * when it could not be set up (it has logged why).
 */
int child_start(
    struct child *c, const struct child_options *how, struct err *e);

/* Ends it at once, whatever it is doing. */
void child_stop(struct child *c);

/*
 * Puts a task into `out`.  Nothing here waits for the other process, which may
 * be waiting for us.
 */
int child_give(struct child *c, const struct validmsg_task *t, struct err *e);

/*
 * Each does what can be done without waiting: sends what is in `out`, reads
 * what is there.  Returns 0, or -1 when the process is dead.
 */
int child_send(struct child *c, struct err *e);
int child_read(struct child *c, struct err *e);

/* Takes the next result of those read: 1, 0 when there is none, -1. */
int child_take(struct child *c, struct validmsg_result *r, struct err *e);

#endif
