#include "client/solve_part.h"

/* Apart from who makes them: this is for programs that make none. */
static const struct {
	const char *name;
	bool has_argument;
} kinds[] = {
    [SOLVE_ANSWER] = {"answer", false},
    [SOLVE_WEBROOT] = {"webroot", true},
    [SOLVE_LISTEN] = {"listen", true},
    [SOLVE_ALPN_DIR] = {"alpn-dir", true},
    [SOLVE_ALPN_LISTEN] = {"alpn-listen", true},
    [SOLVE_HOOK] = {"hook", true},
    [SOLVE_HOOK_HTTP] = {"hook-http", true},
    [SOLVE_HOOK_LINE] = {"hook-line", true},
    [SOLVE_RFC2136] = {"rfc2136", true},
    [SOLVE_ACME_DNS] = {"acme-dns", true},
};
_Static_assert(ARRAY_LEN(kinds) == SOLVE__MAX, "one per kind");

const char *
solver_kind_name(enum solve_kind kind)
{
	return kinds[kind].name;
}

int
solver_kind_of(const char *text, enum solve_kind *kind, const char **argument,
    struct err *e)
{
	size_t len = strcspn(text, ":"), i = 0;

	while (i < ARRAY_LEN(kinds) &&
	    (strlen(kinds[i].name) != len ||
		memcmp(kinds[i].name, text, len) != 0))
		i++;
	if (i == ARRAY_LEN(kinds))
		return solve_misuse(e,
		    "%.60s: no such solver (answer, webroot:DIR, listen:PORT, "
		    "alpn-dir:DIR, alpn-listen:PORT, hook:PROGRAM, "
		    "hook-line:PROGRAM, hook-http:PROGRAM, rfc2136:FILE, "
		    "acme-dns:URL)",
		    text);
	*kind = (enum solve_kind)i;
	*argument =
	    text[len] == ':' && text[len + 1] != '\0' ? text + len + 1 : NULL;
	if (!*argument == kinds[i].has_argument)
		return solve_misuse(e, "%.60s: %s an argument behind a colon",
		    text, kinds[i].has_argument ? "wants" : "has no use for");
	return 0;
}

int
solver_check(const char *text, struct err *e)
{
	enum solve_kind kind;
	const char *argument;

	return solver_kind_of(text, &kind, &argument, e);
}
