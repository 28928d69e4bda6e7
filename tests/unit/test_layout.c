/* The layouts of trees: what names become, and what is said of a file. */
#include "unit.h"

#include "base/str.h"
#include "deploy/layout.h"
#include "deploy/linkdir.h"

static void
test_names(void **state)
{
	static const struct {
		const char *layout, *name, *want; /* NULL: refused */
	} rows[] = {
	    {"certbot", "a.example", "a.example"},
	    {"certbot", "*.a.example", "_.a.example"},
	    {"certbot", "2001:db8::1", "2001_db8__1"},
	    {"certbot", "192.0.2.1", "192.0.2.1"},
	    {"certbot", "_dmarc.a.example", "_dmarc.a.example"},
	    {"certbot", "localhost", "localhost"},
	    {"certbot", "rc-1", "rc-1"},
	    {"certbot", "", NULL},
	    {"certbot", ".", NULL},
	    {"certbot", "..", NULL},
	    {"certbot", ".acmed", NULL},
	    {"certbot", "a..b", NULL},
	    {"certbot", "a/b", NULL},
	    {"certbot", "../a", NULL},
	    {"certbot", "*./a", NULL},
	    {"certbot", "*.", NULL},
	    {"certbot", "*", NULL},
	    {"certbot", "*.*.a", NULL},
	    {"certbot", "*...", NULL},
	    {"certbot", "-a", NULL},
	    {"certbot", "a b", NULL},
	    {"certbot", "a\nb", NULL},
	    {"certbot", "a\\b", NULL},
	    {"certbot", "a\"b", NULL},
	    {"certbot", "A.example", NULL},
	    {"certbot", "b\303\274.example", NULL},
	    {"peter_sslers", "rc-1", NULL},
	    {"peter_sslers", "rc-1.example", "rc-1.example"},
	    {"kubernetes", "*.a.example", "wildcard.a.example"},
	    {"kubernetes", "2001:db8::", "ip6-2001-db8--0"},
	    {"kubernetes", "::1", "ip6---1"},
	    {"kubernetes", "_dmarc.a.example", NULL},
	};
	char out[LAYOUT_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct layout *l = layout_by_name(rows[i].layout);
		bool fit = layout_name(l, rows[i].name, out);

		if (fit != (rows[i].want != NULL))
			fail_msg("%s: %s", rows[i].layout, rows[i].name);
		if (fit)
			assert_string_equal(out, rows[i].want);
	}
}

/* Every row is whole, and every link shows what there is. */
static void
test_table(void **state)
{
	char *names = xstrdup(layout_names()), *rest = names, *name;
	size_t n = 0;

	(void)state;
	while ((name = strsep(&rest, " "))) {
		const struct layout *l = layout_by_name(name);

		n++;
		assert_non_null(l);
		assert_string_equal(l->name, name);
		assert_non_null(l->files[0].name);
		assert_null(l->files[LAYOUT_FILES - 1].name);
		assert_non_null(l->links[0].entry);
		for (size_t i = 0; i < LAYOUT_LINKS && l->links[i].entry; i++) {
			const char *file = str_starts(l->links[i].target, "%g/")
			    ? l->links[i].target + 3
			    : NULL;
			bool known = !file;

			for (size_t k = 0; file && l->files[k].name; k++)
				known |= strcmp(l->files[k].name, file) == 0;
			assert_true(known);
		}
	}
	assert_int_equal(n, 7);
	assert_null(layout_by_name("nosuch"));
	free(names);
}

static void
test_expands(void **state)
{
	char out[64], generation[LINKDIR_TARGET_SIZE];

	(void)state;
	assert_true(
	    layout_expand("%g/x.pem", "n", 7, "1-2", 2, out, sizeof(out)));
	assert_string_equal(out, "../../.acmed/1-2/x.pem");
	assert_string_equal(linkdir_generation(out, generation), "1-2");
	assert_true(layout_expand("rc-%s", "n", 7, "1-2", 2, out, sizeof(out)));
	assert_string_equal(out, "rc-7");
	assert_null(linkdir_generation(out, generation));
	assert_null(linkdir_generation("/etc/.acmed/1-2", generation));
	assert_null(linkdir_generation("../.acmedx/1-2", generation));
	assert_true(layout_expand("%n.pem", "n", 7, "1-2", 0, out, 6));
	assert_string_equal(out, "n.pem");
	assert_false(layout_expand("%n.pem", "n", 7, "1-2", 0, out, 5));
}

/* The same numbers are another generation when the certificate is another. */
static void
test_generations(void **state)
{
	char out[LAYOUT_NAME_SIZE], name[LAYOUT_NAME_SIZE];
	uint8_t sha256[32] = {0x01, 0xab};

	(void)state;
	assert_true(layout_generation(
	    layout_by_name("certbot"), "a.example", 7, sha256, 2, out));
	assert_string_equal(out, "7-2-01ab000000000000");
	assert_true(layout_generation(
	    layout_by_name("envoy"), "a.example", 7, sha256, 0, out));
	assert_string_equal(out, "a.example@7-0-01ab000000000000");
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_false(layout_generation(
	    layout_by_name("envoy"), name, 7, sha256, 0, out));
}

static void
test_quotes(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	layout_quote("a\"b\\c\n\x7f", &b);
	assert_string_equal(b.data, "\"a\\\"b\\\\c\\u000a\\u007f\"");
	buf_release(&b);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_names),
    cmocka_unit_test(test_table),
    cmocka_unit_test(test_expands),
    cmocka_unit_test(test_generations),
    cmocka_unit_test(test_quotes),
};

UNIT_MAIN(tests)
