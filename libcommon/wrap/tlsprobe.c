#include "wrap/tlsprobe.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

#include "sys/fd.h"
#include "sys/frame.h"

static int
no_tls(struct err *e, const char *text)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	ERR_clear_error();
	return err_set(e, KIND_INPUT, "%s%s%s", text, reason ? ": " : "",
	    reason ? reason : "");
}

static int
wait_for(int fd, short events, int64_t deadline, struct err *e)
{
	int rc = fd_wait(fd, events, deadline, e);

	if (rc == 0)
		return err_set(
		    e, KIND_BUSY, "the TLS handshake takes longer than it may");
	return rc < 0 ? -1 : 0;
}

static int
shake(SSL *ssl, int fd, int64_t deadline, struct err *e)
{
	for (;;) {
		int rc;

		ERR_clear_error();
		rc = SSL_connect(ssl);
		if (rc == 1)
			return 0;
		switch (SSL_get_error(ssl, rc)) {
		case SSL_ERROR_WANT_READ:
			rc = wait_for(fd, POLLIN, deadline, e);
			break;
		case SSL_ERROR_WANT_WRITE:
			rc = wait_for(fd, POLLOUT, deadline, e);
			break;
		case SSL_ERROR_SYSCALL:
		case SSL_ERROR_ZERO_RETURN:
			rc = no_tls(e,
			    "the connection was closed in the TLS "
			    "handshake");
			break;
		default:
			rc = no_tls(e, "no TLS handshake");
		}
		if (rc < 0)
			return -1;
	}
}

static int
add_one(X509 *c, struct buf *out, struct err *e)
{
	unsigned char *der = NULL;
	int len = i2d_X509(c, &der), rc = 0;

	if (len <= 0)
		return no_tls(e, "a certificate that cannot be read");
	if ((size_t)len > TLSPROBE_MAX || out->len > TLSPROBE_MAX)
		rc = err_set(
		    e, KIND_INPUT, "the server sends too many certificates");
	else
		rc = frame_add(out, der, (size_t)len, e);
	OPENSSL_free(der);
	return rc;
}

static int
add_all(SSL *ssl, struct buf *out, struct err *e)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
	int n = chain ? sk_X509_num(chain) : 0;

	if (n <= 0)
		return err_set(
		    e, KIND_INPUT, "the server sends no certificate");
	for (int i = 0; i < n; i++)
		if (add_one(sk_X509_value(chain, i), out, e) < 0)
			return -1;
	return 0;
}

int
tlsprobe(
    int fd, const char *sni, int64_t deadline, struct buf *out, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = NULL;
	int rc;

	if (ctx) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
		SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
		SSL_CTX_set_max_cert_list(ctx, (long)TLSPROBE_MAX);
		ssl = SSL_new(ctx);
	}
	if (!ssl || SSL_set_fd(ssl, fd) != 1 ||
	    (sni && SSL_set_tlsext_host_name(ssl, sni) != 1)) {
		ERR_clear_error();
		rc = err_set(e, KIND_SYS, "cannot set up TLS");
	} else {
		rc = shake(ssl, fd, deadline, e);
		if (rc == 0)
			rc = add_all(ssl, out, e);
	}
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return rc;
}
