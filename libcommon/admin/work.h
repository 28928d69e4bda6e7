#ifndef ADMIN_WORK_H
#define ADMIN_WORK_H

#include "base/err.h"
#include "base/str.h"

/*
 * The work service: starts other programs of acmed for acmed-admin, which does
 * not, as acme/workmsg.h asks for it.  A request is one of a few, its words are
 * looked at one by one, and no shell is in between.
 */
struct work {
	int64_t client_uid; /* who may ask besides root and our own; or -1 */
	const char *config; /* what the programs get */
	const char *store; /* or NULL: that of the configuration */
	bool to_syslog; /* our standard error is no log: theirs is elsewhere */
	int64_t request_ms; /* for a request to come, and for its reply to go */
	int64_t program_ms; /* for a program to end */
};

#define WORK_GRACE_MS 30000 /* for a program that is told to end */
#define WORK_NAMES_MAX 1000

/*
 * Takes one request from an accepted unix socket, has it done, and replies;
 * `fd` stays the caller's.  The process must have called sig_ignore_pipe and
 * sig_catch_term; after SIGTERM the program is told to end.  That the client
 * goes away meanwhile changes nothing.
 * Returns 0, also for a request that failed, and when somebody else has asked,
 * of whom nothing is read, or logged above debug level; -1: KIND_INPUT,
 * KIND_BUSY, KIND_SYS for what did not come as a request.
 */
int work_answer(const struct work *w, int fd, struct err *e);

/*
 * The program of a request, and what it gets: its name comes first.
 * KIND_INPUT.
 */
int work_parse(const struct work *w, const char *request, struct strv *argv,
    struct err *e);

#endif
