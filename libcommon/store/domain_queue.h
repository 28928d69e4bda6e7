#ifndef STORE_DOMAIN_QUEUE_H
#define STORE_DOMAIN_QUEUE_H

#include "store/queue.h"
#include "store/store.h"

/*
 * Names that wait for their first certificate, or for another than the one that
 * serves them still (store/served_name.h): each once, until there is one.
 * What came of it is in the orders and events.
 */
struct domain_item {
	int64_t id;
	char *name; /* spelled as in domains, perhaps with "*." */
	char *registered; /* domain that it is in */
	int64_t domain_template_id;
	bool is_parked; /* nothing is tried until domain_queue_add */
	bool alone; /* it shares no order with others */
	int64_t added;
	int64_t retry_at; /* not before; what may first goes first */
	struct queue_past past; /* QUEUE_FAILING: it is quarantined */
	bool was_parked; /* and nobody has asked for it since */
	int64_t lease_until; /* a process works on it until then */
	int64_t upstream_order_id; /* 0: none, or it is over */
	char *cause, *error; /* of the last failure, or NULL */
	int64_t certificate_id; /* store/served_name.h; 0: it is new */
};

/* Frees what it owns; it is empty then.  NULL-safe. */
void domain_item_release(struct domain_item *i);

/*
 * It has the one attempt that domain_queue_return gives, however long that is
 * put off: when it fails it is parked again.
 */
bool domain_item_has_turn(const struct domain_item *i);

/* ---- in and out ---------------------------------------------------------- */

enum domain_answer {
	DOMAIN_QUEUED,
	/* it waits already, and what has failed of it is tried at once */
	DOMAIN_ALREADY_QUEUED,
	/*
	 * It was disabled, its renewal was deactivated or parked or has failed,
	 * or it was parked here; it is tried again.
	 */
	DOMAIN_ACTIVATED,
	DOMAIN_EXISTS, /* it is renewed */
	DOMAIN_BLOCKLISTED, /* store/blocked_name.h: nothing was done */
	DOMAIN_ANSWER__MAX
};

/* "queued", "already_queued" and so on. */
const char *domain_answer_name(enum domain_answer answer);

struct domain_addition {
	const char *name; /* canonical (acme/ident.h) */
	const char *registered;
	enum domain_answer answer; /* what became of it */
};

/*
 * Puts in names, all or none, and says of each what became of it.  Durable.
 * A process that is at a name that has failed, or was parked, has lost it: what
 * it finds must not put off again what is to be tried at once.
 */
int domain_queue_add(struct store *st, int64_t domain_template_id,
    struct domain_addition *v, size_t len, struct err *e);

/* A name that shared a certificate, whose renewal has failed. */
struct domain_return {
	const char *name, *registered; /* as in struct domain_addition */
	struct queue_failure failure; /* {.error = NULL}: it is not to blame */
};

/*
 * Parts names that share a certificate, when some of them keep it from being
 * renewed: the configuration that `hold` of the renewal queue is for is
 * removed, and its names are in this queue, those to blame quarantined.
 * Durable. KIND_BUSY: the hold is lost; KIND_CONFLICT: the configuration has a
 * backup.
 */
int domain_queue_put_parted(struct store *st, const struct queue_hold *hold,
    int64_t domain_template_id, const struct domain_return *v, size_t len,
    struct err *e);

/*
 * Takes one out.  Durable.  KIND_BUSY: it is just being worked on;
 * KIND_NOTFOUND.
 */
int domain_queue_remove(struct store *st, const char *name, struct err *e);

/* KIND_NOTFOUND: it is not in it; the caller releases. */
int domain_queue_by_name(
    struct store *st, const char *name, struct domain_item *i, struct err *e);

/*
 * Calls `fn` for each, the oldest first, until it returns -1, which is then the
 * result.  `fn` may call the store, and change the item.
 */
int domain_queue_each(struct store *st,
    int (*fn)(void *arg, struct domain_item *i, struct err *e), void *arg,
    struct err *e);

struct domain_queue_count {
	int64_t waiting, parked;
	int64_t quarantined; /* of those that wait */
	int64_t held; /* a process works on them */
};

struct domain_queue_summary {
	struct domain_queue_count new, served; /* and those that are not new */
	/*
	 * Since when a new one waits that has not failed, and one that has; 0:
	 * none.
	 */
	int64_t oldest_new, oldest_failing;
};

int domain_queue_summarize(
    struct store *st, struct domain_queue_summary *s, struct err *e);

#endif
