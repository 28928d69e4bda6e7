/*
 * usage: tls-sni ADDRESS PORT CERTIFICATE KEY NAME
 *
 * A TLS server for tls-alpn-01 that shakes hands only with a client that asks
 * for exactly NAME and offers exactly the protocol acme-tls/1.  Prints "ready"
 * when it listens.
 */
#include <err.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listen.h"

static const unsigned char offer[] = "\x0a"
				     "acme-tls/1";

static int
check_name(SSL *ssl, int *alert, void *name)
{
	const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	*alert = SSL_AD_UNRECOGNIZED_NAME;
	return asked != NULL && strcmp(asked, name) == 0
	    ? SSL_TLSEXT_ERR_OK
	    : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int
check_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *arg)
{
	(void)ssl;
	(void)arg;
	if (in_len != sizeof(offer) - 1 || memcmp(in, offer, in_len) != 0)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = in + 1;
	*out_len = in[0];
	return SSL_TLSEXT_ERR_OK;
}

int
main(int argc, char **argv)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int fd, client;

	if (argc != 6 || ctx == NULL ||
	    SSL_CTX_use_certificate_chain_file(ctx, argv[3]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, argv[4], SSL_FILETYPE_PEM) != 1)
		errx(1, "usage: tls-sni ADDRESS PORT CERTIFICATE KEY NAME");
	SSL_CTX_set_tlsext_servername_callback(ctx, check_name);
	SSL_CTX_set_tlsext_servername_arg(ctx, argv[5]);
	SSL_CTX_set_alpn_select_cb(ctx, check_protocol, NULL);
	fd = listen_on(argv[1], argv[2]);
	puts("ready");
	fflush(stdout);
	while ((client = accept(fd, NULL, NULL)) >= 0) {
		SSL *ssl = SSL_new(ctx);

		SSL_set_fd(ssl, client);
		SSL_accept(ssl);
		SSL_free(ssl);
		close(client);
	}
	return 1;
}
