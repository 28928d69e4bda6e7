#ifndef WRAP_SUFFIX_H
#define WRAP_SUFFIX_H

#include "base/err.h"

/*
 * The public suffix list, by libpsl: below which names others register theirs.
 */
struct suffix_list;

/*
 * The system's list, or the library's if that is newer.  NULL: KIND_SYS, there
 * is none.  Files are read now, and none later.
 */
struct suffix_list *suffix_list_load(struct err *e);

/* NULL-safe. */
void suffix_list_free(struct suffix_list *l);

/*
 * The registered domain that a DNS name (A-labels in lower case, without "*.")
 * is in: a suffix and one label more; a name that is a suffix is its own.
 * Points into `name`.
 */
const char *suffix_registered(const struct suffix_list *l, const char *name);

#endif
