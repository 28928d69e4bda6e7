#ifndef TESTS_BENCH_LIB_LOOP_H
#define TESTS_BENCH_LIB_LOOP_H

#include "base/base.h"

/*
 * One epoll descriptor for everything.  A struct watch belongs to who waits;
 * its function is called when the descriptor becomes ready (edge-triggered: it
 * must go on until the descriptor would block).
 */
struct watch {
	void (*ready)(void *arg, uint32_t events);
	void *arg;
};

struct loop;

struct loop *loop_new(void);
void loop_free(struct loop *l); /* NULL-safe */

/* Waits for both directions of `fd`; ends when it is closed. */
void loop_add(struct loop *l, int fd, struct watch *w);

/* Calls who is ready; returns after at most `timeout` milliseconds. */
void loop_once(struct loop *l, int timeout);

#endif
