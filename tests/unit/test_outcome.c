/* What becomes of items of a queue whose order has failed. */
#include "jobs/outcome.h"
#include "unit.h"

#define DAY ((int64_t)86400)

static void
test_pause(void **state)
{
	(void)state;
	assert_int_equal(outcome_pause(1, 90 * DAY, 0), 60);
	assert_int_equal(outcome_pause(2, 90 * DAY, 0), 600);
	assert_int_equal(outcome_pause(3, 90 * DAY, 0), 6000);
	assert_int_equal(outcome_pause(4, 90 * DAY, 0), DAY);
	assert_int_equal(outcome_pause(400, 0, 0), DAY);
	/* up to a tenth longer */
	assert_int_equal(outcome_pause(1, 0, 6), 66);
	assert_int_equal(outcome_pause(1, 0, 7), 60);
	assert_int_equal(outcome_pause(4, 0, DAY / 10), DAY + DAY / 10);
	/* the short-lived have less time, but never less than a minute */
	assert_int_equal(outcome_pause(4, 6 * DAY, 0), DAY / 4);
	assert_int_equal(outcome_pause(2, 3600, 0), 150);
	assert_int_equal(outcome_pause(3, 600, 0), 60);
}

static void
test_parks(void **state)
{
	const int64_t life = 90 * DAY;

	(void)state;
	assert_false(outcome_parks(CAUSE_CA_UNREACHABLE, 99, 99 * DAY, life));
	assert_false(outcome_parks(CAUSE_RATE_LIMITED, 99, 99 * DAY, life));
	assert_false(outcome_parks(CAUSE_DNS, 99, 7 * DAY - 1, life));
	assert_true(outcome_parks(CAUSE_DNS, 99, 7 * DAY, life));
	assert_false(
	    outcome_parks(CAUSE_DNS, OUTCOME_PARK_ATTEMPTS - 1, 7 * DAY, life));
	assert_true(
	    outcome_parks(CAUSE_DNS, OUTCOME_PARK_ATTEMPTS, 7 * DAY, life));
	assert_true(outcome_parks(CAUSE_CONNECTION, 9, 3600, 3600));
	assert_false(outcome_parks(CAUSE_CONNECTION, 9, 3599, 3600));
	assert_false(outcome_parks(CAUSE_ACCOUNT, 99, 30 * DAY - 1, 3600));
	assert_true(outcome_parks(CAUSE_ACCOUNT, 99, 30 * DAY, 3600));
	assert_true(outcome_parks(CAUSE_CHALLENGE, 9, 7 * DAY, 0));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_pause),
    cmocka_unit_test(test_parks),
};

UNIT_MAIN(tests)
