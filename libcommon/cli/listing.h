#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include "base/err.h"

/* All that the store has of one thing. */
struct out;
struct prog;
struct store;

/*
 * Opens the store, to read only, gives up the rights, and has `each` print what
 * there is under these columns, the last of which is NULL.
 */
int listing_print(struct prog *p, const char *const *columns,
    int (*each)(struct store *st, struct out *o, struct err *e), struct err *e);

#endif
