#ifndef STORE_UPSTREAM_ACCOUNT_H
#define STORE_UPSTREAM_ACCOUNT_H

#include "store/store.h"

/*
 * Our accounts at other CAs, each with its key, which belongs to no other: an
 * account is known by the SHA-256 of the public part.  The key is sealed as
 * those of certificates are (store/private_key.h), under a file of its own.
 */
struct key;
struct seal_key;

enum upstream_account_status {
	UPSTREAM_ACCOUNT_VALID,
	UPSTREAM_ACCOUNT_DEACTIVATED,
	UPSTREAM_ACCOUNT__MAX
};

struct upstream_account {
	int64_t id;
	char *directory_url; /* "" when nobody knows */
	char *url; /* the kid; NULL when it is not known */
	char *contacts; /* JSON array of URLs */
	enum upstream_account_status status;
	char *source; /* "import" */
	int64_t created;
	char *data; /* JSON of the client it came from, or NULL */
	uint8_t spki_sha256[32];
	char type[16]; /* of the key, as key_type_parse has it */
	bool sealed;
	char *terms_agreed; /* URL of the terms, or NULL */
	int64_t terms_agreed_at; /* 0: never */
	char *eab_key_id; /* to which it is bound, or NULL */
	bool is_default; /* at its CA */
	char *certificate_key_type, *certificate_key_cycle; /* or NULL */
	int64_t retry_at; /* no newOrder before */
	bool is_rolling; /* a change of keys has begun */
};

struct upstream_account_new {
	const char *directory_url; /* or NULL */
	const char *url; /* or NULL */
	const struct strv *contacts;
	const char *source;
	const char *data; /* or NULL */
	bool deactivated;
	const struct key *key;
};

/* What becomes of an account; NULL leaves a text as it is. */
struct upstream_account_change {
	const char *directory_url; /* if it was not known */
	const char *url;
	const struct strv *contacts;
	const char *terms_agreed; /* now */
	const char *eab_key_id;
	const char *certificate_key_type, *certificate_key_cycle;
	bool make_default; /* instead of the one that is */
	bool make_default_if_none;
	bool deactivate;
	const char *action; /* for the event log: "update", ... */
};

/* "valid", "deactivated". */
const char *upstream_account_status_name(enum upstream_account_status status);

/*
 * Stores an account.  One with this key that is there already stays as it is,
 * but for a directory, URL or data that was not known before.  Without `seal`
 * the key is stored in the clear.  Durable.  KIND_CONFLICT: the key belongs to
 * an account with another URL or, while one has none, at another CA.
 * KIND_INPUT: one of its URLs is not https.
 */
int upstream_account_add(struct store *st, const struct upstream_account_new *n,
    const struct seal_key *seal, int64_t *id, bool *created, struct err *e);

/*
 * What a registration at a CA begins with, in one durable transaction, so that
 * any number at once come out with one account: the default there, unless it is
 * to be `another`; else one whose registration has not come to its end; else
 * `n` is stored (`*created`).
 */
int upstream_account_begin(struct store *st,
    const struct upstream_account_new *n, bool another,
    const struct seal_key *seal, int64_t *id, bool *created, struct err *e);

/*
 * Loads one; the caller releases.  KIND_NOTFOUND.  `a` need not be
 * initialised, and is empty on failure.
 */
int upstream_account_by_id(
    struct store *st, int64_t id, struct upstream_account *a, struct err *e);

/*
 * The same of a number, or the URL of an account, as an operator writes it;
 * of the SHA-256 of its public key; of the URL of a directory, the default
 * account there.  KIND_NOTFOUND.
 */
int upstream_account_pick(struct store *st, const char *text,
    struct upstream_account *a, struct err *e);
int upstream_account_by_key(struct store *st, const uint8_t spki_sha256[32],
    struct upstream_account *a, struct err *e);
int upstream_account_default(struct store *st, const char *directory_url,
    struct upstream_account *a, struct err *e);

/*
 * Changes one, in one durable transaction.  KIND_NOTFOUND; KIND_CONFLICT when
 * it has another URL, or is deactivated.
 */
int upstream_account_change(struct store *st, int64_t id,
    const struct upstream_account_change *to, struct err *e);

/* Takes back one that the CA has refused: which has no URL.  KIND_CONFLICT. */
int upstream_account_drop(struct store *st, int64_t id, struct err *e);

/*
 * A change of keys: the next one is stored, on disk, before the CA is asked;
 * then it takes the place of the first, or goes.  A key that is rolled away is
 * gone.  `old` and `next` are SHA-256 of an SPKI.
 *
 * Begin: KIND_CONFLICT, the key is that of another account; KIND_BUSY, one has
 * begun already.
 *
 * Finish is for who knows that the CA has taken `next` for `old`: it is the key
 * then even if another process has cancelled that meanwhile; a change to some
 * other key that has begun stays.  KIND_NOTFOUND: the account has not `old`.
 * KIND_CONFLICT: `next` is the key of another account.
 *
 * Cancel is for who knows that the CA has not taken it, and does nothing where
 * another process has finished it, or has begun another.
 */
int upstream_account_roll_begin(struct store *st, int64_t id,
    const struct key *next, const struct seal_key *seal, struct err *e);
int upstream_account_roll_finish(struct store *st, int64_t id,
    const uint8_t old[32], const struct key *next, const struct seal_key *seal,
    struct err *e);
int upstream_account_roll_cancel(struct store *st, int64_t id,
    const uint8_t old[32], const uint8_t next[32], struct err *e);

/* As private_key_load; the second the one that is to be. */
struct key *upstream_account_next_key(
    struct store *st, int64_t id, const struct seal_key *seal, struct err *e);
struct key *upstream_account_key(
    struct store *st, int64_t id, const struct seal_key *seal, struct err *e);

/* Adds its contacts, as URLs. */
void upstream_account_contacts(
    const struct upstream_account *a, struct strv *out);

/*
 * Calls `fn` for each account, by number, until it returns -1, which is then
 * the result.  `fn` must not call the store.
 */
int upstream_account_each(struct store *st,
    int (*fn)(void *arg, const struct upstream_account *a, struct err *e),
    void *arg, struct err *e);

/* The same for each URL of a directory that one of them is at. */
int upstream_account_each_directory(struct store *st,
    int (*fn)(void *arg, const char *url, struct err *e), void *arg,
    struct err *e);

/* Frees what it owns; it is empty then.  NULL-safe. */
void upstream_account_release(struct upstream_account *a);

#endif
