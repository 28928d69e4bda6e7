#ifndef STORE_BLOCKED_NAME_H
#define STORE_BLOCKED_NAME_H

#include "store/store.h"

/*
 * The blocklist: names that nothing is ordered for, whoever asks.  A name means
 * itself and no other; "*." and a name means all that end in it, wildcards
 * among them.  They are spelled as in domains.
 */

/*
 * Durable.  KIND_CONFLICT when it is on the list; KIND_NOTFOUND: is not.  What
 * the queues have parked as blocked is looked at when one is taken off.
 */
int blocked_name_add(struct store *st, const char *name, struct err *e);
int blocked_name_remove(struct store *st, const char *name, struct err *e);

/*
 * Whether a name is blocked: 1 with the entry that says so, which the caller
 * frees; 0; -1.
 */
int blocked_name_of(
    struct store *st, const char *name, char **entry, struct err *e);

/*
 * Whether nothing is ordered for these, as one of them is blocked or disabled:
 * 1 with `why`, of KIND_DENIED; 0; -1.
 */
struct strv;
int blocked_name_check(
    struct store *st, const struct strv *names, struct err *why, struct err *e);

/*
 * Calls `fn` for each entry, by name, until it returns -1, which is then the
 * result.  `name` lives during the call only.
 */
int blocked_name_each(struct store *st,
    int (*fn)(void *arg, const char *name, int64_t created, struct err *e),
    void *arg, struct err *e);

#endif
