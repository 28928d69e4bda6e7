#ifndef STORE_ADMIN_TOKEN_H
#define STORE_ADMIN_TOKEN_H

#include "store/store.h"

/*
 * Tokens of the admin interface: who has one may do what its scopes
 * (conf/scope.h) say.  It is TOKENID.SECRET, of whose secret the store has a
 * digest only, or a client certificate, which is in the place of the secret.
 */
struct buf;
struct cert;

enum admin_token_kind {
	ADMIN_TOKEN_SECRET,
	ADMIN_TOKEN_CERTIFICATE,
	ADMIN_TOKEN_KIND__MAX
};

enum admin_token_status {
	ADMIN_TOKEN_VALID,
	ADMIN_TOKEN_REVOKED, /* for good */
	ADMIN_TOKEN_STATUS__MAX
};

#define ADMIN_TOKEN_SECRET_SIZE 32
#define ADMIN_TOKEN_NOTE_MAX 200 /* bytes */

/* So many wrong ones within so many seconds, then none is looked at. */
#define ADMIN_TOKEN_GUESSES 10
#define ADMIN_TOKEN_GUESSES_TIME 60

struct admin_token {
	int64_t id;
	char token_id[STORE_URL_ID_SIZE]; /* is no secret */
	enum admin_token_kind kind;
	enum admin_token_status status;
	unsigned scopes;
	uint8_t sha256[32]; /* of the secret, or of the certificate's DER */
	int64_t created;
	int64_t expires; /* 0: never */
	const char *note; /* may be NULL */
};

/* "token", "certificate". */
const char *admin_token_kind_name(enum admin_token_kind kind);

/* "valid", "revoked". */
const char *admin_token_status_name(enum admin_token_status status);

/*
 * Makes one, which is appended to `text` and is not to be had again.  Of `t`,
 * scopes, expires and note are the caller's, and the rest is filled in.
 * Durable.  KIND_INPUT when the note is too long or no UTF-8.
 */
int admin_token_add(
    struct store *st, struct admin_token *t, struct buf *text, struct err *e);

/*
 * The same for a client certificate, which is of no use after its notAfter,
 * whatever `expires` is.  KIND_INPUT also when that has passed; KIND_CONFLICT
 * when it has a token that is not revoked.
 */
int admin_token_add_certificate(struct store *st, struct admin_token *t,
    const struct cert *c, struct err *e);

/*
 * The token that `text` is; `note` is left out.  KIND_DENIED, 401 when there is
 * none, or it is revoked or has expired; KIND_DENIED, 429 when there were too
 * many wrong ones: with the id of this token, which keeps nobody else out, or
 * with none there is from `peer`, an address as text.  The last one that is
 * looked at is an event.  How much of a secret was right cannot be told from
 * the time.
 */
int admin_token_check(struct store *st, const char *text, const char *peer,
    struct admin_token *t, struct err *e);

/*
 * The token that a client certificate is, whose private key is known to be that
 * of the client; `note` is left out.  KIND_DENIED, 401 when it is none, is not
 * valid yet or no longer, or is revoked.
 */
int admin_token_of_certificate(struct store *st, const struct cert *c,
    struct admin_token *t, struct err *e);

/* valid -> revoked.  Durable.  KIND_NOTFOUND, KIND_CONFLICT. */
int admin_token_revoke(struct store *st, const char *token_id, struct err *e);

/*
 * Calls `fn` for each, oldest first, until it returns -1, which is then the
 * result.  `fn` must not call the store; the note lives during the call only.
 */
int admin_token_each(struct store *st,
    int (*fn)(void *arg, const struct admin_token *t, struct err *e), void *arg,
    struct err *e);

#endif
