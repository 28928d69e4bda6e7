/* Weeks of ISO 8601, at the ends of years above all. */
#include "base/date.h"
#include "base/week.h"
#include "unit.h"

/* From ISO 8601's own examples, and a calendar. */
static const struct {
	int year, month, day;
	const char *week;
} days[] = {
    {1969, 12, 28, "1969-W52"},
    {1969, 12, 29, "1970-W01"},
    {1970, 1, 1, "1970-W01"},
    {1970, 1, 4, "1970-W01"},
    {1970, 1, 5, "1970-W02"},
    {1977, 1, 1, "1976-W53"},
    {1977, 1, 2, "1976-W53"},
    {1977, 1, 3, "1977-W01"},
    {1978, 1, 1, "1977-W52"},
    {1978, 1, 2, "1978-W01"},
    {1979, 12, 31, "1980-W01"},
    {1980, 12, 28, "1980-W52"},
    {1980, 12, 29, "1981-W01"},
    {1981, 12, 31, "1981-W53"},
    {1982, 1, 3, "1981-W53"},
    {1982, 1, 4, "1982-W01"},
    {2000, 1, 1, "1999-W52"},
    {2000, 2, 29, "2000-W09"},
    {2015, 12, 31, "2015-W53"},
    {2016, 1, 3, "2015-W53"},
    {2020, 12, 31, "2020-W53"},
    {2021, 1, 3, "2020-W53"},
    {2024, 12, 29, "2024-W52"},
    {2024, 12, 30, "2025-W01"},
    {2025, 12, 28, "2025-W52"},
    {2025, 12, 29, "2026-W01"},
    {2026, 12, 31, "2026-W53"},
    {2027, 1, 3, "2026-W53"},
    {2027, 1, 4, "2027-W01"},
};

static void
test_format(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(days); i++) {
		int64_t t;
		char out[WEEK_SIZE];

		assert_int_equal(date_to_time(days[i].year, days[i].month,
				     days[i].day, 0, 0, 0, &t),
		    0);
		week_format(out, t);
		assert_string_equal(out, days[i].week);
		week_format(out, t + 86399);
		assert_string_equal(out, days[i].week);
	}
}

static void
test_begin(void **state)
{
	int64_t monday;

	(void)state;
	assert_int_equal(date_to_time(2026, 12, 28, 0, 0, 0, &monday), 0);
	assert_int_equal(week_begin(monday), monday);
	assert_int_equal(week_begin(monday + WEEK_SECONDS - 1), monday);
	assert_int_equal(
	    week_begin(monday + WEEK_SECONDS), monday + WEEK_SECONDS);
	assert_int_equal(week_begin(monday - 1), monday - WEEK_SECONDS);
	assert_int_equal(week_begin(0), -3 * 86400);
	assert_int_equal(week_begin(-3 * 86400 - 1), -10 * 86400);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_format),
    cmocka_unit_test(test_begin),
};

UNIT_MAIN(tests)
