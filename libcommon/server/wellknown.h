#ifndef SERVER_WELLKNOWN_H
#define SERVER_WELLKNOWN_H

#include "server/responder.h"

/*
 * What is answered below /.well-known: key authorizations for http-01 (RFC
 * 8555 8.3), out of the store or made of the thumbprints of accounts, and the
 * name that the client has asked for.
 */
struct conf;
struct err;
struct store;

/* Requests that are to be logged in the store, when it is convenient. */
struct wellknown_request;
#define WELLKNOWN_PENDING_MAX 64

struct wellknown {
	struct responder responder; /* answers with what is below */
	const struct conf *conf;
	struct store *store; /* NULL: thumbprints only */
	struct wellknown_request *pending; /* of WELLKNOWN_PENDING_MAX */
	size_t pending_len;
	bool is_deaf; /* the log could not be written, and that was said */
};

/* Whether this configuration wants no store. */
bool wellknown_is_stateless(const struct conf *conf);

/*
 * Opens the store, if it is needed.  `conf` (sections store, challenge) must
 * stay.  Nothing of it may cross a fork.  Release in any case.  Fails as
 * store_open.
 */
int wellknown_open(struct wellknown *w, const struct conf *conf, struct err *e);

/* Writes what is pending, as long as nobody is waited for for long. */
void wellknown_release(struct wellknown *w); /* NULL-safe */

#endif
