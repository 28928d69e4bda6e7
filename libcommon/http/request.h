#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "base/err.h"

/*
 * The head of one HTTP/1.1 request (RFC 9112), read strictly from bytes and
 * from nothing else.  What is refused is refused with KIND_INPUT and the HTTP
 * status in e->http_status; the connection is of no further use then, because
 * nobody knows where the next request would begin.
 */
#define REQUEST_LINE_MAX 8192
#define REQUEST_HEAD_MAX 16384 /* all fields together, with the line 24 KiB */
#define REQUEST_FIELDS_MAX 100

enum request_method {
	REQUEST_GET = 1,
	REQUEST_HEAD = 2,
	REQUEST_POST = 4,
	REQUEST_OTHER = 8
};

struct request_field {
	const char *name; /* lower case */
	const char
	    *value; /* without blanks around; printable, tab or >= 0x80 */
};

struct request {
	enum request_method method;
	const char *method_name;
	const char *authority; /* of a target that is a URL, or NULL */
	const char *path; /* as sent: begins with "/", nothing decoded */
	const char *query; /* after "?", or NULL */
	bool is_1_0; /* HTTP/1.0 */
	bool keep_alive; /* the client may send another on this connection */
	bool expects_continue; /* waits for "100 Continue" */
	bool has_length; /* a Content-Length was sent */
	size_t content_length; /* 0 when none was sent */
	size_t fields_len;
	struct request_field fields[REQUEST_FIELDS_MAX];
	char *head; /* what all of the above points into */
	size_t head_len;
};

/*
 * Looks for the end of a head in `data`.  `*seen` is how much an earlier call
 * has looked at, 0 at first, so that a slow client costs linear time.
 * Returns the length of the head with its empty line, 0 when that has not
 * come yet, or -1: a bare CR or LF, a NUL, a line or head beyond the limits
 * (414, 431).
 */
ssize_t request_head_end(
    const char *data, size_t len, size_t *seen, struct err *e);

/*
 * Reads a head that request_head_end has measured.  The caller releases `r`
 * in any case.  Returns 0, or -1: 400 for syntax, another version, a missing
 * or repeated Host, two Content-Lengths or one with Transfer-Encoding; 411
 * for chunked, 501 for other codings; 417 for another Expect.
 */
int request_parse(
    const char *head, size_t len, struct request *r, struct err *e);

/* Overwrites and frees what it holds. NULL-safe. */
void request_release(struct request *r);

/* How often a field is there, by its lower-case name. */
size_t request_count(const struct request *r, const char *name);

/* The value of a field by its lower-case name; NULL when absent or repeated. */
const char *request_field(const struct request *r, const char *name);

#endif
