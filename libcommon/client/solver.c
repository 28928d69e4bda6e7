#include "client/solver.h"

#include "client/solve_part.h"

#include <unistd.h>

#include "acme/keyauth.h"

#define PROGRAM_MS (120 * 1000)

static const struct kind {
	const char *name;
	bool has_argument;
	enum solver_needs needs;
	solve_maker *make;
} kinds[] = {
    {"answer", false, SOLVER_STORE, solve_answer_make},
    {"webroot", true, SOLVER_DIRECTORY, solve_webroot_make},
    {"listen", true, SOLVER_STORE, solve_listen_make},
    {"alpn-dir", true, SOLVER_DIRECTORY, solve_alpn_dir_make},
    {"alpn-listen", true, SOLVER_STORE, solve_alpn_listen_make},
    {"hook", true, SOLVER_PROGRAM, solve_hook_make},
    {"hook-http", true, SOLVER_PROGRAM, solve_hook_http_make},
    {"hook-line", true, SOLVER_PROGRAM, solve_hook_line_make},
    {"rfc2136", true, SOLVER_PROGRAM, solve_rfc2136_make},
    {"acme-dns", true, SOLVER_STORE, solve_acme_dns_make},
};

static const struct kind *
find_kind(const char *text, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strlen(kinds[i].name) == len &&
		    memcmp(kinds[i].name, text, len) == 0)
			return &kinds[i];
	return NULL;
}

const char *
solver_argument(const char *text)
{
	size_t len = strcspn(text, ":");

	return text[len] == ':' && text[len + 1] != '\0' ? text + len + 1
							 : NULL;
}

/* The kind that `text` names, which has the argument it wants; NULL: none. */
static const struct kind *
parse(const char *text, struct err *e)
{
	const struct kind *kind = find_kind(text, strcspn(text, ":"));

	if (!kind)
		solve_misuse(e,
		    "%.60s: no such solver (answer, webroot:DIR, listen:PORT, "
		    "alpn-dir:DIR, alpn-listen:PORT, hook:PROGRAM, "
		    "hook-line:PROGRAM, hook-http:PROGRAM, rfc2136:FILE, "
		    "acme-dns:URL)",
		    text);
	else if (!solver_argument(text) == kind->has_argument)
		solve_misuse(e, "%.60s: %s an argument behind a colon", text,
		    kind->has_argument ? "wants" : "has no use for");
	else
		return kind;
	return NULL;
}

int
solver_check(const char *text, struct err *e)
{
	return parse(text, e) ? 0 : -1;
}

int
solver_make(const char *text, struct store *st, const struct solver_options *o,
    struct solver *out, struct err *e)
{
	const struct solve_making m = {
	    .argument = solver_argument(text), .store = st, .options = o};
	const struct kind *kind = parse(text, e);

	*out = (struct solver){0};
	if (!kind)
		return -1;
	if (kind->make(&m, out, e) < 0) {
		solver_release(out);
		return err_object(e, "%s", kind->name);
	}
	out->name = kind->name;
	out->needs = kind->needs;
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

int
solve_look(void *self, const struct solver_task *t, struct err *e)
{
	const struct solver_options *o =
	    ((const struct solve_look *)self)->options;

	if (solve_check_task(t, e) < 0)
		return -1;
	return o->look ? o->look(o->arg, t, e) : 0;
}
