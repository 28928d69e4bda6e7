#ifndef STORE_CERTIFICATE_LIST_H
#define STORE_CERTIFICATE_LIST_H

#include "store/certificate.h"

/*
 * Lists of certificates: what is found by a name, an issuer and so on, in pages
 * that an index answers, in the order of their notAfter.
 */

/* A certificate as far as lists go: what can be had without its DER. */
struct certificate_item {
	int64_t id;
	int64_t not_before, not_after;
	int64_t created;
	int64_t account_id; /* 0: nobody ordered it here */
	int64_t upstream_account_id; /* of ours at another CA; 0: none */
	int64_t fqdn_set_id;
	enum certificate_status status;
	bool active;
	bool auto_renew;
	bool has_key; /* its private key is in the store */
	uint8_t sha256[32], sha1[20], spki_sha256[32];
	char serial[129]; /* lower-case hex */
	char source[16];
	char key_type[16]; /* as key_spki_word; "" when nobody has looked */
	char *issuer; /* RFC 2253; NULL when nobody has looked */
};

/* As acmed(7) has them. */
enum certificate_state {
	CERTIFICATE_ACTIVE,
	CERTIFICATE_DEACTIVATED,
	CERTIFICATE_IS_REVOKED,
	CERTIFICATE_STATE__MAX
};

enum certificate_state certificate_item_state(const struct certificate_item *c);
const char *certificate_state_name(enum certificate_state state);

/* -1 when there is no state of that name. */
int certificate_state_by_name(const char *name, enum certificate_state *state);

/*
 * What to look for; all that is set must hold.  {0} finds everything.  Texts
 * are borrowed.  What stands first here, of what is set, is looked up by its
 * index, and the rest compared.
 */
struct certificate_filter {
	int64_t id;
	uint8_t sha256[32], sha256_to[32]; /* between these two */
	bool by_sha256;
	uint8_t sha1[20];
	bool by_sha1;
	const char *serial; /* as certificate_serial_clean makes it */
	uint8_t spki_sha256[32];
	bool by_key;
	const char *name; /* this or the wildcard that covers it */
	int64_t fqdn_set_id;
	int64_t account_id;
	int64_t upstream_account_id;
	const char *issuer; /* a part of its name, in any case */
	const char *text; /* a part of a name, issuer or serial, in any case */
	bool by_state;
	enum certificate_state state;
	int64_t from; /* notAfter from ... */
	int64_t to; /* ... to, inclusive; 0: no limit */
	int64_t limit; /* no more than so many; 0: all */
};

/*
 * A SHA-1, or at least eight digits with which a SHA-256 begins.  -1 when
 * `text` is neither.
 */
int certificate_filter_fingerprint(
    struct certificate_filter *f, const char *text);

/*
 * A serial number as it is stored, from one in any case, with colons or leading
 * zeros; the caller frees.  NULL when it is none.
 */
char *certificate_serial_clean(const char *text);

/*
 * Calls `fn` for each that the filter finds until it returns -1, which is then
 * the result.  `fn` may call the store; the item lives during the call only.
 */
int certificate_list(struct store *st, const struct certificate_filter *f,
    int (*fn)(void *arg, const struct certificate_item *c, struct err *e),
    void *arg, struct err *e);

/*
 * The same for what an operand means besides, which is the first of these that
 * finds something: a number, also with "certificate/" before it; a whole
 * fingerprint; a name in any spelling (name_spell); the beginning of a SHA-256.
 */
int certificate_list_operand(struct store *st,
    const struct certificate_filter *f, const char *text,
    int (*fn)(void *arg, const struct certificate_item *c, struct err *e),
    void *arg, struct err *e);

/*
 * The one that an operand means, which is no name; its issuer is left out.
 * KIND_INPUT for what can only be a name, or when there are several;
 * KIND_NOTFOUND.
 */
int certificate_pick(struct store *st, const char *text,
    struct certificate_item *out, struct err *e);

/* How many active certificates end in [from, to). */
int certificate_count_ending(
    struct store *st, int64_t from, int64_t to, int64_t *n, struct err *e);

#endif
