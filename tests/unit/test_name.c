/* Internationalised names. */
#include "unit.h"

#include "wrap/name.h"

static void
test_to_ascii(void **state)
{
	static const struct {
		const char *name, *want; /* NULL: there is none */
	} rows[] = {
	    {"b\303\274cher.example", "xn--bcher-kva.example"},
	    {"B\303\234CHER.Example", "xn--bcher-kva.example"},
	    {"*.b\303\274cher.example", "*.xn--bcher-kva.example"},
	    {"fa\303\237.example", "xn--fa-hia.example"},
	    {"www.A.example", "www.a.example"},
	    {"_x.b\303\274cher.example", "_x.xn--bcher-kva.example"},
	    {"\377.example", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *ascii = name_to_ascii(rows[i].name);

		if (!rows[i].want)
			assert_null(ascii);
		else
			assert_string_equal(ascii, rows[i].want);
		free(ascii);
	}
}

static void
test_a_labels(void **state)
{
	(void)state;
	assert_true(name_is_a_label("xn--bcher-kva", 13));
	assert_false(name_is_a_label("xn--bcher-kva-x", 15));
}

static void
test_spells(void **state)
{
	static const struct {
		const char *typed, *stored;
	} cases[] = {
	    {"A.Example", "a.example"},
	    {"a.example.", "a.example"},
	    {"B\xc3\xbc"
	     "cher.example.",
		"xn--bcher-kva.example"},
	    {"*.b\xc3\xbc"
	     "cher.example",
		"*.xn--bcher-kva.example"},
	    {"2001:DB8:0:0::1", "2001:db8::1"},
	    {"192.0.2.1", "192.0.2.1"},
	    {".", "."},
	    {"", ""},
	    {"\xff", "\xff"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *name = name_spell(cases[i].typed);

		assert_string_equal(name, cases[i].stored);
		free(name);
	}
}

static void
test_sni(void **state)
{
	static const struct {
		const char *name;
		bool is;
	} cases[] = {
	    {"a.example", true},
	    {"*.a.example", true},
	    {"_x.a-b.example", true},
	    {"localhost", true},
	    {"192.0.2.1", true},
	    {"", false},
	    {".", false},
	    {".a", false},
	    {"a.", false},
	    {"a..b", false},
	    {"*", false},
	    {"*.", false},
	    {"*..a", false},
	    {"a.*.b", false},
	    {"*.*.b", false},
	    {"-a", false},
	    {"a/b", false},
	    {"a b", false},
	    {"::1", false},
	    {"A.example", false},
	    {"\xff", false},
	};
	char name[255] = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("# %s\n", cases[i].name);
		assert_int_equal(name_is_sni(cases[i].name), cases[i].is);
	}
	memset(name, 'a', 253);
	assert_true(name_is_sni(name));
	name[253] = 'a';
	assert_false(name_is_sni(name));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_spells),
    cmocka_unit_test(test_sni),
    cmocka_unit_test(test_to_ascii),
    cmocka_unit_test(test_a_labels),
};

UNIT_MAIN(tests)
