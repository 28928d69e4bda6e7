#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include "base/buf.h"
#include "base/err.h"

/* One HTTP/1.1 response, made whole and then written in one go. */
#define RESPONSE_FIELDS_MAX ((size_t)64 * 1024)
#define RESPONSE_BODY_MAX ((size_t)1024 * 1024)

struct conn;

struct response {
	int status;
	bool close; /* the connection ends with this response */
	struct buf fields; /* "Name: value\r\n" of each */
	struct buf body;
};

void response_init(struct response *r);

/* Empties all, keeps memory; the status is 200 again.  A body may be secret. */
void response_clear(struct response *r);
void response_release(struct response *r);

/*
 * Adds a field.  The value is ours and not a stranger's; a control character
 * in it becomes '?', so that no field can end early.
 */
void response_field(struct response *r, const char *name, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* The fields that keep an answer from being stored, or taken for another type.
 */
void response_private(struct response *r);

/*
 * Writes status line, Date, the fields, Content-Length (not with 204) and
 * Connection if it matters, then the body unless `head_only`.
 * Returns 0, or -1 as conn_write; KIND_BUG when fields or body are too long.
 */
int response_write(const struct response *r, struct conn *c, bool head_only,
    bool is_1_0, int64_t deadline, struct err *e);

/* "Not Found" and so on. */
const char *response_reason(int status);

#endif
