#ifndef CLI_ONCE_H
#define CLI_ONCE_H

#include "base/err.h"

/* What is made, and told once, as nobody can find it out later. */
struct prog;
struct store;

/*
 * Sends off what was printed of `id`, which has just been made; it is revoked
 * when nobody can have read it, as stdout was closed or cannot be written:
 * KIND_SYS, which says so.
 */
int once_told(const struct prog *p, struct store *st, const char *id,
    int (*revoke)(struct store *st, const char *id, struct err *e),
    struct err *e);

#endif
