#ifndef CLI_PARSE_H
#define CLI_PARSE_H

#include "cli/prog.h"

/* From argv to a command, its options and its operands: part of cli/prog. */

enum parse_result {
	PARSE_RUN, /* p->command is set, all options are stored */
	PARSE_HELP, /* -h was met */
	PARSE_VERSION, /* -V was met */
	PARSE_FAILED = -1 /* KIND_USAGE */
};

/*
 * Finds the command and parses argv for it into `p` and into the variables that
 * the command's options point to.  argv is reordered; what is stored borrows
 * from it.  Lists among the options belong to the program.
 */
int parse_args(struct prog *p, int argc, char **argv,
    const struct prog_command *commands, struct err *e);

#endif
