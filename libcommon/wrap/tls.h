#ifndef WRAP_TLS_H
#define WRAP_TLS_H

#include "base/err.h"

/*
 * The server's side of TLS, 1.2 and 1.3, laid over a connection.  ALPN offers
 * http/1.1 only; sessions are not resumed by tickets of other processes.
 */
struct conn;
struct tls_server;
struct tls;

/*
 * Loads certificate chain (PEM, the leaf first) and private key (PEM, not
 * encrypted; who may read the file is not looked at, since distributions
 * differ).  KIND_CONF when a file cannot be read, is no PEM, or the two do not
 * belong together.  The caller frees with tls_server_free.
 */
struct tls_server *tls_server_new(
    const char *certificate, const char *key, struct err *e);
void tls_server_free(struct tls_server *s); /* NULL-safe */

/*
 * Does the handshake over `below` and makes `c` the connection on top; both
 * must stay until tls_free.  The caller frees.  NULL: KIND_BUSY after the
 * deadline, KIND_INPUT when the handshake fails (with TLS's reason).
 */
struct tls *tls_accept(struct tls_server *s, struct conn *below, struct conn *c,
    int64_t deadline, struct err *e);

/* NULL-safe. */
void tls_free(struct tls *t);

#endif
