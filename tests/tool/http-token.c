/*
 * http-token ADDRESS PORT DIR: the web server of an applicant, for http-01.
 *
 * Answers GET /.well-known/acme-challenge/TOKEN with the file DIR/TOKEN (a
 * client's webroot), else with TOKEN.THUMBPRINT, where the thumbprint is the
 * text of DIR/thumbprint.HOST or DIR/thumbprint, read anew each time; else 404.
 * Prints "ready" once it listens, and HOST TOKEN on stderr for each request.
 * One request at a time: a file that is a pipe holds the answer back.
 */

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "listen.h"

#define HEAD "GET /.well-known/acme-challenge/"
#define NAME_CHARS                                                             \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:[]"

/* Reads to the end of the request's head; "" if there is none. */
static void
read_head(int fd, char *head, size_t size)
{
	struct timeval patience = {5, 0};
	size_t len = 0;
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	head[0] = '\0';
	while (len < size - 1 && strstr(head, "\r\n\r\n") == NULL) {
		n = read(fd, head + len, size - 1 - len);
		if (n <= 0) {
			head[0] = '\0';
			return;
		}
		len += (size_t)n;
		head[len] = '\0';
	}
}

/* The first line of the file DIR/PREFIX NAME; 0 if it is not there. */
static int
read_file(
    const char *dir, const char *prefix, const char *name, char *text, int size)
{
	char path[1024];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s%s", dir, prefix, name);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fgets(text, size, f) == NULL)
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	fclose(f);
	return 1;
}

/* Copies the part of the head that may be a file's name. */
static void
name_copy(const char *from, char *name, size_t size)
{
	size_t len = from == NULL ? 0 : strspn(from, NAME_CHARS);

	if (len >= size || len == 0 || from[0] == '.')
		len = 0;
	memcpy(name, from == NULL ? "" : from, len);
	name[len] = '\0';
}

static void
answer(int fd, const char *head, const char *dir)
{
	char token[128], host[256], text[512] = "", reply[1024];
	const char *at = strstr(head, "\r\nHost: ");
	int len;

	if (strncmp(head, HEAD, strlen(HEAD)) != 0)
		head = "";
	name_copy(
	    *head == '\0' ? NULL : head + strlen(HEAD), token, sizeof(token));
	name_copy(at == NULL ? NULL : at + 8, host, sizeof(host));
	host[strcspn(host, ":")] = '\0';
	fprintf(stderr, "%s %s\n", host, token);
	if (token[0] != '\0' &&
	    !read_file(dir, "", token, text, sizeof(text)) &&
	    (read_file(dir, "thumbprint.", host, text, sizeof(text)) ||
		read_file(dir, "thumbprint", "", text, sizeof(text)))) {
		memmove(text + strlen(token) + 1, text, 256);
		memcpy(text, token, strlen(token));
		text[strlen(token)] = '.';
	}
	len = snprintf(reply, sizeof(reply),
	    "HTTP/1.1 %s\r\nContent-Type: application/octet-stream\r\n"
	    "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
	    text[0] != '\0' ? "200 OK" : "404 Not Found", strlen(text), text);
	if (write(fd, reply, (size_t)len) != len)
		warn("write");
}

int
main(int argc, char **argv)
{
	static char head[16384];
	int listener, fd;

	if (argc != 4)
		errx(100, "usage: http-token ADDRESS PORT DIR");
	listener = listen_on(argv[1], argv[2]);
	puts("ready");
	fflush(stdout);
	for (;;) {
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			err(111, "accept");
		read_head(fd, head, sizeof(head));
		if (head[0] != '\0')
			answer(fd, head, argv[3]);
		close(fd);
	}
}
