#ifndef STORE_PRIVATE_KEY_H
#define STORE_PRIVATE_KEY_H

#include "store/store.h"

/*
 * Private keys of certificates, once each: a key is known by the SHA-256 of its
 * public part.  They are sealed (wrap/seal.h) when there is a sealing key, and
 * bound to that identity, so that no row can stand for another.
 */
struct buf;
struct key;
struct seal_key;

enum private_key_status {
	PRIVATE_KEY_ACTIVE,
	PRIVATE_KEY_RETIRED, /* for no new certificate; may become active */
	PRIVATE_KEY_COMPROMISED, /* for good */
	PRIVATE_KEY__MAX
};

enum private_key_source {
	PRIVATE_KEY_GENERATED,
	PRIVATE_KEY_IMPORTED,
	PRIVATE_KEY_SOURCE__MAX
};

/* "active" and so on; the status of that name, -1 when there is none. */
const char *private_key_status_name(enum private_key_status status);
int private_key_status_by_name(
    const char *name, enum private_key_status *status);
const char *private_key_source_name(enum private_key_source source);

/* What is public of a key. */
struct private_key {
	int64_t id;
	uint8_t spki_sha256[32];
	char type[16]; /* in the spelling of key_type_parse */
	enum private_key_status status;
	enum private_key_source source;
	int64_t created;
	bool sealed;
};

/*
 * Stores a private key; one that is there already stays as it is, whatever its
 * status, and `*created` is false.  Without `seal` it is stored in the clear.
 * Durable.
 */
int private_key_add(struct store *st, const struct key *k,
    const struct seal_key *seal, enum private_key_source source,
    struct private_key *out, bool *created, struct err *e);

/*
 * The key whose identity begins with these hexadecimal digits (at least four),
 * or whose number it is.  KIND_NOTFOUND; KIND_INPUT when there are several, or
 * it is neither.
 */
int private_key_find(
    struct store *st, const char *text, struct private_key *out, struct err *e);

/* What is known of one.  KIND_NOTFOUND. */
int private_key_by_id(
    struct store *st, int64_t id, struct private_key *out, struct err *e);
int private_key_by_identity(struct store *st, const uint8_t spki_sha256[32],
    struct private_key *out, struct err *e);

/* 1 when there is one, 0 when there is none, -1. */
int private_key_is_there(
    struct store *st, const uint8_t spki_sha256[32], struct err *e);

/*
 * The key itself; the caller frees.  KIND_NOTFOUND; KIND_CONF when it is sealed
 * and `seal` is NULL or another; KIND_SYS when what is stored is not this key.
 */
struct key *private_key_load(
    struct store *st, int64_t id, const struct seal_key *seal, struct err *e);

/*
 * The PKCS#8 of the key with this identity and its number, into the empty
 * buffer `out`, which is a secret then.  Fails as private_key_load.  What is
 * sealed is not decoded: the seal binds it to the identity, and is what costs
 * least.
 */
int private_key_der(struct store *st, const uint8_t spki_sha256[32],
    const struct seal_key *seal, int64_t *id, struct buf *out, struct err *e);

/*
 * active <-> retired, and any -> compromised, which revokes the certificates
 * for the key in the same transaction (keyCompromise).  Durable.  KIND_CONFLICT
 * when it has that status already or is compromised; KIND_NOTFOUND.
 */
int private_key_set_status(struct store *st, int64_t id,
    enum private_key_status status, struct err *e);

/*
 * Calls `fn` for each key of a status, or all with PRIVATE_KEY__MAX, by number,
 * until it returns -1, which is then the result.  `fn` must not call the store.
 */
int private_key_each(struct store *st, enum private_key_status status,
    int (*fn)(void *arg, const struct private_key *k, struct err *e), void *arg,
    struct err *e);

#endif
