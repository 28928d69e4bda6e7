#ifndef HTTP_PROXY_H
#define HTTP_PROXY_H

#include "base/err.h"

/*
 * The PROXY protocol, versions 1 and 2: a header with which a front that hands
 * bytes on says, before any of them, whose they are.
 */
struct conn;

#define PROXY_V1_MAX 107 /* with its CR LF */
#define PROXY_MAX (16 + 4096) /* a version 2 may be followed by TLVs */

struct proxy {
	size_t len; /* of the client's address: 4, 16, or 0 if none is told */
	uint8_t address[16];
};

/*
 * Reads the header at the beginning of `data`.  Returns its length; 0 when more
 * is needed, and then `*want` is how many bytes are certainly still of it; or
 * -1 (KIND_INPUT): it is none, or not exactly what the protocol says.
 */
ssize_t proxy_parse(const uint8_t *data, size_t len, struct proxy *out,
    size_t *want, struct err *e);

/*
 * Reads a header from the connection, and no byte more.  Returns 0, or -1:
 * KIND_INPUT, KIND_BUSY after the deadline, KIND_SYS.
 */
int proxy_read(
    struct conn *c, int64_t deadline, struct proxy *out, struct err *e);

#endif
