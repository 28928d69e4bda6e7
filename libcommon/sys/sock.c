#include "sys/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sys/fd.h"

static int
address(struct sockaddr_un *un, const char *path, struct err *e)
{
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	if ((size_t)snprintf(un->sun_path, sizeof(un->sun_path), "%s", path) >=
	    sizeof(un->sun_path))
		return err_set(e, KIND_CONF,
		    "%s: socket path longer than %zu bytes", path,
		    sizeof(un->sun_path) - 1);
	return 0;
}

static int
open_socket(int type, struct err *e)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	return fd >= 0 ? fd : err_sys(e, "cannot make a socket");
}

/* Also leaves the reason in errno when it is connect(2) that fails. */
static int
connect_to(const char *path, int type, struct err *e)
{
	struct sockaddr_un un;
	int fd, reason;

	errno = 0;
	if (address(&un, path, e) < 0 ||
	    (fd = open_socket(type | SOCK_NONBLOCK, e)) < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	reason = errno;
	if (errno == ENOENT || errno == ECONNREFUSED)
		err_set(e, KIND_BUSY, "%s: nobody listens", path);
	else if (errno == EAGAIN)
		err_set(e, KIND_BUSY, "%s: too many wait already", path);
	else
		err_sys(e, "%s: cannot connect", path);
	close(fd);
	errno = reason;
	return -1;
}

/* Whether the file at `path` is a socket that nobody serves any more. */
static bool
is_stale(const char *path, int type)
{
	struct err ignored = {0};
	struct stat st;
	int fd;

	if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = connect_to(path, type, &ignored);
	if (fd < 0)
		return errno == ECONNREFUSED;
	close(fd);
	return false;
}

static int
bind_to(const char *path, int type, mode_t mode, struct err *e)
{
	struct sockaddr_un un;
	int fd, rc;
	mode_t mask;

	if (address(&un, path, e) < 0 || (fd = open_socket(type, e)) < 0)
		return -1;
	if (is_stale(path, type))
		unlink(path);
	mask = umask(~mode & 0777);
	rc = bind(fd, (struct sockaddr *)&un, sizeof(un));
	umask(mask);
	if (rc == 0)
		return fd;
	if (errno == EADDRINUSE)
		err_set(e, KIND_CONFLICT, "%s: in use", path);
	else
		err_sys(e, "%s: cannot bind", path);
	close(fd);
	return -1;
}

int
sock_listen(const char *path, mode_t mode, struct err *e)
{
	int fd = bind_to(path, SOCK_STREAM, mode, e);

	if (fd >= 0 && listen(fd, 1024) < 0) {
		err_sys(e, "%s: cannot listen", path);
		fd_close(&fd);
	}
	return fd;
}

int
sock_bind_dgram(const char *path, mode_t mode, struct err *e)
{
	return bind_to(path, SOCK_DGRAM, mode, e);
}

int
sock_accept(int listener, int flags, struct err *e)
{
	int fd = accept4(listener, NULL, NULL, flags | SOCK_CLOEXEC);

	if (fd >= 0)
		return fd;
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return err_set(e, KIND_BUSY, "cannot accept a connection: %s",
		    strerror(errno));
	case EPERM:
		return err_set(e, KIND_DENIED, "cannot accept a connection: %s",
		    strerror(errno));
	case EAGAIN:
	case EINTR:
	case ECONNABORTED:
	/* accept(2): what the network did to a connection, now gone */
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENETDOWN:
	case ENETUNREACH:
	case ENONET:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
	case EPROTO:
		return -1;
	default:
		return err_sys(e, "cannot accept a connection");
	}
}

int
sock_connect(const char *path, struct err *e)
{
	return connect_to(path, SOCK_STREAM, e);
}

int
sock_poke(const char *path, struct err *e)
{
	int fd = connect_to(path, SOCK_DGRAM, e);
	int rc = 0;

	if (fd < 0)
		return -1;
	if (send(fd, "!", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
	    errno != EAGAIN && errno != ENOBUFS)
		rc = err_sys(e, "%s: cannot send", path);
	close(fd);
	return rc;
}

void
sock_nodelay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

bool
sock_is_unix(int fd)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);

	return getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
	    ss.ss_family == AF_UNIX;
}

/* One that was accepted has the name of its listener, a socketpair has none. */
static bool
is_accepted(int fd)
{
	struct sockaddr_un sun = {0};
	socklen_t len = sizeof(sun);

	return getsockname(fd, (struct sockaddr *)&sun, &len) == 0 &&
	    sun.sun_family == AF_UNIX &&
	    len > offsetof(struct sockaddr_un, sun_path);
}

int64_t
sock_peer_uid(int fd)
{
	struct ucred cred = {0};
	socklen_t len = sizeof(cred);

	if (!is_accepted(fd) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
	    cred.uid == (uid_t)-1)
		return -1;
	return cred.uid;
}

int
sock_peer(int fd, char out[SOCK_ADDR_SIZE])
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&ss;
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)&ss;
	const void *raw;
	int family;

	if (getpeername(fd, (struct sockaddr *)&ss, &len) < 0)
		return -1;
	family = ss.ss_family;
	if (family == AF_INET) {
		raw = &in4->sin_addr;
	} else if (family == AF_INET6) {
		raw = &in6->sin6_addr;
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			raw = in6->sin6_addr.s6_addr + 12;
			family = AF_INET;
		}
	} else {
		return -1;
	}
	return inet_ntop(family, raw, out, SOCK_ADDR_SIZE) ? 0 : -1;
}
