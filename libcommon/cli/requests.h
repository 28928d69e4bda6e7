#ifndef CLI_REQUESTS_H
#define CLI_REQUESTS_H

#include "store/upstream_request.h"

/*
 * Prints the log of requests to other CAs that match, or with `count` how many
 * there were of each kind.
 */
struct requests_how {
	struct upstream_request_filter filter;
	bool count, json, header;
};
int requests_print(
    struct store *st, const struct requests_how *how, struct err *e);

#endif
