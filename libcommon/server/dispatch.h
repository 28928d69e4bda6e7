#ifndef SERVER_DISPATCH_H
#define SERVER_DISPATCH_H

#include "base/buf.h"
#include "base/err.h"

/*
 * From a request to its resource and back: routes, the envelope of a POST
 * (RFC 8555 6.2 to 6.5), the headers that every response has, problems.
 */
struct request;
struct response;

/*
 * The two functions of a struct http_service (http/http.h); `arg` is the
 * struct server.
 */
void dispatch_answer(void *arg, const struct request *req,
    const struct buf *body, struct response *res);
void dispatch_refuse(
    void *arg, const struct err *e, bool is_post, struct response *res);

#endif
