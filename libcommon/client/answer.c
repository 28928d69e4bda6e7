#include "client/answer.h"

#include "acme/problem.h"
#include "base/str.h"
#include "client/field.h"
#include "wrap/js.h"

#define TYPE_MAX 128

/* What an endpoint is called, and whether its answer has to be JSON. */
static const struct row {
	const char *name;
	enum {
		BODY_ANY,
		BODY_JSON_OR_NONE,
		BODY_JSON
	} body;
	bool is_member; /* of the directory, by that name */
} rows[] = {
    [ENDPOINT_DIRECTORY] = {"directory", BODY_JSON, false},
    [ENDPOINT_NEW_NONCE] = {"newNonce", BODY_ANY, true},
    [ENDPOINT_NEW_ACCOUNT] = {"newAccount", BODY_JSON_OR_NONE, true},
    [ENDPOINT_ACCOUNT] = {"account", BODY_JSON_OR_NONE, false},
    [ENDPOINT_KEY_CHANGE] = {"keyChange", BODY_JSON_OR_NONE, true},
    [ENDPOINT_NEW_ORDER] = {"newOrder", BODY_JSON, true},
    [ENDPOINT_ORDER] = {"order", BODY_JSON, false},
    [ENDPOINT_AUTHORIZATION] = {"authorization", BODY_JSON, false},
    [ENDPOINT_CHALLENGE] = {"challenge", BODY_JSON, false},
    [ENDPOINT_FINALIZE] = {"finalize", BODY_JSON, false},
    [ENDPOINT_CERTIFICATE] = {"certificate", BODY_ANY, false},
    [ENDPOINT_REVOKE_CERT] = {"revokeCert", BODY_ANY, true},
    [ENDPOINT_RENEWAL_INFO] = {"renewalInfo", BODY_JSON, true},
};
_Static_assert(ARRAY_LEN(rows) == ENDPOINT__MAX, "a row per endpoint");

const char *
endpoint_name(enum endpoint endpoint)
{
	return rows[endpoint].name;
}

bool
endpoint_is_member(enum endpoint endpoint)
{
	return rows[endpoint].is_member;
}

void
answer_fail(struct answer *a, enum cause cause, const char *fmt, ...)
{
	va_list ap;

	if (a->reply.cause != CAUSE_NONE)
		return;
	va_start(ap, fmt);
	vsnprintf(a->text, sizeof(a->text), fmt, ap);
	va_end(ap);
	a->reply.cause = cause;
	err_set(&a->err, cause_kind(cause), "%s", a->text);
}

/* ---- failures ------------------------------------------------------------ */

static void
read_silence(struct answer *a, const struct network_reply *r)
{
	const char *reason = r->reason ? r->reason : "no answer";

	if (strstr(reason, "not yet valid"))
		answer_fail(a, CAUSE_CLOCK, "%s", reason);
	else
		answer_fail(a, CAUSE_CA_UNREACHABLE, "%s", reason);
}

/* Says which name is meant, as far as there is room (RFC 8555 6.7.1). */
static void
add_subproblems(const struct js *problem, struct buf *text)
{
	const struct js *subs = js_get(problem, "subproblems");

	for (size_t i = 0; i < js_len(subs); i++) {
		const struct js *sub = js_at(subs, i);
		const char *value =
		    js_get_text(js_get(sub, "identifier"), "value");
		const char *detail = js_get_text(sub, "detail");

		if (value || detail)
			buf_addf(text, "; %s%s%s", value ? value : "",
			    value && detail ? ": " : "", detail ? detail : "");
	}
}

/* Of several with one type that type says more than `compound`. */
static const char *
shared_type(const struct js *problem)
{
	const struct js *subs = js_get(problem, "subproblems");
	const char *type = js_get_text(js_at(subs, 0), "type");

	for (size_t i = 1; type && i < js_len(subs); i++) {
		const char *other = js_get_text(js_at(subs, i), "type");

		if (!other || strcmp(type, other) != 0)
			type = NULL;
	}
	return type;
}

static void
read_problem(struct answer *a, enum endpoint endpoint)
{
	const char *type = problem_bare_type(js_get_text(a->json, "type"));
	const char *sub = problem_bare_type(shared_type(a->json));
	const char *detail = js_get_text(a->json, "detail");
	bool is_general = type &&
	    (strcmp(type, "compound") == 0 || strcmp(type, "malformed") == 0);
	enum cause cause = cause_of_problem(is_general && sub ? sub : type,
	    a->reply.status, endpoint == ENDPOINT_CHALLENGE);
	struct buf text;

	/* who asks for an account is not one that should exist */
	if (type && cause == CAUSE_ACCOUNT &&
	    endpoint == ENDPOINT_NEW_ACCOUNT &&
	    strcmp(type, "accountDoesNotExist") == 0)
		cause = CAUSE_GONE;
	/* the names in it are not those of the order */
	if (str_same(type, "unauthorized") && endpoint == ENDPOINT_FINALIZE)
		cause = CAUSE_CSR;

	buf_init(&text, sizeof(a->text) * 2);
	buf_addf(&text, "%s: %.*s", type ? type : "problem",
	    REPLY_TEXT_SIZE - 100, detail ? detail : "without a word why");
	add_subproblems(a->json, &text);
	if (type && strlen(type) < TYPE_MAX)
		a->error_type = xstrdup(type);
	a->reply.error_type = a->error_type;
	a->reply.problem = a->json;
	answer_fail(a, cause, "%s", text.data);
	buf_release(&text);
}

static void
read_refusal(
    struct answer *a, const struct network_reply *r, enum endpoint endpoint)
{
	int status = r->status;

	if (status >= 400 && js_type(a->json) == JS_OBJECT)
		read_problem(a, endpoint);
	else if (status == 429)
		answer_fail(a, CAUSE_RATE_LIMITED, "HTTP status 429");
	else if (status >= 300 && status < 400)
		answer_fail(a, CAUSE_CA_BROKEN,
		    "HTTP status %d sends us to %s, where we do not go", status,
		    r->location ? r->location : "nowhere");
	else
		answer_fail(a, CAUSE_CA_BROKEN,
		    "HTTP status %d without a problem document", status);
}

/* ---- answers ------------------------------------------------------------- */

static void
read_body(struct answer *a)
{
	const char *body = a->reply.body;
	size_t len = a->reply.len, at = 0;
	struct err ignored = {0};

	while (at < len && body[at] && strchr(" \t\r\n", body[at]))
		at++;
	if (at < len && body[at] == '{')
		a->json = js_parse_long(body, len, len, &ignored);
}

static void
check_body(
    struct answer *a, const struct network_reply *r, enum endpoint endpoint)
{
	if (a->json || rows[endpoint].body == BODY_ANY ||
	    (rows[endpoint].body == BODY_JSON_OR_NONE && r->len == 0))
		return;
	answer_fail(a, CAUSE_CA_BROKEN, "the answer is no JSON object but %s",
	    r->len == 0		  ? "nothing"
		: r->content_type ? r->content_type
				  : "something else");
}

static void
read_location(struct answer *a, const struct network_reply *r,
    const struct directory *directory)
{
	if (!r->location || !directory->object)
		return;
	if (directory_owns(directory, r->location))
		a->reply.location = r->location;
	else
		answer_fail(a, CAUSE_CA_BROKEN,
		    "Location leads away from the CA, to %s", r->location);
}

static void
read_links(struct answer *a, const struct network_reply *r,
    const struct directory *directory)
{
	struct strv all = {0};

	field_links(r->links, "alternate", &all);
	for (size_t i = 0; i < all.len; i++)
		if (directory->object && directory_owns(directory, all.v[i]))
			strv_add(&a->alternates, all.v[i]);
	strv_release(&all);
}

void
answer_read(struct answer *a, const struct network_reply *r,
    enum endpoint endpoint, const struct directory *directory, int64_t now)
{
	*a = (struct answer){.reply = {.status = r->status,
				 .body = r->body ? r->body : "",
				 .len = r->len}};
	a->reply.err = &a->err;
	a->reply.text = a->text;
	a->reply.alternates = &a->alternates;
	a->reply.retry_at = field_retry_at(r->retry_after, r->date, now);
	if (r->status == 0) {
		read_silence(a, r);
		return;
	}
	read_body(a);
	if (r->status >= 200 && r->status < 300) {
		a->reply.json = a->json;
		check_body(a, r, endpoint);
		read_links(a, r, directory);
	} else {
		read_refusal(a, r, endpoint);
	}
	read_location(a, r, directory);
}

void
answer_release(struct answer *a)
{
	js_free(a->json);
	free(a->error_type);
	strv_release(&a->alternates);
	*a = (struct answer){0};
}
