#ifndef WRAP_TLS_H
#define WRAP_TLS_H

#include "base/err.h"

/*
 * The server's side of TLS, 1.2 and 1.3, laid over a connection.  ALPN offers
 * http/1.1 only.
 */
struct conn;
struct tls_server;
struct tls;

/*
 * Loads certificate chain (PEM, the leaf first) and private key (PEM, not
 * encrypted; who may read the file is not looked at, since distributions
 * differ).  With `resumes`, sessions are resumed by tickets, under a key that
 * this process and those it forks have; a process that lives for one connection
 * has nobody to resume with.  The caller frees with tls_server_free.  NULL:
 * KIND_CONF when a file cannot be read, is no PEM, or the two do not belong
 * together; KIND_SYS when OpenSSL fails.
 */
struct tls_server *tls_server_new(
    const char *certificate, const char *key, bool resumes, struct err *e);
void tls_server_free(struct tls_server *s); /* NULL-safe */

/*
 * Whether it is time for a new one: a file is another than the one that was
 * loaded, and has been for some seconds (both are there by then), or the key of
 * the tickets is a day old.  Files that would not do are no reason: then, once
 * for each, `e` says why (as tls_server_new); those that this process may not
 * read are taken for good.
 */
bool tls_server_is_stale(struct tls_server *s, struct err *e);

/*
 * Does the handshake over `below` and makes `c` the connection on top; both
 * must stay until tls_free.  The caller frees.  NULL: KIND_BUSY after the
 * deadline, KIND_INPUT when the handshake fails (with TLS's reason), KIND_SYS
 * when the connection below or OpenSSL does.  Reads and writes of `c` fail in
 * the same ways: KIND_INPUT when what comes is not TLS.
 */
struct tls *tls_accept(struct tls_server *s, struct conn *below, struct conn *c,
    int64_t deadline, struct err *e);

/* NULL-safe. */
void tls_free(struct tls *t);

#endif
