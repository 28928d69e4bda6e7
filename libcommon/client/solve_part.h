#ifndef CLIENT_SOLVE_PART_H
#define CLIENT_SOLVE_PART_H

#include "client/solver.h"

/* What the files solve_*.c share: each makes one kind of solver. */
struct cert;
struct key;
struct lookup;

/* All is borrowed, and stays as long as the solver but for `argument`. */
struct solve_making {
	const char *argument; /* behind the colon, or NULL */
	struct store *store;
	const struct solver_options *options;
};

/* Each fills `out` but for its name.  Fails as solver_make. */
typedef int solve_maker(
    const struct solve_making *m, struct solver *out, struct err *e);
solve_maker solve_answer_make;
solve_maker solve_webroot_make;
solve_maker solve_listen_make;
solve_maker solve_alpn_dir_make;
solve_maker solve_alpn_listen_make;
solve_maker solve_hook_make;
solve_maker solve_hook_http_make;
solve_maker solve_hook_line_make;
solve_maker solve_rfc2136_make;
solve_maker solve_acme_dns_make;

enum solve_kind {
	SOLVE_ANSWER,
	SOLVE_WEBROOT,
	SOLVE_LISTEN,
	SOLVE_ALPN_DIR,
	SOLVE_ALPN_LISTEN,
	SOLVE_HOOK,
	SOLVE_HOOK_HTTP,
	SOLVE_HOOK_LINE,
	SOLVE_RFC2136,
	SOLVE_ACME_DNS,
	SOLVE__MAX
};

/* "answer" and so on. */
const char *solver_kind_name(enum solve_kind kind);

/*
 * What an operator has written: the kind, and the argument behind the colon, or
 * NULL; borrowed.  KIND_USAGE.
 */
int solver_kind_of(const char *text, enum solve_kind *kind,
    const char **argument, struct err *e);

/* Wrong use of a solver: -1, KIND_USAGE.  */
#define solve_misuse(e, ...) err_set((e), KIND_USAGE, __VA_ARGS__)

/*
 * Checks that the token can be a file name and what stands in a request, and
 * that neither the identifier nor the key authorization has a character that
 * could be something else there: what a CA sends is not to be trusted.
 * KIND_INPUT.
 */
int solve_check_task(const struct solver_task *t, struct err *e);

/*
 * http-01 as a CA will see it: the answer at the identifier's name is the key
 * authorization, by the options' `fetch`; 0 also when there is none.
 * KIND_DENIED.
 */
int solve_check_http(
    const struct solver_options *o, const struct solver_task *t, struct err *e);

/* A port by its number.  KIND_USAGE. */
int solve_port(const char *text, uint16_t *port, struct err *e);

/* ---- dns-01 -------------------------------------------------------------- */

/* The record that a task is about, and how it is looked up. */
struct solve_dns {
	struct lookup *lookup;
};

/* Starts the process that looks names up.  KIND_SYS, KIND_CONF. */
int solve_dns_init(
    struct solve_dns *d, const struct solver_options *o, struct err *e);
void solve_dns_release(struct solve_dns *d);

/*
 * The name of the record: where CNAMEs of _acme-challenge lead; the caller
 * frees.  NULL: KIND_BUSY when nobody answers.
 */
char *solve_dns_name(
    struct solve_dns *d, const struct solver_task *t, struct err *e);

/* The record itself, where no CNAME has led yet; fails in the same way. */
char *solve_dns_record(const struct solver_task *t, struct err *e);

/*
 * Whether the record is there: at each of the authoritative servers of its
 * name that answers.  KIND_BUSY, with the one that does not have it.
 */
int solve_dns_check(
    struct solve_dns *d, const struct solver_task *t, struct err *e);

/* ---- tls-alpn-01 --------------------------------------------------------- */

/* The certificate of a task and its key (RFC 8737 3); the caller frees. */
int solve_alpn_certificate(const struct solver_task *t, struct cert **c,
    struct key **k, struct err *e);

#endif
