/* Paths, and what is at them; hosts that requests name. */
#include "http/host.h"
#include "http/request.h"
#include "http/response.h"
#include "http/route.h"
#include "unit.h"

static void
test_paths(void **state)
{
	static const struct {
		const char *pattern, *path, *id, *id2, *rest;
	} good[] = {
	    {"/", "/", "", "", ""},
	    {"/order/*", "/order/a-B_9", "a-B_9", "", ""},
	    {"/order/*/finalize", "/order/1/finalize", "1", "", ""},
	    {"/a/*/b/*", "/a/1/b/22", "1", "22", ""},
	    {"/ari/+", "/ari/x.y%2F", "", "", "x.y%2F"},
	    {"/domain/+/config.json", "/domain/*.a.b/config.json", "", "",
		"*.a.b"},
	    {"/c/*/cert.+", "/c/7/cert.pem.txt", "7", "", "pem.txt"},
	};
	static const char *const bad[][2] = {
	    {"/", ""},
	    {"/order/*", "/order/"},
	    {"/order/*", "/order/a.b"},
	    {"/order/*", "/order/a/"},
	    {"/order/*", "/orders/a"},
	    {"/order/*", "/order/12345678901234567890123456789012"},
	    {"/order/*/finalize", "/order/1"},
	    {"/ari/+", "/ari/"},
	    {"/ari/+", "/ari/a/b"},
	    {"/domain/+/config.json", "/domain//config.json"},
	    {"/domain/+/config.json", "/domain/a/b/config.json"},
	    {"/domain/+/config.json", "/domain/a/config.jsonx"},
	};
	struct route_parts p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(route_matches(good[i].pattern, good[i].path, &p));
		assert_string_equal(p.id[0], good[i].id);
		assert_string_equal(p.id[1], good[i].id2);
		assert_int_equal(p.rest_len, strlen(good[i].rest));
		if (p.rest_len > 0)
			assert_memory_equal(p.rest, good[i].rest, p.rest_len);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(route_matches(bad[i][0], bad[i][1], &p));
}

static int
method_status(unsigned methods, enum request_method method, const char *allow)
{
	struct request req = {.method = method, .method_name = "X"};
	struct response res;
	struct err e = {0};

	response_init(&res);
	if (route_check_method(methods, &req, &res, &e) == 0)
		assert_int_equal(res.fields.len, 0);
	else
		assert_string_equal(res.fields.data, allow);
	response_release(&res);
	return e.http_status;
}

static void
test_methods(void **state)
{
	(void)state;
	assert_int_equal(method_status(REQUEST_GET, REQUEST_HEAD, NULL), 0);
	assert_int_equal(method_status(REQUEST_POST, REQUEST_POST, NULL), 0);
	assert_int_equal(
	    method_status(REQUEST_POST, REQUEST_GET, "Allow: POST\r\n"), 405);
	assert_int_equal(
	    method_status(REQUEST_GET, REQUEST_OTHER, "Allow: GET, HEAD\r\n"),
	    405);
	assert_int_equal(method_status(REQUEST_GET | REQUEST_POST,
			     REQUEST_OTHER, "Allow: GET, HEAD, POST\r\n"),
	    405);
}

/* The host that is read out of the field, or NULL. */
static const char *
host_of(const char *field)
{
	static char out[HOST_SIZE];
	struct request req = {
	    .fields_len = 1, .fields = {{.name = "host", .value = field}}};
	struct err e = {0};

	return host_read(&req, out, &e) == 0 ? out : NULL;
}

static void
test_hosts(void **state)
{
	char text[300];

	(void)state;
	assert_string_equal(host_of("WWW.Example.ORG:80"), "www.example.org");
	assert_string_equal(host_of("[2001:DB8::1]:443"), "[2001:db8::1]");
	assert_null(host_of(""));
	assert_null(host_of("a b"));
	assert_null(host_of("a:8x"));
	assert_null(host_of("[::1"));
	memset(text, 'a', sizeof(text));
	text[255] = '\0';
	assert_string_equal(host_of(text), text);
	text[255] = 'a';
	text[256] = '\0';
	assert_null(host_of(text));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_paths),
    cmocka_unit_test(test_methods),
    cmocka_unit_test(test_hosts),
};
UNIT_MAIN(tests)
