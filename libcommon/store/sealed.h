#ifndef STORE_SEALED_H
#define STORE_SEALED_H

#include "base/buf.h"
#include "base/err.h"

/*
 * A private key as a row has it: PKCS#8 (RFC 5958), sealed (wrap/seal.h) or in
 * the clear, and bound to its identity, the SHA-256 of its public part, so that
 * no row can stand for another.  For the modules of store/ only.
 */
struct key;
struct seal_key;

struct sealed {
	uint8_t spki_sha256[32];
	char type[16]; /* in the spelling of key_type_parse */
	bool is_sealed;
	struct buf der;
};

/* Without `seal` it stays in the clear.  Whatever comes of it, release it. */
int sealed_make(const struct key *k, const struct seal_key *seal,
    struct sealed *out, struct err *e);
void sealed_release(struct sealed *s);

/*
 * Appends what is in it to `out`, which is a secret then.  KIND_CONF: it is
 * sealed, and `seal` is NULL or another; `setting` is where its file is named.
 */
int sealed_open(const struct sealed *s, const struct seal_key *seal,
    const char *setting, struct buf *out, struct err *e);

/*
 * Appends its PKCS#8 to `out`, which is a secret then.  What is sealed is not
 * decoded, since the seal binds it to the identity.  Fails as sealed_key.
 */
int sealed_pkcs8(const struct sealed *s, const struct seal_key *seal,
    const char *setting, struct buf *out, struct err *e);

/* The key in it; KIND_SYS also when that is not the one that it stands for. */
struct key *sealed_key(const struct sealed *s, const struct seal_key *seal,
    const char *setting, struct err *e);

/* From three columns of a row: identity, whether it is sealed, DER. */
struct db_stmt;
void sealed_read(struct db_stmt *row, int column, struct sealed *out);

/*
 * The same for a secret that is no key: its identity is the SHA-256 of a name
 * that is public, which the first of the columns has; `type` is empty.
 */
int sealed_make_named(const char *name, const void *secret, size_t len,
    const struct seal_key *seal, struct sealed *out, struct err *e);
void sealed_read_named(struct db_stmt *row, int column, struct sealed *out);

#endif
