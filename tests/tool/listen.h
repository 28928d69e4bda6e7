#ifndef TESTS_TOOL_LISTEN_H
#define TESTS_TOOL_LISTEN_H

#include <err.h>
#include <netdb.h>
#include <sys/socket.h>

/*
 * A socket of type SOCK_STREAM or SOCK_DGRAM, with flags, on a port of an
 * address, both as numbers in text.  A stream listens.
 */
static inline int
listen_with(const char *address, const char *port, int type)
{
	int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC), fd, on = 1;
	struct addrinfo hints = {
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = kind};
	struct addrinfo *ai;

	if (getaddrinfo(address, port, &hints, &ai) != 0)
		errx(100, "%s %s: no address and port", address, port);
	fd = socket(ai->ai_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 ||
	    (kind == SOCK_STREAM && listen(fd, 1024) < 0))
		err(111, "%s %s", address, port);
	freeaddrinfo(ai);
	return fd;
}

static inline int
listen_on(const char *address, const char *port)
{
	return listen_with(address, port, SOCK_STREAM);
}

#endif
