#include "solve/listener.h"
#include "solve/solve_part.h"

#include "http/http.h"
#include "http/request.h"
#include "http/response.h"
#include "sys/conn.h"

/* http-01 by a listener of our own: what its process does. */

#define PATH "/.well-known/acme-challenge/"
#define REQUEST_MS 5000
#define REQUESTS_MAX 10

struct known {
	const struct listener_answer *answers;
	size_t len;
};

static void
answer(void *arg, const struct request *req, const struct buf *body,
    struct response *res)
{
	const struct known *k = arg;
	const char *token =
	    str_starts(req->path, PATH) ? req->path + strlen(PATH) : "";

	(void)body;
	res->status = 404;
	for (size_t i = 0; i < k->len; i++)
		if (strcmp(token, k->answers[i].token) == 0) {
			res->status = 200;
			buf_adds(&res->body, k->answers[i].key_authorization);
		}
	response_field(res, "Content-Type", "application/octet-stream");
}

static void
refuse(void *arg, const struct err *e, bool is_post, struct response *res)
{
	(void)arg;
	(void)is_post;
	res->status = e->http_status;
}

static void
serve(int fd, const struct listener_answer *answers, size_t len)
{
	struct known k = {answers, len};
	const struct http_service service = {.answer = answer,
	    .refuse = refuse,
	    .arg = &k,
	    .request_timeout = REQUEST_MS,
	    .idle_timeout = REQUEST_MS,
	    .requests_max = REQUESTS_MAX};
	struct conn c;
	struct err e = {0};

	conn_init(&c, fd, fd);
	http_serve(&c, &service, &e);
}

int
solve_listen_make(
    const struct solve_making *m, struct solver *out, struct err *e)
{
	return listener_make("http-01", serve, m, out, e);
}
