/*
 * handshakes: full TLS handshakes on loopback, one after the other, and what
 * they cost the process that serves them.
 */
#include <arpa/inet.h>
#include <err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "base/str.h"
#include "lib/usage.h"

static const char usage_text[] =
    "usage: handshakes PORT COUNT NAMES PID\n"
    "\n"
    "COUNT handshakes with 127.0.0.1:PORT, for n0.bench.example,\n"
    "n1.bench.example and so on up to NAMES, over and over, each to get a\n"
    "certificate for its name.\n"
    "Prints how many there were in a second, and how many microseconds of CPU\n"
    "the process PID had for each.\n";

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int
connect_to(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		err(1, "port %u", port);
	return fd;
}

static void
shake(SSL_CTX *ctx, uint16_t port, const char *name)
{
	int fd = connect_to(port);
	SSL *ssl = SSL_new(ctx);
	X509 *cert;

	SSL_set_tlsext_host_name(ssl, name);
	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) != 1)
		errx(1, "%s: no handshake", name);
	cert = SSL_get0_peer_certificate(ssl);
	if (!cert || X509_check_host(cert, name, 0, 0, NULL) != 1)
		errx(1, "%s: not its certificate", name);
	SSL_free(ssl);
	close(fd);
}

int
main(int argc, char **argv)
{
	uint64_t port, count, names, pid;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	double begun;
	int64_t used;

	if (argc != 5 || !str_to_u64(argv[1], UINT16_MAX, &port) ||
	    !str_to_u64(argv[2], 100000000, &count) || count == 0 ||
	    !str_to_u64(argv[3], 100000000, &names) || names == 0 ||
	    !str_to_u64(argv[4], INT_MAX, &pid))
		errx(100, "%s", usage_text);
	if (!ctx)
		errx(1, "no TLS");
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	begun = now();
	used = usage_cpu((int)pid);
	for (uint64_t i = 0; i < count; i++) {
		char name[64];

		snprintf(name, sizeof(name), "n%llu.bench.example",
		    (unsigned long long)(i % names));
		shake(ctx, (uint16_t)port, name);
	}
	printf("%.1f %.1f\n", (double)count / (now() - begun),
	    (double)(usage_cpu((int)pid) - used) / (double)count);
	SSL_CTX_free(ctx);
	return 0;
}
