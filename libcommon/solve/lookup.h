#ifndef SOLVE_LOOKUP_H
#define SOLVE_LOOKUP_H

#include "base/err.h"
#include "base/str.h"
#include "sys/sandbox.h"

/*
 * Look-ups for dns-01, in a process of its own, that has neither a store nor a
 * key.  Start it before there are any.
 */
struct lookup;

struct lookup_options {
	const struct strv *resolvers; /* as in wrap/dns.h; NULL: the system's */
	uint16_t port; /* of authoritative servers; 0: 53 */
	const char *user; /* that the process becomes, if it can, or NULL */
	enum sandbox_mode sandbox;
};

/* The caller frees.  NULL: KIND_SYS. */
struct lookup *lookup_new(const struct lookup_options *o, struct err *e);
void lookup_free(struct lookup *l); /* NULL-safe */

/*
 * Where CNAMEs of `name` lead, or the name itself; the caller frees.  NULL:
 * KIND_BUSY when nobody answers.
 */
char *lookup_canonical(struct lookup *l, const char *name, struct err *e);

/*
 * Whether each authoritative server of `name` that answers has the TXT record
 * `value`; if none of them answers, whether a resolver does.  KIND_BUSY when
 * not, with the server.
 */
int lookup_has_txt(
    struct lookup *l, const char *name, const char *value, struct err *e);

#endif
