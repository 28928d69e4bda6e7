#ifndef SOLVE_SOLVE_PART_H
#define SOLVE_SOLVE_PART_H

#include "solve/solver.h"

/* What the files solve_*.c share: each makes one kind of solver. */
struct lookup;

/* All is borrowed, and stays as long as the solver but for `argument`. */
struct solve_making {
	const char *argument; /* behind the colon, or NULL */
	struct store *store;
	const struct solver_options *options;
};

/*
 * Each fills `out`, but for what solver_make knows of its kind, and fails as
 * that, which then releases `out`.
 */
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

/*
 * "answer" and so on; its type of challenge; what such a solver needs of its
 * process.
 */
const char *solver_kind_name(enum solve_kind kind);
const char *solver_kind_type(enum solve_kind kind);
enum solver_needs solver_kind_needs(enum solve_kind kind);

/* The kind of what an operator has written; fails as solver_check. */
int solver_kind_of(const char *text, enum solve_kind *kind, struct err *e);

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
 * The `begin` of http-01 and tls-alpn-01, for checks: as a CA will see it, by
 * the options' `look`; good also when there is none.  `self` begins with a
 * struct solve_look.
 */
struct solve_look {
	const struct solver_options *options;
};
void solve_look(void *self, enum solver_verb verb, const struct solver_task *t,
    solver_done *fn, void *arg);

/* Checks that it is the absolute path of a program.  KIND_USAGE. */
int solve_check_program(const char *path, struct err *e);

/* Between SIGTERM and SIGKILL for a program that has taken too long. */
#define SOLVE_GRACE_MS 2000

/*
 * How long a program may take, of the options or else two minutes; and when
 * there are no more than that until `until`, which is 0 for never: at least 1.
 */
int64_t solve_timeout(const struct solver_options *o);
int64_t solve_patience(int64_t timeout_ms, int64_t until);

/* ---- programs ------------------------------------------------------------ */

struct hands;

/* What a program is told. */
struct solve_record {
	bool is_wanted; /* present, else cleanup */
	const char *verb; /* that word */
	const char *name; /* of the identifier */
	const char *fqdn; /* where CNAMEs of _acme-challenge lead */
	const char *value; /* its text */
	int64_t until; /* of the task */
};

/* ---- dns-01 -------------------------------------------------------------- */

/* What a solver's `self` begins with. */
struct solve_dns {
	struct lookup *lookup;
	struct hands *hands; /* or NULL */
};

/*
 * Fills `out`, also on failure, with `self`, which `free_self` frees.  Starts
 * the process that looks names up.  KIND_SYS.
 */
int solve_dns_make(struct solve_dns *self, void (*free_self)(void *self),
    const struct solver_options *o, struct solver *out, struct err *e);
void solve_dns_release(struct solve_dns *d);

/*
 * The `begin` of them.  A check is whether the record is there, at each of the
 * authoritative servers of its name that answers: KIND_BUSY, with the one that
 * does not have it.  The rest is done by the hands.
 */
void solve_dns_begin(void *self, enum solver_verb verb,
    const struct solver_task *t, solver_done *fn, void *arg);

#endif
