#ifndef HTTP_HOST_H
#define HTTP_HOST_H

#include "base/err.h"

struct request;

#define HOST_SIZE 256 /* a name of 253 bytes; an address in brackets */

/*
 * The host that a request names, in its target (RFC 9112 3.2.2) or else in
 * Host, without a port, in lower case: letters, digits, dots, hyphens and
 * underscores, or an address in brackets; so it may be shown to others as it
 * is.  KIND_INPUT.
 */
int host_read(const struct request *req, char out[HOST_SIZE], struct err *e);

#endif
