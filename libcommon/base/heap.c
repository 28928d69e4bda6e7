#include "base/heap.h"

static bool
is_before(const struct heap_item *a, const struct heap_item *b)
{
	return a->key != b->key ? a->key < b->key : a->number < b->number;
}

static void
swap(struct heap_item *a, struct heap_item *b)
{
	struct heap_item t = *a;

	*a = *b;
	*b = t;
}

void
heap_push(struct heap *h, int64_t key, size_t number)
{
	size_t i = h->len++;

	if (h->len > h->cap) {
		h->cap = h->cap ? 2 * h->cap : 64;
		h->v = xreallocarray(h->v, h->cap, sizeof(*h->v));
	}
	h->v[i] = (struct heap_item){key, number};
	for (; i > 0 && is_before(&h->v[i], &h->v[(i - 1) / 2]);
	     i = (i - 1) / 2)
		swap(&h->v[i], &h->v[(i - 1) / 2]);
}

struct heap_item
heap_pop(struct heap *h)
{
	struct heap_item first = h->v[0];
	size_t i = 0, child;

	h->v[0] = h->v[--h->len];
	while ((child = 2 * i + 1) < h->len) {
		if (child + 1 < h->len &&
		    is_before(&h->v[child + 1], &h->v[child]))
			child++;
		if (!is_before(&h->v[child], &h->v[i]))
			break;
		swap(&h->v[child], &h->v[i]);
		i = child;
	}
	return first;
}

void
heap_release(struct heap *h)
{
	if (!h)
		return;
	free(h->v);
	*h = (struct heap){0};
}
