#ifndef STORE_ACCOUNT_H
#define STORE_ACCOUNT_H

#include "store/store.h"

/* Accounts of ACME clients (RFC 8555 7.1.2); states in acmed(7). */
enum account_status {
	ACCOUNT_VALID,
	ACCOUNT_DEACTIVATED, /* by the client; final */
	ACCOUNT_REVOKED, /* by the operator; final */
	ACCOUNT__MAX
};

/* Length of an RFC 7638 thumbprint (SHA-256) in base64url. */
#define ACCOUNT_THUMBPRINT_LEN 43

struct account {
	int64_t id;
	char url_id[STORE_URL_ID_SIZE];
	enum account_status status;
	char thumbprint[ACCOUNT_THUMBPRINT_LEN + 1];
	char *jwk; /* JSON of the public key */
	struct strv contacts;
	int64_t terms_agreed_at; /* 0: not agreed */
	int64_t created;
	/* external account binding (RFC 8555 7.3.4), if it was verified */
	int64_t eab_key_id; /* 0: none */
	char *eab; /* the JWS as JSON, or NULL */
};

/* "valid", "deactivated", "revoked". */
const char *account_status_name(enum account_status status);

/*
 * Makes the account for `a`'s thumbprint, jwk, contacts, terms_agreed_at and
 * binding, of which a use is counted in the same transaction, and fills in the
 * rest of `a`; durable.  KIND_DENIED when the key of the binding is good for no
 * more (eab_key_use).  When the key has an account already
 * (in whatever status) nothing is changed, `a` becomes that account (what it
 * held before is freed) and `*created` is false: two clients that register the
 * same key at once get the same account.
 */
int account_create(
    struct store *st, struct account *a, bool *created, struct err *e);

/*
 * Loads an account; the caller releases.  KIND_NOTFOUND.  `a` need not be
 * initialised, and is empty on failure.
 */
int account_by_url_id(
    struct store *st, const char *url_id, struct account *a, struct err *e);
int account_by_thumbprint(
    struct store *st, const char *thumbprint, struct account *a, struct err *e);
int account_by_id(
    struct store *st, int64_t id, struct account *a, struct err *e);

/* The address of the first contact that is one, or NULL.  Borrowed. */
const char *account_email(const struct account *a);

/*
 * Says in `*has` whether an account, in whatever status, has the key of this
 * thumbprint: no certificate may be for that key (RFC 8555 11.1).
 */
int account_has_key(
    struct store *st, const char *thumbprint, bool *has, struct err *e);

/* Replaces the contacts.  KIND_CONFLICT unless the account is valid. */
int account_set_contacts(
    struct store *st, int64_t id, const struct strv *contacts, struct err *e);

/*
 * valid -> deactivated (RFC 8555 7.3.6), and in the same transaction its
 * pending and ready orders -> invalid, its pending and valid authorizations ->
 * deactivated, their running validations are dropped.  An order that is being
 * signed is left to finish.  Durable.  KIND_CONFLICT unless it was valid.
 */
int account_deactivate(struct store *st, int64_t id, struct err *e);

/*
 * Gives a valid account a new key (RFC 8555 7.3.5), if the old one is still
 * `old_thumbprint`.  Durable.  KIND_CONFLICT otherwise; when the reason is that
 * an account has the new key, `holder_url_id` names it, else it is "".
 */
int account_change_key(struct store *st, int64_t id, const char *old_thumbprint,
    const char *new_thumbprint, const char *new_jwk,
    char holder_url_id[STORE_URL_ID_SIZE], struct err *e);

/* Frees what the account owns; it is empty then. NULL-safe. */
void account_release(struct account *a);

#endif
