#ifndef CLIENT_SOLVER_H
#define CLIENT_SOLVER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * How a challenge of a CA is met: what must be in place before the CA is told
 * to look, and is taken away afterwards.
 */
struct seal_key;
struct store;

struct solver_task {
	int64_t upstream_challenge_id;
	const char *type; /* http-01, dns-01, tls-alpn-01 */
	const char *identifier_type; /* dns, ip */
	const char *value; /* of the identifier, without "*." */
	const char *token;
	const char *key_authorization; /* RFC 8555 8.1 */
};

/*
 * A way to do it.  All three are as a caller who may be killed between them
 * needs them: what is in place already is no error, nor what is gone already.
 *   present  puts it in place
 *   check    whether the CA would find it now: KIND_BUSY, not yet;
 *            KIND_DENIED, it would fail, and the text says what to mend
 *   cleanup  takes it away
 */
struct solver {
	const char *name; /* "webroot", as options and the store have it */
	const char *type; /* of challenge */
	int (*present)(void *self, const struct solver_task *t, struct err *e);
	int (*check)(void *self, const struct solver_task *t, struct err *e);
	int (*cleanup)(void *self, const struct solver_task *t, struct err *e);
	void (*free)(void *self);
	void *self;
};

/*
 * Makes one of what an operator writes: NAME or NAME:ARGUMENT.
 *   answer          http-01 by acmed-challenge, out of the store
 *   webroot:DIR     http-01 by a file below DIR
 *   listen:PORT     http-01 by a listener of our own, while it is needed
 *   alpn-dir:DIR    tls-alpn-01 by certificate files where a gateway looks
 *   alpn-listen:PORT  tls-alpn-01 by a listener of our own
 *   hook:PROGRAM    dns-01 by a program, which is run for each
 *   hook-line:PROGRAM  dns-01 by a program that stays, a line for each
 *   hook-http:PROGRAM  http-01 by a program
 *   rfc2136:FILE    dns-01 by dynamic updates, as FILE says
 *   acme-dns:URL    dns-01 by an acme-dns server
 * KIND_USAGE for another word or argument; as the solver needs: KIND_CONF,
 * KIND_SYS.
 *
 * Make them before there is a secret in memory and rights are given up: what
 * listens or looks names up is a process of its own, which begins here, and
 * a listener's port is bound from here until the release.
 */
int solver_make(
    const char *text, struct store *st, struct solver *out, struct err *e);

/* Checks the word, and whether an argument must be there; makes nothing. */
int solver_check(const char *text, struct err *e);

/* What acme-dns is asked. */
struct solver_post {
	const char *url;
	const char *user, *key; /* of X-Api-User, X-Api-Key; or NULL */
	const char *json;
};

/* The same with settings; {0} is what solver_make has.  All is borrowed. */
struct solver_options {
	/* For CNAMEs and the check of dns-01, as in wrap/dns.h; NULL: none */
	const struct strv *resolvers;
	uint16_t dns_port; /* of authoritative servers; 0: 53 */
	int64_t timeout_ms; /* of a program; 0: two minutes */
	/*
	 * GETs what a CA will, for the check of http-01, as wrap/fetch.h; NULL:
	 * it is not checked.
	 */
	int (*fetch)(
	    void *arg, const char *url, struct buf *body, struct err *e);
	/*
	 * POSTs JSON to an acme-dns server and adds its answer to `body`; -1
	 * when there is none.  NULL: no acme-dns.
	 */
	int (*post)(void *arg, const struct solver_post *p, int *status,
	    struct buf *body, struct err *e);
	void *arg;
	/* For accounts at acme-dns servers; it may come after the solver. */
	const struct seal_key *account_key;
};
int solver_make_with(const char *text, struct store *st,
    const struct solver_options *o, struct solver *out, struct err *e);

/* NULL-safe; also for {0}. */
void solver_release(struct solver *s);

#endif
