/* What forms send. */
#include "http/form.h"
#include "unit.h"

/* Reads it; 0, or the HTTP status of the refusal, 400 if none is set. */
static int
read_it(struct form *f, const char *type, const char *text, size_t len)
{
	struct err e = {0};
	struct buf body;
	int rc;

	*f = (struct form){0};
	buf_init(&body, 65536);
	buf_add(&body, text, len);
	rc = form_read(f, type, &body, &e);
	buf_release(&body);
	assert_true((rc < 0) == err_is_set(&e));
	return rc == 0 ? 0 : e.http_status ? e.http_status : 400;
}

static void
test_query(void **state)
{
	static const char text[] = "a=1&b=x+y%26%3D&&c&%64=%00";
	struct form f;

	(void)state;
	assert_int_equal(read_it(&f, NULL, text, sizeof(text) - 1), 0);
	assert_int_equal(f.len, 4);
	assert_string_equal(form_text(&f, "a"), "1");
	assert_string_equal(form_text(&f, "b"), "x y&=");
	assert_null(form_text(&f, "c"));
	assert_non_null(form_field(&f, "c"));
	assert_int_equal(form_field(&f, "d")->len, 1);
	assert_null(form_field(&f, "e"));
	form_release(&f);
	assert_int_equal(
	    read_it(&f, "Application/X-www-form-urlencoded; charset=utf-8",
		"a=1", 3),
	    0);
	form_release(&f);
}

static void
test_nul(void **state)
{
	struct err e = {0};
	struct form f;

	(void)state;
	assert_int_equal(read_it(&f, NULL, "a=1&b=&c", 8), 0);
	assert_int_equal(form_check_text(&f, &e), 0);
	form_release(&f);
	assert_int_equal(read_it(&f, NULL, "a=1&b=x%00", 10), 0);
	assert_int_equal(form_check_text(&f, &e), -1);
	assert_int_equal(e.kind, KIND_INPUT);
	assert_string_equal(e.text, "b: has a NUL in it");
	form_release(&f);
}

static void
test_bad(void **state)
{
	static const char *const bad[] = {
	    "a=%", "a=%4", "a=%zz", "=1", "%0a=1", "a=1&a=2", "a&a"};
	char many[1024] = "";
	struct form f;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(
		    read_it(&f, NULL, bad[i], strlen(bad[i])), 400);
		form_release(&f);
	}
	assert_int_equal(read_it(&f, NULL, "a=\0b", 4), 400);
	form_release(&f);
	for (int i = 0; i < FORM_FIELDS_MAX + 1; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many),
		    "f%d&", i);
	assert_int_equal(read_it(&f, NULL, many, strlen(many)), 400);
	form_release(&f);
	assert_int_equal(read_it(&f, "application/json", "{}", 2), 415);
	form_release(&f);
	assert_int_equal(
	    read_it(&f, "application/x-www-form-urlencodedx", "", 0), 415);
	form_release(&f);
}

#define TYPE "multipart/form-data; boundary=XX"

static void
test_multipart(void **state)
{
	static const char text[] =
	    "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
	    "--XX\r\nContent-Type: x/y\r\ncontent-disposition: form-data; "
	    "filename=\"n\"; name=\"b\"\r\n\r\n\0\r\n--X\r\n\r\n"
	    "--XX\r\nContent-Disposition: form-data; name=\"c\"\r\n\r\n\r\n"
	    "--XX--\r\n";
	struct form f;

	(void)state;
	assert_int_equal(read_it(&f, TYPE, text, sizeof(text) - 1), 0);
	assert_int_equal(f.len, 3);
	assert_string_equal(form_text(&f, "a"), "1");
	assert_int_equal(form_field(&f, "b")->len, 8);
	assert_memory_equal(form_field(&f, "b")->value, "\0\r\n--X\r\n", 8);
	assert_int_equal(form_field(&f, "c")->len, 0);
	form_release(&f);
	/* None of its beginnings is a form. */
	for (size_t len = 0; len < sizeof(text) - 1 - 4; len++) {
		assert_int_equal(read_it(&f, TYPE, text, len), 400);
		form_release(&f);
	}
	assert_int_equal(read_it(&f, "multipart/form-data; boundary=\"XX\"",
			     text, sizeof(text) - 1),
	    0);
	form_release(&f);
	assert_int_equal(
	    read_it(&f, "multipart/form-data", text, sizeof(text) - 1), 400);
	form_release(&f);
}

/* The name in a Content-Disposition with these parameters. */
static void
expect_name(const char *parameters, const char *name)
{
	char text[256];
	struct form f;

	snprintf(text, sizeof(text),
	    "--XX\r\nContent-Disposition: form-data%s\r\n\r\n1\r\n--XX--",
	    parameters);
	assert_int_equal(read_it(&f, TYPE, text, strlen(text)), name ? 0 : 400);
	if (name)
		assert_string_equal(f.fields[0].name, name);
	form_release(&f);
}

static void
test_part_names(void **state)
{
	(void)state;
	expect_name("; name=\"a b\"", "a b");
	expect_name("; name=a", "a");
	expect_name(";name=a ; filename=b", "a");
	expect_name("; filename=b; NAME=a", "a");
	expect_name("; filename=\"x; name=b\"; name=\"a\"", "a");
	expect_name("; filename=\"x\\\"; name=b\"; name=a", "a");
	expect_name("; filename=\"x\\\\\"; name=a", "a");
	expect_name("; filename=\"; name=a", NULL);
	expect_name("; filename=name=a", NULL);
	expect_name("; name=", NULL);
	expect_name("; name=\"\"", NULL);
	expect_name("; name", NULL);
	expect_name("; name=\"a\\\"", NULL);
	expect_name(";", NULL);
}

static void
test_bad_parts(void **state)
{
	static const char *const bad[] = {"--XX\r\n\r\n1\r\n--XX--",
	    "--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX--",
	    "--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n"
	    "--XX--",
	    "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n1\r\n--XX--",
	    "--XXContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--XX--",
	    "x--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
	    "--XX--",
	    "--XX"};
	struct form f;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(
		    read_it(&f, TYPE, bad[i], strlen(bad[i])), 400);
		form_release(&f);
	}
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_query),
    cmocka_unit_test(test_nul),
    cmocka_unit_test(test_bad),
    cmocka_unit_test(test_multipart),
    cmocka_unit_test(test_part_names),
    cmocka_unit_test(test_bad_parts),
};
UNIT_MAIN(tests)
