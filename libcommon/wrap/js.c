#include "wrap/js.h"

#include <jansson.h>

#include "base/rfc3339.h"
#include "base/str.h"

static json_t *
json_of(const struct js *v)
{
	return (json_t *)(uintptr_t)v;
}

static struct js *
js_of(json_t *j)
{
	if (!j) { /* only exhaustion */
		fputs("out of memory\n", stderr);
		exit(111);
	}
	return (struct js *)j;
}

/* A string; bytes beyond ASCII that are not UTF-8 all become "?". */
static json_t *
string_of(const char *text)
{
	json_t *j = json_string(text);
	char *copy;

	if (j)
		return j;
	copy = xstrdup(text);
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	j = json_string(copy);
	free(copy);
	return j;
}

/*
 * Depth and length before Jansson sees the text, since it recurses.  Brackets
 * within strings do not count; what is not JSON at all is left to Jansson.
 */
static int
check_limits(const char *text, size_t len, size_t string_max, struct err *e)
{
	size_t depth = 0, string = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
			if (++string > string_max)
				return err_set(e, KIND_INPUT,
				    "JSON: string longer than %zu bytes",
				    string_max);
		} else if (c == '"') {
			quoted = true;
			string = 0;
		} else if (c == '{' || c == '[') {
			if (++depth > JS_DEPTH_MAX)
				return err_set(e, KIND_INPUT,
				    "JSON: nested deeper than %d levels",
				    JS_DEPTH_MAX);
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return 0;
}

struct js *
js_parse(const char *text, size_t len, struct err *e)
{
	return js_parse_long(text, len, JS_STRING_MAX, e);
}

/* Jansson's words, but for those that advise its caller. */
static const char *
reason_text(const json_error_t *reason)
{
	if (json_error_code(reason) == json_error_null_character)
		return "a NUL in a string";
	return reason->text;
}

struct js *
js_parse_long(const char *text, size_t len, size_t string_max, struct err *e)
{
	json_error_t reason;
	json_t *j;

	if (check_limits(text, len, string_max, e) < 0)
		return NULL;
	j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &reason);
	if (!j) {
		err_set(e, KIND_INPUT, "JSON: line %d column %d: %s",
		    reason.line, reason.column, reason_text(&reason));
		return NULL;
	}
	if (!json_is_object(j)) {
		json_decref(j);
		err_set(e, KIND_INPUT, "JSON: not an object");
		return NULL;
	}
	return js_of(j);
}

void
js_free(struct js *v)
{
	json_decref(json_of(v));
}

enum js_type
js_type(const struct js *v)
{
	static const enum js_type types[] = {
	    [JSON_OBJECT] = JS_OBJECT,
	    [JSON_ARRAY] = JS_ARRAY,
	    [JSON_STRING] = JS_STRING,
	    [JSON_INTEGER] = JS_INT,
	    [JSON_REAL] = JS_REAL,
	    [JSON_TRUE] = JS_BOOL,
	    [JSON_FALSE] = JS_BOOL,
	    [JSON_NULL] = JS_NULL,
	};

	return v ? types[json_typeof(json_of(v))] : JS_ABSENT;
}

const struct js *
js_get(const struct js *v, const char *key)
{
	return (const struct js *)json_object_get(json_of(v), key);
}

size_t
js_len(const struct js *v)
{
	if (json_is_array(json_of(v)))
		return json_array_size(json_of(v));
	return json_object_size(json_of(v));
}

const struct js *
js_at(const struct js *v, size_t i)
{
	return (const struct js *)json_array_get(json_of(v), i);
}

int
js_each(const struct js *v,
    int (*each)(const char *key, const struct js *value, void *arg), void *arg)
{
	json_t *value;
	const char *key;

	json_object_foreach(json_of(v), key,
	    value) if (each(key, (const struct js *)value, arg) < 0) return -1;
	return 0;
}

const char *
js_text(const struct js *v)
{
	return json_string_value(json_of(v));
}

const char *
js_get_text(const struct js *v, const char *key)
{
	return js_text(js_get(v, key));
}

void
js_texts(const struct js *array, struct strv *out)
{
	for (size_t i = 0; i < js_len(array); i++)
		if (js_text(js_at(array, i)))
			strv_add(out, js_text(js_at(array, i)));
}

int64_t
js_int(const struct js *v, int64_t fallback)
{
	if (!json_is_integer(json_of(v)))
		return fallback;
	return json_integer_value(json_of(v));
}

bool
js_is_true(const struct js *v)
{
	return json_is_true(json_of(v));
}

struct js *
js_object(void)
{
	return js_of(json_object());
}

struct js *
js_array(void)
{
	return js_of(json_array());
}

struct js *
js_share(const struct js *v)
{
	return js_of(json_incref((json_t *)(uintptr_t)v));
}

struct js *
js_null(void)
{
	return js_of(json_null());
}

void
js_put(struct js *object, const char *key, struct js *value)
{
	if (value)
		json_object_set_new(json_of(object), key, json_of(value));
}

void
js_put_text(struct js *object, const char *key, const char *text)
{
	if (text)
		js_put(object, key, js_of(string_of(text)));
}

void
js_put_int(struct js *object, const char *key, int64_t n)
{
	js_put(object, key, js_of(json_integer(n)));
}

void
js_put_bool(struct js *object, const char *key, bool b)
{
	js_put(object, key, js_of(json_boolean(b)));
}

void
js_put_time(struct js *object, const char *key, int64_t t)
{
	char text[RFC3339_SIZE];

	if (t == 0)
		return;
	rfc3339_format(text, t);
	js_put_text(object, key, text);
}

void
js_add(struct js *array, struct js *value)
{
	json_array_append_new(json_of(array), json_of(value));
}

void
js_add_text(struct js *array, const char *text)
{
	js_add(array, js_of(string_of(text)));
}

struct js *
js_array_of(const struct strv *texts)
{
	struct js *array = js_array();

	for (size_t i = 0; i < texts->len; i++)
		js_add_text(array, texts->v[i]);
	return array;
}

static int
write_piece(const char *piece, size_t len, void *out)
{
	return buf_add(out, piece, len);
}

int
js_write(const struct js *v, struct buf *out)
{
	return json_dump_callback(json_of(v), write_piece, out, JSON_COMPACT);
}
