#ifndef STORE_CHALLENGE_H
#define STORE_CHALLENGE_H

#include "base/log.h"
#include "store/account.h"
#include "store/identifier.h"
#include "store/store.h"

/*
 * Challenges (RFC 8555 7.1.5) and the queue of validations; states in acmed(7).
 * A challenge is processing if and only if it has a job `validate`.
 */
enum challenge_type {
	CHALLENGE_HTTP_01, /* RFC 8555 8.3 */
	CHALLENGE_DNS_01, /* RFC 8555 8.4 */
	CHALLENGE_TLS_ALPN_01, /* RFC 8737 */
	CHALLENGE_TYPE__MAX
};

enum challenge_status {
	CHALLENGE_PENDING,
	CHALLENGE_PROCESSING,
	CHALLENGE_VALID,
	CHALLENGE_INVALID,
	CHALLENGE_STATUS__MAX
};

#define CHALLENGE_TOKEN_LEN 43 /* 32 random bytes as base64url */

struct challenge {
	int64_t id;
	enum challenge_type type;
	enum challenge_status status;
	char token[CHALLENGE_TOKEN_LEN + 1];
	int64_t validated; /* 0 unless valid */
	char *error; /* problem document in JSON of the last attempt, or NULL */
};

/* A validation to be done. */
struct challenge_task {
	int64_t id; /* of the challenge */
	enum challenge_type type;
	char token[CHALLENGE_TOKEN_LEN + 1];
	char thumbprint[ACCOUNT_THUMBPRINT_LEN + 1]; /* of the account's key */
	struct identifier identifier; /* without "*." */
	bool wildcard;
	int attempts; /* finished before this one */
	char authorization_url_id[STORE_URL_ID_SIZE];
	char request_id[LOG_ID_SIZE]; /* of who asked; may be "" */
};

/* "http-01" and so on; "pending", "processing", "valid", "invalid". */
const char *challenge_type_name(enum challenge_type type);
const char *challenge_status_name(enum challenge_status status);

/* The status of that name; CHALLENGE_STATUS__MAX when there is none. */
enum challenge_status challenge_status_by_name(const char *name);

/* The type of that name. Returns 0, or -1 when there is none. */
int challenge_type_by_name(const char *name, enum challenge_type *type);

/*
 * pending -> processing, with its job `validate`, due at once.
 * KIND_CONFLICT when the challenge is not pending, or its authorization is not
 * (or has expired).
 */
int challenge_start(struct store *st, int64_t id, struct err *e);

/*
 * Takes at most `limit` validations that are due, each for `lease` seconds, in
 * which nobody else gets them; if the taker dies they are due again then.
 * `longest` is the longest lease or pause between attempts there is, in
 * seconds: what is due later than that was made before the clock was set back,
 * and is due now.
 * A job whose authorization has expired meanwhile is ended here (challenge ->
 * invalid).  The caller frees `*tasks` with challenge_task_array_free.
 */
int challenge_take(struct store *st, int64_t lease, int64_t longest,
    size_t limit, struct challenge_task **tasks, size_t *len, struct err *e);

/*
 * Stays processing; due again at `due`, one attempt more.  `error` (problem
 * document in JSON, or NULL) is kept as that of the last attempt; `address` is
 * what was connected to, or NULL.  KIND_CONFLICT unless processing.
 */
int challenge_retry(struct store *st, int64_t id, int64_t due,
    const char *error, const char *address, struct err *e);

/*
 * Stays processing, due again at once: who took it has not come to a result.
 * Attempts and error are as before.  KIND_CONFLICT unless processing.
 */
int challenge_return(struct store *st, int64_t id, struct err *e);

/*
 * processing -> valid, its authorization pending -> valid, and the order
 * pending -> ready when all its authorizations are valid now.  Other running
 * validations of the authorization are dropped (challenge -> invalid).
 * KIND_CONFLICT unless the challenge is processing and the authorization
 * pending and not expired: then the result comes too late and is dropped.
 */
int challenge_set_valid(
    struct store *st, int64_t id, const char *address, struct err *e);

/*
 * The same for several in one transaction, all or none: under load it is the
 * transactions that cost.
 */
struct challenge_validated {
	int64_t id;
	const char *address; /* or NULL */
	const char *request_id; /* for the event */
};
int challenge_set_all_valid(struct store *st,
    const struct challenge_validated *v, size_t len, struct err *e);

/*
 * processing -> invalid, its authorization pending -> invalid, its pending
 * orders -> invalid; `error` (problem document in JSON) goes to challenge and
 * order.  Other running validations of the authorization are dropped.
 * KIND_CONFLICT unless the challenge is processing.
 */
int challenge_set_invalid(struct store *st, int64_t id, const char *error,
    const char *address, struct err *e);

/*
 * When the next validation is due (leases that run out count), in `*when`;
 * INT64_MAX when none is waiting.
 */
int challenge_next_due(
    struct store *st, int64_t longest, int64_t *when, struct err *e);

/* Frees what it owns. NULL-safe. */
void challenge_release(struct challenge *c);
void challenge_task_array_free(struct challenge_task *tasks, size_t len);

#endif
