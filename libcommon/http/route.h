#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "base/err.h"

/* From the path of a request to what is there. */
struct request;
struct response;

#define ROUTE_IDS 2
#define ROUTE_ID_SIZE 32

/* The variable parts of a path. */
struct route_parts {
	char id[ROUTE_IDS][ROUTE_ID_SIZE];
	const char *rest; /* in the path itself, not terminated */
	size_t rest_len;
};

/*
 * Whether `path` is of the pattern, in which "*" stands for one id, of letters,
 * digits, "-" and "_", and "+", at most once, for one part that may be
 * anything; neither is empty.  `out` is of use only then.
 */
bool route_matches(
    const char *pattern, const char *path, struct route_parts *out);

/* How many characters at `p` may be in an id. */
size_t route_id_span(const char *p);

/*
 * Whether the method is one of `methods` (enum request_method; GET implies
 * HEAD).  -1: KIND_INPUT, 405, and Allow is in the response.
 */
int route_check_method(unsigned methods, const struct request *req,
    struct response *res, struct err *e);

#endif
