#ifndef STORE_EVENT_H
#define STORE_EVENT_H

#include "store/store.h"

/*
 * The event log: who did what to which object.  Rows are only ever added, in
 * the transaction that did it, and removed by age (purge).
 */
enum event_object {
	EVENT_ACCOUNT,
	EVENT_ORDER,
	EVENT_AUTHORIZATION,
	EVENT_CHALLENGE,
	EVENT_CERTIFICATE,
	EVENT_CERTIFICATE_REQUEST,
	EVENT_CA_CERTIFICATE,
	EVENT_CHAIN,
	EVENT_PRIVATE_KEY,
	EVENT_DOMAIN,
	EVENT_UPSTREAM_ACCOUNT,
	EVENT_UPSTREAM_ORDER,
	EVENT_LINEAGE,
	EVENT_EAB_KEY,
	EVENT_UPSTREAM_CA,
	EVENT_RENEWAL_CONFIGURATION,
	EVENT_DEPLOY_TARGET,
	EVENT_ADMIN_TOKEN,
	EVENT_STORE,
	EVENT_OBJECT__MAX
};

struct event {
	int64_t id;
	int64_t at;
	const char *request_id; /* the log id of the moment; may be "" */
	const char *actor; /* see store_set_actor */
	const char *action; /* "order.create", "challenge.valid", ... */
	enum event_object object_type;
	int64_t object_id;
	const char *detail; /* may be NULL */
};

/* Which events to show; {0} is all of them. */
struct event_filter {
	int64_t since; /* not before; 0: any time */
	bool by_object; /* only this one: */
	enum event_object object_type;
	int64_t object_id;
	size_t last; /* only the last so many; 0: all */
};

/* "account", "order" and so on. */
const char *event_object_name(enum event_object type);

/*
 * Writes an event about an object, with the time, the store's actor and the
 * log's request id, in the transaction at hand.  `detail` may be NULL.
 */
int event_add(struct store *st, const char *action, enum event_object type,
    int64_t object_id, const char *detail, struct err *e);

/*
 * The number of the last event that was written here since store_set_actor, in
 * a transaction that has gone well; 0: none was.
 */
int64_t event_last(const struct store *st);

/*
 * Reads "order/ID", where ID is the id in the URL, a row number or (for a
 * certificate) a SHA-256 in hex, into the object of `filter`.
 * KIND_INPUT for another form, KIND_NOTFOUND.
 */
int event_filter_object(struct store *st, const char *text,
    struct event_filter *filter, struct err *e);

/* When an event was, by its number; KIND_NOTFOUND. */
int event_time(struct store *st, int64_t id, int64_t *at, struct err *e);

/*
 * Calls `fn` for each event that matches, oldest first, until it returns -1,
 * which is then the result.  The texts live during the call only.
 */
int event_each(struct store *st, const struct event_filter *filter,
    int (*fn)(void *arg, const struct event *ev, struct err *e), void *arg,
    struct err *e);

#endif
