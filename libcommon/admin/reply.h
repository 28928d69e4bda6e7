#ifndef ADMIN_REPLY_H
#define ADMIN_REPLY_H

#include "base/buf.h"
#include "base/err.h"

/*
 * From a request to its resource and back: routes, who asks, forms, the headers
 * that every response has, failures as JSON.
 */
struct request;
struct response;

/*
 * The two functions of a struct http_service (http/http.h); `arg` is the
 * struct admin.
 */
void reply_answer(void *arg, const struct request *req, const struct buf *body,
    struct response *res);
void reply_refuse(
    void *arg, const struct err *e, bool is_post, struct response *res);

/*
 * The route of a path without its prefix, with its parts; NULL: nothing is
 * there.  Of two that match, the first one of the table.
 */
struct route_parts;
const struct visit_route *reply_route(
    const char *path, struct route_parts *parts);

#endif
