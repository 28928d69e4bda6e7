#ifndef VALIDATE_ATTEMPT_H
#define VALIDATE_ATTEMPT_H

#include "acme/keyauth.h"
#include "acme/validmsg.h"
#include "policy/address.h"

/*
 * One attempt to validate one challenge: what is asked, what the loop has to
 * watch for it, and how it ended.  The types of challenge differ in their
 * machine.
 */
struct alpn_context;
struct attempt;
struct conf_validate;
struct dns;
struct web;

/* What all attempts of a process share. */
struct attempt_tools {
	struct dns *dns;
	struct web *web;
	struct alpn_context *alpn;
	struct address_policy policy;
	const struct conf_validate *conf;
	bool verify_ptr;
	bool dns01_require_address;
};

/*
 * The steps of a type of challenge.  None of them waits: start and expired
 * begin a look-up, a request or a connection, and its callback, or `ready`,
 * goes on.  Whoever knows the result calls attempt_succeed or attempt_fail.
 */
struct attempt_machine {
	void (*start)(struct attempt *a);
	void (*ready)(struct attempt *a); /* a->fd is; may be NULL */
	void (*expired)(struct attempt *a); /* a->wake has passed */
	void (*stop)(struct attempt *a); /* cancels and frees a->state */
};

struct attempt {
	struct attempt *next;
	struct attempt_tools *tools;
	struct validmsg_task task;
	char keyauth[KEYAUTH_SIZE];
	const struct attempt_machine *machine;
	void *state;
	int64_t deadline; /* of the attempt, clock_mono() */
	int64_t wake; /* of the step in hand, INT64_MAX: none */
	int fd; /* to be watched, or -1 */
	short events;
	bool is_done;
	struct validmsg_result result;
};

/* Milliseconds for one hop: resolving, connecting, and the answer. */
#define ATTEMPT_HOP_MS 10000
#define ATTEMPT_RESOLVE_MS 5000 /* of these, for the address */

/*
 * Takes over `task` and begins.  The caller watches fd, wake and deadline
 * until is_done, and frees.
 */
struct attempt *attempt_new(
    struct attempt_tools *tools, struct validmsg_task *task);

/* Goes on after `fd` was ready, or when a time has come. */
void attempt_ready(struct attempt *a);
void attempt_tick(struct attempt *a, int64_t now);

/* Stops what is under way.  NULL-safe. */
void attempt_free(struct attempt *a);

/* The two ends.  The machine is stopped after the callback at hand. */
void attempt_succeed(struct attempt *a);
void attempt_fail(struct attempt *a, const struct err *e);

/* Notes the address that is connected to now: for the record and for errors. */
void attempt_note_address(struct attempt *a, const struct address *address);

/* Milliseconds for a step that may take `ms`, within those of the attempt. */
int64_t attempt_left(const struct attempt *a, int64_t ms);

/* Makes that the deadline of the step in hand. */
void attempt_set_wake(struct attempt *a, int64_t ms);

extern const struct attempt_machine http01_machine;
extern const struct attempt_machine dns01_machine;
extern const struct attempt_machine tlsalpn01_machine;

#endif
