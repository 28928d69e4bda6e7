/* From a name in the queue to what is ordered, and whose fault a failure is. */
#include "jobs/onboarder.h"
#include "order/ordertemplate.h"
#include "unit.h"

static struct err e;

static void
names(const char *words, const char *domain, const char *want)
{
	struct strv l = {0};
	struct buf text;

	err_clear(&e);
	assert_ok(ordertemplate_names(words, domain, &l, &e), &e);
	buf_init(&text, 1000);
	for (size_t i = 0; i < l.len; i++)
		buf_addf(&text, "%s%s", i > 0 ? " " : "", l.v[i]);
	assert_string_equal(text.data, want);
	buf_release(&text);
	strv_release(&l);
}

static void
test_names(void **state)
{
	(void)state;
	names("{DOMAIN}", "a.example", "a.example");
	names(" {DOMAIN},\twww.{DOMAIN} ", "a.example",
	    "a.example www.a.example");
	names("WWW.{DOMAIN} {DOMAIN}", "a.example", "www.a.example a.example");
	names("{DOMAIN} www.{DOMAIN}", "www.a.example", "www.a.example");
	names("{DOMAIN} www.{DOMAIN}", "*.a.example", "*.a.example");
	names("{DOMAIN} *.{DOMAIN}", "a.example", "a.example *.a.example");
	names("{DOMAIN} fix.example", "a.example", "a.example fix.example");
}

static void
test_names_refused(void **state)
{
	static const char *const words[] = {"", "www.{DOMAIN}", "fix.example",
	    "{DOMAIN} {DOMAIN}_", "{DOMAIN} a_b.{DOMAIN}",
	    "{DOMAIN} 192.0.2.1"};
	struct strv l = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		assert_kind(
		    ordertemplate_check(words[i], 100, &e), KIND_INPUT, &e);
	assert_ok(ordertemplate_check("{DOMAIN} www.{DOMAIN}", 2, &e), &e);
	assert_kind(ordertemplate_check("{DOMAIN} www.{DOMAIN}", 1, &e),
	    KIND_INPUT, &e);
	/* the longest name has no room for more */
	assert_kind(ordertemplate_names("{DOMAIN} long-label.{DOMAIN}",
			"a234567890123456789012345678901234567890."
			"b234567890123456789012345678901234567890."
			"c234567890123456789012345678901234567890."
			"d234567890123456789012345678901234567890."
			"e234567890123456789012345678901234567890."
			"f234567890123456789012345678901234567890.example",
			&l, &e),
	    KIND_INPUT, &e);
	strv_release(&l);
}

static void
set_rules(struct orderpolicy *p, const char *a, const char *b)
{
	struct strv words = {0};

	strv_add(&words, a);
	strv_add(&words, b);
	err_clear(&e);
	assert_ok(
	    orderpolicy_set_rules(p, &words, ORDERTEMPLATE_DOMAIN, &e), &e);
	strv_release(&words);
}

static void
test_policy(void **state)
{
	struct orderpolicy p = {0};
	struct strv domains = {0};

	(void)state;
	set_rules(&p, "answer", "WWW.{DOMAIN}=webroot:/a=b");
	strv_add(&domains, "a.example");
	strv_add(&domains, "b.example");
	ordertemplate_fill(&p, &domains);
	assert_int_equal(p.rules_len, 3);
	assert_string_equal(p.rules[0].name, "www.a.example");
	assert_string_equal(p.rules[0].solver, "webroot:/a=b");
	assert_string_equal(p.rules[1].name, "www.b.example");
	assert_null(p.rules[2].name);
	assert_string_equal(p.rules[2].solver, "answer");
	orderpolicy_release(&p);
	strv_release(&domains);
}

static void
test_wildcards(void **state)
{
	struct orderpolicy p = {0};

	(void)state;
	set_rules(&p, "answer", "*.{DOMAIN}=hook:/bin/true");
	assert_ok(ordertemplate_check_domain(
		      "{DOMAIN} *.{DOMAIN}", &p, "a.example", &e),
	    &e);
	assert_kind(
	    ordertemplate_check_domain("{DOMAIN}", &p, "*.a.example", &e),
	    KIND_DENIED, &e);
	set_rules(&p, "answer", "acme-dns:https://a.example");
	assert_ok(
	    ordertemplate_check_domain("{DOMAIN}", &p, "*.a.example", &e), &e);
	orderpolicy_release(&p);
}

static void
test_blames(void **state)
{
	(void)state;
	assert_true(onboarder_blames("a.example: the CA", "a.example"));
	assert_true(onboarder_blames("for \"a.example\"", "a.example"));
	assert_true(onboarder_blames("not for a.example.", "a.example"));
	assert_true(onboarder_blames("not for a.example. Ask", "a.example"));
	assert_true(onboarder_blames("a.example", "a.example"));
	assert_false(onboarder_blames("www.a.example: no", "a.example"));
	assert_false(onboarder_blames("a.example.org: no", "a.example"));
	assert_false(onboarder_blames("xa.example: no", "a.example"));
	assert_false(onboarder_blames("a.examples: no", "a.example"));
	assert_true(
	    onboarder_blames("www.a.example, a.example: no", "a.example"));
	assert_false(onboarder_blames("*.a.example: no", "a.example"));
	assert_true(onboarder_blames("*.a.example: no", "*.a.example"));
	assert_false(onboarder_blames("", "a.example"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_names),
    cmocka_unit_test(test_names_refused),
    cmocka_unit_test(test_policy),
    cmocka_unit_test(test_wildcards),
    cmocka_unit_test(test_blames),
};

UNIT_MAIN(tests)
