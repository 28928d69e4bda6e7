#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "base/buf.h"
#include "store/store.h"

/*
 * Looks the store over: its pages and indexes, foreign keys, the invariants of
 * the states in acmed(7), modes of its files.  Adds a line per problem to
 * `problems` and returns 0 (also when there are problems), -1 when the looking
 * itself failed.  Reads the whole store.
 */
int check_run(struct store *st, struct strv *problems, struct err *e);

#endif
