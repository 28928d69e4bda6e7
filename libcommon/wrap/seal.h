#ifndef WRAP_SEAL_H
#define WRAP_SEAL_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Sealing of what the store keeps secret: AES-256-GCM (NIST SP 800-38D) under a
 * key that is in a file of its own, outside the store.  What is sealed is bound
 * to a public value, the hash of the public key say, so that nobody can put it
 * in the place of another.
 */
#define SEAL_KEY_SIZE 32
#define SEAL_ID_SIZE 8

struct seal_key {
	uint8_t bytes[SEAL_KEY_SIZE]; /* secret; seal_key_wipe */
	uint8_t id[SEAL_ID_SIZE]; /* public; tells one key from another */
};

/* Bytes that sealing adds: version, id, nonce, tag. */
#define SEAL_OVERHEAD (1 + SEAL_ID_SIZE + 12 + 16)

/*
 * Reads the key from the file at `path`: 32 bytes in base64 on one line, which
 * only their owner may read.  KIND_NOTFOUND, KIND_CONF (also when the mode is
 * wrong); the error names the path and never shows what is in it.
 */
int seal_key_read(const char *path, struct seal_key *k, struct err *e);

/*
 * Makes such a file, mode 0600, with a random key; KIND_CONFLICT when there is
 * one.
 */
int seal_key_create(const char *path, struct err *e);

void seal_key_wipe(struct seal_key *k);

/* Appends the sealed form of `p` to `out`; KIND_SYS, KIND_BUG (`out` full). */
int seal(const struct seal_key *k, const void *bound, size_t bound_len,
    const void *p, size_t len, struct buf *out, struct err *e);

/* The id of the key under which something is sealed; NULL: it is not sealed. */
const uint8_t *seal_id(const void *sealed, size_t len);

/*
 * Appends the plain form to `out`, which is a secret then.  -1, and nothing
 * appended: KIND_CONF when it is sealed under another key, KIND_SYS when it is
 * not whole, or bound to something else.
 */
int unseal(const struct seal_key *k, const void *bound, size_t bound_len,
    const void *sealed, size_t len, struct buf *out, struct err *e);

#endif
