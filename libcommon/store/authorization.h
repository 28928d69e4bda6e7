#ifndef STORE_AUTHORIZATION_H
#define STORE_AUTHORIZATION_H

#include "store/challenge.h"
#include "store/identifier.h"
#include "store/store.h"

/*
 * Authorizations (RFC 8555 7.1.4): one per name of an order, not shared
 * between orders; states in acmed(7).
 */
enum authorization_status {
	AUTHORIZATION_PENDING,
	AUTHORIZATION_VALID,
	AUTHORIZATION_INVALID,
	AUTHORIZATION_DEACTIVATED,
	AUTHORIZATION_EXPIRED,
	AUTHORIZATION_REVOKED,
	AUTHORIZATION__MAX
};

struct authorization {
	int64_t id;
	char url_id[STORE_URL_ID_SIZE];
	int64_t account_id;
	/* As of loading: pending or valid beyond `expires` is expired. */
	enum authorization_status status;
	struct identifier identifier; /* without "*." */
	bool wildcard;
	int64_t created;
	int64_t expires;
	struct challenge challenges[CHALLENGE_TYPE__MAX]; /* as offered */
	size_t challenges_len;
};

/* "pending", "valid", "invalid", "deactivated", "expired", "revoked". */
const char *authorization_status_name(enum authorization_status status);

/*
 * Loads an authorization and all its challenges, as of one moment; the caller
 * releases.  KIND_NOTFOUND.  `a` need not be initialised, and is empty on
 * failure.
 */
int authorization_by_url_id(struct store *st, const char *url_id,
    struct authorization *a, struct err *e);

/*
 * pending or valid -> deactivated (RFC 8555 7.5.2), and its pending and ready
 * orders -> invalid; running validations of it are dropped.
 * KIND_CONFLICT when it is final or has expired.
 */
int authorization_deactivate(struct store *st, int64_t id, struct err *e);

/*
 * Says in `*holds` whether the account has a valid, unexpired authorization for
 * each of the names (RFC 8555 7.6); a wildcard needs one for the wildcard.
 * No names: false.
 */
int authorization_account_holds(struct store *st, int64_t account_id,
    const struct identifier *identifiers, size_t len, bool *holds,
    struct err *e);

/*
 * For the modules of store/ only; joins the transaction at hand.  Ends an
 * authorization as status `to`: its running validations are dropped (their jobs
 * go, their challenges become invalid with `error`), its pending and ready
 * orders become invalid with `error`.  Only if it is pending, or valid and
 * `from_valid` is set, and expires after `alive_at` (INT64_MIN: whenever);
 * `*ended` says whether it was.
 */
struct authorization_ending {
	enum authorization_status to;
	bool from_valid;
	int64_t alive_at;
	const char *error;
};
int authorization_end(struct store *st, int64_t id,
    const struct authorization_ending *how, bool *ended, struct err *e);

/* Likewise: what happens to running validations when it leaves pending. */
int authorization_drop_validations(
    struct store *st, int64_t id, const char *error, struct err *e);

/* The problem document of one that has expired. */
extern const char authorization_expired_error[];

/* Frees what it owns; it is empty then. NULL-safe. */
void authorization_release(struct authorization *a);

#endif
