/* What is told, and when; places that are proved. */
#include "jobs/prober.h"
#include "jobs/teller.h"
#include "unit.h"

#define DAY ((int64_t)86400)

static void
test_state(void **state)
{
	char name[] = "a.example";
	struct telling_renewal r = {
	    .active = true, .not_before = 1000 * DAY, .not_after = 1090 * DAY};

	(void)state;
	assert_int_equal(teller_state(&r, 1089 * DAY), TELLING_OK);
	r.failing_since = 1070 * DAY;
	assert_int_equal(teller_state(&r, 1075 * DAY), TELLING_FAILING);
	assert_int_equal(teller_state(&r, 1075 * DAY + 1), TELLING_URGENT);
	assert_int_equal(teller_state(&r, 1090 * DAY), TELLING_URGENT);
	assert_int_equal(teller_state(&r, 1090 * DAY + 1), TELLING_EXPIRED);
	r.failing_since = 0; /* nobody has tried, that is no better */
	assert_int_equal(teller_state(&r, 1090 * DAY + 1), TELLING_EXPIRED);
	r.is_parked = true;
	assert_int_equal(teller_state(&r, 1090 * DAY + 1), TELLING_PARKED);
	r.active = false;
	assert_int_equal(teller_state(&r, 1090 * DAY + 1), TELLING_OK);
	r = (struct telling_renewal){.active = true,
	    .failing_since = 1004 * DAY,
	    .not_before = 1000 * DAY,
	    .not_after = 1008 * DAY};
	assert_int_equal(teller_state(&r, 1006 * DAY), TELLING_FAILING);
	assert_int_equal(teller_state(&r, 1006 * DAY + 1), TELLING_URGENT);
	/* nothing renews a served name but the queue, whatever keeps that */
	r.failing_since = 0;
	r.is_queued = true;
	assert_int_equal(teller_state(&r, 1006 * DAY + 1), TELLING_OK);
	r.name = name;
	assert_int_equal(teller_state(&r, 1006 * DAY), TELLING_OK);
	assert_int_equal(teller_state(&r, 1006 * DAY + 1), TELLING_URGENT);
	r.name = NULL;
	r.failing_since = 1004 * DAY;
	r.not_before = r.not_after = 0; /* the first one */
	assert_int_equal(teller_state(&r, 1006 * DAY), TELLING_FAILING);
}

static void
test_target_state(void **state)
{
	(void)state;
	assert_int_equal(teller_target_state(0, 0, DAY), TELLING_OK);
	assert_int_equal(teller_target_state(1, 1, DAY), TELLING_FAILING);
	assert_int_equal(teller_target_state(1, 1, DAY + 1), TELLING_URGENT);
}

static void
test_is_due(void **state)
{
	struct telling_row row = {.told = TELLING_OK};

	(void)state;
	assert_false(teller_is_due(&row, TELLING_OK, DAY, 100 * DAY));
	assert_true(teller_is_due(&row, TELLING_FAILING, DAY, 100 * DAY));
	row = (struct telling_row){
	    TELLING_OF_RENEWAL, 1, TELLING_FAILING, 100 * DAY};
	assert_false(teller_is_due(&row, TELLING_FAILING, DAY, 101 * DAY - 1));
	assert_true(teller_is_due(&row, TELLING_FAILING, DAY, 101 * DAY));
	assert_false(teller_is_due(&row, TELLING_FAILING, 0, 900 * DAY));
	assert_true(teller_is_due(&row, TELLING_FAILING, DAY, 99 * DAY));
	assert_true(teller_is_due(&row, TELLING_EXPIRED, DAY, 100 * DAY));
	assert_true(teller_is_due(&row, TELLING_OK, 0, 100 * DAY));
	row.told = TELLING_PARKED;
	assert_false(teller_is_due(&row, TELLING_PARKED, DAY, 900 * DAY));
	assert_true(teller_is_due(&row, TELLING_OK, DAY, 100 * DAY));
}

static void
check_place(const char *text, const char *host, const char *port)
{
	struct err e = {0};
	char *h, *p;

	assert_ok(probe_parse(text, &h, &p, &e), &e);
	assert_string_equal(h, host);
	assert_string_equal(p, port);
	free(h);
	free(p);
}

static void
test_place(void **state)
{
	static const char *const bad[] = {"", ":443", "a:", "a:0", "a:65536",
	    "a:x", "[::1", "[::1]x", "[]:1", "a\nb:1"};
	struct err e = {0};
	char *h, *p;

	(void)state;
	check_place("a.example", "a.example", "443");
	check_place("a.example:8443", "a.example", "8443");
	check_place("192.0.2.7:1", "192.0.2.7", "1");
	check_place("[::1]:8443", "::1", "8443");
	check_place("[::1]", "::1", "443");
	check_place("2001:db8::7", "2001:db8::7", "443");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_kind(probe_parse(bad[i], &h, &p, &e), KIND_INPUT, &e);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_state),
    cmocka_unit_test(test_target_state),
    cmocka_unit_test(test_is_due),
    cmocka_unit_test(test_place),
};

UNIT_MAIN(tests)
