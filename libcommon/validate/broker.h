#ifndef VALIDATE_BROKER_H
#define VALIDATE_BROKER_H

#include "base/err.h"

/*
 * The process with the store and without the network: takes validations that
 * are due, has the other process (validate/engine.h) carry them out, and
 * records what came of them.
 */
struct conf;

enum broker_mode {
	BROKER_SERVE, /* until SIGTERM */
	BROKER_LINGER, /* until nothing has come for [validate] linger */
	BROKER_SWEEP /* until nothing is due; once over */
};

struct broker_options {
	const struct conf *conf; /* sections store, policy, validate */
	enum broker_mode mode;
	int wake_fd; /* datagram socket: there is work; or -1 */
	int private_fd; /* the other process must not have it; or -1 */
	int (*confine)(void *arg, struct err *e); /* see engine.h; or NULL */
	void (*ready)(void *arg); /* called once all is set up; or NULL */
	void *arg;
};

/*
 * Works until the mode says that it is over, or until SIGTERM; then what is in
 * hand is given five seconds, and what is not finished by then goes back to the
 * queue.  One process per store does so at a time, by a lock beside the store:
 * when another one holds it, BROKER_SERVE waits for it, and the other modes
 * leave the work to it and return 0.  After the lock is given up, the queue is
 * looked at once more, for those who have just left their work to us.
 *
 * No thread may be running and no store be open in this process.
 * Returns 0, or -1: KIND_CONF, KIND_SYS (also when the other process keeps
 * dying), KIND_BUSY.
 */
int broker_run(const struct broker_options *options, struct err *e);

#endif
