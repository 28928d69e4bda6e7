#include "solve/solver.h"

#include "solve/solve_part.h"

#include <unistd.h>

#include "acme/keyauth.h"
#include "sys/asker.h"
#include "sys/clock.h"

#define PROGRAM_MS (120 * 1000)

static solve_maker *const makers[] = {
    [SOLVE_ANSWER] = solve_answer_make,
    [SOLVE_WEBROOT] = solve_webroot_make,
    [SOLVE_LISTEN] = solve_listen_make,
    [SOLVE_ALPN_DIR] = solve_alpn_dir_make,
    [SOLVE_ALPN_LISTEN] = solve_alpn_listen_make,
    [SOLVE_HOOK] = solve_hook_make,
    [SOLVE_HOOK_HTTP] = solve_hook_http_make,
    [SOLVE_HOOK_LINE] = solve_hook_line_make,
    [SOLVE_RFC2136] = solve_rfc2136_make,
    [SOLVE_ACME_DNS] = solve_acme_dns_make,
};
_Static_assert(ARRAY_LEN(makers) == SOLVE__MAX, "one per kind");

int
solver_make(const char *text, struct store *st, const struct solver_options *o,
    struct solver *out, struct err *e)
{
	const struct solve_making m = {
	    .argument = solver_argument(text), .store = st, .options = o};
	enum solve_kind kind;

	*out = (struct solver){0};
	if (solver_kind_of(text, &kind, e) < 0)
		return -1;
	if (makers[kind](&m, out, e) < 0) {
		solver_release(out);
		return err_object(e, "%s", solver_kind_name(kind));
	}
	out->name = solver_kind_name(kind);
	out->type = solver_kind_type(kind);
	out->needs = solver_kind_needs(kind);
	out->askers = o->askers;
	return 0;
}

void
solver_release(struct solver *s)
{
	if (!s)
		return;
	if (s->free)
		s->free(s->self);
	*s = (struct solver){0};
}

/* ---- what they do -------------------------------------------------------- */

void
solver_begin(const struct solver *s, enum solver_verb verb,
    const struct solver_task *t, solver_done *fn, void *arg)
{
	int (*now)(void *self, const struct solver_task *t, struct err *e) =
	    verb == SOLVER_PRESENT   ? s->present
	    : verb == SOLVER_CLEANUP ? s->cleanup
				     : NULL;
	struct err why = {0};

	if (!now) {
		s->begin(s->self, verb, t, fn, arg);
		return;
	}
	now(s->self, t, &why);
	fn(arg, &why);
}

struct waiting {
	bool done;
	struct err *e;
};

static void
on_done(void *arg, const struct err *why)
{
	struct waiting *w = arg;

	w->done = true;
	*w->e = *why;
}

int
solver_do(const struct solver *s, enum solver_verb verb,
    const struct solver_task *t, struct err *e)
{
	struct waiting w = {.e = e};

	solver_begin(s, verb, t, on_done, &w);
	askers_wait(s->askers, &w.done);
	return err_is_set(e) ? -1 : 0;
}

/* ---- for all of them ----------------------------------------------------- */

int
solve_check_task(const struct solver_task *t, struct err *e)
{
	static const char of_names[] = "abcdefghijklmnopqrstuvwxyz"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789.-_:";
	size_t len = strlen(t->token);

	if (!keyauth_token_is_good(t->token))
		return err_set(e, KIND_INPUT,
		    "RFC 8555 8.3: the token of the challenge is none");
	if (t->value[0] == '\0' || t->value[0] == '.' ||
	    t->value[strspn(t->value, of_names)] != '\0')
		return err_set(e, KIND_INPUT, "the identifier is no name");
	if (strncmp(t->key_authorization, t->token, len) != 0 ||
	    t->key_authorization[len] != '.' ||
	    t->key_authorization[strspn(t->key_authorization, of_names)] !=
		'\0')
		return err_set(e, KIND_INPUT,
		    "RFC 8555 8.1: the key authorization is none");
	return 0;
}

int
solve_check_program(const char *path, struct err *e)
{
	if (path[0] == '/' && access(path, X_OK) == 0)
		return 0;
	return solve_misuse(
	    e, "%.200s: not the absolute path of a program", path);
}

int64_t
solve_timeout(const struct solver_options *o)
{
	return o->timeout_ms ? o->timeout_ms : PROGRAM_MS;
}

int64_t
solve_patience(int64_t timeout_ms, int64_t until)
{
	int64_t left = until - clock_mono();

	if (until == 0 || left > timeout_ms)
		return timeout_ms;
	return left > 1 ? left : 1;
}

void
solve_look(void *self, enum solver_verb verb, const struct solver_task *t,
    solver_done *fn, void *arg)
{
	const struct solver_options *o =
	    ((const struct solve_look *)self)->options;
	struct err why = {0};

	(void)verb;
	if (solve_check_task(t, &why) == 0 && o->look)
		o->look(o->arg, t, fn, arg);
	else
		fn(arg, &why);
}
