#ifndef CLI_PROVELIST_H
#define CLI_PROVELIST_H

#include "base/err.h"

/* cert-list prove: many places, several at once, a record for each. */
struct prog;

/*
 * The operands are NAME, or NAME HOST:PORT; or "-", and a list on standard
 * input whose lines are that, with a tab or blanks between.  As a command's
 * `run`: its exit code is 1 when something else is served, 111 when somebody
 * was not reached.
 */
int provelist_run(struct prog *p, int64_t jobs, struct err *e);

#endif
