#ifndef CLI_DOMAINS_H
#define CLI_DOMAINS_H

#include "base/err.h"

/*
 * The queue of names and the blocklist, as an operator fills and sees them.
 * The commands need CONF_STORE.
 */
struct prog;

/*
 * Puts in the operands, "-" being the lines of standard input, and prints what
 * became of each.  However many there are, memory stays the same, and what was
 * printed is stored.  `name` is that of a template, or NULL: the default one.
 */
int domains_add(struct prog *p, const char *name, struct err *e);

int domains_remove(struct prog *p, struct err *e);
int domains_list(struct prog *p, struct err *e);

/* The blocklist: the operands are names, with "*." for all below. */
int domains_block(struct prog *p, struct err *e);
int domains_unblock(struct prog *p, struct err *e);
int domains_blocklist(struct prog *p, struct err *e);

#endif
