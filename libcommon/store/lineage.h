#ifndef STORE_LINEAGE_H
#define STORE_LINEAGE_H

#include "store/store.h"

/*
 * How another client renewed a set of names: its settings, kept as data.  One
 * is known by the client, the name that it had there, and the set.
 */
struct lineage_new {
	const char *source; /* the client: "certbot" ... */
	const char *name;
	int64_t fqdn_set_id;
	int64_t upstream_account_id; /* 0: nobody knows */
	const char *settings; /* JSON */
};

/*
 * Stores one; of one that is there already the settings and the account are
 * replaced.  Durable.
 */
int lineage_add(struct store *st, const struct lineage_new *n, int64_t *id,
    bool *created, struct err *e);

struct lineage {
	int64_t id;
	char *source, *name;
	int64_t fqdn_set_id;
	int64_t upstream_account_id; /* 0: nobody knows */
	char *settings; /* JSON */
	int64_t created;
};

/*
 * Loads one; the caller releases.  KIND_NOTFOUND.  `l` need not be initialised,
 * and is empty on failure.
 */
int lineage_by_id(
    struct store *st, int64_t id, struct lineage *l, struct err *e);

/* Frees what it owns; it is empty then.  NULL-safe. */
void lineage_release(struct lineage *l);

#endif
