#include "solve/solve_part.h"

#include "acme/ident.h"
#include "store/challenge_answer.h"
#include "sys/clock.h"

/* http-01 by acmed-challenge: a row in the store. */

#define LIFETIME (7 * 86400) /* more than any CA waits */

struct self {
	struct solve_look look;
	struct store *store;
};

static int
present(void *self, const struct solver_task *t, struct err *e)
{
	const struct self *s = self;
	struct challenge_answer a = {
	    .upstream_challenge_id = t->upstream_challenge_id,
	    .expires = clock_now() + LIFETIME};
	int rc;

	if (solve_check_task(t, e) < 0)
		return -1;
	a.token = xstrdup(t->token);
	a.key_authorization = xstrdup(t->key_authorization);
	a.host = ident_host(t->value);
	rc = challenge_answer_put(s->store, &a, e);
	challenge_answer_release(&a);
	return rc;
}

static int
cleanup(void *self, const struct solver_task *t, struct err *e)
{
	const struct self *s = self;

	return challenge_answer_remove(s->store, t->token, e) == 0
	    ? 0
	    : err_forgive(e, KIND_NOTFOUND);
}

int
solve_answer_make(
    const struct solve_making *m, struct solver *out, struct err *e)
{
	struct self *s;

	if (!m->store)
		return solve_misuse(e, "needs a store");
	s = xcalloc(1, sizeof(*s));
	s->store = m->store;
	s->look.options = m->options;
	*out = (struct solver){.present = present,
	    .begin = solve_look,
	    .cleanup = cleanup,
	    .free = free,
	    .self = s};
	return 0;
}
