#ifndef STORE_REFS_H
#define STORE_REFS_H

#include "store/store.h"

/* What objects of the store have to do with each other, by their numbers. */
enum refs_type {
	REFS_ACCOUNT,
	REFS_CA_CERTIFICATE,
	REFS_CERTIFICATE,
	REFS_CERTIFICATE_REQUEST,
	REFS_CHAIN,
	REFS_DOMAIN,
	REFS_FQDN_SET,
	REFS_LINEAGE,
	REFS_ORDER,
	REFS_PRIVATE_KEY,
	REFS_UPSTREAM_ACCOUNT,
	REFS_UPSTREAM_ORDER,
	REFS__MAX
};

/* "certificate", "fqdn_set" and so on; -1 when there is no such type. */
const char *refs_name(enum refs_type type);
int refs_by_name(const char *name, size_t len, enum refs_type *type);

/*
 * Says in `*is_there` whether there is such an object (never for REFS_ACCOUNT,
 * REFS_ORDER and REFS_UPSTREAM_ORDER, which are only referred to).
 */
int refs_exists(struct store *st, enum refs_type type, int64_t id,
    bool *is_there, struct err *e);

/*
 * Calls `fn` for each object that refers to this one, or that it refers to,
 * until it returns -1, which is then the result: at most `limit` for each way
 * in which they do, and `what` says which: "issuers", "issued", "same_key", or
 * "refs" for any other.  `fn` may call the store.
 */
int refs_each(struct store *st, enum refs_type type, int64_t id, int64_t limit,
    int (*fn)(void *arg, const char *what, enum refs_type type, int64_t id,
	struct err *e),
    void *arg, struct err *e);

#endif
