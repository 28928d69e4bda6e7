#ifndef STORE_TELLING_H
#define STORE_TELLING_H

#include "store/store.h"

/*
 * How renewals, names that were parted from one (store/served_name.h) and
 * deploy targets fare, and what somebody was told of it last: what there is to
 * be told is decided in jobs/teller.h.
 */
enum telling_state {
	TELLING_OK,
	TELLING_FAILING, /* the last attempt has failed */
	TELLING_URGENT, /* it has, and half of the time for it is gone */
	TELLING_EXPIRED, /* no certificate is valid any more */
	TELLING_PARKED, /* nothing is tried any more */
	TELLING__MAX
};

const char *telling_state_name(enum telling_state state); /* "ok" ... */

enum telling_of {
	TELLING_OF_RENEWAL,
	TELLING_OF_NAME,
	TELLING_OF_TARGET,
	TELLING_OF__MAX
};

struct telling_row {
	enum telling_of of;
	int64_t id; /* of the configuration, the item or the target */
	enum telling_state told;
	int64_t told_at;
};

struct telling_renewal {
	struct telling_row row;
	int64_t fqdn_set_id;
	/* Of the queue of names, and not a configuration; or NULL. */
	char *name;
	int64_t certificate_id; /* that it had */
	bool active;
	bool is_queued, is_parked;
	int64_t failing_since;
	int64_t retry_at;
	char *error; /* that, or what it waits for; or NULL */
	/* Of its certificate, or of what serves the name; 0: none yet. */
	int64_t not_before, not_after;
};

/*
 * Calls `fn` for each configuration that is in the queue or has been told of,
 * and each served name, until it returns -1.  `fn` may call the store.
 */
int telling_each_renewal(struct store *st,
    int (*fn)(void *arg, const struct telling_renewal *r, struct err *e),
    void *arg, struct err *e);

/* What was told of a target. */
int telling_target(struct store *st, int64_t deploy_target_id,
    struct telling_row *row, struct err *e);

/*
 * Before it is told: 1; 0: another process has told it meanwhile, or is about
 * to; -1.  That lasts for TELLING_TIME seconds, for one that is killed has told
 * nothing.
 */
int telling_claim(
    struct store *st, const struct telling_row *row, struct err *e);
#define TELLING_TIME 60

/* Notes that `to` is told now, in the place of what `row` says. */
int telling_note(struct store *st, const struct telling_row *row,
    enum telling_state to, struct err *e);

/* What was claimed could not be told. */
int telling_leave(
    struct store *st, const struct telling_row *row, struct err *e);

/* Of all that is renewed, served names among them. */
int telling_count_renewals(struct store *st, int64_t *n, struct err *e);

/* The number of active ones for each CA, by the URL of its directory. */
int telling_each_ca(struct store *st,
    int (*fn)(void *arg, const char *directory_url, int64_t n, struct err *e),
    void *arg, struct err *e);

/*
 * The end of the certificate of a renewal, or of what serves a served name,
 * that ends first, of those that are not parked; 0: there is none.
 */
int telling_next_expiry(struct store *st, int64_t *not_after, struct err *e);

/* That a run has done all it had to; and when the last one did, 0: never. */
int telling_note_run(struct store *st, const char *name, struct err *e);
int telling_last_run(
    struct store *st, const char *name, int64_t *at, struct err *e);

#endif
