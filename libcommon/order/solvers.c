#include "order/solvers.h"

#include "acme/keyauth.h"
#include "sys/asker.h"

static const struct solver *
what_is(const struct solvers_item *item, struct err *e)
{
	if (!err_is_set(&item->why))
		return &item->solver;
	*e = item->why;
	return NULL;
}

const struct solver *
solvers_get(struct solvers *s, const char *text, struct err *e)
{
	struct solvers_item *item;

	for (size_t i = 0; i < s->len; i++)
		if (strcmp(s->v[i].text, text) == 0)
			return what_is(&s->v[i], e);
	s->v = xreallocarray(s->v, s->len + 1, sizeof(*s->v));
	item = &s->v[s->len++];
	*item = (struct solvers_item){.text = xstrdup(text)};
	solver_make(text, s->st, s->options, &item->solver, &item->why);
	return what_is(item, e);
}

int
solvers_prepare(struct solvers *s, const struct orderpolicy *p, struct err *e)
{
	for (size_t i = 0; i < p->rules_len; i++)
		if (!solvers_get(s, p->rules[i].solver, e))
			return -1;
	return 0;
}

bool
solvers_has(struct solvers *s, const struct orderpolicy *p, const char *name,
    const char *type)
{
	struct err ignored = {0};

	for (size_t i = 0; i < p->rules_len; i++) {
		const struct solver *solver;

		if (!orderpolicy_matches(&p->rules[i], name))
			continue;
		solver = solvers_get(s, p->rules[i].solver, &ignored);
		if (solver && strcmp(solver->type, type) == 0)
			return true;
	}
	return false;
}

/* A challenge of this type that can still be met. */
static bool
find_challenge(
    const struct upstream_authorization *a, const char *type, size_t *challenge)
{
	for (size_t i = 0; i < a->challenges_len; i++) {
		const struct upstream_challenge *c = &a->challenges[i];

		if (strcmp(c->type, type) == 0 &&
		    c->status == UPSTREAM_CHALLENGE_PENDING &&
		    keyauth_token_is_good(c->token)) {
			*challenge = i;
			return true;
		}
	}
	return false;
}

int
solvers_choose(struct solvers *s, const struct orderpolicy *p,
    const struct upstream_authorization *a, size_t *challenge,
    const char **solver, struct err *e)
{
	struct strv offered = {0};

	for (size_t i = 0; i < p->rules_len; i++) {
		const struct solver *made;

		if (!orderpolicy_matches(&p->rules[i], a->value))
			continue;
		made = solvers_get(s, p->rules[i].solver, e);
		if (!made)
			return -1;
		*solver = p->rules[i].solver;
		if (find_challenge(a, made->type, challenge))
			return 0;
	}
	for (size_t i = 0; i < a->challenges_len; i++)
		if (a->challenges[i].status == UPSTREAM_CHALLENGE_PENDING)
			strv_add(&offered, a->challenges[i].type);
	err_set(e, KIND_DENIED,
	    "%s: the CA offers %s%s%s%s, and there is no way to meet that",
	    a->value, offered.len > 0 ? offered.v[0] : "nothing",
	    offered.len > 1 ? ", " : "", offered.len > 1 ? offered.v[1] : "",
	    offered.len > 2 ? " and others" : "");
	strv_release(&offered);
	return -1;
}

void
solvers_stop(struct solvers *s)
{
	askers_stop(s->options->askers);
}

void
solvers_release(struct solvers *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->len; i++) {
		free(s->v[i].text);
		solver_release(&s->v[i].solver);
	}
	free(s->v);
	s->v = NULL;
	s->len = 0;
}
