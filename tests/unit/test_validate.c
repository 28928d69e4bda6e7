#include "acme/keyauth.h"
#include "acme/validmsg.h"
#include "conf/conf.h"
#include "unit.h"
#include "validate/attempt.h"
#include "validate/dns01.h"
#include "validate/http01.h"
#include "wrap/dns.h"
#include "wrap/web.h"

#define KEYAUTH "token.thumbprint"

/* ---- http-01 ------------------------------------------------------------- */

static void
test_body(void **state)
{
	static const struct {
		const char *body;
		size_t len;
		bool is;
	} rows[] = {
	    {KEYAUTH, 16, true},
	    {KEYAUTH "\n", 17, true},
	    {KEYAUTH " \t\r\n\v\f\n", 23, true},
	    {KEYAUTH "\0", 17, false},
	    {" " KEYAUTH, 17, false},
	    {"\xef\xbb\xbf" KEYAUTH, 19, false},
	    {KEYAUTH KEYAUTH, 32, false},
	    {"token.thumbprinT", 16, false},
	    {"token.thumbprin", 15, false},
	    {"", 0, false},
	    {"\n\n", 2, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (http01_body_is(rows[i].body, rows[i].len, KEYAUTH) !=
		    rows[i].is)
			fail_msg("row %zu", i);
}

static void
test_judge(void **state)
{
	static const struct {
		struct web_response r;
		enum http01_verdict verdict;
		const char *type;
		const char *text;
	} rows[] = {
	    {{.status = 200, .body = KEYAUTH, .body_len = 16}, HTTP01_GOOD,
		NULL, NULL},
	    {{.status = 200, .body = KEYAUTH, .body_len = 16, .is_cut = true},
		HTTP01_BAD, "incorrectResponse", "too long"},
	    {{.status = 201, .body = KEYAUTH, .body_len = 16}, HTTP01_BAD,
		"unauthorized", "status 201"},
	    {{.status = 204, .body = ""}, HTTP01_BAD, "unauthorized", "204"},
	    {{.status = 302, .body = "", .redirect = "http://x/"},
		HTTP01_REDIRECT, NULL, NULL},
	    {{.status = 302, .body = KEYAUTH, .body_len = 16}, HTTP01_BAD,
		"unauthorized", "status 302"},
	    {{.status = 303, .body = "", .redirect = "http://x/"}, HTTP01_BAD,
		"unauthorized", "status 303"},
	    {{.status = 200, .body = "a\x1b[31m\n", .body_len = 7}, HTTP01_BAD,
		"incorrectResponse", "a\\x1b[31m"},
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		err_clear(&e);
		assert_int_equal(http01_judge(&rows[i].r, KEYAUTH, true, &e),
		    rows[i].verdict);
		if (!rows[i].type)
			continue;
		assert_string_equal(e.acme_type, rows[i].type);
		assert_non_null(strstr(e.text, rows[i].text));
	}
}

static void
test_quote(void **state)
{
	struct web_response r = {
	    .status = 200, .body = "secret", .body_len = 6};
	struct err e = {0};

	(void)state;
	http01_judge(&r, KEYAUTH, false, &e);
	assert_null(strstr(e.text, "secret"));
	err_clear(&e);
	http01_judge(&r, KEYAUTH, true, &e);
	assert_non_null(strstr(e.text, "secret"));
}

static void
test_redirect(void **state)
{
	static const struct {
		const char *location;
		bool same_host;
		const char *host; /* NULL: refused */
		int port;
		const char *path;
	} rows[] = {
	    {"http://a.example/x?y=1#z", true, "a.example", 5002, "/x?y=1"},
	    {"http://A.Example:80/", true, "a.example", 5002, "/"},
	    {"http://a.example:5002/", true, "a.example", 5002, "/"},
	    {"https://a.example/", true, "a.example", 5001, "/"},
	    {"https://a.example:443/", true, "a.example", 5001, "/"},
	    {"HTTP://a.example", true, "a.example", 5002, "/"},
	    {"http://b.example/", true, NULL, 0, NULL},
	    {"http://b.example/", false, "b.example", 5002, "/"},
	    {"http://a.example./", true, NULL, 0, NULL},
	    {"http://a.example:81/", true, NULL, 0, NULL},
	    {"http://a.example:0/", true, NULL, 0, NULL},
	    {"http://a.example:65616/", true, NULL, 0, NULL},
	    {"http://u@a.example/", true, NULL, 0, NULL},
	    {"http://u:p@a.example/", true, NULL, 0, NULL},
	    {"http://:p@a.example/", true, NULL, 0, NULL},
	    {"http://b.example@a.example/", true, NULL, 0, NULL},
	    {"ftp://a.example/", true, NULL, 0, NULL},
	    {"file:///etc/passwd", true, NULL, 0, NULL},
	    {"gopher://a.example/", true, NULL, 0, NULL},
	    {"http://127.0.0.1/", false, NULL, 0, NULL},
	    {"http://127.1/", false, NULL, 0, NULL},
	    {"http://0x7f000001/", false, NULL, 0, NULL},
	    {"http://[::1]/", false, NULL, 0, NULL},
	    {"http://localhost:22/", false, NULL, 0, NULL},
	    {"http://*.example/", false, NULL, 0, NULL},
	    {"http://a_b.example/", false, NULL, 0, NULL},
	    {"http://a%2eexample/", false, "a.example", 5002, "/"},
	    {"http:///x", false, "x", 5002, "/"},
	    {"http://", false, NULL, 0, NULL},
	    {"/x", false, NULL, 0, NULL},
	    {"", false, NULL, 0, NULL},
	};
	struct conf_validate conf = {.http_port = 5002, .tls_port = 5001};
	struct attempt_tools tools = {.conf = &conf};
	struct identifier id = {IDENTIFIER_DNS, xstrdup("a.example")};
	struct web_url u;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		err_clear(&e);
		conf.redirect_same_host = rows[i].same_host;
		if (http01_redirect(rows[i].location, &id, &tools, &u, &e) <
		    0) {
			if (rows[i].host)
				fail_msg("%s: %s", rows[i].location, e.text);
			assert_string_equal(e.acme_type, "unauthorized");
			continue;
		}
		if (!rows[i].host)
			fail_msg("%s: followed", rows[i].location);
		assert_string_equal(u.host, rows[i].host);
		assert_int_equal(u.port, rows[i].port);
		assert_string_equal(u.path, rows[i].path);
	}
	identifier_release(&id);
}

static void
test_redirect_of_address(void **state)
{
	struct conf_validate conf = {.http_port = 80, .tls_port = 443};
	struct attempt_tools tools = {.conf = &conf};
	struct identifier id = {IDENTIFIER_IP, xstrdup("2001:db8::1")};
	struct web_url u;
	struct err e = {0};
	char *text;

	(void)state;
	assert_ok(
	    http01_redirect("https://[2001:db8::1]/x", &id, &tools, &u, &e),
	    &e);
	text = web_url_format(&u);
	assert_string_equal(text, "https://[2001:db8::1]:443/x");
	free(text);
	assert_kind(
	    http01_redirect("https://[2001:db8::2]/x", &id, &tools, &u, &e),
	    KIND_INPUT, &e);
	identifier_release(&id);
}

/* ---- dns-01 -------------------------------------------------------------- */

static void
test_txt(void **state)
{
	struct dns_record records[] = {
	    {"", 0}, {"x", 1}, {NULL, KEYAUTH_DIGEST_SIZE - 1}};
	char digest[KEYAUTH_DIGEST_SIZE], other[KEYAUTH_DIGEST_SIZE];

	(void)state;
	keyauth_digest(digest, KEYAUTH);
	assert_string_equal(
	    digest, "61rBZ_4knHblO0MNoxFsXZ_eTFUHum0B6IVRbhvUn5I");
	keyauth_digest(other, KEYAUTH "x");
	records[2].data = other;
	assert_false(dns01_has(records, 3, digest));
	records[2].data = digest;
	assert_true(dns01_has(records, 3, digest));
	assert_false(dns01_has(records, 2, digest));
}

static void
test_decode(void **state)
{
	static const struct {
		enum dns_type type;
		const char *wire;
		size_t len;
		const char *text; /* NULL: malformed */
	} rows[] = {
	    {DNS_TXT, "\3abc\2de", 7, "abcde"},
	    {DNS_TXT, "\0", 1, ""},
	    {DNS_TXT, "\4abc", 4, NULL},
	    {DNS_TXT, "\3abc\1", 5, NULL},
	    {DNS_PTR, "\3WWW\7example\0", 13, "www.example"},
	    {DNS_PTR, "\3www\7example", 12, NULL},
	    {DNS_PTR, "\3w.w\7example\0", 13, NULL},
	    {DNS_PTR, "\3w\nw\0", 5, NULL},
	    {DNS_PTR, "\x40", 1, NULL},
	    {DNS_PTR, "\1a\0b", 4, NULL},
	    {DNS_PTR, "", 0, NULL},
	    {DNS_A, "abcd", 4, "abcd"},
	    {DNS_A, "abcde", 5, NULL},
	    {DNS_AAAA, "abcd", 4, NULL},
	    {DNS_AAAA, "0123456789abcdef", 16, "0123456789abcdef"},
	};
	struct buf b;

	(void)state;
	buf_init(&b, 1024);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int rc;

		buf_clear(&b);
		rc = dns_decode(rows[i].type, (const uint8_t *)rows[i].wire,
		    rows[i].len, &b);
		assert_int_equal(rc, rows[i].text ? 0 : -1);
		if (rows[i].text)
			assert_string_equal(b.data, rows[i].text);
	}
	buf_release(&b);
}

static void
test_count_cnames(void **state)
{
	/* One question; a CNAME and an A, with compressed names. */
	static const uint8_t packet[] = {0, 0, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0,
	    0, 1, 'a', 0, 0, 1, 0, 1, 0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 0, 0, 4, 1,
	    'b', 0xc0, 14, 0xc0, 31, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4};

	(void)state;
	assert_int_equal(dns_count_cnames(packet, sizeof(packet)), 1);
	for (size_t len = 0; len < sizeof(packet); len++)
		assert_int_equal(dns_count_cnames(packet, len), -1);
}

/* ---- messages ------------------------------------------------------------ */

static void
test_task(void **state)
{
	struct validmsg_task t = {.id = 7,
	    .type = CHALLENGE_DNS_01,
	    .identifier = {IDENTIFIER_DNS, xstrdup("a.example")},
	    .token = "tok",
	    .thumbprint = "thumb",
	    .log_id = "log"};
	struct validmsg_task u;
	struct err e = {0};
	struct buf b;

	(void)state;
	buf_init(&b, VALIDMSG_MAX);
	assert_ok(validmsg_task_write(&t, &b, &e), &e);
	assert_ok(validmsg_task_read(b.data, b.len, &u, &e), &e);
	assert_int_equal(u.id, 7);
	assert_int_equal(u.type, CHALLENGE_DNS_01);
	assert_string_equal(u.identifier.value, "a.example");
	assert_string_equal(u.token, "tok");
	assert_string_equal(u.thumbprint, "thumb");
	assert_string_equal(u.log_id, "log");
	validmsg_task_release(&u);
	validmsg_task_release(&t);
	validmsg_task_release(NULL);
	buf_release(&b);
}

static void
test_bad_tasks(void **state)
{
	static const char *const rows[] = {"", "{}", "[]",
	    "{\"id\":1,\"type\":\"http-02\",\"identifier_type\":\"dns\","
	    "\"identifier\":\"a\",\"token\":\"t\",\"thumbprint\":\"t\","
	    "\"log_id\":\"\"}",
	    "{\"id\":0,\"type\":\"http-01\",\"identifier_type\":\"dns\","
	    "\"identifier\":\"a\",\"token\":\"t\",\"thumbprint\":\"t\","
	    "\"log_id\":\"\"}",
	    "{\"id\":1,\"type\":\"http-01\",\"identifier_type\":\"dns\","
	    "\"identifier\":\"a\",\"token\":\"0123456789012345678901234567890"
	    "1234567890123\",\"thumbprint\":\"t\",\"log_id\":\"\"}",
	    "{\"id\":1,\"type\":\"http-01\",\"identifier_type\":\"dns\","
	    "\"identifier\":\"a\",\"token\":\"t\",\"thumbprint\":\"t\","
	    "\"log_id\":\"\",\"more\":1}"};
	struct validmsg_task t;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_kind(
		    validmsg_task_read(rows[i], strlen(rows[i]), &t, &e),
		    KIND_INPUT, &e);
		validmsg_task_release(&t);
	}
}

static void
test_result(void **state)
{
	struct validmsg_result r = {
	    .id = 7, .address = "192.0.2.1", .is_final = true};
	struct validmsg_result u;
	struct err e = {0};
	struct buf b;

	(void)state;
	buf_init(&b, VALIDMSG_MAX);
	err_acme(&r.err, KIND_INPUT, "dns", "line\nfeed");
	assert_ok(validmsg_result_write(&r, &b, &e), &e);
	assert_ok(validmsg_result_read(b.data, b.len, &u, &e), &e);
	assert_int_equal(u.id, 7);
	assert_false(u.is_valid);
	assert_true(u.is_final);
	assert_string_equal(u.address, "192.0.2.1");
	assert_string_equal(u.err.acme_type, "dns");
	assert_string_equal(u.err.text, "line?feed");
	buf_clear(&b);
	r = (struct validmsg_result){.id = 8, .is_valid = true};
	assert_ok(validmsg_result_write(&r, &b, &e), &e);
	assert_ok(validmsg_result_read(b.data, b.len, &u, &e), &e);
	assert_true(u.is_valid);
	assert_false(err_is_set(&u.err));
	buf_release(&b);
}

static void
test_bad_results(void **state)
{
	static const char *const rows[] = {"", "{}", "{\"id\":7}",
	    "{\"id\":-1,\"valid\":true}", "{\"id\":7,\"valid\":1}",
	    "{\"id\":7,\"valid\":false}",
	    "{\"id\":7,\"valid\":true,\"more\":1}",
	    "{\"id\":7,\"valid\":true,\"text\":\"x\",\"final\":true}"};
	static const char hostile[] =
	    "{\"id\":7,\"valid\":false,\"type\":\"ok\",\"text\":\"a\\nb\","
	    "\"final\":false}";
	struct validmsg_result r;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_kind(
		    validmsg_result_read(rows[i], strlen(rows[i]), &r, &e),
		    KIND_INPUT, &e);
	assert_ok(validmsg_result_read(hostile, strlen(hostile), &r, &e), &e);
	assert_string_equal(r.err.acme_type, "serverInternal");
	assert_null(strchr(r.err.text, '\n'));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_body),
    cmocka_unit_test(test_judge),
    cmocka_unit_test(test_quote),
    cmocka_unit_test(test_redirect),
    cmocka_unit_test(test_redirect_of_address),
    cmocka_unit_test(test_txt),
    cmocka_unit_test(test_decode),
    cmocka_unit_test(test_count_cnames),
    cmocka_unit_test(test_task),
    cmocka_unit_test(test_bad_tasks),
    cmocka_unit_test(test_result),
    cmocka_unit_test(test_bad_results),
};
UNIT_MAIN(tests)
