#include "base/rfc3339.h"
#include "unit.h"

static void
test_reads(void **state)
{
	static const struct {
		const char *text;
		int64_t want;
	} rows[] = {
	    {"1970-01-01T00:00:00Z", 0},
	    {"2026-11-23T07:02:00Z", 1795417320},
	    {"2026-11-23t09:02:00.999+02:00", 1795417320},
	    {"2026-11-22T19:02:00-12:00", 1795417320},
	    {"2024-02-29T00:00:00Z", 1709164800},
	    {"2000-02-29T00:00:00Z", 951782400},
	    {"9999-12-31T23:59:59Z", 253402300799},
	};
	char out[RFC3339_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t t = -1;

		assert_int_equal(rfc3339_parse(rows[i].text, &t), 0);
		assert_true(t == rows[i].want);
	}
	rfc3339_format(out, 1795417320);
	assert_string_equal(out, "2026-11-23T07:02:00Z");
	rfc3339_format(out, -62135596800);
	assert_string_equal(out, "0001-01-01T00:00:00Z");
	rfc3339_format(out, -30610224001);
	assert_string_equal(out, "0999-12-31T23:59:59Z");
	rfc3339_format(out, 253402300799);
	assert_string_equal(out, "9999-12-31T23:59:59Z");
	rfc3339_format(out, 253402300800);
	assert_string_equal(out, "0000-00-00T00:00:00Z");
	rfc3339_format(out, INT64_MAX);
	assert_string_equal(out, "0000-00-00T00:00:00Z");
}

static void
test_refuses(void **state)
{
	static const char *const bad[] = {"", "2026", "2026-11-23",
	    "2026-11-23 07:02:00Z", "2026-11-23T07:02:00", "2026-11-23T07:02Z",
	    "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
	    "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
	    "2026-01-32T00:00:00Z", "2026-01-01T24:00:00Z",
	    "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
	    "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx",
	    "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+0100",
	    "+026-01-01T00:00:00Z"};
	int64_t t = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(rfc3339_parse(bad[i], &t), -1);
	assert_true(t == 42);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_reads),
    cmocka_unit_test(test_refuses),
};
UNIT_MAIN(tests)
