#ifndef STORE_DOMAIN_H
#define STORE_DOMAIN_H

#include "store/identifier.h"
#include "store/store.h"

/*
 * Names, each once: a DNS name in lower case and A-labels, with its "*." if it
 * has one, or an IP address as inet_ntop(3) writes it.
 */
#define DOMAIN_VALUE_MAX 255 /* bytes */

struct domain {
	int64_t id;
	enum identifier_type type;
	char value[DOMAIN_VALUE_MAX + 1];
	bool active; /* nothing is ordered for one that is not */
	int64_t created;
	/*
	 * Of the active certificates for this name alone, and of those for
	 * others too, the one with the latest notAfter; 0: there is none.
	 */
	int64_t latest_single_id, latest_multi_id;
};

/* Finds a name, spelled as it is stored.  KIND_NOTFOUND. */
int domain_by_value(
    struct store *st, const char *value, struct domain *d, struct err *e);
int domain_by_id(struct store *st, int64_t id, struct domain *d, struct err *e);

/* Durable.  KIND_CONFLICT when it is so already; KIND_NOTFOUND. */
int domain_set_active(struct store *st, int64_t id, bool active, struct err *e);

/*
 * Works out anew which certificates are the latest, for all names, some at a
 * time; `*changed` is how many names had others, and with `dry_run` still have.
 * Every transaction that changes certificates keeps them right: this is for a
 * store that something else has touched.  Durable.
 */
int domain_refresh_all(
    struct store *st, bool dry_run, int64_t *changed, struct err *e);

/*
 * For the modules of store/ only, in the transaction at hand.  Those that work
 * out the latest certificates of a set note that others may serve its names
 * (store/serving_change.h).
 */

/* Finds or makes the row of a name. */
int domain_put(struct store *st, enum identifier_type type, const char *value,
    int64_t *id, struct err *e);

/* Works out the latest certificates of the names of one set. */
int domain_refresh_set(struct store *st, int64_t fqdn_set_id, struct err *e);

/*
 * The same for the names of the active certificates whose notAfter and id are
 * behind the first two and not behind the last two.
 */
int domain_refresh_ending(struct store *st, int64_t after, int64_t after_id,
    int64_t to, int64_t to_id, struct err *e);

/*
 * The same for a certificate that has just been added, and is active: quicker,
 * as it can only take the place of another.
 */
int domain_note_added(struct store *st, int64_t fqdn_set_id, size_t set_size,
    int64_t certificate_id, int64_t not_after, struct err *e);

#endif
