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

/* The hash that a key signs with; OpenSSL's name of a curve, or NULL. */
enum key_md key_md(const struct key *k);
const char *key_group(enum key_type type);

/* Appends the AlgorithmIdentifier of a type of key. */
void key_add_algorithm(struct buf *out, enum key_type type);

#endif
