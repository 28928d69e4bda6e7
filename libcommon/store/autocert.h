#ifndef STORE_AUTOCERT_H
#define STORE_AUTOCERT_H

#include "store/domain_queue.h"

/*
 * Certificates that somebody asks for by name and waits for: attempts, of which
 * one name has one at a time.  The name is in the queue of domains from the
 * start, so that whoever dies loses nothing.
 */
enum autocert_kind {
	AUTOCERT_AUTO, /* by whoever has met the name: with limits */
	AUTOCERT_IF_NEEDED, /* an operator asks: with no limit but the last */
	AUTOCERT_KIND__MAX
};

enum autocert_outcome {
	AUTOCERT_VALID,
	AUTOCERT_FAILED,
	AUTOCERT_WAITING, /* nothing has failed: the queue goes on with it */
	AUTOCERT_OUTCOME__MAX
};

#define AUTOCERT_LEASE 300 /* seconds; an attempt is over then */
/* How long a failure is remembered: doubled for each before it, up to a day. */
#define AUTOCERT_FAILED_WAIT 3600
#define AUTOCERT_FAILED_WAIT_MAX 86400
#define AUTOCERT_KEPT (30 * 86400) /* for how long an attempt is */

struct autocert_limits {
	int64_t again; /* no other attempt for a name so soon after the last */
	int64_t per_hour; /* attempts in all */
	int64_t at_once; /* that run, of both kinds */
};

struct autocert_new {
	enum autocert_kind kind;
	const char *name, *registered; /* as in struct domain_addition */
	int64_t domain_template_id;
	struct autocert_limits limits;
};

/*
 * Whether there may be an attempt, as autocert_begin says it; it costs no
 * write.  But an earlier one that has nobody any more is brought to its end by
 * what the queue has.
 */
int autocert_check(
    struct store *st, const struct autocert_new *n, struct err *e);

/*
 * Begins an attempt, after autocert_check: `*id`, and the name is in the queue,
 * free of what was before.  Durable.
 * -1: KIND_DENIED, the name is blocked; KIND_CONFLICT, it is renewed and not
 * for the queue (AUTOCERT_IF_NEEDED: which is tried at once then); otherwise
 * with http_status and retry_after: 409, one is running or was recently; 429,
 * too many; 502 and 503, an earlier one has failed, or waits still, as the text
 * says, and it is too soon for another.  Then nothing was stored.
 */
int autocert_begin(
    struct store *st, const struct autocert_new *n, int64_t *id, struct err *e);

struct autocert_end {
	enum autocert_outcome outcome;
	int64_t again_at; /* of AUTOCERT_FAILED at least as said above */
	int64_t upstream_order_id; /* 0: none */
	const char *error; /* one line, or NULL */
};

/*
 * The end of an attempt; of one that has ended nothing changes.  A name that
 * has failed for AUTOCERT_AUTO leaves the queue: it is tried again when it is
 * asked for again.  Durable.
 */
int autocert_end(
    struct store *st, int64_t id, const struct autocert_end *x, struct err *e);

/* What the queue says of a name that has no certificate yet. */
enum autocert_state {
	AUTOCERT_QUEUE_ABSENT, /* it is not in the queue */
	AUTOCERT_QUEUE_HELD, /* a process has it */
	AUTOCERT_QUEUE_WAITING, /* nothing has failed */
	AUTOCERT_QUEUE_FAILED /* it is parked, or has failed at least once */
};

/* `*error` is the last failure, or NULL; the caller frees. */
int autocert_look(struct store *st, const char *name,
    enum autocert_state *state, char **error, struct err *e);

/*
 * The certificate that serves a name for gateways (store/serving.h), has begun
 * and not ended; 0: none.
 */
int autocert_certificate(
    struct store *st, const char *name, int64_t *id, struct err *e);

/* The last order at another CA for a name that is no older; 0: none. */
int autocert_order_of(struct store *st, const char *name, int64_t since,
    int64_t *upstream_order_id, struct err *e);

#endif
