#ifndef CLI_RENEWALINFO_H
#define CLI_RENEWALINFO_H

#include "cli/out.h"
#include "cli/upstream.h"
#include "client/ari.h"

/*
 * Asking CAs when certificates should be renewed (RFC 9773), each about its
 * own. What is not asked about is as due as before.
 */
struct renewalinfo {
	struct upstream *up; /* upstream_enter */
	struct prog *prog;
	size_t in_flight; /* at least 1 */
	bool (*is_stopped)(void); /* what is in flight comes to its end */
	ari_callback *tell; /* of each that up->ca was asked about */
	void (*tell_ca)(void *arg, const struct err *why); /* that cannot be */
	void *arg;
};

/*
 * About all that it is time to ask for.  A CA is not asked for its directory
 * when there is nothing, and what is at one without renewal information is not
 * looked at, however much it is.  -1: the store.
 */
int renewalinfo_ask_due(const struct renewalinfo *r, struct err *e);

/*
 * About these, as certificate_find has them, now.  One that cannot be found is
 * told by prog_item_failed.
 */
void renewalinfo_ask_named(
    const struct renewalinfo *r, const struct strv *words);

/* Whether it is time to ask for any. */
int renewalinfo_is_due(struct store *st, bool *is_due, struct err *e);

/* What the store has of one of up->ca: renewalinfo_begin, one each, out_finish.
 */
void renewalinfo_begin(struct out *o, const struct prog *p);
int renewalinfo_print(struct out *o, const struct upstream *up,
    int64_t certificate_id, struct err *e);

/*
 * All of it for a program that does nothing else: asks about the operands, or
 * without any about all that it is time for, and prints what came.
 */
int renewalinfo_run(
    struct prog *p, size_t in_flight, bool traces, struct err *e);

#endif
