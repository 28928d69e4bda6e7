#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* One value of the configuration: its text, its type, the field it fills. */

enum value_type {
	VALUE_BOOL, /* bool: true or false */
	VALUE_NUMBER, /* int64_t: min to max */
	VALUE_DURATION, /* int64_t seconds: 10s 5m 8h 7d 10y (of 365 days) */
	VALUE_TEXT, /* char *: max bytes of printable ASCII */
	VALUE_CHOICE, /* char *: one of `choices` */
	VALUE_PATH, /* char *: absolute, max bytes */
	VALUE_URL, /* char *: http: or https: with a host */
	VALUE_BASE_URL, /* as VALUE_URL, no query, no slash at the end */
	VALUE_PEER, /* char *: socket x-real-ip proxy env:NAME */
	VALUE_STORE, /* char *: absolute path, or scheme://... */
	VALUE_TEXTS, /* struct strv of VALUE_TEXT */
	VALUE_RANGES, /* struct strv of ADDRESS or ADDRESS/BITS, or "any" */
	VALUE_RESOLVERS, /* struct strv of ADDRESS, ADDRESS:PORT, [IPV6]:PORT */
	VALUE_PREFIX, /* char *: a path of URLs, no slash at the end, or "/" */
	VALUE_GRANTS, /* struct strv of USER=SCOPES (conf/scope.h) */
	VALUE_FRONTS, /* struct strv of USER=FIELD, one of `choices` */
	VALUE_THUMBPRINTS, /* struct strv of THUMBPRINT or HOST=THUMBPRINT */
	VALUE_PORTS, /* struct strv of numbers from 1 to 65535 */
	VALUE_PATTERNS, /* struct strv of NAME, .NAME, *.NAME or * */
	VALUE__MAX
};

struct value_rule {
	enum value_type type;
	int64_t min, max; /* number, duration; bytes of a text (0: 1000) */
	const char *choices; /* with blanks between them */
};

/* Whether values of this type are lists, which several lines add to. */
bool value_is_list(enum value_type type);

/*
 * Reads `text` into the field at `field` of the type the rule names.  The empty
 * text unsets a text (NULL) and adds nothing to a list.  A list takes items
 * separated by commas, with or without blanks around them.  An old text is
 * freed.  Returns 0, or -1 (KIND_CONF) with a text that goes on from the key:
 * "must be ...".
 */
int value_set(void *field, const struct value_rule *rule, const char *text,
    struct err *e);

/* Whether two fields of this type are equal. */
bool value_equal(enum value_type type, const void *a, const void *b);

/* Adds the lines `key = value` for the field, one per item of a list. */
void value_print(
    enum value_type type, const char *key, const void *field, struct buf *out);

#define VALUE_DNS_PORT 53

/* The port of a resolver, as VALUE_RESOLVERS has it. */
uint16_t value_resolver_port(const char *text);

/* Frees what the field holds and makes it zero. */
void value_release(enum value_type type, void *field);

#endif
