#include "answer.h"

#include <err.h>
#include <netinet/in.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../tool/listen.h"

/* ---- http-01 ---------------------------------------------------------------
 */

struct responder {
	struct watch watch;
	struct loop *loop;
	int fd;
	const char *(*thumbprint)(void *arg, const char *token);
	void *arg;
	LIST_HEAD(, visit) visits;
};

struct visit {
	LIST_ENTRY(visit) entry;
	struct watch watch;
	struct responder *responder;
	int fd;
	size_t len;
	char in[2048];
};

static void
respond(struct visit *v)
{
	static const char path[] = "GET /.well-known/acme-challenge/";
	char out[512], token[128] = "";
	const char *thumbprint = NULL;
	int len;

	if (strncmp(v->in, path, strlen(path)) == 0 &&
	    sscanf(v->in + strlen(path), "%127[^ ]", token) == 1)
		thumbprint = v->responder->thumbprint(v->responder->arg, token);
	if (thumbprint)
		len = snprintf(out, sizeof(out),
		    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
		    "Content-Length: %zu\r\nConnection: close\r\n\r\n%s.%s",
		    strlen(token) + 1 + strlen(thumbprint), token, thumbprint);
	else
		len = snprintf(out, sizeof(out),
		    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
		    "Connection: close\r\n\r\n");
	if (write(v->fd, out, (size_t)len) != len)
		warn("http-01");
}

static void
on_visit(void *arg, uint32_t events)
{
	struct visit *v = arg;
	ssize_t n = read(v->fd, v->in + v->len, sizeof(v->in) - 1 - v->len);

	(void)events;
	if (n < 0)
		return;
	v->len += (size_t)n;
	v->in[v->len] = '\0';
	if (n > 0 && v->len < sizeof(v->in) - 1 && !strstr(v->in, "\r\n\r\n"))
		return;
	if (n > 0)
		respond(v);
	close(v->fd);
	LIST_REMOVE(v, entry);
	free(v);
}

static void
on_http(void *arg, uint32_t events)
{
	struct responder *r = arg;
	int fd;

	(void)events;
	while ((fd = accept4(
		    r->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct visit *v = xcalloc(1, sizeof(*v));

		v->watch = (struct watch){.ready = on_visit, .arg = v};
		v->responder = r;
		v->fd = fd;
		LIST_INSERT_HEAD(&r->visits, v, entry);
		loop_add(r->loop, fd, &v->watch);
	}
}

void
answer_http(struct loop *l, const char *port,
    const char *(*thumbprint)(void *arg, const char *token), void *arg)
{
	static struct responder responder;
	struct responder *r = &responder;

	r->watch = (struct watch){.ready = on_http, .arg = r};
	r->loop = l;
	r->fd = listen_with("127.0.0.1", port, SOCK_STREAM | SOCK_NONBLOCK);
	r->thumbprint = thumbprint;
	r->arg = arg;
	loop_add(l, r->fd, &r->watch);
}

/* ---- DNS -------------------------------------------------------------------
 */

#define DNS_HEADER 12
#define DNS_TYPE_A 1

struct resolver {
	struct watch watch;
	int fd;
};

/* Makes the answer to the one question in `m`; its length, 0 for none. */
static size_t
resolve(uint8_t *m, size_t len)
{
	static const uint8_t address[] = {0xc0, DNS_HEADER, 0, DNS_TYPE_A, 0, 1,
	    0, 0, 0, 0, 0, 4, 127, 0, 0, 1};
	size_t end = DNS_HEADER;
	bool is_a;

	while (end < len && m[end] != 0)
		end += (size_t)m[end] + 1;
	end += 5;
	if (end > len || m[5] != 1 || (m[2] & 0x80))
		return 0;
	is_a = m[end - 4] == 0 && m[end - 3] == DNS_TYPE_A;
	m[2] = (uint8_t)(0x84 | (m[2] & 0x01)); /* answer, authoritative, RD */
	m[3] = 0x80; /* recursion available */
	memset(m + 6, 0, 6);
	m[7] = is_a;
	if (!is_a)
		return end;
	memcpy(m + end, address, sizeof(address));
	return end + sizeof(address);
}

static void
on_dns(void *arg, uint32_t events)
{
	struct resolver *r = arg;
	uint8_t m[1024];
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	ssize_t n;

	(void)events;
	while ((n = recvfrom(r->fd, m, 600, 0, (struct sockaddr *)&from,
		    &from_len)) >= 0) {
		size_t len = n < DNS_HEADER ? 0 : resolve(m, (size_t)n);

		if (len > 0 &&
		    sendto(r->fd, m, len, 0, (struct sockaddr *)&from,
			from_len) < 0)
			warn("DNS");
		from_len = sizeof(from);
	}
}

void
answer_dns(struct loop *l, const char *port)
{
	static struct resolver resolver;
	struct resolver *r = &resolver;

	r->watch = (struct watch){.ready = on_dns, .arg = r};
	r->fd = listen_with("127.0.0.1", port, SOCK_DGRAM | SOCK_NONBLOCK);
	loop_add(l, r->fd, &r->watch);
}
