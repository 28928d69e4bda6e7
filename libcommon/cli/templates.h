#ifndef CLI_TEMPLATES_H
#define CLI_TEMPLATES_H

#include "cli/policyset.h"

/*
 * Templates of what names in the queue become (store/domain_template.h), as an
 * operator sees and sets them.  The commands need CONF_STORE.
 */
struct prog;

/* Prints all of them. */
int templates_list(struct prog *p, struct err *e);

/* Prints the one that the first operand names, in full. */
int templates_show(struct prog *p, struct err *e);

/* Removes those that the operands name. */
int templates_remove(struct prog *p, struct err *e);

/* As options give it; NULL, 0 and no challenges: as it is. */
struct templates_change {
	struct policyset policy;
	const char *account; /* or "none": the default one */
	const char *names;
	const char *profile; /* or "none" */
	const char *one_domain; /* yes, no */
	int64_t per_certificate;
};

/*
 * Changes the one of this name, or makes it: what is not given is as in the
 * default template.  KIND_USAGE, before the store is opened: a value is none.
 */
int templates_set(struct prog *p, const char *name,
    const struct templates_change *change, struct err *e);

#endif
