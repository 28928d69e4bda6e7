#include "sys/frame.h"

#include <arpa/inet.h>

#include "sys/fd.h"

int
frame_write(int fd, const void *p, size_t len, int64_t deadline, struct err *e)
{
	struct buf b;
	uint32_t head = htonl((uint32_t)len);
	int rc;

	if (len > FRAME_MAX)
		return err_set(e, KIND_BUG, "message of %zu bytes", len);
	/* One write: the reader is woken once. */
	buf_init(&b, sizeof(head) + len);
	buf_add(&b, &head, sizeof(head));
	buf_add(&b, p, len);
	rc = fd_write_all(fd, b.data, b.len, deadline, e);
	buf_wipe(&b);
	return rc;
}

/* Reads exactly `len` bytes; 0 when the end came before the first. */
static int
read_exactly(int fd, char *p, size_t len, int64_t deadline, struct err *e)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = fd_read(fd, p + got, len - got, deadline, e);

		if (n < 0)
			return -1;
		if (n == 0 && got == 0)
			return 0;
		if (n == 0)
			return err_set(e, KIND_INPUT, "message cut short");
		got += (size_t)n;
	}
	return 1;
}

int
frame_read(int fd, struct buf *out, int64_t deadline, struct err *e)
{
	uint32_t head;
	char *body;
	size_t len;
	int rc;

	buf_clear(out);
	rc = read_exactly(fd, (char *)&head, sizeof(head), deadline, e);
	if (rc <= 0)
		return rc;
	len = ntohl(head);
	if (len > out->max || len > FRAME_MAX)
		return err_set(e, KIND_INPUT, "message of %zu bytes", len);
	if (len == 0)
		return 1;
	body = xmalloc(len);
	rc = read_exactly(fd, body, len, deadline, e);
	if (rc == 0)
		rc = err_set(e, KIND_INPUT, "message cut short");
	if (rc == 1)
		buf_add(out, body, len);
	explicit_bzero(body, len);
	free(body);
	return rc;
}

int
frame_add(struct buf *out, const void *p, size_t len, struct err *e)
{
	uint32_t head = htonl((uint32_t)len);

	if (len > FRAME_MAX)
		return err_set(e, KIND_BUG, "message of %zu bytes", len);
	if (out->max - out->len < sizeof(head) + len)
		return err_set(e, KIND_BUSY, "too many messages wait");
	buf_add(out, &head, sizeof(head));
	return buf_add(out, p, len);
}

int
frame_take(struct buf *in, struct buf *out, struct err *e)
{
	uint32_t head;
	size_t len;

	buf_clear(out);
	if (in->len < sizeof(head))
		return 0;
	memcpy(&head, in->data, sizeof(head));
	len = ntohl(head);
	if (len > out->max || len > FRAME_MAX)
		return err_set(e, KIND_INPUT, "message of %zu bytes", len);
	if (in->len < sizeof(head) + len)
		return 0;
	buf_add(out, in->data + sizeof(head), len);
	buf_consume(in, sizeof(head) + len);
	return 1;
}
