#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "base/base.h"

/*
 * A line on stderr that tells how far long work is: only on a terminal, and
 * not before a second of work; it is gone at the end.
 */
struct progress {
	const char *what; /* "certificates" */
	bool shown; /* stderr is a terminal */
	bool written; /* there is a line to be removed */
	int64_t count;
	int64_t next_ms; /* when to write again */
};

void progress_begin(struct progress *p, const char *what);

/* Adds `n` to the count. */
void progress_add(struct progress *p, int64_t n);

void progress_end(struct progress *p);

#endif
