#ifndef SIGN_SIGN_H
#define SIGN_SIGN_H

#include "acme/signmsg.h"

/*
 * The signing backends.  One contract for all: a request (acme/signmsg.h) in,
 * a PEM chain out, the leaf first, the root not included.  Failures by kind:
 *   KIND_INPUT, KIND_DENIED  the request is refused (badCSR)
 *   KIND_BUSY, KIND_SYS      temporary; nothing was issued
 *   KIND_CONF, KIND_BUG      as everywhere
 * The same request with `order` and `at` may come again, when whoever asked
 * first has died: it must get the certificate of the first time (the local CA
 * gives the same serial and content), or nothing would know of that one.
 */
struct conf;
struct sign;

/* One backend; a table in sign.c names them all. */
struct sign_backend {
	const char *name; /* as in `[signer] backend` */
	void *(*open)(const struct conf *conf, struct err *e);
	int (*issue)(void *state, const struct signmsg_request *r,
	    struct buf *chain_pem, struct err *e);
	void (*close)(void *state);
};

/*
 * Opens the configured backend with all it needs (keys first), so that rights
 * can be dropped afterwards.  KIND_CONF for an unknown name.  The caller
 * closes with sign_close; NULL on failure.
 */
struct sign *sign_open(const struct conf *conf, struct err *e);

/* NULL-safe. */
void sign_close(struct sign *s);

/*
 * Appends the chain for `r` to `chain_pem`.  Whoever asks may be broken into:
 * KIND_INPUT for a name that ident_parse does not take as it stands, one that
 * is there twice, and a subject with a commonName that is none of the names.
 */
int sign_issue(struct sign *s, const struct signmsg_request *r,
    struct buf *chain_pem, struct err *e);

#endif
