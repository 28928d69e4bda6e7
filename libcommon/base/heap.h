#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include "base/base.h"

/*
 * Numbers with keys, of which the one with the least key comes out first; of
 * equal keys, the least number.  {0} is empty.
 */
struct heap_item {
	int64_t key;
	size_t number;
};

struct heap {
	struct heap_item *v; /* the first is v[0] */
	size_t len, cap;
};

void heap_push(struct heap *h, int64_t key, size_t number);

/* Takes the first out; there must be one. */
struct heap_item heap_pop(struct heap *h);

/* Frees it; it is empty again.  NULL-safe. */
void heap_release(struct heap *h);

#endif
