#include "base/str.h"
#include "wrap/kv_part.h"

struct server {
	char *host;
	uint16_t port;
};

struct kv_slots {
	struct server *v;
	size_t len;
	uint16_t of[KV_SLOTS]; /* the server that has it */
};

/* ---- slots --------------------------------------------------------------- */

/* CRC-16 of XMODEM. */
static unsigned
crc16(const char *p, size_t len)
{
	unsigned crc = 0;

	while (len-- > 0) {
		crc ^= (unsigned)(uint8_t)*p++ << 8;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
	}
	return crc & 0xffff;
}

unsigned
kv_slot(const char *key)
{
	const char *open = strchr(key, '{');
	size_t len = open ? strcspn(open + 1, "}") : 0;

	if (len > 0 && open[1 + len] == '}')
		return crc16(open + 1, len) % KV_SLOTS;
	return crc16(key, strlen(key)) % KV_SLOTS;
}

size_t
kv_slots_find(const struct kv_slots *s, const char *key)
{
	return s->of[kv_slot(key)];
}

/* ---- servers ------------------------------------------------------------- */

static size_t
add_server(struct kv_slots *s, const char *host, uint16_t port)
{
	for (size_t i = 0; i < s->len; i++)
		if (s->v[i].port == port && strcmp(s->v[i].host, host) == 0)
			return i;
	s->v = xreallocarray(s->v, s->len + 1, sizeof(*s->v));
	s->v[s->len] = (struct server){xstrdup(host), port};
	return s->len++;
}

/* [first, last, [host, port, ...], replicas ...] */
static int
read_range(struct kv_slots *s, const struct kv_reply *r)
{
	int64_t first, last, port;
	size_t n, len;

	if (kv_len(r) < 3 || kv_len(kv_at(r, 2)) < 2)
		return -1;
	first = kv_int(kv_at(r, 0));
	last = kv_int(kv_at(r, 1));
	port = kv_int(kv_at(kv_at(r, 2), 1));
	if (first < 0 || last >= KV_SLOTS || port <= 0 || port > UINT16_MAX ||
	    s->len == UINT16_MAX)
		return -1;
	n = add_server(s, kv_text(kv_at(kv_at(r, 2), 0), &len), (uint16_t)port);
	for (int64_t slot = first; slot <= last; slot++)
		s->of[slot] = (uint16_t)n;
	return 0;
}

struct kv_slots *
kv_slots_read(const struct kv_reply *r, struct err *e)
{
	struct kv_slots *s = xcalloc(1, sizeof(*s));

	for (size_t i = 0; i < kv_len(r); i++)
		if (read_range(s, kv_at(r, i)) < 0) {
			kv_slots_free(s);
			err_set(e, KIND_SYS, "this is no cluster of Redis");
			return NULL;
		}
	return s;
}

void
kv_slots_free(struct kv_slots *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->len; i++)
		free(s->v[i].host);
	free(s->v);
	free(s);
}

size_t
kv_slots_servers(const struct kv_slots *s)
{
	return s->len;
}

const char *
kv_slots_server(const struct kv_slots *s, size_t n, char port[static 8])
{
	snprintf(port, 8, "%u", (unsigned)s->v[n].port);
	return s->v[n].host;
}
