#ifndef CLI_POLICYSET_H
#define CLI_POLICYSET_H

#include "order/orderpolicy.h"

/*
 * How certificates are to be got (order/orderpolicy.h), as an operator sees and
 * sets it: for renewals and for templates.
 */
struct sheet;

/* As options give it; NULL and no challenges: as it is; "none": nothing. */
struct policyset {
	const char *key_cycle, *key_type;
	const char *preferred_chain;
	struct strv challenges; /* [NAME=]SOLVER, all of them */
	const char *placeholder; /* in names of challenges, or NULL */
};

bool policyset_is_empty(const struct policyset *s);

/* KIND_USAGE: a value is none. */
int policyset_check(const struct policyset *s, struct err *e);

/* Changes a policy, JSON that the caller frees as before.  As above. */
int policyset_apply(const struct policyset *s, char **policy, struct err *e);

/*
 * The policy that it makes on its own; without challenges they are answered
 * (acmed-challenge).  The caller frees.  NULL: as above.
 */
char *policyset_make(const struct policyset *s, struct err *e);

/*
 * Whether a text that is kept as it is, NULL or of --`option`, is one:
 * KIND_USAGE.
 */
int policyset_check_text(const char *option, const char *text, struct err *e);
#define POLICYSET_TEXT_MAX 200 /* bytes */

/* Its lines of a sheet. */
void policyset_show(const struct orderpolicy *policy, struct sheet *out);

/* A text takes the place of what was there; "none" is nothing. */
void policyset_replace(char **what, const char *with);

#endif
