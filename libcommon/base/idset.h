#ifndef BASE_IDSET_H
#define BASE_IDSET_H

#include "base/base.h"

/* A set of numbers of rows, a bit for each.  {0} is empty. */
struct idset {
	uint8_t *bits;
	size_t len; /* bytes */
};

#define IDSET_MAX ((int64_t)1 << 31) /* what is beyond is never in it */

/* Puts one in; whether it was there already. */
bool idset_add(struct idset *s, int64_t id);

/* Takes one out, if it is there. */
void idset_remove(struct idset *s, int64_t id);

bool idset_has(const struct idset *s, int64_t id);

/* Frees it; it is empty again. */
void idset_release(struct idset *s);

#endif
