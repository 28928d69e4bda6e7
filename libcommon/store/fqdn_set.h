#ifndef STORE_FQDN_SET_H
#define STORE_FQDN_SET_H

#include "store/store.h"

/*
 * Sets of names: what a certificate belongs to.  A set is known by the SHA-256
 * of its names in lower case, sorted, each with a newline after it.
 */

/* The names of a set, sorted; added to `names`. */
int fqdn_set_names(
    struct store *st, int64_t id, struct strv *names, struct err *e);

/*
 * "a.example and 2 others", with no more than `most` bytes of the first of
 * several; the caller frees.  NULL: it is not known.
 */
char *fqdn_set_describe(struct store *st, int64_t id, int most);

/* A set that is in the store. */
struct fqdn_set {
	int64_t id;
	size_t size;
};

/*
 * For the modules of store/ only, in the transaction at hand: finds or makes
 * the set of these names (any order and case, also twice; none at all is a set
 * too), with its domains.  KIND_INPUT for a name that is too long to be one.
 */
int fqdn_set_put(struct store *st, const struct strv *dns,
    const struct strv *ip, struct fqdn_set *set, struct err *e);

#endif
