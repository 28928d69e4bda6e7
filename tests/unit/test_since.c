#include "cli/since.h"

#include "sys/clock.h"
#include "unit.h"

#define NOW 1700000000

/* The time of sys/clock.h, which these replace at link time. */
int64_t
clock_now(void)
{
	return NOW;
}

int64_t
clock_mono(void)
{
	return 0;
}

static void
test_good(void **state)
{
	static const struct {
		const char *text;
		int64_t want;
	} cases[] = {
	    {"0s", NOW},
	    {"90s", NOW - 90},
	    {"15m", NOW - 15 * 60},
	    {"36h", NOW - 36 * 3600},
	    {"7d", NOW - 7 * 86400},
	    {"4w", NOW - 28 * 86400},
	    {"999999999w", NOW - 999999999 * 7LL * 86400},
	    {"2023-11-14T22:13:20Z", NOW},
	    {"2023-11-15T00:13:20+02:00", NOW},
	};
	struct err e = {0};
	int64_t t;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		t = -1;
		assert_ok(since_parse("since", cases[i].text, &t, &e), &e);
		assert_int_equal(t, cases[i].want);
	}
}

static void
test_bad(void **state)
{
	static const char *const cases[] = {"", "s", "7", "7y", "7D", "-7d",
	    "+7d", " 7d", "7 d", "7dd", "7.5h", "0x7d", "1000000000s",
	    "99999999999999999999s", "yesterday", "2023-11-14"};
	struct err e = {0};
	int64_t t;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("# %s\n", cases[i]);
		assert_kind(
		    since_parse("since", cases[i], &t, &e), KIND_USAGE, &e);
	}
	assert_int_equal(since_parse("changed-since", "now", &t, &e), -1);
	assert_int_equal(strncmp(e.text, "--changed-since now: ", 21), 0);
}

static void
test_ahead(void **state)
{
	struct err e = {0};
	int64_t t;

	(void)state;
	assert_ok(since_parse_ahead("to", "90s", &t, &e), &e);
	assert_int_equal(t, NOW + 90);
	assert_ok(since_parse_ahead("to", "2023-11-14T22:13:20Z", &t, &e), &e);
	assert_ok(since_parse_future("to", "1s", &t, &e), &e);
	assert_int_equal(since_parse_ahead("to", "999999999w", &t, &e), -1);
	assert_string_equal(e.text, "--to 999999999w: after the year 9999");
	err_clear(&e);
	assert_int_equal(since_parse_future("to", "0s", &t, &e), -1);
	assert_string_equal(e.text, "--to 0s: that time has passed");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_good),
    cmocka_unit_test(test_bad),
    cmocka_unit_test(test_ahead),
};

UNIT_MAIN(tests)
