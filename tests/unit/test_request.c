#include "http/request.h"
#include "unit.h"

/* Reads `text` as a head; 0, the HTTP status of the refusal, or -1: no end. */
static int
parse(const char *text, size_t len, struct request *r)
{
	struct err e = {0};
	size_t seen = 0;
	ssize_t end = request_head_end(text, len, &seen, &e);

	*r = (struct request){0};
	if (end == 0)
		return -1;
	if (end > 0 && request_parse(text, (size_t)end, r, &e) == 0)
		assert_false(err_is_set(&e));
	else
		assert_true(err_is_set(&e));
	return e.http_status;
}

static void
test_good(void **state)
{
	static const char text[] = "POST /new-order?a=b HTTP/1.1\r\n"
				   "Host: localhost:14000\r\n"
				   "Content-Length:  12 \r\n"
				   "X-Long:\ta b\t \r\n"
				   "Empty:\r\n\r\nrest";
	struct request r;

	(void)state;
	assert_int_equal(parse(text, sizeof(text) - 1, &r), 0);
	assert_int_equal(r.method, REQUEST_POST);
	assert_string_equal(r.path, "/new-order");
	assert_string_equal(r.query, "a=b");
	assert_true(r.keep_alive);
	assert_true(r.has_length);
	assert_int_equal(r.content_length, 12);
	assert_string_equal(request_field(&r, "x-long"), "a b");
	assert_string_equal(request_field(&r, "empty"), "");
	assert_null(request_field(&r, "absent"));
	request_release(&r);
}

static void
test_options(void **state)
{
	static const struct {
		const char *fields;
		bool keep_alive, expects;
	} cases[] = {
	    {"", true, false},
	    {"Connection: close\r\n", false, false},
	    {"Connection: foo, Close\r\n", false, false},
	    {"Connection: foo ,close ,bar\r\n", false, false},
	    {"Connection: closed\r\n", true, false},
	    {"Connection: clos\r\n", true, false},
	    {"Connection: close x\r\n", true, false},
	    {"Connection: xxxxx, foo\r\n", true, false},
	    {"Connection: keep-alive\r\n", true, false},
	    {"Expect: 100-Continue\r\n", true, true},
	};
	struct request r;
	char text[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text),
		    "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].fields);
		assert_int_equal(parse(text, strlen(text), &r), 0);
		assert_int_equal(r.keep_alive, cases[i].keep_alive);
		assert_int_equal(r.expects_continue, cases[i].expects);
		request_release(&r);
	}
	assert_int_equal(parse("GET / HTTP/1.0\r\n\r\n",
			     strlen("GET / HTTP/1.0\r\n\r\n"), &r),
	    0);
	assert_false(r.keep_alive);
	request_release(&r);
}

static void
test_targets(void **state)
{
	static const char *const targets[] = {"/directory",
	    "http://a/directory", "HTTPS://a:1/directory",
	    "https://[::1]:1/directory"};
	static const char *const hosts[] = {NULL, "a", "a:1", "[::1]:1"};
	struct request r;
	char text[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		snprintf(text, sizeof(text),
		    "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", targets[i]);
		assert_int_equal(parse(text, strlen(text), &r), 0);
		assert_string_equal(r.path, "/directory");
		if (hosts[i])
			assert_string_equal(r.authority, hosts[i]);
		else
			assert_null(r.authority);
		request_release(&r);
	}
}

#define LINE "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"
#define BAD(status, text)                                                      \
	{                                                                      \
		status, text, sizeof(text) - 1                                 \
	}

static const struct {
	int status;
	const char *text;
	size_t len;
} bad[] = {
    BAD(400, "GET /\r\n" HOST "\r\n"),
    BAD(400, "GET  / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET http://a HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET http://a?b/directory HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET http:///directory HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET http://:1/directory HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET http://b@a/directory HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, LINE "Host: a\\b\r\n\r\n"),
    BAD(400, LINE "Host: <a>\r\n\r\n"),
    BAD(400, " GET / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET / HTTP/1.1 \r\n" HOST "\r\n"),
    BAD(400, "GET / HTTP/1.2\r\n" HOST "\r\n"),
    BAD(400, "GET / HTTP/2.0\r\n" HOST "\r\n"),
    BAD(400, "GET / http/1.1\r\n" HOST "\r\n"),
    BAD(400, "G@T / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET a HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET http://a HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET /#x HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET /\x80 HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET /\tx HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, LINE "\r\n"),
    BAD(400, LINE HOST HOST "\r\n"),
    BAD(400, LINE "Host: a, b\r\n\r\n"),
    BAD(400, LINE "Host : a\r\n\r\n"),
    BAD(400, LINE HOST "X\r\n\r\n"),
    BAD(400, LINE HOST ": x\r\n\r\n"),
    BAD(400, LINE HOST "X y: z\r\n\r\n"),
    BAD(400, LINE HOST "X: a\r\n b\r\n\r\n"),
    BAD(400, LINE " X: a\r\n" HOST "\r\n"),
    BAD(400, LINE HOST "X: a\nY: b\r\n\r\n"),
    BAD(400, LINE HOST "X: a\rY: b\r\n\r\n"),
    BAD(400, LINE HOST "X: a\r-Y: b\r\n\r\n"),
    BAD(400, LINE HOST "X: a\0b\r\n\r\n"),
    BAD(400, LINE HOST "X: a\x01\r\n\r\n"),
    BAD(400, LINE HOST "X: a\x7f\r\n\r\n"),
    BAD(400, "GET /\x7f HTTP/1.1\r\n" HOST "\r\n"),
    BAD(417, LINE HOST "Expect: 100-continue\r\nExpect: a\r\n\r\n"),
    BAD(400, LINE HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"),
    BAD(400, LINE HOST "Content-Length: 1, 1\r\n\r\n"),
    BAD(400, LINE HOST "Content-Length: +1\r\n\r\n"),
    BAD(400, LINE HOST "Content-Length: -1\r\n\r\n"),
    BAD(400, LINE HOST "Content-Length: 0x1\r\n\r\n"),
    BAD(400, LINE HOST "Content-Length:\r\n\r\n"),
    BAD(400, LINE HOST "Content-Length: 99999999999999999999\r\n\r\n"),
    BAD(400,
	LINE HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
    BAD(411, LINE HOST "Transfer-Encoding: chunked\r\n\r\n"),
    BAD(501, LINE HOST "Transfer-Encoding: gzip, chunked\r\n\r\n"),
    BAD(501,
	LINE HOST "Transfer-Encoding: chunked\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n"),
    BAD(417, LINE HOST "Expect: tea\r\n\r\n"),
    BAD(-1, LINE HOST "X: a\r\n"),
    BAD(-1, LINE HOST "X: a\r"),
    BAD(400, "\n"),
    BAD(400, "\0"),
};

static void
test_bad(void **state)
{
	struct request r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int status = parse(bad[i].text, bad[i].len, &r);

		if (status != bad[i].status)
			fail_msg("case %zu: %d, not %d: %s", i, status,
			    bad[i].status, bad[i].text);
		request_release(&r);
	}
}

/* A text with `n` times `c` in the middle. */
static int
parse_long(const char *before, char c, size_t n, const char *after)
{
	size_t len = strlen(before) + n + strlen(after);
	char *text = xmalloc(len + 1);
	struct request r;
	int status;

	memcpy(text, before, strlen(before));
	memset(text + strlen(before), c, n);
	memcpy(text + strlen(before) + n, after, strlen(after));
	status = parse(text, len, &r);
	request_release(&r);
	free(text);
	return status;
}

static void
test_limits(void **state)
{
	char many[16 * 110] = LINE HOST;

	(void)state;
	/* "GET /" + n + " HTTP/1.1\r\n" is 8192 bytes for n = 8176 */
	assert_int_equal(
	    parse_long("GET /", 'a', 8176, " HTTP/1.1\r\n" HOST "\r\n"), 0);
	assert_int_equal(
	    parse_long("GET /", 'a', 8177, " HTTP/1.1\r\n" HOST "\r\n"), 414);
	assert_int_equal(
	    parse_long(LINE HOST "X: ", 'a', 16384 - 9 - 3 - 4, "\r\n\r\n"), 0);
	assert_int_equal(
	    parse_long(LINE HOST "X: ", 'a', 16384 - 9 - 3 - 3, "\r\n\r\n"),
	    431);
	for (int i = 0; i < 99; i++)
		strncat(many, "X: y\r\n", 7);
	assert_int_equal(parse_long(many, ' ', 0, "\r\n"), 0);
	assert_int_equal(parse_long(many, ' ', 0, "X: y\r\n\r\n"), 431);
}

/* However the bytes arrive, the answer is the same. */
static void
test_byte_by_byte(void **state)
{
	static const char text[] = LINE HOST "X: a\r\n\r\nrest";
	struct err e = {0};
	size_t seen = 0;

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 5; len++)
		assert_int_equal(request_head_end(text, len, &seen, &e), 0);
	assert_int_equal(request_head_end(text, sizeof(text) - 1, &seen, &e),
	    sizeof(text) - 5);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_good),
    cmocka_unit_test(test_options),
    cmocka_unit_test(test_targets),
    cmocka_unit_test(test_bad),
    cmocka_unit_test(test_limits),
    cmocka_unit_test(test_byte_by_byte),
};
UNIT_MAIN(tests)
