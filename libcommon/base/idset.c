#include "base/idset.h"

bool
idset_has(const struct idset *s, int64_t id)
{
	size_t at = (size_t)id / 8;

	return id >= 0 && at < s->len && s->bits[at] & 1U << id % 8;
}

bool
idset_add(struct idset *s, int64_t id)
{
	size_t at = (size_t)id / 8;

	if (id < 0 || id > IDSET_MAX)
		return false;
	if (idset_has(s, id))
		return true;
	if (at >= s->len) {
		size_t len = at + at / 2 + 64;

		s->bits = xreallocarray(s->bits, len, 1);
		memset(s->bits + s->len, 0, len - s->len);
		s->len = len;
	}
	s->bits[at] |= (uint8_t)(1U << id % 8);
	return false;
}

void
idset_remove(struct idset *s, int64_t id)
{
	if (idset_has(s, id))
		s->bits[(size_t)id / 8] &= (uint8_t) ~(1U << id % 8);
}

void
idset_release(struct idset *s)
{
	free(s->bits);
	*s = (struct idset){0};
}
