#include "acme/signmsg.h"
#include "unit.h"
#include "wrap/csr.h"

static void
fill(struct signmsg_request *r)
{
	signmsg_request_init(r);
	buf_add(&r->csr, "\x30\x00\xff", 3);
	strv_add(&r->dns, "a.example");
	strv_add(&r->dns, "*.b.example");
	strv_add(&r->ip, "192.0.2.1");
	r->subject = xstrdup("CN=a \"quoted\"");
	r->email = xstrdup("x@a.example");
	r->profile = xstrdup("p");
	r->order = xstrdup("o1");
	r->at = 1799999999;
	r->not_before = 1800000000;
	r->not_after = 1800000001;
}

static void
test_request(void **state)
{
	struct signmsg_request r, s;
	struct err e = {0};
	struct buf b, c;

	(void)state;
	fill(&r);
	buf_init(&b, SIGNMSG_MAX);
	buf_init(&c, SIGNMSG_MAX);
	assert_ok(signmsg_request_write(&r, &b, &e), &e);
	signmsg_request_init(&s);
	assert_ok(signmsg_request_read(b.data, b.len, &s, &e), &e);
	assert_memory_equal(s.csr.data, "\x30\x00\xff", 3);
	assert_true(strv_equal(&r.dns, &s.dns));
	assert_true(strv_equal(&r.ip, &s.ip));
	assert_string_equal(s.subject, r.subject);
	assert_true(s.at == 1799999999);
	assert_true(s.not_after == 1800000001);
	assert_ok(signmsg_request_write(&s, &c, &e), &e);
	assert_string_equal(b.data, c.data);
	signmsg_request_release(&r);
	signmsg_request_release(&s);
	/* The largest CSR passes. */
	fill(&r);
	buf_clear(&r.csr);
	for (int i = 0; i < CSR_MAX; i++)
		buf_addc(&r.csr, (char)i);
	buf_clear(&b);
	assert_ok(signmsg_request_write(&r, &b, &e), &e);
	assert_ok(signmsg_request_read(b.data, b.len, &s, &e), &e);
	assert_int_equal(s.csr.len, CSR_MAX);
	signmsg_request_release(&r);
	signmsg_request_release(&s);
	/* The least that is one. */
	assert_ok(signmsg_request_read("{\"csr\":\"\"}", 10, &s, &e), &e);
	assert_null(s.subject);
	signmsg_request_release(&s);
	signmsg_request_release(NULL);
	buf_release(&b);
	buf_release(&c);
}

static void
test_bad_requests(void **state)
{
	static const char *const bad[] = {"", "{}", "[]", "{\"csr\":1}",
	    "{\"csr\":\"AA==\"}", "{\"csr\":\"AA\",\"more\":1}",
	    "{\"csr\":\"AA\",\"csr\":\"AA\"}", "{\"csr\":\"AA\",\"dns\":\"a\"}",
	    "{\"csr\":\"AA\",\"dns\":[1]}", "{\"csr\":\"AA\",\"ip\":{}}",
	    "{\"csr\":\"AA\",\"subject\":null}",
	    "{\"csr\":\"AA\",\"not_after\":\"1\"}",
	    "{\"csr\":\"AA\",\"not_after\":-1}",
	    "{\"csr\":\"AA\",\"not_after\":1e9}",
	    "{\"csr\":\"AA\",\"not_before\":253402300800}"};
	struct signmsg_request r;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		signmsg_request_init(&r);
		err_clear(&e);
		if (signmsg_request_read(bad[i], strlen(bad[i]), &r, &e) == 0)
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(e.kind, KIND_INPUT);
		signmsg_request_release(&r);
	}
}

static void
test_limits(void **state)
{
	struct signmsg_request r;
	struct err e = {0};
	struct buf b;
	char name[1000] = {0};

	(void)state;
	signmsg_request_init(&r);
	buf_init(&b, SIGNMSG_MAX);
	memset(name, 'a', sizeof(name) - 1);
	for (int i = 0; i < SIGNMSG_NAMES_MAX; i++)
		strv_add(&r.dns, name);
	assert_kind(signmsg_request_write(&r, &b, &e), KIND_INPUT, &e);
	signmsg_request_release(&r);
	buf_clear(&b);
	for (int i = 0; i <= SIGNMSG_NAMES_MAX; i++)
		strv_add(&r.dns, "a");
	assert_ok(signmsg_request_write(&r, &b, &e), &e);
	signmsg_request_release(&r);
	assert_kind(
	    signmsg_request_read(b.data, b.len, &r, &e), KIND_INPUT, &e);
	signmsg_request_release(&r);
	buf_release(&b);
}

static const char chain[] =
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n";

static void
test_replies(void **state)
{
	static const char *const bad[] = {"", "x", "{}", "{\"chain\":[]}",
	    "{\"chain\":\"a\"}", "{\"chain\":[1]}", "{\"kind\":\"input\"}",
	    "{\"kind\":\"none\",\"text\":\"x\"}",
	    "{\"kind\":\"what\",\"text\":\"x\"}"};
	struct err e = {0};
	struct buf b, pem;

	(void)state;
	buf_init(&b, SIGNMSG_MAX);
	buf_init(&pem, SIGNMSG_MAX);
	assert_ok(signmsg_reply_write(chain, strlen(chain), &b, &e), &e);
	assert_ok(signmsg_reply_read(b.data, b.len, &pem, &e), &e);
	assert_string_equal(pem.data, chain);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_kind(
		    signmsg_reply_read(bad[i], strlen(bad[i]), &pem, &e),
		    KIND_SYS, &e);
	buf_release(&b);
	buf_release(&pem);
}

/* Every kind of failure arrives as it was sent. */
static void
test_failures(void **state)
{
	struct buf b, pem;

	(void)state;
	buf_init(&b, SIGNMSG_MAX);
	buf_init(&pem, SIGNMSG_MAX);
	for (int kind = KIND_NONE + 1; kind < KIND__MAX; kind++) {
		struct err sent = {0}, got = {0};

		err_set(&sent, (enum err_kind)kind, "it \"broke\"\n");
		err_detail(&sent, "in detail");
		buf_clear(&b);
		assert_ok(signmsg_failure_write(&sent, &b, &got), &got);
		assert_int_equal(
		    signmsg_reply_read(b.data, b.len, &pem, &got), -1);
		assert_int_equal(got.kind, kind);
		assert_non_null(strstr(got.text, "it \"broke\""));
		assert_null(strchr(got.text, '\n'));
		assert_string_equal(got.detail, "in detail");
		if (kind == KIND_INPUT || kind == KIND_DENIED)
			assert_string_equal(got.acme_type, "badCSR");
		else
			assert_null(got.acme_type);
	}
	buf_release(&b);
	buf_release(&pem);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_request),
    cmocka_unit_test(test_bad_requests),
    cmocka_unit_test(test_limits),
    cmocka_unit_test(test_replies),
    cmocka_unit_test(test_failures),
};
UNIT_MAIN(tests)
