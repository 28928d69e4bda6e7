#ifndef WRAP_TLSPROBE_H
#define WRAP_TLSPROBE_H

#include "base/buf.h"
#include "base/err.h"

/*
 * What a TLS server shows: a handshake, at least TLS 1.2, as a client that
 * verifies nothing and sends nothing.  On the connected, non-blocking socket
 * `fd`, which stays the caller's; `sni` is the server name, NULL for none.
 * Appends each certificate that came, the leaf first, as frames (frame_add).
 * KIND_INPUT when there was no handshake, no certificate, or more than
 * TLSPROBE_MAX bytes; KIND_BUSY after the deadline; KIND_SYS.
 */
#define TLSPROBE_MAX ((size_t)100 * 1024)
int tlsprobe(
    int fd, const char *sni, int64_t deadline, struct buf *out, struct err *e);

#endif
