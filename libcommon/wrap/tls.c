#include "wrap/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "sys/clock.h"
#include "sys/conn.h"
#include "sys/file.h"
#include "wrap/key.h"

/* For TLS 1.2, which all of these make as strong as TLS 1.3 (RFC 9325 4.2). */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

/*
 * For TLS 1.3: the one that RFC 8446 9.1 asks of all comes first; SHA-384 would
 * cost a short connection a twentieth more.
 */
#define SUITES                                                                 \
	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"                       \
	"TLS_CHACHA20_POLY1305_SHA256"

#define TICKET_KEY_MS ((int64_t)86400 * 1000)
#define SETTLED_SECONDS 3

/* A file as it was when it was loaded, and when it was found not to do. */
struct file {
	char *path;
	struct stat st, bad;
};

struct tls_server {
	SSL_CTX *ctx;
	BIO_METHOD *method;
	struct file files[2]; /* certificate and key */
	int64_t since; /* clock_mono() */
};

#define OUT_MAX 32768 /* more than a record */

struct tls {
	SSL *ssl;
	struct conn *below;
	struct buf out; /* written and not yet sent */
	int64_t deadline; /* of the call in hand */
	struct err why; /* what the connection below said */
};

/*
 * OpenSSL's own socket BIO knows no deadline: this one asks the connection
 * below, which does.  And it sends at the end of an answer, or when it must
 * wait: session tickets, answer and end go out together.
 */
static int
flush(struct tls *t)
{
	int rc = 0;

	if (t->out.len > 0)
		rc = conn_write(
		    t->below, t->out.data, t->out.len, t->deadline, &t->why);
	buf_clear(&t->out);
	return rc;
}

/* Before a wait for the peer, who may wait for us. */
static int
flush_if_idle(struct tls *t)
{
	if (t->out.len == 0 || t->below->wait(t->below, 0, &t->why) > 0)
		return 0;
	return flush(t);
}

static int
bio_read(BIO *b, char *p, int size)
{
	struct tls *t = BIO_get_data(b);
	ssize_t n;

	if (flush_if_idle(t) < 0)
		return -1;
	n = conn_read(t->below, p, (size_t)size, t->deadline, &t->why);
	if (n == 0)
		BIO_set_flags(b, BIO_FLAGS_IN_EOF);
	return (int)n;
}

static int
bio_write(BIO *b, const char *p, int len)
{
	struct tls *t = BIO_get_data(b);

	if (t->out.len + (size_t)len > OUT_MAX && flush(t) < 0)
		return -1;
	return buf_add(&t->out, p, (size_t)len) < 0 ? -1 : len;
}

static long
bio_ctrl(BIO *b, int command, long number, void *p)
{
	(void)number;
	(void)p;
	if (command == BIO_CTRL_EOF)
		return BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0;
	return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static int
bio_create(BIO *b)
{
	BIO_set_init(b, 1);
	return 1;
}

static BIO_METHOD *
new_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "conn");

	if (m) {
		BIO_meth_set_read(m, bio_read);
		BIO_meth_set_write(m, bio_write);
		BIO_meth_set_ctrl(m, bio_ctrl);
		BIO_meth_set_create(m, bio_create);
	}
	return m;
}

/* http/1.1 or nothing: a client that offers only others is told so. */
static int
select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char ours[] = "\010http/1.1";

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len,
		ours, sizeof(ours) - 1, in, in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	return SSL_TLSEXT_ERR_OK;
}

static int
load_certificate(SSL_CTX *ctx, const char *path, struct err *e)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, path) == 1)
		return 0;
	key_openssl_err(e, KIND_CONF, "cannot read TLS certificate");
	return err_object(e, "%s", path);
}

static int
load_files(
    SSL_CTX *ctx, const char *certificate, const char *key, struct err *e)
{
	SSL_CTX_set_default_passwd_cb(ctx, key_no_password);
	if (load_certificate(ctx, certificate, e) < 0)
		return -1;
	/* a key of another type would get a place of its own: check says no */
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1) {
		key_openssl_err(e, KIND_CONF,
		    "cannot read TLS key, it is encrypted, or not the "
		    "certificate's");
		return err_object(e, "%s", key);
	}
	return 0;
}

static void
set_up(SSL_CTX *ctx, bool resumes)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(ctx, CIPHERS);
	SSL_CTX_set_ciphersuites(ctx, SUITES);
	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		SSL_OP_CIPHER_SERVER_PREFERENCE |
		(resumes ? 0 : SSL_OP_NO_TICKET));
	/* what is to be resumed is in the ticket; nothing is kept here */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, resumes ? 1 : 0);
	SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
}

static void
note_file(struct file *f, const char *path)
{
	f->path = xstrdup(path);
	if (stat(path, &f->st) < 0)
		memset(&f->st, 0, sizeof(f->st));
}

struct tls_server *
tls_server_new(
    const char *certificate, const char *key, bool resumes, struct err *e)
{
	struct tls_server *s = xcalloc(1, sizeof(*s));

	s->ctx = SSL_CTX_new(TLS_server_method());
	s->method = new_method();
	s->since = clock_mono();
	if (!s->ctx || !s->method) {
		key_openssl_err(e, KIND_SYS, "cannot set up TLS");
		goto out;
	}
	set_up(s->ctx, resumes);
	note_file(&s->files[0], certificate);
	note_file(&s->files[1], key);
	if (load_files(s->ctx, certificate, key, e) < 0)
		goto out;
	return s;
out:
	tls_server_free(s);
	return NULL;
}

void
tls_server_free(struct tls_server *s)
{
	if (!s)
		return;
	SSL_CTX_free(s->ctx);
	BIO_meth_free(s->method);
	for (size_t i = 0; i < ARRAY_LEN(s->files); i++)
		free(s->files[i].path);
	free(s);
}

/* A file that cannot be looked at any more is no reason. */
static bool
is_replaced(const struct file *f, const struct stat *now)
{
	return now->st_ino != 0 && !file_is_same(now, &f->st) &&
	    clock_now() - now->st_ctim.tv_sec >= SETTLED_SECONDS;
}

/* Whoever is started next may read what we may not. */
static bool
is_forbidden(const struct file *f)
{
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == EACCES;
}

/* Whether the files, as far as we may read them, could be served. */
static int
try_files(const struct tls_server *s, struct err *e)
{
	const struct file *f = s->files;
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int rc = 0;

	if (!ctx)
		rc = key_openssl_err(e, KIND_SYS, "cannot set up TLS");
	else if (is_forbidden(&f[0]))
		rc = 0;
	else if (is_forbidden(&f[1]))
		rc = load_certificate(ctx, f[0].path, e);
	else
		rc = load_files(ctx, f[0].path, f[1].path, e);
	SSL_CTX_free(ctx);
	return rc;
}

bool
tls_server_is_stale(struct tls_server *s, struct err *e)
{
	struct file *f = s->files;
	struct stat now[ARRAY_LEN(s->files)] = {0};

	for (size_t i = 0; i < ARRAY_LEN(now); i++)
		if (stat(f[i].path, &now[i]) < 0)
			memset(&now[i], 0, sizeof(now[i]));
	if (clock_mono() - s->since >= TICKET_KEY_MS)
		return true;
	if (!is_replaced(&f[0], &now[0]) && !is_replaced(&f[1], &now[1]))
		return false;
	if (file_is_same(&now[0], &f[0].bad) &&
	    file_is_same(&now[1], &f[1].bad))
		return false;
	if (try_files(s, e) == 0)
		return true;
	f[0].bad = now[0];
	f[1].bad = now[1];
	return false;
}

/* The connection's reason if it has one, else OpenSSL's. */
static int
fail(struct tls *t, const char *text, struct err *e)
{
	if (err_is_set(&t->why)) {
		*e = t->why;
		ERR_clear_error();
		return -1;
	}
	return key_openssl_err(e, KIND_INPUT, text);
}

static ssize_t
tls_read(struct conn *c, void *p, size_t size, int64_t deadline, struct err *e)
{
	struct tls *t = c->state;
	size_t n = 0;

	t->deadline = deadline;
	if (SSL_read_ex(t->ssl, p, size, &n) == 1)
		return (ssize_t)n;
	/* an end without close_notify is an end: lengths are in the headers */
	if (!err_is_set(&t->why) &&
	    (SSL_get_error(t->ssl, 0) == SSL_ERROR_ZERO_RETURN ||
		BIO_eof(SSL_get_rbio(t->ssl)))) {
		ERR_clear_error();
		return 0;
	}
	return fail(t, "TLS: cannot read", e);
}

static int
tls_write(
    struct conn *c, const void *p, size_t len, int64_t deadline, struct err *e)
{
	struct tls *t = c->state;
	size_t n = 0;

	t->deadline = deadline;
	if ((len == 0 || SSL_write_ex(t->ssl, p, len, &n) == 1) &&
	    (c->more || flush(t) == 0))
		return 0;
	return fail(t, "TLS: cannot write", e);
}

static int
tls_wait(struct conn *c, int64_t deadline, struct err *e)
{
	struct tls *t = c->state;

	if (SSL_has_pending(t->ssl))
		return 1;
	t->deadline = deadline;
	if (flush_if_idle(t) < 0)
		return fail(t, "TLS: cannot write", e);
	return t->below->wait(t->below, deadline, e);
}

static void
tls_shut(struct conn *c, int64_t deadline)
{
	struct tls *t = c->state;

	t->deadline = deadline;
	if (!(SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN))
		SSL_shutdown(t->ssl); /* again, it would wait for the peer */
	flush(t);
	ERR_clear_error();
	t->below->shut(t->below, deadline);
}

struct tls *
tls_accept(struct tls_server *s, struct conn *below, struct conn *c,
    int64_t deadline, struct err *e)
{
	struct tls *t = xcalloc(1, sizeof(*t));
	BIO *bio = BIO_new(s->method);

	t->below = below;
	t->deadline = deadline;
	buf_init(&t->out, OUT_MAX);
	t->ssl = SSL_new(s->ctx);
	if (!t->ssl || !bio) {
		key_openssl_err(e, KIND_SYS, "cannot set up TLS");
		BIO_free(bio);
		goto out;
	}
	BIO_set_data(bio, t);
	SSL_set_bio(t->ssl, bio, bio); /* transferred */
	if (SSL_accept(t->ssl) != 1) {
		fail(t, "TLS: handshake failed", e);
		flush(t); /* the alert */
		goto out;
	}
	*c = (struct conn){.read = tls_read,
	    .write = tls_write,
	    .wait = tls_wait,
	    .shut = tls_shut,
	    .state = t,
	    .in = below->in,
	    .out = below->out};
	return t;
out:
	tls_free(t);
	return NULL;
}

void
tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	buf_release(&t->out);
	free(t);
}
