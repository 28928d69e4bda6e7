#include "base/str.h"
#include "unit.h"

static void
test_numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t max, want;
		bool ok;
	} rows[] = {
	    {"0", 9, 0, true},
	    {"9", 9, 9, true},
	    {"10", 9, 0, false},
	    {"5", 4, 0, false},
	    {"", 9, 0, false},
	    {"+1", 9, 0, false},
	    {"-1", 9, 0, false},
	    {" 1", 9, 0, false},
	    {"1 ", 9, 0, false},
	    {"0x1", 99, 0, false},
	    {"18446744073709551615", UINT64_MAX, UINT64_MAX, true},
	    {"18446744073709551616", UINT64_MAX, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t n = 77;

		assert_int_equal(
		    str_to_u64(rows[i].text, rows[i].max, &n), rows[i].ok);
		assert_true(n == (rows[i].ok ? rows[i].want : 77));
	}
}

static void
test_escape(void **state)
{
	char out[16];

	(void)state;
	str_escape(out, sizeof(out), "a\nb\\", 4);
	assert_string_equal(out, "a\\x0ab\\x5c");
	str_escape(out, 6, "abc\n", 4); /* no room for a whole escape */
	assert_string_equal(out, "abc");
	str_escape(out, sizeof(out), "\xff", 1);
	assert_string_equal(out, "\\xff");
}

static void
test_text(void **state)
{
	static const char *const good[] = {"", "ISRG Root X1", "\xc3\x84",
	    "\xe2\x82\xac", "\xed\x9f\xbf", "\xf0\x9f\x8c\x8d",
	    "\xf4\x8f\xbf\xbf"};
	static const char *const bad[] = {"a\nb", "\x7f", "\xc2\x85", "\xff",
	    "\x80", "\xc3", "\xc3(", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
	    "\xf4\x90\x80\x80", "\xf0\x9f\x8c", "\xf8\x88\x80\x80\x80"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(str_is_text(good[i], strlen(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(str_is_text(bad[i], strlen(bad[i])));
	assert_false(str_is_text("a\0b", 3));
}

static void
test_affixes(void **state)
{
	char s[] = "MiXed-\xc3\x84";

	(void)state;
	assert_true(str_starts("abc", "ab"));
	assert_false(str_starts("a", "ab"));
	assert_true(str_ends("abc", "bc"));
	assert_false(str_ends("c", "bc"));
	str_lower(s);
	assert_string_equal(s, "mixed-\xc3\x84");
	assert_true(str_is_printable("a ~", 3));
	assert_false(str_is_printable("a\x7f", 2));
	assert_false(str_is_printable("a\xc3", 2));
}

static void
test_null(void **state)
{
	char *copy = str_dup("a");

	(void)state;
	assert_string_equal(copy, "a");
	assert_null(str_dup(NULL));
	assert_true(str_same(copy, "a"));
	assert_false(str_same(copy, "ab"));
	assert_false(str_same(copy, NULL));
	assert_false(str_same(NULL, copy));
	assert_true(str_same(NULL, NULL));
	free(copy);
}

static void
test_same_names(void **state)
{
	struct strv a = {0}, b = {0};

	(void)state;
	assert_true(strv_same_names(&a, &b));
	strv_add(&a, "B.example");
	strv_add(&a, "a.example");
	strv_add(&b, "A.EXAMPLE");
	assert_false(strv_same_names(&a, &b));
	strv_add_lower(&b, "B.Example");
	strv_add(&b, "a.example");
	assert_true(strv_same_names(&a, &b));
	assert_string_equal(b.v[1], "b.example");
	assert_string_equal(a.v[0], "B.example");
	strv_release(&a);
	strv_release(&b);
}

static void
test_list(void **state)
{
	struct strv a = {0}, b = {0};

	(void)state;
	strv_sort_unique(&a);
	assert_int_equal(a.len, 0);
	strv_add(&a, "b");
	strv_add(&a, "a");
	strv_addn(&a, "bxx", 1);
	assert_false(strv_equal(&a, &b));
	strv_sort_unique(&a);
	assert_int_equal(a.len, 2);
	assert_string_equal(a.v[0], "a");
	assert_string_equal(a.v[1], "b");
	assert_true(strv_has(&a, "b"));
	assert_false(strv_has(&a, "bx"));
	strv_add(&b, "a");
	strv_add(&b, "b");
	assert_true(strv_equal(&a, &b));
	strv_release(&a);
	strv_release(&a);
	strv_release(&b);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_numbers),
    cmocka_unit_test(test_escape),
    cmocka_unit_test(test_text),
    cmocka_unit_test(test_affixes),
    cmocka_unit_test(test_null),
    cmocka_unit_test(test_same_names),
    cmocka_unit_test(test_list),
};
UNIT_MAIN(tests)
