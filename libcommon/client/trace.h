#ifndef CLIENT_TRACE_H
#define CLIENT_TRACE_H

#include "base/base.h"

/*
 * What was said to a CA and what it answered, for a person to read.  Signatures
 * are left out, so that nothing of it can be sent again.
 */
struct network_reply;
struct network_request;

struct trace {
	int fd; /* -1: none */
};

/* `payload` is that of a signed request, or NULL. */
void trace_request(const struct trace *t, const struct network_request *r,
    const char *payload);
void trace_reply(const struct trace *t, const struct network_reply *r);

#endif
