#ifndef BASE_DIGESTMAP_H
#define BASE_DIGESTMAP_H

#include "base/base.h"

/* A map from SHA-256 digests to numbers.  {0} is empty. */
#define DIGESTMAP_KEY_SIZE 32

struct digestmap {
	struct digestmap_slot *slots;
	size_t len; /* what is in it */
	size_t cap; /* a power of two, or 0 */
};

/*
 * Puts a pair in, unless the digest is there already.  Returns the number that
 * belongs to it now.
 */
size_t digestmap_put(struct digestmap *m,
    const uint8_t digest[DIGESTMAP_KEY_SIZE], size_t number);

/* Whether a digest is there, and its number. */
bool digestmap_get(const struct digestmap *m,
    const uint8_t digest[DIGESTMAP_KEY_SIZE], size_t *number);

/* Frees all; the map is empty again.  NULL-safe. */
void digestmap_release(struct digestmap *m);

#endif
