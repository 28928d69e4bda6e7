#ifndef STORE_SEALING_H
#define STORE_SEALING_H

#include "base/err.h"

/* The keys under which the store is sealed, as [store] names their files. */
struct seal_key;

/*
 * Reads the key file at `path`, the value of `setting`.  What is configured
 * must be there: KIND_CONF.
 */
int sealing_read(
    const char *setting, const char *path, struct seal_key *k, struct err *e);

#endif
