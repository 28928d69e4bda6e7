#ifndef TESTS_TOOL_LISTEN_H
#define TESTS_TOOL_LISTEN_H

#include <err.h>
#include <netdb.h>
#include <sys/socket.h>

/* A socket that listens on a port of an address, both as numbers in text. */
static inline int
listen_on(const char *address, const char *port)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	    .ai_socktype = SOCK_STREAM};
	struct addrinfo *ai;
	int fd, on = 1;

	if (getaddrinfo(address, port, &hints, &ai) != 0)
		errx(100, "%s %s: no address and port", address, port);
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, 1024) < 0)
		err(111, "%s %s", address, port);
	freeaddrinfo(ai);
	return fd;
}

#endif
