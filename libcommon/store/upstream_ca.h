#ifndef STORE_UPSTREAM_CA_H
#define STORE_UPSTREAM_CA_H

#include "store/store.h"

/*
 * Other CAs, by name: where their directory is, whom to trust for it, what it
 * said last, and until when they want to hear nothing.
 */
#define UPSTREAM_CA_NAME_MAX 64
#define UPSTREAM_CA_TRUST_MAX ((size_t)32 * 1024)

struct upstream_ca {
	int64_t id;
	char *name;
	char *directory_url;
	char *trust; /* PEM of its own roots, or NULL: the machine's */
	char *directory; /* JSON, or NULL: not fetched yet */
	int64_t fetched; /* 0: never */
	int64_t retry_at; /* as UPSTREAM_HOLD_ALL, or it is away */
};

/*
 * Stores one.  Durable.  KIND_INPUT for a name that is none (letters, digits,
 * `-`, `.` and `_`), or roots that are too long; KIND_CONFLICT when there is
 * one with this name or this URL.
 */
int upstream_ca_add(struct store *st, const char *name,
    const char *directory_url, const char *trust, int64_t *id, struct err *e);

/*
 * Loads one; the caller releases.  KIND_NOTFOUND.  `ca` need not be
 * initialised, and is empty on failure.
 */
int upstream_ca_by_id(
    struct store *st, int64_t id, struct upstream_ca *ca, struct err *e);
int upstream_ca_by_name(
    struct store *st, const char *name, struct upstream_ca *ca, struct err *e);
int upstream_ca_by_url(
    struct store *st, const char *url, struct upstream_ca *ca, struct err *e);

/* Calls `fn` as upstream_account_each does. */
int upstream_ca_each(struct store *st,
    int (*fn)(void *arg, const struct upstream_ca *ca, struct err *e),
    void *arg, struct err *e);

/*
 * Keeps the directory as of now; `*changed`: another than before, which is
 * kept in its history.
 */
int upstream_ca_set_directory(struct store *st, int64_t id,
    const char *directory, bool *changed, struct err *e);

/*
 * Calls `fn` for each directory that was another than the one before, oldest
 * first, until it returns -1, which is then the result.
 */
int upstream_ca_each_directory(struct store *st, int64_t id,
    int (*fn)(void *arg, int64_t at, const char *directory, struct err *e),
    void *arg, struct err *e);

/*
 * What the CA has asked to be left alone with, for all processes; a hold only
 * grows.  An account is 0 where it does not matter.
 */
enum upstream_hold {
	UPSTREAM_HOLD_ALL, /* nothing is sent */
	UPSTREAM_HOLD_REGISTER, /* no newAccount */
	UPSTREAM_HOLD_ORDER, /* no newOrder for the account */
	UPSTREAM_HOLD__MAX
};
int upstream_ca_hold(struct store *st, int64_t id, int64_t upstream_account_id,
    enum upstream_hold hold, int64_t until, struct err *e);

/*
 * Until when it is to be left alone; 0: not at all.  `is_away`: it has not
 * asked for that, but does not answer; `why` says how.
 */
struct upstream_held {
	int64_t until;
	bool is_away;
	char why[200];
};

/* Of `hold`, or all. */
int upstream_ca_held_until(struct store *st, int64_t id,
    int64_t upstream_account_id, enum upstream_hold hold,
    struct upstream_held *held, struct err *e);

/*
 * It has not answered a request: after the third, one after the other, or one
 * that tells of all (`is_all`), it is away, and left alone for
 * a minute, and then for as long as it has been away, an hour at most.
 */
int upstream_ca_failed(
    struct store *st, int64_t id, bool is_all, const char *why, struct err *e);

/* 1 when the CA of an account has not answered last; 0: it has; -1. */
int upstream_ca_away_until(struct store *st, int64_t upstream_account_id,
    struct upstream_held *held, struct err *e);

/* It does again. */
int upstream_ca_answered(struct store *st, int64_t id, struct err *e);

/* Frees what it owns; it is empty then.  NULL-safe. */
void upstream_ca_release(struct upstream_ca *ca);

#endif
