#ifndef CLI_RENEWWORK_H
#define CLI_RENEWWORK_H

#include "base/err.h"

/*
 * What renew-queue does at CAs: certificates that are due are renewed, account
 * by account, the one with the most urgent first.
 */
struct prog;

struct renewwork {
	/*
	 * What is due is put in first, new names have their turn after
	 * renewals, and CAs are asked at the end when to renew, also what was
	 * renewed just now.
	 */
	bool is_all;
	size_t in_flight; /* orders at once */
	int64_t max; /* items, renewals and names */
	int64_t budget; /* seconds in which something is taken up */
	bool traces; /* on standard error */
};

/*
 * Gives up rights for good, so it is for a process of its own.  What fails is
 * kept in the queues; the exit code is in `p`.  -1: the store, or the set-up.
 */
int renewwork_run(struct prog *p, const struct renewwork *how, struct err *e);

#endif
