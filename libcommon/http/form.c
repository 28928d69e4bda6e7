#include "http/form.h"

#include "base/str.h"
#include "http/percent.h"

static int
refuse(struct err *e, const char *text)
{
	return err_set(e, KIND_INPUT, "form: %s", text);
}

/* Takes name and value over, which are `room`. */
static int
add(struct form *f, const char *name, size_t name_len, char *value, size_t len,
    struct err *e)
{
	struct form_field *field;

	if (name_len == 0 || name_len > FORM_NAME_MAX ||
	    !str_is_printable(name, name_len))
		return refuse(e, "a field without a name, or with a bad one");
	if (f->len == FORM_FIELDS_MAX)
		return refuse(e, "too many fields");
	if (!f->fields)
		f->fields = xcalloc(FORM_FIELDS_MAX, sizeof(*f->fields));
	field = &f->fields[f->len];
	memcpy(field->name, name, name_len);
	field->name[name_len] = '\0';
	if (form_field(f, field->name))
		return refuse(e, "a field stands twice");
	field->value = xcalloc(1, len + 1);
	memcpy(field->value, value, len);
	field->len = len;
	f->len++;
	return 0;
}

/* ---- as in a query ------------------------------------------------------- */

/* "%41+b" becomes "A b", in place; the length, or -1. */
static ssize_t
unescape(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] == '+')
			text[i] = ' ';
	return percent_decode(text, len);
}

/* NAME=VALUE, or NAME alone; both are overwritten. */
static int
add_pair(struct form *f, char *pair, size_t len, struct err *e)
{
	char *equals = memchr(pair, '=', len);
	char *value = equals ? equals + 1 : pair + len;
	ssize_t value_len = unescape(value, (size_t)(pair + len - value));
	ssize_t name_len =
	    unescape(pair, equals ? (size_t)(equals - pair) : len);

	if (name_len < 0 || value_len < 0)
		return refuse(e, "% without two digits after it");
	return add(f, pair, (size_t)name_len, value, (size_t)value_len, e);
}

int
form_read_query(struct form *f, const char *text, size_t len, struct err *e)
{
	char *copy, *p, *end;
	int rc = 0;

	if (memchr(text, '\0', len))
		return refuse(e, "NUL");
	p = copy = xstrndup(text, len);
	end = copy + len;
	while (rc == 0 && p < end) {
		char *amp = memchr(p, '&', (size_t)(end - p));
		size_t n = (size_t)((amp ? amp : end) - p);

		if (n > 0)
			rc = add_pair(f, p, n, e);
		p += n + 1;
	}
	explicit_bzero(copy, len);
	free(copy);
	return rc;
}

/* ---- multipart (RFC 2046 5.1) -------------------------------------------- */

#define BOUNDARY_MAX 70

/* The delimiter, "\r\n--" and the boundary that the type names. */
static int
read_boundary(const char *type, char out[BOUNDARY_MAX + 5], struct err *e)
{
	const char *at = strcasestr(type, "boundary=");
	size_t len;

	if (!at)
		return refuse(e, "multipart without a boundary");
	at += strlen("boundary=");
	if (*at == '"')
		len = strcspn(++at, "\"");
	else
		len = strcspn(at, "; \t");
	if (len == 0 || len > BOUNDARY_MAX)
		return refuse(e, "multipart with a bad boundary");
	snprintf(out, BOUNDARY_MAX + 5, "\r\n--%.*s", (int)len, at);
	return 0;
}

/*
 * A value that is quoted, with backslashes as they are, or a token (RFC 2183
 * 2): moves `*p` behind it; NULL when it has no end.
 */
static const char *
take_value(const char **p, const char *end, size_t *len)
{
	const char *value = *p, *at = value;

	if (at < end && *at == '"') {
		for (at = ++value; at < end && *at != '"'; at++)
			if (*at == '\\' && at + 1 < end)
				at++;
		*len = (size_t)(at - value);
		*p = at + 1;
		return at < end ? value : NULL;
	}
	while (at < end && !strchr("; \t\"", *at))
		at++;
	*len = (size_t)(at - value);
	*p = at;
	return value;
}

/* That of the parameter "name": NULL, or its length. */
static const char *
find_name(const char *p, const char *end, size_t *len)
{
	while ((p = memchr(p, ';', (size_t)(end - p)))) {
		const char *key, *value;
		size_t key_len;

		do
			p++;
		while (p < end && (*p == ' ' || *p == '\t'));
		key = p;
		p = memchr(p, '=', (size_t)(end - p));
		if (!p)
			return NULL;
		key_len = (size_t)(p++ - key);
		value = take_value(&p, end, len);
		if (!value ||
		    (key_len == 4 && strncasecmp(key, "name", 4) == 0))
			return value;
	}
	return NULL;
}

/* The name of a part, in its Content-Disposition: NULL, or its length. */
static const char *
part_name(const char *head, size_t head_len, size_t *len)
{
	static const char field[] = "content-disposition:";
	const char *end = head + head_len, *line = head, *next;

	for (; line < end; line = next) {
		const char *eol = memmem(line, (size_t)(end - line), "\r\n", 2);

		next = eol ? eol + 2 : end;
		if ((size_t)(next - line) > sizeof(field) - 1 &&
		    strncasecmp(line, field, sizeof(field) - 1) == 0)
			return find_name(line, eol ? eol : end, len);
	}
	return NULL;
}

/* One part: fields, an empty line, what is sent. */
static int
add_part(struct form *f, char *part, size_t len, struct err *e)
{
	char *body = memmem(part, len, "\r\n\r\n", 4);
	size_t name_len = 0;
	const char *name =
	    body ? part_name(part, (size_t)(body - part), &name_len) : NULL;

	if (!name)
		return refuse(e, "a part without a name");
	body += 4;
	return add(f, name, name_len, body, len - (size_t)(body - part), e);
}

/* The first delimiter may be where the body begins. */
static int
read_multipart(
    struct form *f, const char *type, const struct buf *body, struct err *e)
{
	char delimiter[BOUNDARY_MAX + 5], *p = body->data, *next;
	char *end = body->data + body->len;
	size_t len;

	if (read_boundary(type, delimiter, e) < 0)
		return -1;
	len = strlen(delimiter);
	if (body->len < len - 2 || memcmp(p, delimiter + 2, len - 2) != 0)
		return refuse(e, "multipart does not begin with its boundary");
	for (p += len - 2;; p = next + len) {
		if (end - p >= 2 && memcmp(p, "--", 2) == 0)
			return 0;
		if (end - p < 2 || memcmp(p, "\r\n", 2) != 0)
			return refuse(e, "multipart with a bad boundary");
		p += 2;
		next = memmem(p, (size_t)(end - p), delimiter, len);
		if (!next)
			return refuse(e, "multipart without an end");
		if (add_part(f, p, (size_t)(next - p), e) < 0)
			return -1;
	}
}

/* ---- either -------------------------------------------------------------- */

static bool
is_type(const char *type, const char *want)
{
	size_t len = strlen(want);

	return strncasecmp(type, want, len) == 0 &&
	    strchr("; \t", type[len]) != NULL;
}

int
form_read(
    struct form *f, const char *type, const struct buf *body, struct err *e)
{
	if (!type || is_type(type, "application/x-www-form-urlencoded"))
		return form_read_query(f, body->data, body->len, e);
	if (is_type(type, "multipart/form-data"))
		return read_multipart(f, type, body, e);
	return err_http(
	    e, KIND_INPUT, 415, "form: Content-Type is none of a form");
}

const struct form_field *
form_field(const struct form *f, const char *name)
{
	for (size_t i = 0; i < f->len; i++)
		if (strcmp(f->fields[i].name, name) == 0)
			return &f->fields[i];
	return NULL;
}

int
form_check_text(const struct form *f, struct err *e)
{
	for (size_t i = 0; i < f->len; i++)
		if (memchr(f->fields[i].value, '\0', f->fields[i].len))
			return err_set(e, KIND_INPUT, "%s: has a NUL in it",
			    f->fields[i].name);
	return 0;
}

const char *
form_text(const struct form *f, const char *name)
{
	const struct form_field *field = form_field(f, name);

	return field && field->value[0] != '\0' ? field->value : NULL;
}

void
form_release(struct form *f)
{
	for (size_t i = 0; i < f->len; i++) {
		explicit_bzero(f->fields[i].value, f->fields[i].len);
		free(f->fields[i].value);
	}
	free(f->fields);
	*f = (struct form){0};
}
