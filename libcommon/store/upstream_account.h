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

/* "valid", "deactivated". */
const char *upstream_account_status_name(enum upstream_account_status status);

/*
 * Stores an account.  One with this key that is there already stays as it is,
 * but for a directory, URL or data that was not known before.  Without `seal`
 * the key is stored in the clear.  Durable.  KIND_CONFLICT: the key belongs to
 * an account at another CA, or with another URL.
 */
int upstream_account_add(struct store *st, const struct upstream_account_new *n,
    const struct seal_key *seal, int64_t *id, bool *created, struct err *e);

/*
 * Loads one; the caller releases.  KIND_NOTFOUND.  `a` need not be
 * initialised, and is empty on failure.
 */
int upstream_account_by_id(
    struct store *st, int64_t id, struct upstream_account *a, struct err *e);

/* As private_key_load. */
struct key *upstream_account_key(
    struct store *st, int64_t id, const struct seal_key *seal, struct err *e);

/*
 * Calls `fn` for each account, by number, until it returns -1, which is then
 * the result.  `fn` must not call the store.
 */
int upstream_account_each(struct store *st,
    int (*fn)(void *arg, const struct upstream_account *a, struct err *e),
    void *arg, struct err *e);

/* Frees what it owns; it is empty then.  NULL-safe. */
void upstream_account_release(struct upstream_account *a);

#endif
