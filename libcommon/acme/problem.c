#include "acme/problem.h"

#include "base/str.h"
#include "wrap/js.h"
#include "wrap/jwa.h"

void
problem_release(struct problem *p)
{
	if (!p)
		return;
	free(p->subs);
	*p = (struct problem){0};
}

void
problem_add(
    struct problem *p, const char *type, const char *value, const struct err *e)
{
	struct problem_sub *sub;

	p->subs = xreallocarray(p->subs, p->subs_len + 1, sizeof(*p->subs));
	sub = &p->subs[p->subs_len++];
	*sub = (struct problem_sub){.acme_type = problem_type(e),
	    .http_status = problem_status(e),
	    .type = type,
	    .value = value};
	snprintf(sub->text, sizeof(sub->text), "%s", e->text);
}

int
problem_sum_up(const struct problem *p, struct err *e)
{
	const struct problem_sub *first = p->subs;
	bool same = true;

	if (p->subs_len == 0)
		return 0;
	for (size_t i = 1; i < p->subs_len; i++)
		same =
		    same && strcmp(p->subs[i].acme_type, first->acme_type) == 0;
	err_acme(e, KIND_INPUT, same ? first->acme_type : "malformed",
	    "%zu of the identifiers cannot be ordered; see subproblems",
	    p->subs_len);
	e->http_status = same ? first->http_status : 400;
	return -1;
}

const char *
problem_bare_type(const char *type)
{
	return type && str_starts(type, PROBLEM_URN)
	    ? type + strlen(PROBLEM_URN)
	    : type;
}

const char *
problem_type(const struct err *e)
{
	return e->acme_type ? e->acme_type : err_row(e->kind)->acme_type;
}

int
problem_status(const struct err *e)
{
	return e->http_status ? e->http_status : err_row(e->kind)->http_status;
}

static void
put_type(struct js *o, const char *acme_type)
{
	char urn[96];

	snprintf(urn, sizeof(urn), PROBLEM_URN "%s", acme_type);
	js_put_text(o, "type", urn);
}

void
problem_public(const struct err *e, const char *id, char out[PROBLEM_TEXT_SIZE])
{
	if (err_row(e->kind)->text_is_public)
		snprintf(out, PROBLEM_TEXT_SIZE, "%s", e->text);
	else
		snprintf(out, PROBLEM_TEXT_SIZE,
		    "internal error; the server's log knows more under %s", id);
}

static void
put_detail(struct js *o, const struct err *e, const char *id)
{
	char text[PROBLEM_TEXT_SIZE];

	problem_public(e, id, text);
	js_put_text(o, "detail", text);
}

/* RFC 8555 6.2: whoever is told that an alg is bad is told the good ones. */
static struct js *
algorithms(void)
{
	struct js *list = js_array();

	for (int alg = 0; alg < JWA__MAX; alg++)
		js_add_text(list, jwa_name((enum jwa)alg));
	return list;
}

static struct js *
subproblems(const struct problem *p)
{
	struct js *list = js_array();

	for (size_t i = 0; i < p->subs_len; i++) {
		const struct problem_sub *sub = &p->subs[i];
		struct js *o = js_object(), *id = js_object();

		put_type(o, sub->acme_type);
		js_put_text(o, "detail", sub->text);
		js_put_text(id, "type", sub->type);
		js_put_text(id, "value", sub->value);
		js_put(o, "identifier", id);
		js_add(list, o);
	}
	return list;
}

static struct js *
problem_js(const struct err *e, const struct problem *p, const char *id)
{
	struct js *o = js_object();
	const char *type = problem_type(e);

	put_type(o, type);
	put_detail(o, e, id);
	js_put_int(o, "status", problem_status(e));
	if (strcmp(type, "badSignatureAlgorithm") == 0)
		js_put(o, "algorithms", algorithms());
	if (p)
		js_put_text(o, "instance", p->instance);
	if (p && p->subs_len > 0)
		js_put(o, "subproblems", subproblems(p));
	return o;
}

int
problem_write(const struct err *e, const struct problem *p, const char *id,
    struct buf *out)
{
	struct js *o = problem_js(e, p, id);
	int rc = js_write(o, out);

	js_free(o);
	return rc;
}
