#ifndef CLI_OPERANDS_H
#define CLI_OPERANDS_H

#include "base/err.h"
#include "base/str.h"

/*
 * The operands of a program, where "-" stands for the lines of the standard
 * input: of each the first column (cli/out.h).  Empty lines are passed over.
 * KIND_INPUT when that is more than OPERANDS_MAX bytes or has a NUL among them,
 * KIND_SYS.
 */
struct prog;
struct store;

#define OPERANDS_MAX ((size_t)256 * 1024 * 1024)

int operands_read(const struct prog *p, struct strv *out, struct err *e);

/* The lines of the standard input, whole; fails the same. */
int operands_read_lines(struct strv *out, struct err *e);

/*
 * Opens the store to write and calls `fn` for each operand; one for which that
 * fails is told and does not stop the rest.  SIGTERM does: KIND_BUSY.  As
 * operands_read and rights_open_store.
 */
int operands_each(struct prog *p,
    int (*fn)(struct store *st, const char *operand, void *arg, struct err *e),
    void *arg, struct err *e);

#endif
