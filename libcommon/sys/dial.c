#include "sys/dial.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/fd.h"

static int
connect_to(const struct addrinfo *a, int64_t deadline, struct err *e)
{
	int fd = socket(a->ai_family,
	    a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	int error = 0, rc;
	socklen_t len = sizeof(error);

	if (fd < 0)
		return err_set(e, KIND_BUSY, "cannot make a socket");
	rc = connect(fd, a->ai_addr, a->ai_addrlen);
	if (rc < 0 && errno == EINPROGRESS) {
		rc = fd_wait(fd, POLLOUT, deadline, e);
		if (rc == 0)
			error = ETIMEDOUT;
		else if (rc > 0)
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	} else if (rc < 0) {
		error = errno;
	}
	if (rc >= 0 && error == 0)
		return fd;
	if (error != 0)
		err_set(e, error == EACCES ? KIND_DENIED : KIND_BUSY,
		    "cannot connect: %s", strerrordesc_np(error));
	close(fd);
	return -1;
}

int
dial_tcp(const char *host, const char *port, int64_t deadline, struct err *e)
{
	const struct addrinfo hints = {
	    .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	int fd = -1, rc = getaddrinfo(host, port, &hints, &list);

	if (rc != 0)
		return err_set(
		    e, KIND_BUSY, "no address: %s", gai_strerror(rc));
	for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
		struct err why = {0};

		fd = connect_to(a, deadline, &why);
		if (fd < 0 && !a->ai_next)
			*e = why;
	}
	freeaddrinfo(list);
	return fd;
}
