#ifndef HTTP_FORM_H
#define HTTP_FORM_H

#include "base/buf.h"
#include "base/err.h"

/*
 * What a form sends: the query of a URL or a body of the same kind
 * (application/x-www-form-urlencoded), or multipart/form-data (RFC 7578).  All
 * of it may be secret.
 */
#define FORM_FIELDS_MAX 64
#define FORM_NAME_MAX 64

struct form_field {
	char name[FORM_NAME_MAX + 1];
	char *value; /* followed by a NUL, which may be in it, too */
	size_t len;
};

/* {0} is empty. */
struct form {
	struct form_field *fields;
	size_t len;
};

/*
 * Each adds to `f`, and refuses with KIND_INPUT what is malformed, a name that
 * stands twice or is too long, and too many fields; `f` is to be released in
 * any case.  A body without a type is as a query (the Lua module of
 * peter_sslers sends none).  Another type is 415.
 */
int form_read_query(
    struct form *f, const char *text, size_t len, struct err *e);
int form_read(
    struct form *f, const char *type, const struct buf *body, struct err *e);

/* The field of that name, NULL when there is none. */
const struct form_field *form_field(const struct form *f, const char *name);

/*
 * Whether all fields are text, as they are unless one is a file: KIND_INPUT
 * with the name of one that has a NUL in it.
 */
int form_check_text(const struct form *f, struct err *e);

/* Its text; NULL when there is none, or it is empty. */
const char *form_text(const struct form *f, const char *name);

/* Overwrites and frees what it holds. */
void form_release(struct form *f);

#endif
