#include "client/listener.h"
#include "client/solve_part.h"

#include "http/http.h"
#include "http/request.h"
#include "http/response.h"
#include "sys/conn.h"

/* http-01 by a listener of our own. */

#define PATH "/.well-known/acme-challenge/"
#define REQUEST_MS 5000
#define REQUESTS_MAX 10

struct self {
	struct listener *listener;
	const struct solver_options *options;
};

/* ---- in the process of a connection -------------------------------------- */

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

/* ---- the solver ---------------------------------------------------------- */

static int
present(void *self, const struct solver_task *t, struct err *e)
{
	const struct self *s = self;

	return listener_add(s->listener, t, e);
}

static int
check(void *self, const struct solver_task *t, struct err *e)
{
	const struct self *s = self;

	return solve_check_http(s->options, t, e);
}

static int
cleanup(void *self, const struct solver_task *t, struct err *e)
{
	const struct self *s = self;

	return listener_remove(s->listener, t, e);
}

static void
free_self(void *self)
{
	struct self *s = self;

	listener_free(s->listener);
	free(s);
}

int
solve_listen_make(
    const struct solve_making *m, struct solver *out, struct err *e)
{
	struct listener *l;
	uint16_t port;
	struct self *s;

	if (solve_port(m->argument, &port, e) < 0)
		return -1;
	l = listener_new(port, serve, e);
	if (!l)
		return -1;
	s = xcalloc(1, sizeof(*s));
	s->listener = l;
	s->options = m->options;
	*out = (struct solver){.type = "http-01",
	    .present = present,
	    .check = check,
	    .cleanup = cleanup,
	    .free = free_self,
	    .self = s};
	return 0;
}
