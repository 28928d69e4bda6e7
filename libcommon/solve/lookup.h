#ifndef SOLVE_LOOKUP_H
#define SOLVE_LOOKUP_H

#include "base/err.h"
#include "base/str.h"
#include "sys/sandbox.h"

/*
 * Look-ups for dns-01, in a process of its own, that has neither a store nor a
 * key.  Start it before there are any.
 */
struct askers;
struct lookup;

struct lookup_options {
	const struct strv *resolvers; /* as in wrap/dns.h; NULL: the system's */
	uint16_t port; /* of authoritative servers; 0: 53 */
	const char *user; /* that the process becomes, if it can, or NULL */
	enum sandbox_mode sandbox;
	struct askers *askers; /* of the loop that waits for it */
};

/* The caller frees.  NULL: KIND_SYS. */
struct lookup *lookup_new(const struct lookup_options *o, struct err *e);
void lookup_free(struct lookup *l); /* NULL-safe */

/*
 * Is called once, perhaps before the question returns.  `canonical` is where
 * CNAMEs of the name lead, or the name itself, which nobody need have; `why`
 * is KIND_BUSY when nobody answers, or not as it should.
 */
typedef void lookup_callback(
    void *arg, const char *canonical, const struct err *why);

/* Where CNAMEs of `name` lead. */
void lookup_start(
    struct lookup *l, const char *name, lookup_callback *fn, void *arg);

/*
 * Whether, at the end of CNAMEs of `name`, each authoritative server that
 * answers has the TXT record `value`; if none of them answers, whether a
 * resolver does.  When not, `why` has the server.
 */
void lookup_start_txt(struct lookup *l, const char *name, const char *value,
    lookup_callback *fn, void *arg);

/* lookup_start for who waits for it; the caller frees.  NULL: as `why`. */
char *lookup_canonical(struct lookup *l, const char *name, struct err *e);

#endif
