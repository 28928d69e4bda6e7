#include "base/str.h"
#include "unit.h"
#include "wrap/js.h"

static void
test_reads(void **state)
{
	static const char text[] =
	    "{\"s\":\"x\",\"n\":7,\"t\":true,\"a\":[1,\"b\"],\"z\":null}";
	struct err e = {0};
	struct js *v = js_parse(text, strlen(text), &e);
	struct buf b;

	(void)state;
	assert_non_null(v);
	assert_string_equal(js_get_text(v, "s"), "x");
	assert_null(js_get_text(v, "n"));
	assert_null(js_get_text(v, "absent"));
	assert_true(js_int(js_get(v, "n"), -1) == 7);
	assert_true(js_int(js_get(v, "s"), -1) == -1);
	assert_true(js_is_true(js_get(v, "t")));
	assert_int_equal(js_len(js_get(v, "a")), 2);
	assert_string_equal(js_text(js_at(js_get(v, "a"), 1)), "b");
	assert_null(js_at(js_get(v, "a"), 2));
	assert_int_equal(js_type(js_get(v, "z")), JS_NULL);
	assert_int_equal(js_type(js_get(v, "y")), JS_ABSENT);
	assert_int_equal(js_type(js_get(js_get(v, "s"), "deep")), JS_ABSENT);
	buf_init(&b, 1000);
	assert_int_equal(js_write(v, &b), 0);
	assert_string_equal(b.data, text);
	buf_release(&b);
	js_free(v);
	js_free(NULL);
}

static void
test_refuses(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "7", "null", "{} x",
	    "{\"a\":1,\"a\":1}", "{\"a\":\"\\u0000\"}", "{\"a\":\"\xff\"}",
	    "{\"a\":[[[[[[[[1]]]]]]]]}", "{\"a\":'b'}", "{a:1}", "{\"a\":1,}",
	    "{\"a\":\"x"};
	char big[JS_STRING_MAX + 20];
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		err_clear(&e);
		assert_null(js_parse(bad[i], strlen(bad[i]), &e));
		assert_int_equal(e.kind, KIND_INPUT);
		assert_true(str_is_printable(e.text, strlen(e.text)));
	}
	err_clear(&e);
	assert_null(js_parse(bad[7], strlen(bad[7]), &e));
	assert_non_null(strstr(e.text, "a NUL in a string"));
	memset(big, 'x', sizeof(big));
	memcpy(big, "{\"a\":\"", 6);
	memcpy(big + sizeof(big) - 2, "\"}", 2);
	err_clear(&e);
	assert_null(js_parse(big, sizeof(big), &e));
	assert_non_null(strstr(e.text, "string longer"));
}

static void
test_brackets_in_strings_do_not_nest(void **state)
{
	static const char text[] = "{\"a\":\"[[[[[[[[[[\\\"[[[\"}";
	struct err e = {0};
	struct js *v = js_parse(text, strlen(text), &e);

	(void)state;
	assert_non_null(v);
	assert_string_equal(js_get_text(v, "a"), "[[[[[[[[[[\"[[[");
	js_free(v);
}

static void
test_writes(void **state)
{
	struct js *v = js_object(), *a = js_array();
	struct buf b;

	(void)state;
	js_add_text(a, "x\"\n");
	js_add_text(a, "\xc3\xa4");
	js_add_text(a, "a\xff\xc3\xa4");
	js_put_text(v, "left out", NULL);
	js_put(v, "left out", NULL);
	js_put_int(v, "i", -1);
	js_put_bool(v, "b", false);
	js_put(v, "a", a);
	buf_init(&b, 1000);
	assert_int_equal(js_write(v, &b), 0);
	assert_string_equal(b.data,
	    "{\"i\":-1,\"b\":false,"
	    "\"a\":[\"x\\\"\\n\",\"\xc3\xa4\",\"a???\"]}");
	buf_release(&b);
	buf_init(&b, 3);
	assert_int_equal(js_write(v, &b), -1);
	buf_release(&b);
	js_free(v);
}

static void
test_lists_of_texts(void **state)
{
	static const char text[] = "{\"a\":[\"x\",7,null,\"y\"],\"s\":\"z\"}";
	struct err e = {0};
	struct js *v = js_parse(text, strlen(text), &e), *made;
	struct strv texts = {0};
	struct buf b;

	(void)state;
	assert_non_null(v);
	js_texts(js_get(v, "a"), &texts);
	js_texts(js_get(v, "s"), &texts);
	js_texts(js_get(v, "absent"), &texts);
	assert_int_equal(texts.len, 2);
	made = js_array_of(&texts);
	buf_init(&b, 1000);
	assert_int_equal(js_write(made, &b), 0);
	assert_string_equal(b.data, "[\"x\",\"y\"]");
	buf_release(&b);
	js_free(made);
	js_free(v);
	strv_release(&texts);
}

static void
test_times(void **state)
{
	struct js *v = js_object();

	(void)state;
	js_put_time(v, "none", 0);
	js_put_time(v, "some", 1767225600);
	assert_int_equal(js_len(v), 1);
	assert_string_equal(js_get_text(v, "some"), "2026-01-01T00:00:00Z");
	js_free(v);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_reads),
    cmocka_unit_test(test_refuses),
    cmocka_unit_test(test_brackets_in_strings_do_not_nest),
    cmocka_unit_test(test_writes),
    cmocka_unit_test(test_lists_of_texts),
    cmocka_unit_test(test_times),
};
UNIT_MAIN(tests)
