#include "base/str.h"
#include "http/http.h"
#include "http/request.h"
#include "http/response.h"
#include "sys/clock.h"
#include "sys/conn.h"
#include "sys/fd.h"
#include "sys/sig.h"
#include "unit.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
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

/* ---- clients that are slow on purpose, or never end */

#define GENEROUS 15000 /* ms, where 200 and a second of lingering are meant */
#define DRIBBLE 150 /* bytes, each after 20 ms: far beyond the deadline */

/*
 * Serves a child that sends `text`, then `more` again and again: `times`
 * times with a pause before each, or until nobody reads any more.  It reads
 * nothing.  Returns what has come back.
 */
static char *
serve_child(
    const char *text, const char *more, int times, int *rc, struct err *e)
{
	int fds[2], status;
	struct buf out;
	struct conn c;
	pid_t child;
	int64_t began;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	child = fork();
	if (child == 0) {
		close(fds[1]);
		send(fds[0], text, strlen(text), MSG_NOSIGNAL);
		for (int i = 0; times == 0 || i < times; i++) {
			if (times > 0)
				usleep(20000);
			if (send(fds[0], more, strlen(more), MSG_NOSIGNAL) < 0)
				_exit(1);
		}
		_exit(0);
	}
	began = clock_mono();
	conn_init(&c, fds[1], fds[1]);
	*rc = http_serve(&c, &service, e);
	assert_true(clock_mono() - began < GENEROUS);
	close(fds[1]);
	waitpid(child, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 1); /* it was cut off */
	buf_init(&out, 4000000);
	fd_read_all(fds[0], &out, FD_FOREVER, e);
	close(fds[0]);
	return buf_detach(&out);
}

/* A byte now and then prolongs nothing: the deadline is absolute. */
static void
test_dribble(void **state)
{
	static const char *const begins[] = {"\r", "G",
	    "GET / HTTP/1.1\r\nX: ", POST("Content-Length: 100\r\n", ""),
	    GET("/1") POST("Content-Length: 100\r\n", "")};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
		struct err e = {0};
		int rc;
		char *out = serve_child(
		    begins[i], i == 0 ? "\n" : "x", DRIBBLE, &rc, &e);

		assert_ok(rc, &e);
		/* empty lines are no request, and a second is refused */
		assert_int_equal(
		    count(out, "HTTP/1.1 408 Request Timeout\r\n"), i > 0);
		assert_int_equal(
		    count(out, "HTTP/1.1 200"), i == ARRAY_LEN(begins) - 1);
		free(out);
	}
}

/* What never ends is refused at its limit, and not read on for long. */
static void
test_endless(void **state)
{
	static const struct {
		const char *text, *more, *want;
	} cases[] = {
	    {"", "GET", " 414 "},
	    {"GET /", "aaaaaaaaaaaaaaaaaaaaa", " 414 "},
	    {"GET / HTTP/1.1\r\n", "X: aaaaaaaaaaaaaaaaaaaa\r\n", " 431 "},
	    {"GET / HTTP/1.1\r\nX: ", "aaaaaaaaaaaaaaaaaaaa", " 431 "},
	    {POST("Content-Length: 9223372036854775807\r\n", ""),
		"aaaaaaaaaaaaaaaaaaaaaaaa", " 413 "},
	    {POST("Transfer-Encoding: chunked\r\n", ""), "5\r\naaaaa\r\n",
		" 411 "},
	    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n", " 400 "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = {0};
		int rc;
		char *out =
		    serve_child(cases[i].text, cases[i].more, 0, &rc, &e);

		assert_ok(rc, &e);
		assert_int_equal(count(out, cases[i].want), 1);
		free(out);
	}
}

static void
answer_much(void *arg, const struct request *req, const struct buf *body,
    struct response *res)
{
	(void)arg;
	(void)req;
	(void)body;
	for (int i = 0; i < 50000; i++)
		buf_adds(&res->body, "0123456789abcdef");
}

/* A client that sends for ever and reads nothing is left. */
static void
test_unread_answers(void **state)
{
	struct err e = {0};
	int rc;

	(void)state;
	service.answer = answer_much;
	service.requests_max = 1000;
	free(serve_child(GET("/"), GET("/"), 0, &rc, &e));
	service.answer = echo;
	service.requests_max = 3;
	assert_int_equal(rc, -1);
	assert_int_equal(e.kind, KIND_BUSY);
}

/* What was right before an error is answered, what follows it is not. */
static void
test_error_in_the_middle(void **state)
{
	static const char *const bad[] = {"GET / HTTP/1.1\r\n\r\n",
	    "GET /\r\n\r\n", POST("", "abc"),
	    POST("Content-Length: 101\r\n", "abc"),
	    POST("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "abc")};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *text = xasprintf("%s%s%s",
		    POST("Content-Length: 3\r\n", "abc"), bad[i], GET("/2"));
		char *out = serve(text, true);

		assert_int_equal(count(out, "HTTP/1.1 200"), 1);
		assert_int_equal(count(out, "HTTP/1.1 4"), 1);
		assert_int_equal(count(out, "HTTP/1.1 "), 2);
		assert_int_equal(count(out, "X-Path: /2"), 0);
		free(out);
		free(text);
	}
}

/*
 * A process that has had SIGTERM serves a client that sends `text` after `ms`
 * and says no more.  Returns how many answers there were.
 */
static int
serve_after_term(const char *text, int ms)
{
	struct err e = {0};
	struct buf out;
	struct conn c;
	int fds[2], n;
	pid_t child;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	child = fork();
	if (child == 0) {
		sig_catch_term();
		raise(SIGTERM);
		conn_init(&c, fds[1], fds[1]);
		service.idle_timeout = GENEROUS;
		_exit(http_serve(&c, &service, &e) < 0);
	}
	close(fds[1]);
	usleep((useconds_t)ms * 1000);
	send(fds[0], text, strlen(text), MSG_NOSIGNAL);
	buf_init(&out, 100000);
	assert_ok(
	    fd_read_all(fds[0], &out, clock_mono() + GENEROUS / 2, &e), &e);
	waitpid(child, NULL, 0);
	n = count(out.data, "HTTP/1.1 200");
	buf_release(&out);
	close(fds[0]);
	return n;
}

static void
test_sigterm(void **state)
{
	(void)state;
	/* who has just come has a request on its way */
	assert_int_equal(serve_after_term(GET("/1"), 300), 1);
	assert_int_equal(serve_after_term(GET("/1") GET("/2"), 0), 1);
	assert_int_equal(serve_after_term("", 0), 0);
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
    cmocka_unit_test(test_dribble),
    cmocka_unit_test(test_endless),
    cmocka_unit_test(test_unread_answers),
    cmocka_unit_test(test_error_in_the_middle),
    cmocka_unit_test(test_sigterm),
    cmocka_unit_test(test_response_field),
};
UNIT_MAIN(tests)
