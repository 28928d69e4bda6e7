#include "order/orderanswer.h"

#include "acme/ident.h"
#include "acme/problem.h"
#include "base/rfc3339.h"
#include "wrap/js.h"

#define AUTHORIZATIONS_MAX 1000

/* ---- problems ------------------------------------------------------------ */

/* RFC 7807 3 as one line, "type: detail"; "" when there is none. */
static void
problem_text(const struct js *problem, char *out, size_t size)
{
	const char *type = problem_bare_type(js_get_text(problem, "type"));
	const char *detail = js_get_text(problem, "detail");
	char escaped[280];

	if (!detail)
		detail = "";
	str_escape(escaped, sizeof(escaped), detail, strlen(detail));
	snprintf(out, size, "%s%s%s", type ? type : "",
	    type && escaped[0] ? ": " : "", escaped);
}

enum cause
orderanswer_cause(const char *line)
{
	char *type = xstrndup(line, strcspn(line, ":"));
	enum cause cause = cause_of_problem(type, 0, true);

	free(type);
	return cause;
}

/*
 * That of an order, which may be about one name only (RFC 8555 6.7.1): what is
 * said of the first name tells more than the whole.
 */
static void
read_problem(const struct js *problem, struct orderanswer_problem *out)
{
	const struct js *first = js_at(js_get(problem, "subproblems"), 0);

	if (js_type(problem) != JS_OBJECT)
		return;
	problem_text(first ? first : problem, out->text, sizeof(out->text));
	out->cause = orderanswer_cause(out->text);
}

/* ---- orders -------------------------------------------------------------- */

static int
read_time(const struct js *js, const char *key, int64_t *out, struct err *e)
{
	const char *text = js_get_text(js, key);

	if (text && rfc3339_parse(text, out) < 0)
		return err_set(e, KIND_SYS,
		    "RFC 8555 7.1.3: %s is no time of RFC 3339", key);
	return 0;
}

static int
read_status(const struct js *js, struct orderanswer *out, struct err *e)
{
	static const struct {
		const char *word;
		enum upstream_order_status status;
	} words[] = {
	    {"pending", UPSTREAM_ORDER_PENDING},
	    {"ready", UPSTREAM_ORDER_READY},
	    {"processing", UPSTREAM_ORDER_PROCESSING},
	    {"valid", UPSTREAM_ORDER_ISSUED},
	};
	const char *word = js_get_text(js, "status");

	for (size_t i = 0; word && i < ARRAY_LEN(words); i++)
		if (strcmp(word, words[i].word) == 0) {
			out->order.status = words[i].status;
			return 0;
		}
	if (!word || strcmp(word, "invalid") != 0)
		return err_set(e, KIND_SYS,
		    "RFC 8555 7.1.6: an order without a status that is one");
	out->is_invalid = true;
	return 0;
}

static void
read_authorizations(const struct js *list, struct strv *out)
{
	for (size_t i = 0; i < js_len(list) && i < AUTHORIZATIONS_MAX; i++) {
		const char *url = js_text(js_at(list, i));

		if (url && !strv_has(out, url))
			strv_add(out, url);
	}
}

int
orderanswer_read(
    const struct js *js, bool is_new, struct orderanswer *out, struct err *e)
{
	*out = (struct orderanswer){0};
	if (!js)
		return err_set(
		    e, KIND_SYS, "RFC 8555 7.1.3: what came is no order");
	read_problem(js_get(js, "error"), &out->problem);
	if (read_status(js, out, e) < 0 ||
	    read_time(js, "expires", &out->order.expires, e) < 0)
		return -1;
	out->order.finalize_url = js_get_text(js, "finalize");
	out->order.certificate_url = js_get_text(js, "certificate");
	read_authorizations(js_get(js, "authorizations"), &out->authorizations);
	out->order.authorizations = &out->authorizations;
	if (is_new &&
	    (!out->order.finalize_url || out->authorizations.len == 0))
		return err_set(e, KIND_SYS,
		    "RFC 8555 7.1.3: an order without %s",
		    out->order.finalize_url ? "authorizations" : "finalize");
	if (!out->is_invalid && out->order.status == UPSTREAM_ORDER_ISSUED &&
	    !out->order.certificate_url)
		return err_set(e, KIND_SYS,
		    "RFC 8555 7.1.3: a valid order without a certificate");
	return 0;
}

void
orderanswer_release(struct orderanswer *a)
{
	strv_release(&a->authorizations);
}

/* ---- authorizations ------------------------------------------------------ */

static int
read_identifier(
    const struct js *js, struct orderanswer_authorization *out, struct err *e)
{
	const struct js *id = js_get(js, "identifier");
	const char *type = js_get_text(id, "type");
	const char *value = js_get_text(id, "value");
	struct identifier parsed = {0};
	struct err why = {0};

	if (!type || !value || ident_parse(type, value, &parsed, &why) < 0)
		return err_set(e, KIND_SYS,
		    "RFC 8555 7.1.4: an authorization for no name");
	out->authorization.type = parsed.type;
	out->value = js_is_true(js_get(js, "wildcard"))
	    ? xasprintf("*.%s", parsed.value)
	    : xstrdup(parsed.value);
	out->authorization.value = out->value;
	identifier_release(&parsed);
	return 0;
}

/* What has no type or URL is of no use, and is left out. */
static void
read_challenges(const struct js *list, struct orderanswer_authorization *out)
{
	size_t n = 0;

	for (size_t i = 0; i < js_len(list) && n < ORDERANSWER_CHALLENGES_MAX;
	     i++) {
		const struct js *js = js_at(list, i);
		struct upstream_challenge_answer *c = &out->challenges[n];
		const char *status = js_get_text(js, "status");

		c->type = js_get_text(js, "type");
		c->url = js_get_text(js, "url");
		c->token = js_get_text(js, "token");
		if (!c->type || !c->url || !status ||
		    upstream_challenge_status_by_name(status, &c->status) < 0)
			continue;
		problem_text(js_get(js, "error"), out->errors[n],
		    sizeof(out->errors[n]));
		c->error = out->errors[n][0] ? out->errors[n] : NULL;
		n++;
	}
	out->authorization.challenges = out->challenges;
	out->authorization.challenges_len = n;
}

int
orderanswer_read_authorization(
    const struct js *js, struct orderanswer_authorization *out, struct err *e)
{
	const char *status = js_get_text(js, "status");

	memset(out, 0, sizeof(*out));
	if (!status ||
	    upstream_authorization_status_by_name(
		status, &out->authorization.status) < 0)
		return err_set(e, KIND_SYS,
		    "RFC 8555 7.1.6: an authorization without a status that "
		    "is one");
	if (read_identifier(js, out, e) < 0 ||
	    read_time(js, "expires", &out->authorization.expires, e) < 0)
		return -1;
	read_challenges(js_get(js, "challenges"), out);
	return 0;
}

void
orderanswer_authorization_release(struct orderanswer_authorization *a)
{
	free(a->value);
	a->value = NULL;
}
