#ifndef STORE_SERVING_H
#define STORE_SERVING_H

#include "store/domain.h"

/*
 * Which certificate serves each name, for whoever hands all of them on: the
 * rule is that of certificate_serving, among certificates whose private key is
 * in the store.
 */
struct serving {
	char name[DOMAIN_VALUE_MAX + 1];
	int64_t domain_id;
	int64_t certificate_id; /* 0: none serves it */
	/*
	 * It is, or the wildcard whose certificate this is: gateways that ask
	 * for names get nothing.
	 */
	bool disabled;
	uint8_t sha256[32]; /* of the certificate */
	int64_t fqdn_set_id; /* the same */
	int64_t not_before, not_after;
	int64_t created; /* when the certificate came to the store */
	int64_t chain_id; /* the preferred one; 0: none */
};

/*
 * What serves a name, spelled as it is stored; one that is not in the store may
 * be served by a wildcard, its domain_id is 0.  KIND_NOTFOUND when it is not
 * there and nothing serves it.
 */
int serving_by_name(struct store *st, const char *name, int64_t now,
    struct serving *s, struct err *e);

typedef int (*serving_fn)(void *arg, const struct serving *s, struct err *e);

/*
 * Calls `fn` for each name that is in the store, until it returns -1, which is
 * then the result.  Some hundreds are read as of one moment, the next ones as
 * of a later one; `fn` may take its time, and call the store.
 */
int serving_each(
    struct store *st, int64_t now, serving_fn fn, void *arg, struct err *e);

/*
 * The same for names that have come to the store since that time; for those of
 * certificates that have come, got their private key or one more chain, or were
 * activated, deactivated or revoked; of all that have several chains, if other
 * CAs are preferred since; for names that were enabled or disabled; and for
 * those of certificates that have begun or ended since; when that is a
 * wildcard, for the names below it as well.  The work is that of the names in
 * question, and after a change of preferences a look at all certificates.
 */
int serving_each_since(struct store *st, int64_t since, int64_t now,
    serving_fn fn, void *arg, struct err *e);

/*
 * The same for the names that these certificates serve, as
 * serving_change_settle has found last.
 */
int serving_each_of(struct store *st, const int64_t *certificate_ids,
    size_t len, int64_t now, serving_fn fn, void *arg, struct err *e);

/*
 * For the modules of store/ only, in the transaction at hand: calls `fn` for
 * the names with the numbers after `after` and up to `last`.
 */
int serving_read(struct store *st, int64_t after, int64_t last, int64_t now,
    serving_fn fn, void *arg, struct err *e);

#endif
