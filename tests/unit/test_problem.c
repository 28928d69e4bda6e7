#include "acme/problem.h"
#include "unit.h"

static void
check(const struct err *e, const struct problem *p, const char *want)
{
	struct buf b;

	buf_init(&b, 10000);
	assert_int_equal(problem_write(e, p, "abc-1", &b), 0);
	assert_string_equal(b.data, want);
	buf_release(&b);
}

static void
test_kinds(void **state)
{
	struct err e = {0};

	(void)state;
	err_set(&e, KIND_INPUT, "\"x\" is \xff\n");
	check(&e, NULL,
	    "{\"type\":\"urn:ietf:params:acme:error:malformed\","
	    "\"detail\":\"\\\"x\\\" is ??\",\"status\":400}");
	err_clear(&e);
	err_acme(&e, KIND_DENIED, "orderNotReady", "not yet");
	check(&e, NULL,
	    "{\"type\":\"urn:ietf:params:acme:error:orderNotReady\","
	    "\"detail\":\"not yet\",\"status\":403}");
	e.http_status = 401;
	assert_int_equal(problem_status(&e), 401);
}

/* What is the operator's only does not leave the house. */
static void
test_secret(void **state)
{
	static const enum err_kind kinds[] = {
	    KIND_SYS, KIND_CONF, KIND_BUG, KIND_USAGE};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct err e = {0};

		err_set(&e, kinds[i], "/var/lib/acmed: secret");
		check(&e, NULL,
		    "{\"type\":\"urn:ietf:params:acme:error:serverInternal\","
		    "\"detail\":\"internal error; the server's log knows more "
		    "under abc-1\",\"status\":500}");
	}
}

static void
test_algorithms(void **state)
{
	struct problem p = {.instance = "https://a/terms"};
	struct err e = {0};

	(void)state;
	err_acme(&e, KIND_INPUT, "badSignatureAlgorithm", "no");
	check(&e, &p,
	    "{\"type\":\"urn:ietf:params:acme:error:badSignatureAlgorithm\","
	    "\"detail\":\"no\",\"status\":400,\"algorithms\":[\"RS256\","
	    "\"ES256\",\"ES384\",\"ES512\",\"EdDSA\"],"
	    "\"instance\":\"https://a/terms\"}");
}

static void
test_subproblems(void **state)
{
	struct problem p = {0};
	struct err e = {0}, why = {0};

	(void)state;
	assert_int_equal(problem_sum_up(&p, &e), 0);
	err_acme(&why, KIND_DENIED, "rejectedIdentifier", "one");
	problem_add(&p, "dns", "a.example", &why);
	assert_int_equal(problem_sum_up(&p, &e), -1);
	assert_string_equal(problem_type(&e), "rejectedIdentifier");
	assert_int_equal(problem_status(&e), 403);
	err_clear(&why);
	err_clear(&e);
	err_set(&why, KIND_INPUT, "two");
	problem_add(&p, "dns", "\xc3\xbc", &why);
	problem_sum_up(&p, &e);
	check(&e, &p,
	    "{\"type\":\"urn:ietf:params:acme:error:malformed\","
	    "\"detail\":\"2 of the identifiers cannot be ordered; see "
	    "subproblems\",\"status\":400,\"subproblems\":["
	    "{\"type\":\"urn:ietf:params:acme:error:rejectedIdentifier\","
	    "\"detail\":\"one\",\"identifier\":{\"type\":\"dns\","
	    "\"value\":\"a.example\"}},"
	    "{\"type\":\"urn:ietf:params:acme:error:malformed\","
	    "\"detail\":\"two\",\"identifier\":{\"type\":\"dns\","
	    "\"value\":\"\xc3\xbc\"}}]}");
	problem_release(&p);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_kinds),
    cmocka_unit_test(test_secret),
    cmocka_unit_test(test_algorithms),
    cmocka_unit_test(test_subproblems),
};
UNIT_MAIN(tests)
