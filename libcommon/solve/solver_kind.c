#include "solve/solve_part.h"

/* Apart from who makes them: this is for programs that make none. */
static const struct {
	const char *name;
	const char *type; /* of challenge */
	bool has_argument;
	enum solver_needs needs;
} kinds[] = {
    [SOLVE_ANSWER] = {"answer", "http-01", false, SOLVER_STORE},
    [SOLVE_WEBROOT] = {"webroot", "http-01", true, SOLVER_DIRECTORY},
    [SOLVE_LISTEN] = {"listen", "http-01", true, SOLVER_STORE},
    [SOLVE_ALPN_DIR] = {"alpn-dir", "tls-alpn-01", true, SOLVER_DIRECTORY},
    [SOLVE_ALPN_LISTEN] = {"alpn-listen", "tls-alpn-01", true, SOLVER_STORE},
    [SOLVE_HOOK] = {"hook", "dns-01", true, SOLVER_PROGRAM},
    [SOLVE_HOOK_HTTP] = {"hook-http", "http-01", true, SOLVER_PROGRAM},
    [SOLVE_HOOK_LINE] = {"hook-line", "dns-01", true, SOLVER_PROGRAM},
    [SOLVE_RFC2136] = {"rfc2136", "dns-01", true, SOLVER_PROGRAM},
    [SOLVE_ACME_DNS] = {"acme-dns", "dns-01", true, SOLVER_STORE},
};
_Static_assert(ARRAY_LEN(kinds) == SOLVE__MAX, "one per kind");

const char *
solver_kind_name(enum solve_kind kind)
{
	return kinds[kind].name;
}

const char *
solver_kind_type(enum solve_kind kind)
{
	return kinds[kind].type;
}

enum solver_needs
solver_kind_needs(enum solve_kind kind)
{
	return kinds[kind].needs;
}

const char *
solver_argument(const char *text)
{
	size_t len = strcspn(text, ":");

	return text[len] == ':' && text[len + 1] != '\0' ? text + len + 1
							 : NULL;
}

int
solver_kind_of(const char *text, enum solve_kind *kind, struct err *e)
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
	if (!solver_argument(text) == kinds[i].has_argument)
		return solve_misuse(e, "%.60s: %s an argument behind a colon",
		    text, kinds[i].has_argument ? "wants" : "has no use for");
	return 0;
}

int
solver_check(const char *text, struct err *e)
{
	enum solve_kind kind;

	return solver_kind_of(text, &kind, e);
}

const char *
solver_type(const char *text)
{
	struct err ignored = {0};
	enum solve_kind kind;

	return solver_kind_of(text, &kind, &ignored) < 0 ? ""
							 : kinds[kind].type;
}
