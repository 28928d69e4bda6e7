#ifndef TESTS_BENCH_LIB_USAGE_H
#define TESTS_BENCH_LIB_USAGE_H

#include "base/base.h"

/*
 * What a tree of processes uses: the one with a given id and all that descend
 * from it.  A process that has ended counts for CPU once its parent has waited
 * for it; the kernel keeps those sums in hundredths of a second, that of a
 * living process in nanoseconds.
 */

/* Microseconds of CPU, user and system, so far. */
int64_t usage_cpu(int root);

/* Kilobytes, of one program (processes of one name). */
struct usage {
	char name[16];
	int processes; /* most at once */
	long rss; /* the largest process ever, at its peak */
	long private; /* the largest process, what it does not share */
	long pss; /* all together, shared pages divided; the most seen */
};

#define USAGE_PROGRAMS 16

struct usage_all {
	struct usage program[USAGE_PROGRAMS];
	size_t count;
	long pss; /* all programs together; the most seen */
};

/* Looks now, and raises what has grown. */
void usage_memory(int root, struct usage_all *all);

#endif
