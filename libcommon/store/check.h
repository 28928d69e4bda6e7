#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "base/buf.h"
#include "store/store.h"

/*
 * Looks the store over: the modes of its files, its tables, pages, indexes and
 * foreign keys, then the invariants of the states in acmed(7) and the content
 * of certificates.  Adds a line per problem to `problems` and returns 0, also
 * when there are problems.  When tables, pages, indexes or foreign keys are
 * broken and the look at the rest fails, a last line says why, and the result
 * is 0; when they are sound, a look that fails is -1, as is one at them.  What
 * was found before a failure is in `problems`.  Reads the whole store.
 */
int check_run(struct store *st, struct strv *problems, struct err *e);

#endif
