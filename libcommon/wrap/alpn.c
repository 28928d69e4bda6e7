#include "wrap/alpn.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

static const unsigned char protocols[] = "\x0a"
					 "acme-tls/1";

struct alpn_context {
	SSL_CTX *ctx;
};

struct alpn {
	SSL *ssl;
};

/* Sets `e` with OpenSSL's reason and empties its queue. */
static int
fail(struct err *e, enum err_kind kind, const char *text)
{
	unsigned long code = ERR_peek_error();
	const char *reason = ERR_reason_error_string(code);

	ERR_clear_error();
	if (kind == KIND_INPUT)
		return err_acme(e, kind, "tls", "%s%s%s", text,
		    reason ? ": " : "", reason ? reason : "");
	err_set(e, kind, "%s", text);
	return err_detail(e, "%s", reason ? reason : "no reason given");
}

struct alpn_context *
alpn_context_new(struct err *e)
{
	struct alpn_context *c = xcalloc(1, sizeof(*c));

	c->ctx = SSL_CTX_new(TLS_client_method());
	if (c->ctx &&
	    SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION) == 1 &&
	    SSL_CTX_set_alpn_protos(c->ctx, protocols, sizeof(protocols) - 1) ==
		0) {
		SSL_CTX_set_verify(c->ctx, SSL_VERIFY_NONE, NULL);
		SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_OFF);
		/* One certificate is needed; a long chain is an attack. */
		SSL_CTX_set_max_cert_list(c->ctx, 2L * ALPN_CERT_MAX);
		return c;
	}
	fail(e, KIND_SYS, "cannot set up TLS");
	alpn_context_free(c);
	return NULL;
}

void
alpn_context_free(struct alpn_context *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->ctx);
	free(c);
}

struct alpn *
alpn_new(struct alpn_context *c, int fd, const char *sni, struct err *e)
{
	struct alpn *a = xcalloc(1, sizeof(*a));

	a->ssl = SSL_new(c->ctx);
	if (a->ssl && SSL_set_fd(a->ssl, fd) == 1 &&
	    SSL_set_tlsext_host_name(a->ssl, sni) == 1) {
		SSL_set_connect_state(a->ssl);
		return a;
	}
	fail(e, KIND_SYS, "cannot set up TLS");
	alpn_free(a);
	return NULL;
}

void
alpn_free(struct alpn *a)
{
	if (!a)
		return;
	SSL_free(a->ssl);
	free(a);
}

int
alpn_step(struct alpn *a, short *events, struct err *e)
{
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake(a->ssl);
	if (rc == 1)
		return 1;
	switch (SSL_get_error(a->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		*events = POLLIN;
		return 0;
	case SSL_ERROR_WANT_WRITE:
		*events = POLLOUT;
		return 0;
	case SSL_ERROR_SYSCALL:
	case SSL_ERROR_ZERO_RETURN:
		ERR_clear_error();
		return err_acme(e, KIND_INPUT, "tls",
		    "connection closed during the TLS handshake");
	default:
		return fail(e, KIND_INPUT, "TLS handshake failed");
	}
}

int
alpn_certificate(const struct alpn *a, struct buf *der, struct err *e)
{
	const unsigned char *chosen = NULL;
	unsigned char *p = NULL;
	unsigned len = 0;
	X509 *cert;
	int size;

	SSL_get0_alpn_selected(a->ssl, &chosen, &len);
	if (len != protocols[0] || memcmp(chosen, protocols + 1, len) != 0)
		return err_acme(e, KIND_INPUT, "tls",
		    "RFC 8737 3: the server did not choose the protocol "
		    "acme-tls/1");
	cert = SSL_get0_peer_certificate(a->ssl);
	if (!cert)
		return err_acme(e, KIND_INPUT, "tls",
		    "RFC 8737 3: the server sent no certificate");
	size = i2d_X509(cert, &p);
	if (size <= 0)
		return fail(e, KIND_INPUT, "certificate cannot be read");
	if (size > ALPN_CERT_MAX)
		err_acme(e, KIND_INPUT, "tls",
		    "certificate of %d bytes; the limit is %d", size,
		    ALPN_CERT_MAX);
	else
		buf_add(der, p, (size_t)size);
	OPENSSL_free(p);
	return size > ALPN_CERT_MAX ? -1 : 0;
}
