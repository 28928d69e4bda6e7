#ifndef WRAP_KEY_PART_H
#define WRAP_KEY_PART_H

#include "wrap/key.h"

/* What the files of wrap/ that deal with keys know of one, and nobody else. */
struct key {
	struct evp_pkey_st *pkey;
	enum key_type type;
	bool is_private;
	struct buf spki;
	struct evp_pkey_ctx_st *verifier; /* of an EC key, once it is used */
};

#define SIGNATURE_MAX KEY_PART_MAX
#define KEY_NUMBER_MAX 66 /* bytes of a number of an EC key */

/*
 * Makes a key of a private one of OpenSSL, which it takes, also when it fails:
 * KIND_INPUT for a type that wrap/key.h does not list.
 */
struct key *key_wrap(struct evp_pkey_st *pkey, struct err *e);

/*
 * The same for one that somebody else has made: KIND_INPUT as well when its
 * private and its public part do not belong together.
 */
struct key *key_wrap_proven(struct evp_pkey_st *pkey, struct err *e);

/*
 * Makes an EC key of its private number `d` and the public parts that belong to
 * it.  KIND_INPUT.
 */
struct key *key_from_pair(
    const struct key_parts *parts, const uint8_t *d, size_t len, struct err *e);

/*
 * Private keys of EC and Ed25519 in DER, without OpenSSL's decoders, which cost
 * ten times as much.  Reading gives NULL without an error for what is not in
 * their usual form, KIND_INPUT when private and public part do not belong
 * together; writing gives false for a key of another type.
 */
struct key *key_curve_read(const void *der, size_t len, struct err *e);
bool key_curve_write(const struct key *k, struct buf *out);

/* The AlgorithmIdentifier of a type in DER; the bytes of its numbers. */
const void *key_algid(enum key_type type, size_t *len);
size_t key_size(enum key_type type);

/* The hash that a key signs with; OpenSSL's name of a curve, or NULL. */
enum key_md key_md(const struct key *k);
const char *key_group(enum key_type type);

#endif
