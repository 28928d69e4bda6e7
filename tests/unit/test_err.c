#include <errno.h>

#include "base/err.h"
#include "unit.h"

static void
test_first_wins(void **state)
{
	struct err e = {0};
	char text[900];

	(void)state;
	assert_false(err_is_set(&e));
	assert_int_equal(err_exit(&e), 0);
	assert_int_equal(
	    err_acme(&e, KIND_INPUT, "badCSR", "RFC 8555 %d.4", 7), -1);
	err_set(&e, KIND_BUG, "later");
	err_object(&e, "%s", "web1.csr");
	err_detail(&e, "at %s", "once");
	err_detail(&e, "at twice");
	err_format(&e, text, sizeof(text));
	assert_string_equal(text, "web1.csr: RFC 8555 7.4: at once");
	assert_string_equal(e.acme_type, "badCSR");
	assert_int_equal(err_exit(&e), 100);
}

static void
test_forgiven(void **state)
{
	struct err e = {0};

	(void)state;
	err_set(&e, KIND_NOTFOUND, "no such thing");
	err_detail(&e, "at all");
	assert_int_equal(err_forgive(&e, KIND_BUSY), -1);
	assert_string_equal(e.text, "no such thing");
	assert_int_equal(err_forgive(&e, KIND_NOTFOUND), 0);
	assert_false(err_is_set(&e));
	assert_string_equal(e.detail, "");
	err_set(&e, KIND_BUSY, "another");
	assert_string_equal(e.text, "another");
}

static void
test_another_status(void **state)
{
	struct err e = {0}, first = {0};

	(void)state;
	assert_int_equal(err_http(&e, KIND_DENIED, 401, "who is %s?", "a"), -1);
	assert_int_equal(e.kind, KIND_DENIED);
	assert_int_equal(e.http_status, 401);
	assert_string_equal(e.text, "who is a?");
	err_set(&first, KIND_INPUT, "first");
	err_http(&first, KIND_DENIED, 401, "later");
	assert_int_equal(first.http_status, 0);
	assert_string_equal(first.text, "first");
}

static void
test_errno_is_told(void **state)
{
	struct err e = {0};
	char text[900];

	(void)state;
	errno = ENOSPC;
	err_sys(&e, "store: cannot write");
	errno = 0;
	err_format(&e, text, sizeof(text));
	assert_string_equal(
	    text, "store: cannot write: No space left on device");
	assert_int_equal(err_exit(&e), 111);
}

/* The one table: exit codes, and what a peer may read. */
static void
test_rows(void **state)
{
	static const struct {
		enum err_kind kind;
		int exit_code, http;
		bool public_text;
	} rows[] = {
	    {KIND_USAGE, 100, 500, false},
	    {KIND_INPUT, 100, 400, true},
	    {KIND_DENIED, 1, 403, true},
	    {KIND_NOTFOUND, 1, 404, true},
	    {KIND_CONFLICT, 1, 409, true},
	    {KIND_BUSY, 111, 503, true},
	    {KIND_CONF, 102, 500, false},
	    {KIND_SYS, 111, 500, false},
	    {KIND_BUG, 101, 500, false},
	};

	(void)state;
	assert_int_equal(ARRAY_LEN(rows), KIND__MAX - 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct err_row *r = err_row(rows[i].kind);

		assert_int_equal(r->exit_code, rows[i].exit_code);
		assert_int_equal(r->http_status, rows[i].http);
		assert_int_equal(r->text_is_public, rows[i].public_text);
	}
}

static void
test_long_text_is_cut(void **state)
{
	struct err e = {0};
	char big[2000];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_set(&e, KIND_INPUT, "%s", big);
	err_object(&e, "%s", big);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
}

static void
test_texts_are_printable(void **state)
{
	struct err e = {0};

	(void)state;
	err_set(&e, KIND_INPUT, "a%cb%sc\\d", '\n', "\x1b\xc3\xa4");
	err_object(&e, "%s", "x\r");
	err_detail(&e, "%s", "\x7f");
	assert_string_equal(e.text, "x?: a?b???c\\d");
	assert_string_equal(e.detail, "?");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_first_wins),
    cmocka_unit_test(test_forgiven),
    cmocka_unit_test(test_another_status),
    cmocka_unit_test(test_errno_is_told),
    cmocka_unit_test(test_rows),
    cmocka_unit_test(test_long_text_is_cut),
    cmocka_unit_test(test_texts_are_printable),
};
UNIT_MAIN(tests)
