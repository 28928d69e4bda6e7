#include "acme/workmsg.h"

#include "base/str.h"
#include "sys/fd.h"
#include "sys/sock.h"

#define HEAD_MAX ((size_t)WORKMSG_TEXT_SIZE + 64)

void
workmsg_reply_init(struct workmsg_reply *r)
{
	*r = (struct workmsg_reply){0};
	buf_init(&r->output, WORKMSG_OUTPUT_MAX);
}

void
workmsg_reply_release(struct workmsg_reply *r)
{
	buf_release(&r->output);
}

/* ---- lines --------------------------------------------------------------- */

/*
 * Reads until there is a newline in `in`; returns where it is, -1 also for an
 * end before it, and a line that does not fit.
 */
static ssize_t
read_line(int fd, int64_t deadline, struct buf *in, struct err *e)
{
	char chunk[16384];

	for (;;) {
		const char *end;
		ssize_t n = fd_read(fd, chunk, sizeof(chunk), deadline, e);

		if (n < 0)
			return -1;
		if (n == 0)
			return err_set(e, KIND_INPUT, "no newline at the end");
		if (buf_add(in, chunk, (size_t)n) < 0)
			return err_set(e, KIND_INPUT, "too long");
		end = memchr(in->data, '\n', in->len);
		if (end)
			return end - in->data;
	}
}

int
workmsg_read(int fd, int64_t deadline, struct buf *out, struct err *e)
{
	ssize_t end = read_line(fd, deadline, out, e);

	if (end < 0)
		return -1;
	if ((size_t)end + 1 != out->len)
		return err_set(e, KIND_INPUT, "more than one line");
	out->data[--out->len] = '\0';
	return str_is_printable(out->data, out->len)
	    ? 0
	    : err_set(e, KIND_INPUT, "not printable");
}

int
workmsg_write(
    int fd, const struct workmsg_reply *r, int64_t deadline, struct err *e)
{
	char head[HEAD_MAX];
	int len = snprintf(
	    head, sizeof(head), "%d %zu %s\n", r->code, r->output.len, r->text);

	if (fd_write_all(fd, head, (size_t)len, deadline, e) < 0)
		return -1;
	return fd_write_all(fd, r->output.data, r->output.len, deadline, e);
}

/* ---- a client ------------------------------------------------------------ */

static int
no_reply(struct err *e)
{
	return err_set(e, KIND_SYS, "the work service gives no reply");
}

/* A number up to a blank, which `*text` is then behind. */
static bool
take_number(char **text, uint64_t max, uint64_t *out)
{
	char *end = strchr(*text, ' '), *begin = *text;

	if (!end)
		return false;
	*end = '\0';
	*text = end + 1;
	return str_to_u64(begin, max, out);
}

static int
read_head(char *line, struct workmsg_reply *r, size_t *len, struct err *e)
{
	uint64_t code, bytes;

	if (!take_number(&line, 255, &code) ||
	    !take_number(&line, WORKMSG_OUTPUT_MAX, &bytes) ||
	    !str_is_printable(line, strlen(line)))
		return no_reply(e);
	r->code = (int)code;
	*len = (size_t)bytes;
	snprintf(r->text, sizeof(r->text), "%s", line);
	return 0;
}

int
workmsg_receive(
    int fd, int64_t deadline, struct workmsg_reply *r, struct err *e)
{
	struct buf in;
	struct err why = {0};
	size_t len = 0;
	ssize_t end;
	int rc = -1;

	buf_init(&in, HEAD_MAX + WORKMSG_OUTPUT_MAX);
	end = read_line(fd, deadline, &in, &why);
	if (end < 0) {
		if (why.kind == KIND_BUSY)
			*e = why;
		else
			no_reply(e);
		goto out;
	}
	in.data[end] = '\0';
	if (read_head(in.data, r, &len, e) < 0)
		goto out;
	buf_consume(&in, (size_t)end + 1);
	if (fd_read_all(fd, &in, deadline, e) < 0)
		goto out;
	rc = in.len == len ? buf_add(&r->output, in.data, len) : no_reply(e);
out:
	buf_release(&in);
	return rc;
}

int
workmsg_open(const char *path, struct err *e)
{
	int fd = sock_connect(path, e);

	return fd < 0 ? err_object(e, "acmed-admin work") : fd;
}

int
workmsg_send(int fd, const char *request, int64_t deadline,
    struct workmsg_reply *r, struct err *e)
{
	char *line = xasprintf("%s\n", request);
	int rc = fd_write_all(fd, line, strlen(line), deadline, e);

	free(line);
	r->is_sent = rc == 0;
	return rc;
}

int
workmsg_call(const char *path, const char *request, int64_t deadline,
    struct workmsg_reply *r, struct err *e)
{
	int fd = workmsg_open(path, e), rc;

	if (fd < 0)
		return -1;
	rc = workmsg_send(fd, request, deadline, r, e);
	if (rc == 0)
		rc = workmsg_receive(fd, deadline, r, e);
	fd_close(&fd);
	return rc;
}
