#ifndef CLI_RENEWALS_H
#define CLI_RENEWALS_H

#include "cli/policyset.h"

/*
 * What is renewed, and how, as an operator sees and sets it.  The commands need
 * CONF_STORE.
 */
struct prog;

/* Prints all of them. */
int renewals_list(struct prog *p, struct err *e);

/* Prints the one that the first operand means, in full. */
int renewals_show(struct prog *p, struct err *e);

/* As options give it; NULL and no challenges: as it is; "none": nothing. */
struct renewals_change {
	struct policyset policy;
	const char *label;
	const char *part_left; /* percent with at most one decimal, "rule" */
	const char *profile;
};

/*
 * Makes one for each certificate that the operands mean, renewed by `account`,
 * or, if that is NULL, by the account of ours that it came from.  Without
 * challenges they are answered (acmed-challenge).
 */
int renewals_add(struct prog *p, const struct renewals_change *change,
    const char *account, struct err *e);

/*
 * Changes the one that `text` means.  KIND_USAGE, before the store is opened:
 * nothing is to be changed, or a value is none.
 */
int renewals_set(struct prog *p, const char *text,
    const struct renewals_change *change, struct err *e);

#endif
