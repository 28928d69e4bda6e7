#ifndef WRAP_JS_H
#define WRAP_JS_H

#include "base/buf.h"
#include "base/err.h"

/*
 * JSON, read strictly and written compactly.  A `struct js` is one value; what
 * a getter returns is borrowed from the value it was got from.
 */
struct js;
struct strv;

/* Limits on what is read (RFC 8555 10.3 leaves them to us). */
#define JS_DEPTH_MAX 8
#define JS_STRING_MAX 16384

enum js_type {
	JS_ABSENT, /* a NULL pointer: no such member */
	JS_NULL,
	JS_BOOL,
	JS_INT,
	JS_REAL,
	JS_STRING,
	JS_ARRAY,
	JS_OBJECT
};

/*
 * Reads one object and nothing after it.  Refused with KIND_INPUT: anything
 * else, a member that stands twice, a NUL in a string, nesting deeper than
 * JS_DEPTH_MAX, a string longer than JS_STRING_MAX, text that is not UTF-8.
 * The caller frees the value.  NULL on failure.
 */
struct js *js_parse(const char *text, size_t len, struct err *e);

/* As js_parse, for strings of up to `string_max` bytes (a JWS payload). */
struct js *js_parse_long(
    const char *text, size_t len, size_t string_max, struct err *e);

/* Frees a value and all in it. NULL-safe. */
void js_free(struct js *v);

/* The type of `v`; JS_ABSENT for NULL. */
enum js_type js_type(const struct js *v);

/* Member `key` of an object, or NULL (also when `v` is no object, or NULL). */
const struct js *js_get(const struct js *v, const char *key);

/* Number of items of an array or members of an object; else 0. */
size_t js_len(const struct js *v);

/* Item `i` of an array, or NULL. */
const struct js *js_at(const struct js *v, size_t i);

/*
 * Calls `each` for the members of an object, in order, until it returns -1,
 * which is then returned; 0 otherwise, and when `v` is no object.
 */
int js_each(const struct js *v,
    int (*each)(const char *key, const struct js *value, void *arg), void *arg);

/* The text of a string, or NULL for any other type. */
const char *js_text(const struct js *v);

/* The text of the string member `key`, or NULL. */
const char *js_get_text(const struct js *v, const char *key);

/* Adds the strings of an array to `out`; what is no string is passed over. */
void js_texts(const struct js *array, struct strv *out);

/* Value of an integer, else `fallback`; whether `v` is the constant true. */
int64_t js_int(const struct js *v, int64_t fallback);
bool js_is_true(const struct js *v);

/* New empty values, the caller's until they are put into another. */
struct js *js_object(void);
struct js *js_array(void);
struct js *js_null(void);

/* One more owner of a value that is not changed any more. */
struct js *js_share(const struct js *v);

/* A new array of these texts. */
struct js *js_array_of(const struct strv *texts);

/*
 * Puts a member into an object; a NULL text or value, or the time 0, leaves it
 * out.  A time is written as RFC 3339 has it.  js_put takes `value` over.  An
 * existing member is replaced.
 */
void js_put_text(struct js *object, const char *key, const char *text);
void js_put_int(struct js *object, const char *key, int64_t n);
void js_put_bool(struct js *object, const char *key, bool b);
void js_put_time(struct js *object, const char *key, int64_t t);
void js_put(struct js *object, const char *key, struct js *value);

/* Adds to the end of an array; js_add takes `value` over. */
void js_add_text(struct js *array, const char *text);
void js_add(struct js *array, struct js *value);

/* Adds `v` to `out` as compact JSON, members in the order they were put. */
int js_write(const struct js *v, struct buf *out);

#endif
