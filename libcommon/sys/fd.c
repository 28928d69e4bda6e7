#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/clock.h"

bool
fd_guard_std(void)
{
	bool no_stdout = false;
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			_exit(111);
		no_stdout |= fd == STDOUT_FILENO;
	} while (fd <= STDERR_FILENO);
	close(fd);
	return no_stdout;
}

void
fd_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

bool
fd_same(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 &&
	    sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static int
socket_option(int fd, int option)
{
	int value = 0;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, SOL_SOCKET, option, &value, &len) < 0)
		return -1;
	return value;
}

bool
fd_is_listening(int fd)
{
	return socket_option(fd, SO_ACCEPTCONN) == 1;
}

bool
fd_is_stream(int fd)
{
	return socket_option(fd, SO_TYPE) == SOCK_STREAM;
}

bool
fd_is_dgram(int fd)
{
	return socket_option(fd, SO_TYPE) == SOCK_DGRAM;
}

void
fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int
fd_nonblock(int fd, struct err *e)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_sys(e, "cannot make a descriptor non-blocking");
	return 0;
}

int
fd_wait(int fd, short events, int64_t deadline, struct err *e)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t left;
	int rc;

	for (;;) {
		left = deadline == FD_FOREVER ? -1 : deadline - clock_mono();
		if (deadline != FD_FOREVER && left < 0)
			left = 0;
		rc = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
		if (rc > 0)
			return 1;
		if (rc < 0 && errno != EINTR)
			return err_sys(e, "cannot wait for a descriptor");
		if (deadline != FD_FOREVER && clock_mono() >= deadline)
			return 0;
	}
}

ssize_t
fd_read(int fd, void *p, size_t size, int64_t deadline, struct err *e)
{
	ssize_t n;
	int rc;

	for (;;) {
		if (deadline != FD_FOREVER) {
			rc = fd_wait(fd, POLLIN, deadline, e);
			if (rc < 0)
				return -1;
			if (rc == 0)
				return err_set(e, KIND_BUSY, "read timed out");
		}
		n = read(fd, p, size);
		if (n >= 0)
			return n;
		if (errno == EAGAIN && fd_wait(fd, POLLIN, deadline, e) < 0)
			return -1;
		if (errno != EINTR && errno != EAGAIN)
			return err_sys(e, "cannot read");
	}
}

int
fd_read_all(int fd, struct buf *out, int64_t deadline, struct err *e)
{
	char chunk[8192];
	ssize_t n;

	while ((n = fd_read(fd, chunk, sizeof(chunk), deadline, e)) > 0)
		if (buf_add(out, chunk, (size_t)n) < 0)
			return err_set(e, KIND_INPUT,
			    "more than the permitted %zu bytes", out->max);
	return n < 0 ? -1 : 0;
}

int
fd_write_all(int fd, const void *p, size_t len, int64_t deadline, struct err *e)
{
	const char *bytes = p;
	ssize_t n;
	int rc;

	while (len > 0) {
		if (deadline != FD_FOREVER) {
			rc = fd_wait(fd, POLLOUT, deadline, e);
			if (rc < 0)
				return -1;
			if (rc == 0)
				return err_set(e, KIND_BUSY, "write timed out");
		}
		n = write(fd, bytes, len);
		if (n < 0 && errno == EAGAIN &&
		    fd_wait(fd, POLLOUT, deadline, e) < 0)
			return -1;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return err_sys(e, "cannot write");
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}
