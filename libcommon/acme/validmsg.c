#include "acme/validmsg.h"

#include "base/str.h"
#include "wrap/js.h"

/*
 * The ACME types a validation can end with (RFC 8555 6.7), and the kind that
 * carries each.
 */
static const struct {
	const char *name;
	enum err_kind kind;
} types[] = {
    {"connection", KIND_INPUT},
    {"dns", KIND_INPUT},
    {"incorrectResponse", KIND_INPUT},
    {"malformed", KIND_INPUT},
    {"tls", KIND_INPUT},
    {"rejectedIdentifier", KIND_DENIED},
    {"unauthorized", KIND_DENIED},
    {"serverInternal", KIND_SYS},
};

void
validmsg_task_release(struct validmsg_task *t)
{
	if (t)
		identifier_release(&t->identifier);
}

/* Writes and frees `object`. */
static int
finish(struct js *object, struct buf *out, struct err *e)
{
	int rc = js_write(object, out);

	js_free(object);
	return rc == 0 ? 0 : err_set(e, KIND_BUG, "message does not fit");
}

int
validmsg_task_write(
    const struct validmsg_task *t, struct buf *out, struct err *e)
{
	struct js *o = js_object();

	js_put_int(o, "id", t->id);
	js_put_text(o, "type", challenge_type_name(t->type));
	js_put_text(
	    o, "identifier_type", identifier_type_name(t->identifier.type));
	js_put_text(o, "identifier", t->identifier.value);
	js_put_text(o, "token", t->token);
	js_put_text(o, "thumbprint", t->thumbprint);
	js_put_text(o, "log_id", t->log_id);
	return finish(o, out, e);
}

int
validmsg_result_write(
    const struct validmsg_result *r, struct buf *out, struct err *e)
{
	struct js *o = js_object();
	const char *type = r->err.acme_type;

	js_put_int(o, "id", r->id);
	js_put_bool(o, "valid", r->is_valid);
	if (r->address[0])
		js_put_text(o, "address", r->address);
	if (r->id != 0 && !r->is_valid) {
		if (!type)
			type = err_row(r->err.kind)->acme_type;
		js_put_text(o, "type", type ? type : "serverInternal");
		js_put_text(o, "text", r->err.text);
		js_put_bool(o, "final", r->is_final);
	}
	return finish(o, out, e);
}

/* Copies the text member `key`; false when it is absent or too long. */
static bool
copy(const struct js *o, const char *key, char *out, size_t size)
{
	const char *s = js_get_text(o, key);

	return s && (size_t)snprintf(out, size, "%s", s) < size;
}

static void
set_error(const struct js *o, struct err *e)
{
	const char *type = js_get_text(o, "type");
	const char *text = js_get_text(o, "text");
	size_t i;

	for (i = 0; i < ARRAY_LEN(types) - 1; i++)
		if (str_same(type, types[i].name))
			break;
	err_acme(e, types[i].kind, types[i].name, "%s",
	    text ? text : "validation failed");
}

int
validmsg_task_read(
    const void *p, size_t len, struct validmsg_task *t, struct err *e)
{
	struct js *o = js_parse(p, len, e);
	const char *type, *identifier_type, *value;
	int rc = -1;

	memset(t, 0, sizeof(*t));
	if (!o)
		return -1;
	type = js_get_text(o, "type");
	identifier_type = js_get_text(o, "identifier_type");
	value = js_get_text(o, "identifier");
	t->id = js_int(js_get(o, "id"), 0);
	if (js_len(o) == 7 && t->id > 0 && type && identifier_type && value &&
	    challenge_type_by_name(type, &t->type) == 0 &&
	    identifier_type_by_name(identifier_type, &t->identifier.type) ==
		0 &&
	    copy(o, "token", t->token, sizeof(t->token)) &&
	    copy(o, "thumbprint", t->thumbprint, sizeof(t->thumbprint)) &&
	    copy(o, "log_id", t->log_id, sizeof(t->log_id))) {
		t->identifier.value = xstrdup(value);
		rc = 0;
	} else {
		err_set(e, KIND_INPUT, "message is no validation task");
	}
	js_free(o);
	return rc;
}

int
validmsg_result_read(
    const void *p, size_t len, struct validmsg_result *r, struct err *e)
{
	struct js *o = js_parse(p, len, e);
	bool has_address;

	memset(r, 0, sizeof(*r));
	if (!o)
		return -1;
	r->id = js_int(js_get(o, "id"), -1);
	r->is_valid = js_is_true(js_get(o, "valid"));
	r->is_final = js_is_true(js_get(o, "final"));
	has_address = copy(o, "address", r->address, sizeof(r->address)) &&
	    str_is_printable(r->address, strlen(r->address));
	if (!has_address)
		r->address[0] = '\0';
	if (r->id < 0 || js_type(js_get(o, "valid")) != JS_BOOL ||
	    js_len(o) !=
		2U + (has_address ? 1 : 0) +
		    (r->is_valid || r->id == 0 ? 0 : 3))
		err_set(e, KIND_INPUT, "message is no validation result");
	else if (r->id != 0 && !r->is_valid)
		set_error(o, &r->err);
	js_free(o);
	return err_is_set(e) ? -1 : 0;
}
