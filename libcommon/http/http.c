#include "http/http.h"

#include "http/request.h"
#include "http/response.h"
#include "sys/clock.h"
#include "sys/conn.h"
#include "sys/sig.h"

#define CHUNK 16384
#define LINGER_MS 1000
#define SLICE_MS 500
#define FIRST_MS 1000 /* after SIGTERM, for a request that is on its way */
#define PATIENCE_MS 1000 /* with a client, while others wait */

/* What one connection needs from request to request. */
struct http {
	struct conn *conn;
	const struct http_service *service;
	struct buf in; /* read and not yet used */
	struct buf body;
	struct response response;
	int64_t since; /* clock_mono(): when it began */
	int64_t deadline; /* of the request in hand */
	int64_t served;
};

static int
refuse(struct err *e, int status, const char *text)
{
	return err_http(e, KIND_INPUT, status, "%s", text);
}

static bool
is_wanted(const struct http *h)
{
	const struct http_service *s = h->service;

	return s->is_wanted && s->is_wanted(s->arg);
}

/* Until when an answer must be taken: it finds room at once, as a rule. */
static int64_t
answer_deadline(const struct http *h)
{
	return clock_mono() +
	    (is_wanted(h) ? PATIENCE_MS : h->service->request_timeout);
}

/* Reads more. Returns 1, 0 at the end, -1. */
static int
read_more(struct http *h, int64_t deadline, struct err *e)
{
	char chunk[CHUNK];
	size_t room = h->in.max - h->in.len;
	ssize_t n = conn_read(h->conn, chunk,
	    room < sizeof(chunk) ? room : sizeof(chunk), deadline, e);

	if (n <= 0)
		return (int)n;
	return buf_add(&h->in, chunk, (size_t)n) < 0 ? -1 : 1;
}

/*
 * Whether the request in hand, which is incomplete, keeps others waiting for
 * too long: they came with all of theirs.  What ends is finished first.
 */
static bool
is_in_the_way(const struct http *h)
{
	const struct http_service *s = h->service;
	int64_t since = h->deadline - s->request_timeout;

	return clock_mono() - since >= PATIENCE_MS && !sig_term() &&
	    !(s->is_over && s->is_over(s->arg)) && is_wanted(h);
}

/* Waits for more of the request.  Returns 1, 0 when nothing comes, -1. */
static int
wait_within(struct http *h, struct err *e)
{
	int64_t now;
	int rc = 0;

	while (
	    rc == 0 && (now = clock_mono()) < h->deadline && !is_in_the_way(h))
		rc = h->conn->wait(h->conn,
		    h->deadline - now < SLICE_MS ? h->deadline : now + SLICE_MS,
		    e);
	return rc;
}

/* As read_more, within a request: the end, or the deadline, is a failure. */
static int
read_within(struct http *h, struct err *e)
{
	struct err why = {0};
	int rc = wait_within(h, &why);

	if (rc == 0)
		return refuse(e, 408, "HTTP: the request took too long");
	if (rc > 0)
		rc = read_more(h, h->deadline, &why);
	if (rc > 0)
		return 0;
	if (rc < 0 && why.kind == KIND_BUSY)
		return refuse(e, 408, "HTTP: the request took too long");
	if (rc < 0) {
		*e = why;
		return -1;
	}
	return refuse(e, 400, "HTTP: the request ends too early");
}

/*
 * Whether SIGTERM ends a wait that began at `since`: a client that has just
 * connected would not understand why it gets no answer at all.
 */
static bool
is_told_to_end(const struct http *h, int64_t since)
{
	return sig_term() &&
	    (h->served > 0 || clock_mono() - since >= FIRST_MS);
}

/*
 * Waits for the client, in slices: a signal just before a wait does not end
 * it.  Returns 1, 0 when nothing comes or SIGTERM has, -1.
 */
static int
wait_idle(struct http *h, struct err *e)
{
	const struct http_service *s = h->service;
	int64_t since = clock_mono(), end = since + s->idle_timeout, now;
	int rc = 0;

	while (rc == 0 && !is_told_to_end(h, since) &&
	    (now = clock_mono()) < end) {
		rc = h->conn->wait(
		    h->conn, end - now < SLICE_MS ? end : now + SLICE_MS, e);
		if (rc == 0 && is_wanted(h))
			break;
	}
	return rc;
}

/*
 * Waits for the first byte of a request, which starts its deadline.
 * Returns 1, 0 when there will be none, -1.
 */
static int
await_request(struct http *h, struct err *e)
{
	int rc = 1;

	if (h->in.len == 0)
		rc = wait_idle(h, e);
	h->deadline = clock_mono() + h->service->request_timeout;
	if (rc <= 0 || h->in.len > 0)
		return rc;
	return read_more(h, h->deadline, e);
}

/* The head, parsed, and taken from `in`. Returns 0 or -1. */
static int
read_head(struct http *h, struct request *req, struct err *e)
{
	size_t seen = 0;
	ssize_t end;
	int rc;

	while (h->in.len < 2 && h->in.data[0] == '\r')
		if (read_within(h, e) < 0)
			return -1;
	if (memcmp(h->in.data, "\r\n", 2) == 0)
		buf_consume(&h->in, 2);
	while ((end = request_head_end(h->in.data, h->in.len, &seen, e)) == 0)
		if (read_within(h, e) < 0)
			return -1;
	if (end < 0)
		return -1;
	rc = request_parse(h->in.data, (size_t)end, req, e);
	buf_consume(&h->in, (size_t)end);
	return rc;
}

static int
read_body(struct http *h, const struct request *req, struct err *e)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	size_t len = req->content_length;

	buf_clear(&h->body);
	if (req->method == REQUEST_POST && !req->has_length)
		return refuse(e, 411, "HTTP: Content-Length is required");
	if (len > h->service->body_max)
		return refuse(e, 413, "HTTP: the body is too large");
	if (req->expects_continue && h->in.len < len &&
	    conn_write(h->conn, go_on, sizeof(go_on) - 1, h->deadline, e) < 0)
		return -1;
	while (h->in.len < len)
		if (read_within(h, e) < 0)
			return -1;
	buf_add(&h->body, h->in.data, len);
	buf_consume(&h->in, len);
	return 0;
}

/*
 * The answer to what was no request; then the connection is over.  A failure
 * that has no HTTP status is the connection's own: nobody is left to tell.
 */
static int
answer_refusal(
    struct http *h, const struct err *why, bool is_post, struct err *e)
{
	if (why->http_status == 0) {
		*e = *why;
		return -1;
	}
	response_clear(&h->response);
	h->service->refuse(h->service->arg, why, is_post, &h->response);
	h->response.close = true;
	if (response_write(
		&h->response, h->conn, false, false, answer_deadline(h), e) < 0)
		return -1;
	if (!is_wanted(h))
		conn_linger(h->conn, clock_mono() + LINGER_MS);
	return 0;
}

/*
 * Whether the answer in hand is the last.  Who is at it for long gives way to
 * others, also when there is never a pause between his requests.
 */
static bool
is_last(const struct http *h, const struct request *req)
{
	const struct http_service *s = h->service;

	if (!req->keep_alive || h->served >= s->requests_max || sig_term() ||
	    (s->is_over && s->is_over(s->arg)))
		return true;
	return clock_mono() - h->since >= PATIENCE_MS && is_wanted(h);
}

/* One request. Returns 1 when another may follow, 0 at the end, -1. */
static int
serve_one(struct http *h, struct err *e)
{
	struct request req = {0};
	struct err why = {0};
	bool is_post = h->in.data[0] == 'P';
	int rc = -1;

	if (read_head(h, &req, &why) < 0 || read_body(h, &req, &why) < 0) {
		rc = answer_refusal(h, &why, is_post, e);
		goto out;
	}
	response_clear(&h->response);
	h->service->answer(h->service->arg, &req, &h->body, &h->response);
	++h->served;
	if (is_last(h, &req))
		h->response.close = true;
	h->conn->more = h->response.close;
	if (response_write(&h->response, h->conn, req.method == REQUEST_HEAD,
		req.is_1_0, answer_deadline(h), e) < 0)
		goto out;
	rc = h->response.close ? 0 : 1;
	if (rc == 0 && h->in.len > 0)
		conn_linger(h->conn, clock_mono() + LINGER_MS);
out:
	request_release(&req);
	return rc;
}

int
http_serve(struct conn *c, const struct http_service *s, struct err *e)
{
	struct http h = {.conn = c, .service = s, .since = clock_mono()};
	int rc;

	buf_init(
	    &h.in, s->body_max + REQUEST_LINE_MAX + REQUEST_HEAD_MAX + CHUNK);
	buf_init(&h.body, s->body_max);
	response_init(&h.response);
	do {
		rc = await_request(&h, e);
		if (rc > 0)
			rc = serve_one(&h, e);
	} while (rc > 0);
	if (rc == 0)
		c->shut(c, clock_mono() + LINGER_MS);
	buf_wipe(&h.in);
	buf_wipe(&h.body);
	response_release(&h.response);
	return rc;
}
