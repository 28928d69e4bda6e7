#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "base/buf.h"
#include "store/store.h"

/*
 * Looks the store over: modes of its files, its tables, pages, indexes and
 * foreign keys; if these are sound, the invariants of the states in acmed(7)
 * and the content of certificates.  Adds a line per problem to
 * `problems` and returns 0 (also when there are problems), -1 when the looking
 * itself failed.  Reads the whole store.
 */
int check_run(struct store *st, struct strv *problems, struct err *e);

#endif
