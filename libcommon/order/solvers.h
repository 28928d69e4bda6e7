#ifndef ORDER_SOLVERS_H
#define ORDER_SOLVERS_H

#include "order/orderpolicy.h"
#include "solve/solver.h"
#include "store/upstream_authorization.h"

/* The solvers of a run, each made once of what an operator has written. */
struct solvers_item {
	char *text;
	struct solver solver;
	struct err why; /* it could not be made */
};

struct solvers {
	struct store *st;
	const struct solver_options *options;
	struct solvers_item *v;
	size_t len;
};

/*
 * The solver that `text` means; fails as solver_make, which is tried once: what
 * comes later has secrets in memory.
 */
const struct solver *solvers_get(
    struct solvers *s, const char *text, struct err *e);

/* Makes all of a policy: so a mistake is found before anything is asked. */
int solvers_prepare(
    struct solvers *s, const struct orderpolicy *p, struct err *e);

/* Whether the policy has a solver for challenges of this type, for a name. */
bool solvers_has(struct solvers *s, const struct orderpolicy *p,
    const char *name, const char *type);

/*
 * Which challenge of an authorization is met how: the first rule of the policy
 * whose type the CA offers.  `*solver` is the rule's text.  KIND_DENIED when
 * there is none.
 */
int solvers_choose(struct solvers *s, const struct orderpolicy *p,
    const struct upstream_authorization *a, size_t *challenge,
    const char **solver, struct err *e);

/* What they are at work on comes to its end soon, and nothing more is begun. */
void solvers_stop(struct solvers *s);

/* NULL-safe; also for {0}. */
void solvers_release(struct solvers *s);

#endif
