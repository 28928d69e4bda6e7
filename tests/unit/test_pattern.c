#include "conf/pattern.h"
#include "unit.h"

static void
test_is(void **state)
{
	static const char *const good[] = {"*", "a", "a.example", "*.a.example",
	    ".a.example", "A.Example", "xn--a-1ga.example"};
	static const char *const bad[] = {"", ".", "*.", "**", "a.", "a..b",
	    "*..a", "..a", "a.*", "a.*.b", "a b", "a_b", "a/b", "a.example\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!pattern_is(good[i]))
			fail_msg("%s was refused", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (pattern_is(bad[i]))
			fail_msg("'%s' was taken", bad[i]);
}

static void
test_has(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool has;
	} rows[] = {
	    {"a.example", "a.example", true},
	    {"A.Example", "a.example", true},
	    {"a.example", "x.a.example", false},
	    {"a.example", "xa.example", false},
	    {"*.a.example", "x.a.example", true},
	    {"*.A.example", "y.x.a.example", true},
	    {".a.example", "x.a.example", true},
	    {"*.a.example", "a.example", false},
	    {".a.example", ".a.example", false},
	    {"*.a.example", "xa.example", false},
	    {"*.a.example", "x.a.example.org", false},
	    {"*", "anything.example", true},
	};
	struct strv two = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strv one = {0};

		strv_add(&one, rows[i].pattern);
		if (pattern_has(&one, rows[i].name) != rows[i].has)
			fail_msg("%s, %s", rows[i].pattern, rows[i].name);
		strv_release(&one);
	}
	assert_false(pattern_has(&two, "a.example"));
	strv_add(&two, "b.example");
	strv_add(&two, "*.example");
	assert_true(pattern_has(&two, "a.example"));
	strv_release(&two);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_is),
    cmocka_unit_test(test_has),
};
UNIT_MAIN(tests)
