#ifndef SOLVE_HANDS_H
#define SOLVE_HANDS_H

#include "solve/solve_part.h"

/*
 * A process that runs programs of the operator for a solver, so that nobody
 * else waits for one that takes its time.  It has neither a store nor a key:
 * start it before there are any.  When it is told to end, or whoever asks has
 * died, the programs that run are ended.
 */
struct hands;

struct hands_options {
	/*
	 * What is done there; `leash` is for struct run, and readable at its
	 * other side's end.
	 */
	int (*change)(
	    void *self, int leash, const struct solve_record *r, struct err *e);
	void (*end)(void *self); /* the last there, or NULL */
	void *self;
	bool one_by_one; /* what it keeps between two changes stays; else as
			    many at once as the options say */
	int64_t timeout_ms; /* of a program */
	const struct solver_options *options;
};

/* NULL: KIND_SYS. */
struct hands *hands_new(const struct hands_options *o, struct err *e);
void hands_free(struct hands *h); /* NULL-safe */

/* Calls `fn` once, perhaps before it returns. */
void hands_ask(
    struct hands *h, const struct solve_record *r, solver_done *fn, void *arg);

#endif
