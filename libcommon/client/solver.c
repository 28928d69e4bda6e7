#include "client/solver.h"

#include "acme/keyauth.h"
#include "client/solve_part.h"

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

static const struct solver_options defaults = {0};

int
solver_make_with(const char *text, struct store *st,
    const struct solver_options *o, struct solver *out, struct err *e)
{
	struct solve_making m = {.store = st, .options = o};
	enum solve_kind kind;

	*out = (struct solver){0};
	if (solver_kind_of(text, &kind, &m.argument, e) < 0)
		return -1;
	if (makers[kind](&m, out, e) < 0) {
		solver_release(out);
		return err_object(e, "%s", solver_kind_name(kind));
	}
	out->name = solver_kind_name(kind);
	return 0;
}

int
solver_make(
    const char *text, struct store *st, struct solver *out, struct err *e)
{
	return solver_make_with(text, st, &defaults, out, e);
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
solve_port(const char *text, uint16_t *port, struct err *e)
{
	uint64_t n;

	if (!str_to_u64(text, 65535, &n) || n == 0)
		return solve_misuse(e, "%.60s: no port", text);
	*port = (uint16_t)n;
	return 0;
}

/* What a CA reads may have white space behind it (RFC 8555 8.3). */
static bool
is_answer(const struct buf *body, const char *keyauth)
{
	size_t len = body->len;

	while (len > 0 && strchr(" \t\r\n", body->data[len - 1]))
		len--;
	return len == strlen(keyauth) && memcmp(body->data, keyauth, len) == 0;
}

int
solve_check_http(
    const struct solver_options *o, const struct solver_task *t, struct err *e)
{
	bool is_ipv6 = strchr(t->value, ':') != NULL;
	struct err why = {0};
	struct buf body;
	char *url;
	int rc = 0;

	if (!o->fetch)
		return 0;
	url = xasprintf("http://%s%s%s/.well-known/acme-challenge/%s",
	    is_ipv6 ? "[" : "", t->value, is_ipv6 ? "]" : "", t->token);
	buf_init(&body, 4096);
	if (o->fetch(o->arg, url, &body, &why) < 0)
		rc = err_set(e, KIND_DENIED,
		    "%s: %.100s; does port 80 of that name lead here?", url,
		    why.text);
	else if (!is_answer(&body, t->key_authorization))
		rc = err_set(e, KIND_DENIED,
		    "%s: answered with something else; does port 80 of that "
		    "name lead here?",
		    url);
	buf_release(&body);
	free(url);
	return rc;
}
