#ifndef JOBS_ENLIST_H
#define JOBS_ENLIST_H

#include "order/orderpolicy.h"
#include "store/domain_template.h"

/* Names on their way into the queue of those that wait, as people type them. */
struct suffix_list;

struct enlist {
	const struct suffix_list *suffixes;
	struct domain_template template;
	struct orderpolicy policy; /* of that */
};

/*
 * A name as it is stored; the caller frees.  NULL: KIND_INPUT, it is none, or
 * an address.
 */
char *enlist_spell(const char *typed, struct err *e);

/*
 * Loads the template of that name, NULL: the default one; `suffixes` must stay.
 * KIND_NOTFOUND.  Release in any case.
 */
int enlist_open(struct enlist *l, struct store *st, const char *template,
    const struct suffix_list *suffixes, struct err *e);
void enlist_release(struct enlist *l);

/* As enlist_spell, and what the template makes of it can be ordered. */
char *enlist_name(const struct enlist *l, const char *typed, struct err *e);

/* The registered domain that a name is in; points into it. */
const char *enlist_registered(const struct enlist *l, const char *name);

#endif
