#ifndef VALIDATE_RESOLVE_H
#define VALIDATE_RESOLVE_H

#include "acme/ident.h"
#include "policy/address.h"

/*
 * From a name to addresses that may be connected to: A and AAAA at the same
 * time, each address against the policy, and with verify_ptr the PTR record of
 * those that are left, which must be the name.
 */
struct attempt_tools;
struct dns_query;

#define RESOLVE_MAX 2 /* one of each family */

struct resolve;

struct resolve_part {
	struct resolve *resolve;
	struct dns_query *query; /* under way, or NULL */
	bool is_good; /* the PTR record is the name */
};

struct resolve {
	struct attempt_tools *tools;
	char name[IDENT_DNS_MAX + 1];
	struct resolve_part parts[RESOLVE_MAX];
	bool is_reversing; /* the second half: PTR */
	struct address found[RESOLVE_MAX]; /* IPv6 first; all may be used */
	size_t found_len;
	size_t denied; /* addresses that the policy refuses, */
	struct err denial; /* and why the first of them */
	struct err err; /* why found is empty; the first reason */
	void (*fn)(void *arg);
	void *arg;
};

/*
 * Resolves `name`; an address as text is resolved to itself and has no PTR
 * check.  Then `fn(arg)` is called, once: from here, or from a later
 * dns_process, or by resolve_expire.  It finds addresses in `found`, or else
 * the reason in `err`, of type dns or rejectedIdentifier.
 */
void resolve_start(struct resolve *r, struct attempt_tools *tools,
    const char *name, void (*fn)(void *arg), void *arg);

/*
 * The time is over: goes on with what there is.  True when that is a look-up of
 * PTR records, which has a time of its own.
 */
bool resolve_expire(struct resolve *r);

/* `fn` will not be called any more.  Also for one that never started ({0}). */
void resolve_cancel(struct resolve *r);

#endif
