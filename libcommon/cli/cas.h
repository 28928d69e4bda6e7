#ifndef CLI_CAS_H
#define CLI_CAS_H

#include "base/err.h"

/*
 * CAs by name, as an operator names and sees them.  The commands need
 * CONF_STORE.
 */
struct prog;

/* Prints those that have a name, here or for everybody. */
int cas_list(struct prog *p, struct err *e);

/*
 * Gives the directory of the second operand the name of the first, and roots of
 * its own from a file of PEM, or NULL.
 */
int cas_add(struct prog *p, const char *trust_file, struct err *e);

/* Prints what the directory of the operand said last. */
int cas_show(struct prog *p, struct err *e);

/* Fetches it anew, and prints it; needs CONF_CLIENT as well. */
int cas_refresh(struct prog *p, bool traces, struct err *e);

#endif
