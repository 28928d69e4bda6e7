#ifndef WRAP_ALPN_H
#define WRAP_ALPN_H

#include "base/buf.h"
#include "base/err.h"

/*
 * The TLS handshake of a tls-alpn-01 validation (RFC 8737 3): a client that
 * offers acme-tls/1 and nothing else, at least TLS 1.2, verifies no
 * certificate, sends no application data, and never waits.
 */
struct alpn;

#define ALPN_CERT_MAX 16384 /* bytes of DER */

/* What all handshakes share.  NULL on failure (KIND_SYS). */
struct alpn_context;
struct alpn_context *alpn_context_new(struct err *e);
void alpn_context_free(struct alpn_context *c); /* NULL-safe */

/*
 * A handshake on the connected, non-blocking socket `fd`, which stays the
 * caller's.  `sni` is the server name to ask for.  NULL on failure (KIND_SYS).
 */
struct alpn *alpn_new(
    struct alpn_context *c, int fd, const char *sni, struct err *e);

/* NULL-safe. */
void alpn_free(struct alpn *a);

/*
 * Goes on with the handshake.  Returns 1 when it is done, 0 when the socket
 * must be ready for `*events` (POLLIN, POLLOUT) first, -1 (KIND_INPUT, type
 * tls) when the other side does not do it.
 */
int alpn_step(struct alpn *a, short *events, struct err *e);

/*
 * After the handshake: the certificate of the other side, appended to `der`.
 * -1 (KIND_INPUT, type tls) when it has not chosen acme-tls/1 (RFC 8737 3), or
 * when there is no certificate or one of more than ALPN_CERT_MAX bytes.
 */
int alpn_certificate(const struct alpn *a, struct buf *der, struct err *e);

/*
 * The other side of it: does one handshake on the connected socket `fd`, which
 * stays the caller's, with the certificate and key that `find` makes for the
 * server name; they are taken.  Whoever offers no acme-tls/1, or a name that
 * `find` refuses, is refused.  It waits for the client: the caller has an
 * alarm.  KIND_INPUT when there was no handshake, KIND_SYS.
 */
struct cert;
struct key;
typedef int alpn_finder(
    void *arg, const char *sni, struct cert **c, struct key **k, struct err *e);
int alpn_answer(int fd, alpn_finder *find, void *arg, struct err *e);

#endif
