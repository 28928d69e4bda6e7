#include "base/buf.h"

#include <assert.h>

static char empty[1];

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.data = empty, .max = max};
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	b->full = false;
	if (b->cap > 0)
		b->data[0] = '\0';
}

void
buf_release(struct buf *b)
{
	if (!b)
		return;
	if (b->cap > 0)
		free(b->data);
	buf_init(b, b->max);
}

void
buf_wipe(struct buf *b)
{
	if (b && b->cap > 0)
		explicit_bzero(b->data, b->cap);
	buf_release(b);
}

/* Old memory is wiped: a buffer does not know whether it holds a secret. */
static void
grow(struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : 64;
	char *data;

	while (cap < need)
		cap *= 2;
	data = xmalloc(cap);
	memcpy(data, b->data, b->len);
	if (b->cap > 0) {
		explicit_bzero(b->data, b->cap);
		free(b->data);
	}
	b->data = data;
	b->cap = cap;
}

int
buf_add(struct buf *b, const void *p, size_t len)
{
	if (b->full || len > b->max - b->len) {
		b->full = true;
		return -1;
	}
	if (b->len + len + 1 > b->cap)
		grow(b, b->len + len + 1);
	if (len > 0)
		memcpy(b->data + b->len, p, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int
buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int
buf_addc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int rc, len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0) {
		b->full = true;
		return -1;
	}
	rc = buf_add(b, text, (size_t)len);
	free(text);
	return rc;
}

void
buf_consume(struct buf *b, size_t len)
{
	assert(len <= b->len);
	if (len == 0)
		return;
	memmove(b->data, b->data + len, b->len - len + 1);
	b->len -= len;
}

char *
buf_detach(struct buf *b)
{
	char *data = b->cap > 0 ? b->data : xstrdup("");

	buf_init(b, b->max);
	return data; /* transferred */
}
