#ifndef CLIENT_ANSWER_H
#define CLIENT_ANSWER_H

#include "client/client.h"
#include "client/directory.h"
#include "http/network.h"

/*
 * From what came over the network to what it means (struct reply): status,
 * problem document, Location, links, Retry-After, JSON.
 */
struct answer {
	struct reply reply; /* its texts are those below, and the network's */
	struct err err;
	char text[REPLY_TEXT_SIZE];
	struct js *json; /* object or problem */
	char *error_type;
	struct strv alternates;
};

/*
 * Reads one for a request to `endpoint`, now being `now`.  `directory` (may be
 * {0}) says which URLs are the CA's own.  The caller releases `a`, which lives
 * no longer than `r`.
 */
void answer_read(struct answer *a, const struct network_reply *r,
    enum endpoint endpoint, const struct directory *directory, int64_t now);

/* Makes it a failure with this cause, unless it is one. */
void answer_fail(struct answer *a, enum cause cause, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

void answer_release(struct answer *a);

#endif
