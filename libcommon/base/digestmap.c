#include "base/digestmap.h"

#define CAP_MIN 16

struct digestmap_slot {
	uint8_t digest[DIGESTMAP_KEY_SIZE];
	size_t number;
	bool used;
};

/* The slot of a digest, or the free one where it would be. */
static struct digestmap_slot *
find(struct digestmap_slot *slots, size_t cap, const uint8_t *digest)
{
	uint64_t at;

	memcpy(&at, digest, sizeof(at)); /* a digest is its own hash */
	for (;; at++) {
		struct digestmap_slot *s = &slots[at & (cap - 1)];

		if (!s->used ||
		    memcmp(s->digest, digest, sizeof(s->digest)) == 0)
			return s;
	}
}

static void
grow(struct digestmap *m)
{
	size_t cap = m->cap ? 2 * m->cap : CAP_MIN;
	struct digestmap_slot *slots = xcalloc(cap, sizeof(*slots));

	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].used)
			*find(slots, cap, m->slots[i].digest) = m->slots[i];
	free(m->slots);
	m->slots = slots;
	m->cap = cap;
}

size_t
digestmap_put(struct digestmap *m, const uint8_t digest[DIGESTMAP_KEY_SIZE],
    size_t number)
{
	struct digestmap_slot *s;

	if (2 * (m->len + 1) > m->cap)
		grow(m);
	s = find(m->slots, m->cap, digest);
	if (!s->used) {
		memcpy(s->digest, digest, sizeof(s->digest));
		s->number = number;
		s->used = true;
		m->len++;
	}
	return s->number;
}

bool
digestmap_get(const struct digestmap *m,
    const uint8_t digest[DIGESTMAP_KEY_SIZE], size_t *number)
{
	const struct digestmap_slot *s;

	if (m->cap == 0)
		return false;
	s = find(m->slots, m->cap, digest);
	if (s->used)
		*number = s->number;
	return s->used;
}

void
digestmap_release(struct digestmap *m)
{
	if (!m)
		return;
	free(m->slots);
	*m = (struct digestmap){0};
}
