#ifndef WRAP_KV_PART_H
#define WRAP_KV_PART_H

#include "wrap/kv.h"

/*
 * For wrap/kv*.c only: which server of a Redis Cluster has which key, as
 * CLUSTER SLOTS says it.
 */
#define KV_SLOTS 16384

struct kv_slots;

/* NULL: KIND_SYS.  The caller frees. */
struct kv_slots *kv_slots_read(const struct kv_reply *r, struct err *e);
void kv_slots_free(struct kv_slots *s); /* NULL-safe */

size_t kv_slots_servers(const struct kv_slots *s); /* masters */
/* The address of one, "" when it does not know; its port goes into `port`. */
const char *kv_slots_server(
    const struct kv_slots *s, size_t n, char port[static 8]);

/* The server that has this key; the first one for what none has. */
size_t kv_slots_find(const struct kv_slots *s, const char *key);

/* The slot of a key, or of what stands in its first braces. */
unsigned kv_slot(const char *key);

#endif
