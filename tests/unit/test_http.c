#include "base/str.h"
#include "http/http.h"
#include "http/request.h"
#include "http/response.h"
#include "sys/conn.h"
#include "sys/fd.h"
#include "unit.h"

#include <sys/socket.h>
#include <unistd.h>

/* Answers with what it was asked. */
static void
echo(void *arg, const struct request *req, const struct buf *body,
    struct response *res)
{
	(void)arg;
	response_field(res, "X-Path", "%s", req->path);
	buf_add(&res->body, body->data, body->len);
}

static void
refuse(void *arg, const struct err *e, bool is_post, struct response *res)
{
	(void)arg;
	res->status = e->http_status;
	buf_adds(&res->body, is_post ? "post" : "other");
}

static struct http_service service = {.answer = echo,
    .refuse = refuse,
    .body_max = 100,
    .request_timeout = 200,
    .idle_timeout = 100,
    .requests_max = 3};

/*
 * Sends `text`, ends the sending if `done`, serves, and returns all that came
 * back; the caller frees.
 */
static char *
serve(const char *text, bool done)
{
	struct err e = {0};
	struct buf out;
	struct conn c;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_ok(fd_write_all(fds[0], text, strlen(text), FD_FOREVER, &e), &e);
	if (done)
		shutdown(fds[0], SHUT_WR);
	conn_init(&c, fds[1], fds[1]);
	assert_ok(http_serve(&c, &service, &e), &e);
	close(fds[1]);
	buf_init(&out, 100000);
	assert_ok(fd_read_all(fds[0], &out, FD_FOREVER, &e), &e);
	close(fds[0]);
	return buf_detach(&out);
}

/* How many times `part` is in `text`. */
static int
count(const char *text, const char *part)
{
	int n = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		n++;
	return n;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(fields, body) "POST /p HTTP/1.1\r\nHost: a\r\n" fields "\r\n" body

static void
test_pipelined(void **state)
{
	char *out = serve(
	    GET("/1") POST("Content-Length: 3\r\n", "abc") GET("/2"), true);

	(void)state;
	assert_int_equal(count(out, "HTTP/1.1 200 OK\r\n"), 3);
	assert_true(strstr(out, "X-Path: /1") < strstr(out, "X-Path: /p"));
	assert_true(strstr(out, "X-Path: /p") < strstr(out, "X-Path: /2"));
	assert_non_null(strstr(out, "Content-Length: 3\r\n\r\nabcHTTP"));
	assert_int_equal(count(out, "\r\nDate: "), 3);
	/* the third is the last that the limit allows */
	assert_int_equal(count(out, "Connection: close"), 1);
	free(out);
}

static void
test_request_cap(void **state)
{
	char *out = serve(GET("/") GET("/") GET("/") GET("/") GET("/"), true);

	(void)state;
	assert_int_equal(count(out, "200 OK"), 3);
	free(out);
}

static void
test_head(void **state)
{
	char *out = serve("HEAD /h HTTP/1.1\r\nHost: a\r\n"
			  "Content-Length: 2\r\n\r\nxy" GET("/2"),
	    true);

	(void)state;
	assert_non_null(strstr(out, "Content-Length: 2\r\n\r\nHTTP/1.1 200"));
	free(out);
}

static void
test_close(void **state)
{
	char *out = serve("GET / HTTP/1.1\r\nHost: a\r\n"
			  "Connection: close\r\n\r\n" GET("/2"),
	    true);

	(void)state;
	assert_int_equal(count(out, "200 OK"), 1);
	assert_int_equal(count(out, "Connection: close\r\n"), 1);
	free(out);
	out = serve("GET / HTTP/1.0\r\n\r\n" GET("/2"), true);
	assert_int_equal(count(out, "200 OK"), 1);
	free(out);
}

static void
test_empty_line_before(void **state)
{
	char *out = serve("\r\n" GET("/1"), true);

	(void)state;
	assert_int_equal(count(out, "200 OK"), 1);
	free(out);
	out = serve("\r\n\r\n\r\n" GET("/1"), true);
	assert_int_equal(count(out, "400 Bad Request"), 1);
	free(out);
}

static void
test_continue(void **state)
{
	char *out = serve(
	    POST("Content-Length: 3\r\nExpect: 100-continue\r\n", ""), true);

	(void)state;
	assert_int_equal(count(out, "HTTP/1.1 100 Continue\r\n\r\n"), 1);
	free(out);
	/* it has sent the body already */
	out = serve(
	    POST("Content-Length: 3\r\nExpect: 100-continue\r\n", "abc"), true);
	assert_int_equal(count(out, "100 Continue"), 0);
	assert_int_equal(count(out, "200 OK"), 1);
	free(out);
	/* a body that is refused is not asked for */
	out = serve(
	    POST("Content-Length: 101\r\nExpect: 100-continue\r\n", ""), true);
	assert_int_equal(count(out, "100 Continue"), 0);
	assert_int_equal(count(out, "413 Content Too Large"), 1);
	free(out);
}

/* The refusal ends the connection: what follows is not answered. */
static void
test_refused(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {POST("", GET("/2")), "411 Length Required"},
	    {POST("Content-Length: 101\r\n", GET("/2")), "413 Content"},
	    {POST("Transfer-Encoding: chunked\r\n", "0\r\n\r\n" GET("/2")),
		"411 Length"},
	    {POST("Content-Length: 2\r\nContent-Length: 2\r\n", "xx" GET("/2")),
		"400 Bad Request"},
	    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 Bad Request"},
	    {POST("Content-Length: 5\r\n", "abc"), "400 Bad Request"},
	    {"POST /p HTTP/1.1\r\nHo", "400 Bad Request"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *out = serve(cases[i].text, true);

		assert_int_equal(count(out, "HTTP/1.1 "), 1);
		assert_non_null(strstr(out, cases[i].want));
		assert_int_equal(count(out, "Connection: close\r\n"), 1);
		assert_true(str_ends(out, "post"));
		free(out);
	}
}

/* Absolute deadlines: of the wait for a request, and of a request. */
static void
test_timeouts(void **state)
{
	char *out = serve("", false);

	(void)state;
	assert_string_equal(out, "");
	free(out);
	out = serve("GET / HTTP/1.1\r\nHost", false);
	assert_int_equal(count(out, "HTTP/1.1 408 Request Timeout\r\n"), 1);
	free(out);
	out = serve(GET("/"), false);
	assert_int_equal(count(out, "200 OK"), 1);
	assert_int_equal(count(out, "408"), 0);
	free(out);
}

static void
test_response_field(void **state)
{
	struct response r;

	(void)state;
	response_init(&r);
	response_field(&r, "X", "a%sb", "\r\nSet-Cookie: evil");
	assert_string_equal(r.fields.data, "X: a??Set-Cookie: evilb\r\n");
	response_release(&r);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_pipelined),
    cmocka_unit_test(test_request_cap),
    cmocka_unit_test(test_head),
    cmocka_unit_test(test_close),
    cmocka_unit_test(test_empty_line_before),
    cmocka_unit_test(test_continue),
    cmocka_unit_test(test_refused),
    cmocka_unit_test(test_timeouts),
    cmocka_unit_test(test_response_field),
};
UNIT_MAIN(tests)
