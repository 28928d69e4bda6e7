#ifndef CLIENT_ENROL_H
#define CLIENT_ENROL_H

#include "client/client.h"
#include "wrap/key.h"

/*
 * Our accounts at a CA (RFC 8555 7.3): each step is a row of the store before
 * it is a request, so that whoever comes after a crash can go on.  All here
 * wait for the CA, and fail as client_call, which says what the CA says.
 */
struct key;
struct seal_key;
struct upstream_account;

/* The CA, the store, and under what account keys are sealed (or NULL). */
struct enrol {
	struct client *client;
	struct store *st;
	const struct upstream_ca *ca;
	const struct seal_key *seal;
};

struct enrol_how {
	const struct strv *contacts; /* URLs; NULL: as it is */
	const struct key *key; /* NULL: a new one, of this type */
	enum key_type type;
	int bits;
	const char *type_name; /* as it was asked for, or NULL */
	bool agrees; /* to whatever the terms are */
	const char *eab_key_id; /* NULL: no binding */
	const struct buf *eab_secret; /* decoded */
	bool another; /* not the default that is there */
	bool make_default; /* another, in its place */
	const char *certificate_key_type, *certificate_key_cycle;
};

/*
 * Registers an account, or goes on with one whose registration was cut short,
 * so that processes at once come out with one.  What the CA knows by this key
 * already becomes ours as it is (`*existed`); so does the default account, when
 * neither a key nor another is wanted.  KIND_DENIED: the terms have to be
 * agreed to, binding is required; nothing is sent or stored then.
 * KIND_CONFLICT: the default account is not as `how` says.
 */
int enrol_register(const struct enrol *x, const struct enrol_how *how,
    int64_t *id, bool *existed, struct err *e);

/* Finds the account of `how->key` (RFC 8555 7.3.1).  KIND_NOTFOUND: none. */
int enrol_find(const struct enrol *x, const struct enrol_how *how, int64_t *id,
    struct err *e);

/*
 * Loads an account of this CA with its key, which the caller frees, and makes
 * the signer of its requests, whose url is `a`'s.  A change of keys that was
 * cut short is brought to its end first.  KIND_CONFLICT: it is deactivated, or
 * has no URL yet.
 */
struct key *enrol_open(const struct enrol *x, int64_t id,
    struct upstream_account *a, struct signer *signer, struct err *e);

/*
 * What the CA says of the account: `fn` gets the JSON.  Its contacts are kept.
 */
int enrol_show(const struct enrol *x, int64_t id,
    int (*fn)(void *arg, const struct js *account, struct err *e), void *arg,
    struct err *e);

/*
 * New contacts (how->contacts), agreement to the terms (how->agrees).  When the
 * CA has taken them they are kept, and with them what new certificates get;
 * otherwise all stays as it was.
 */
int enrol_update(const struct enrol *x, int64_t id, const struct enrol_how *how,
    struct err *e);

/*
 * Changes the key of the account (RFC 8555 7.3.5) in two steps: the new key is
 * on disk before the CA is asked, and takes the place of the old one after. One
 * that was cut short comes to its end first, which is all, if its key will do.
 */
int enrol_roll(const struct enrol *x, int64_t id, const struct enrol_how *how,
    struct err *e);

/* For good (RFC 8555 7.3.6). */
int enrol_deactivate(const struct enrol *x, int64_t id, struct err *e);

#endif
