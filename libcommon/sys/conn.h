#ifndef SYS_CONN_H
#define SYS_CONN_H

#include "base/err.h"

#include <sys/types.h>

/*
 * One connection: bytes in, bytes out, each call with a deadline of
 * clock_mono().  A plain one is two descriptors; wrap/tls.h lays TLS over any
 * other.
 */
struct conn {
	/* as fd_read: bytes, 0 at the end, -1 (KIND_BUSY: deadline passed) */
	ssize_t (*read)(struct conn *c, void *p, size_t size, int64_t deadline,
	    struct err *e);
	/* writes all of it: 0, or -1 */
	int (*write)(struct conn *c, const void *p, size_t len,
	    int64_t deadline, struct err *e);
	/* whether a read would find something: 1, 0 after the deadline, -1 */
	int (*wait)(struct conn *c, int64_t deadline, struct err *e);
	/* says that nothing more is written */
	void (*shut)(struct conn *c, int64_t deadline);
	void *state; /* of whoever made it */
	bool more; /* what is written may wait for shut, which follows */
	int in, out; /* descriptors at the bottom */
};

/*
 * Makes a plain connection of two descriptors, which may be the same; sockets,
 * pipes and files will do.  They stay the caller's.  No descriptor's flags are
 * changed, because others may share them.
 */
void conn_init(struct conn *c, int in, int out);

ssize_t conn_read(
    struct conn *c, void *p, size_t size, int64_t deadline, struct err *e);
int conn_write(
    struct conn *c, const void *p, size_t len, int64_t deadline, struct err *e);

/*
 * Ends a connection whose peer may still be sending: nothing more is written,
 * and what arrives until `deadline` is read and dropped (at most 256 KiB), so
 * that the peer reads our last answer before it sees a reset (RFC 9112 9.6).
 */
void conn_linger(struct conn *c, int64_t deadline);

#endif
