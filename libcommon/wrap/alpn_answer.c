#include "wrap/alpn.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "wrap/cert.h"
#include "wrap/key_part.h"

/* alpn_answer of wrap/alpn.h: the server; alpn.c is the client. */

static const unsigned char protocol[] = "acme-tls/1";

struct asked {
	alpn_finder *find;
	void *arg;
	struct err why; /* of the finder */
};

static int
select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *arg)
{
	(void)ssl;
	(void)arg;
	for (unsigned at = 0; at + 1 + in[at] <= in_len; at += 1U + in[at]) {
		if (in[at] == sizeof(protocol) - 1 &&
		    memcmp(in + at + 1, protocol, in[at]) == 0) {
			*out = in + at + 1;
			*out_len = in[at];
			return SSL_TLSEXT_ERR_OK;
		}
		if (at + 1 + in[at] == in_len)
			break;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Whoever offers no protocols is not asked which one it is to be. */
static bool
offers(SSL *ssl)
{
	const unsigned char *list;
	size_t len;

	return SSL_client_hello_get0_ext(ssl,
		   TLSEXT_TYPE_application_layer_protocol_negotiation, &list,
		   &len) == 1;
}

static int
on_hello(SSL *ssl, int *alert, void *arg)
{
	(void)arg;
	*alert = SSL_AD_NO_APPLICATION_PROTOCOL;
	return offers(ssl) ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

static int
choose(SSL *ssl, void *arg)
{
	struct asked *asked = arg;
	const char *sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct cert *c = NULL;
	struct key *k = NULL;
	const uint8_t *der;
	size_t len;
	int rc;

	if (!sni || asked->find(asked->arg, sni, &c, &k, &asked->why) < 0)
		return 0;
	der = cert_der(c, &len);
	rc = SSL_use_certificate_ASN1(ssl, der, (int)len) == 1 &&
	    SSL_use_PrivateKey(ssl, k->pkey) == 1;
	cert_free(c);
	key_free(k);
	return rc;
}

static int
shake(SSL *ssl, int fd, struct asked *asked, struct err *e)
{
	if (SSL_set_fd(ssl, fd) != 1)
		return key_openssl_err(e, KIND_SYS, "cannot set up TLS");
	if (SSL_accept(ssl) == 1) {
		SSL_shutdown(ssl);
		return 0;
	}
	if (err_is_set(&asked->why)) {
		*e = asked->why;
		ERR_clear_error();
		return -1;
	}
	return key_openssl_err(e, KIND_INPUT, "TLS handshake failed");
}

int
alpn_answer(int fd, alpn_finder *find, void *arg, struct err *e)
{
	struct asked asked = {.find = find, .arg = arg};
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	SSL *ssl = NULL;
	int rc;

	if (ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1) {
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
		SSL_CTX_set_client_hello_cb(ctx, on_hello, NULL);
		SSL_CTX_set_alpn_select_cb(ctx, select_protocol, NULL);
		SSL_CTX_set_cert_cb(ctx, choose, &asked);
		ssl = SSL_new(ctx);
	}
	if (ssl)
		rc = shake(ssl, fd, &asked, e);
	else
		rc = key_openssl_err(e, KIND_SYS, "cannot set up TLS");
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return rc;
}
