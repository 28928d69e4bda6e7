#ifndef SOLVE_SOLVER_H
#define SOLVE_SOLVER_H

#include "base/err.h"
#include "base/str.h"
#include "sys/sandbox.h"

/*
 * How a challenge of a CA is met: what must be in place before the CA is told
 * to look, and is taken away afterwards.
 */
struct askers;
struct seal_key;
struct store;

struct solver_task {
	int64_t upstream_challenge_id;
	const char *type; /* http-01, dns-01, tls-alpn-01 */
	const char *identifier_type; /* dns, ip */
	const char *value; /* of the identifier, without "*." */
	const char *token;
	const char *key_authorization; /* RFC 8555 8.1 */
	int64_t until; /* clock_mono; a program is killed then; 0: as options */
};

/* What a solver needs in this process, besides descriptors that are open. */
enum solver_needs {
	SOLVER_STORE, /* no more than the store */
	SOLVER_DIRECTORY, /* to write below its argument */
	SOLVER_PROGRAM /* to run a program, which may need anything */
};

enum solver_verb {
	SOLVER_PRESENT, /* puts it in place */
	SOLVER_CHECK, /* whether the CA would find it now: KIND_BUSY, not yet;
			 KIND_DENIED, it would fail, and the text says what to
			 mend */
	SOLVER_CLEANUP /* takes it away */
};

/* It is done, or not, if `why` is set. */
typedef void solver_done(void *arg, const struct err *why);

/*
 * A way to do it.  All verbs are as a caller who may be killed between them
 * needs them: what is in place already is no error, nor what is gone already.
 * What is quick is done by `present` and `cleanup`; else they are NULL, and
 * `begin`, which is also for all checks, calls `fn` once, later, or before it
 * returns.
 */
struct solver {
	const char *name; /* "webroot", as options and the store have it */
	const char *type; /* of challenge */
	enum solver_needs needs;
	int (*present)(void *self, const struct solver_task *t, struct err *e);
	int (*cleanup)(void *self, const struct solver_task *t, struct err *e);
	void (*begin)(void *self, enum solver_verb verb,
	    const struct solver_task *t, solver_done *fn, void *arg);
	void (*free)(void *self);
	void *self;
	struct askers *askers; /* of its options */
};

/*
 * Does one thing; `fn` is called once, perhaps before this returns, and `t` is
 * not needed any more when this has.
 */
void solver_begin(const struct solver *s, enum solver_verb verb,
    const struct solver_task *t, solver_done *fn, void *arg);

/* The same for who waits for it. */
int solver_do(const struct solver *s, enum solver_verb verb,
    const struct solver_task *t, struct err *e);

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
 * The options are borrowed as long as the solver is there, and so are those of
 * them that may come after it: `look`, and `account_key`.
 */
struct solver_options {
	/* For CNAMEs and the check of dns-01, as in wrap/dns.h; NULL: none */
	const struct strv *resolvers;
	uint16_t dns_port; /* of authoritative servers; 0: 53 */
	int64_t timeout_ms; /* of a program; 0: two minutes */
	size_t programs; /* of a solver at once; 0: 1 */
	const char *proxy; /* for acme-dns servers: URL, or NULL */
	const char *acme_dns_trust; /* file of their roots, or NULL */
	struct askers *askers; /* of the loop that waits (sys/asker.h) */
	/* Of processes that begin here. */
	const char *user; /* that they become, if they can, or NULL */
	enum sandbox_mode sandbox;
	/*
	 * Looks at a challenge of http-01 or tls-alpn-01 as a CA will: `why`
	 * is not set when it would be content; KIND_BUSY, KIND_DENIED, as
	 * SOLVER_CHECK.  NULL: there is no look.
	 */
	void (*look)(void *arg, const struct solver_task *t, solver_done *fn,
	    void *done_arg);
	void *arg;
	/* For accounts at acme-dns servers. */
	const struct seal_key *account_key;
};
int solver_make(const char *text, struct store *st,
    const struct solver_options *o, struct solver *out, struct err *e);

/*
 * Whether there is such a word, and an argument where one is wanted, which is
 * not looked at.  KIND_USAGE.
 */
int solver_check(const char *text, struct err *e);

/* The type of challenge that such a solver meets; "" for none such. */
const char *solver_type(const char *text);

/* What stands behind the colon of what an operator writes, or NULL. */
const char *solver_argument(const char *text);

/* NULL-safe; also for {0}. */
void solver_release(struct solver *s);

#endif
