#include "sys/conn.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/fd.h"

#define LINGER_MAX ((size_t)256 * 1024)
#define PIECE_MAX 4096 /* PIPE_BUF: a ready pipe takes so much at once */

/* What is there already needs no wait. */
static ssize_t
plain_read(
    struct conn *c, void *p, size_t size, int64_t deadline, struct err *e)
{
	ssize_t n = recv(c->in, p, size, MSG_DONTWAIT);

	if (n >= 0)
		return n;
	/* a reset is told once: another read would find a clean end */
	if (errno != EAGAIN && errno != EINTR && errno != ENOTSOCK)
		return err_sys(e, "cannot read from the client");
	return fd_read(c->in, p, size, deadline, e);
}

/* Waits until more can be written. Returns 0 or -1. */
static int
wait_writable(int fd, int64_t deadline, struct err *e)
{
	int rc = fd_wait(fd, POLLOUT, deadline, e);

	if (rc == 0)
		return err_set(e, KIND_BUSY, "write timed out");
	return rc < 0 ? -1 : 0;
}

/*
 * The descriptor may be a blocking one, and a large write to it would wait
 * beyond any deadline: a socket is told not to, anything else gets pieces.
 */
static ssize_t
write_some(
    struct conn *c, const char *p, size_t len, int64_t deadline, struct err *e)
{
	int fd = c->out;
	ssize_t n = send(
	    fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL | (c->more ? MSG_MORE : 0));

	if (n < 0 && errno == ENOTSOCK) {
		if (wait_writable(fd, deadline, e) < 0)
			return -1;
		n = write(fd, p, len < PIECE_MAX ? len : PIECE_MAX);
	}
	if (n >= 0)
		return n;
	if (errno == EAGAIN)
		return wait_writable(fd, deadline, e);
	return errno == EINTR ? 0 : err_sys(e, "cannot write to the client");
}

static int
plain_write(
    struct conn *c, const void *p, size_t len, int64_t deadline, struct err *e)
{
	const char *bytes = p;
	ssize_t n;

	while (len > 0) {
		n = write_some(c, bytes, len, deadline, e);
		if (n < 0)
			return -1;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
plain_wait(struct conn *c, int64_t deadline, struct err *e)
{
	return fd_wait(c->in, POLLIN, deadline, e);
}

static void
plain_shut(struct conn *c, int64_t deadline)
{
	(void)deadline;
	shutdown(c->out, SHUT_WR); /* no socket: the exit will do it */
}

void
conn_init(struct conn *c, int in, int out)
{
	*c = (struct conn){.read = plain_read,
	    .write = plain_write,
	    .wait = plain_wait,
	    .shut = plain_shut,
	    .in = in,
	    .out = out};
}

ssize_t
conn_read(struct conn *c, void *p, size_t size, int64_t deadline, struct err *e)
{
	return c->read(c, p, size, deadline, e);
}

int
conn_write(
    struct conn *c, const void *p, size_t len, int64_t deadline, struct err *e)
{
	return c->write(c, p, len, deadline, e);
}

void
conn_linger(struct conn *c, int64_t deadline)
{
	struct err ignored = {0};
	char waste[8192];
	size_t total = 0;
	ssize_t n;

	c->shut(c, deadline);
	while (total < LINGER_MAX &&
	    (n = fd_read(c->in, waste, sizeof(waste), deadline, &ignored)) > 0)
		total += (size_t)n;
}
