/* What becomes of items of a queue whose order has failed. */
#include "jobs/outcome.h"
#include "jobs/retry.h"
#include "unit.h"

#define DAY ((int64_t)86400)

static void
test_pause(void **state)
{
	(void)state;
	assert_int_equal(retry_pause(1, 90 * DAY, 0), 60);
	assert_int_equal(retry_pause(2, 90 * DAY, 0), 600);
	assert_int_equal(retry_pause(3, 90 * DAY, 0), 6000);
	assert_int_equal(retry_pause(4, 90 * DAY, 0), DAY);
	assert_int_equal(retry_pause(400, 0, 0), DAY);
	/* up to a tenth longer */
	assert_int_equal(retry_pause(1, 0, 6), 66);
	assert_int_equal(retry_pause(1, 0, 7), 60);
	assert_int_equal(retry_pause(4, 0, DAY / 10), DAY + DAY / 10);
	/* the short-lived have less time, but never less than a minute */
	assert_int_equal(retry_pause(4, 6 * DAY, 0), DAY / 4);
	assert_int_equal(retry_pause(2, 3600, 0), 150);
	assert_int_equal(retry_pause(3, 600, 0), 60);
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
	assert_true(outcome_parks(CAUSE_BLOCKED, 1, 0, life));
}

static struct outcome
judge(enum upstream_order_status status, const char *cause, enum err_kind kind)
{
	static char word[32];
	static char error[] = "so it is";
	static struct upstream_order o;
	static struct err why;
	const struct orders_result x = {.id = 7, .order = &o, .err = &why};
	struct outcome out;

	snprintf(word, sizeof(word), "%s", cause ? cause : "");
	o = (struct upstream_order){.id = 7,
	    .status = status,
	    .cause = cause ? word : NULL,
	    .error = cause ? error : NULL,
	    .retry_at = 500};
	why = (struct err){0};
	if (status != UPSTREAM_ORDER_VALID)
		err_set(&why, kind, "told so");
	outcome_judge(&x, 100, &out);
	return out;
}

static void
test_judge(void **state)
{
	struct err busy = {.kind = KIND_BUSY, .text = "held"};
	struct orders_result none = {.id = 7, .err = &busy};
	struct outcome out = judge(UPSTREAM_ORDER_VALID, NULL, KIND_BUG);

	(void)state;
	assert_int_equal(out.result, OUTCOME_DONE);
	out = judge(UPSTREAM_ORDER_PENDING, NULL, KIND_BUSY);
	assert_int_equal(out.result, OUTCOME_GOES_ON);
	assert_int_equal(out.retry_at, 500);
	out = judge(UPSTREAM_ORDER_NEW, "rate-limited", KIND_BUSY);
	assert_int_equal(out.result, OUTCOME_GOES_ON);
	out = judge(UPSTREAM_ORDER_PENDING, "ca-broken", KIND_BUSY);
	assert_int_equal(out.result, OUTCOME_FAILED);
	assert_false(out.order_is_over);
	assert_int_equal(out.cause, CAUSE_CA_BROKEN);
	out = judge(UPSTREAM_ORDER_INVALID, "dns", KIND_DENIED);
	assert_int_equal(out.result, OUTCOME_FAILED);
	assert_true(out.order_is_over);
	assert_int_equal(out.cause, CAUSE_DNS);
	assert_string_equal(out.error, "so it is");
	/* Another process has the order; there could be none. */
	outcome_judge(&none, 100, &out);
	assert_int_equal(out.result, OUTCOME_GOES_ON);
	assert_int_equal(out.retry_at, 160);
	none.id = 0;
	outcome_judge(&none, 100, &out);
	assert_int_equal(out.result, OUTCOME_FAILED);
	assert_int_equal(out.cause, CAUSE_CA_UNREACHABLE);
	assert_true(out.order_is_over);
}

static void
test_failure(void **state)
{
	const struct outcome_life none = {0};
	const struct queue_past past = {0}, old = {4, 1000, 0};
	const struct queue_past away = {4, 1000, 1001};
	struct outcome out = judge(UPSTREAM_ORDER_INVALID, "dns", KIND_DENIED);
	struct queue_failure f = outcome_failure(&out, &past, &none, 1000);

	(void)state;
	assert_in_range(f.retry_at, 1060, 1066);
	assert_string_equal(f.cause, "dns");
	assert_true(f.order_is_over);
	assert_false(f.parks);
	f = outcome_failure(&out, &old, &none, 1000 + 7 * DAY);
	assert_true(f.parks);
	/* while the CA is away, nothing has time to fail */
	f = outcome_failure(&out, &away, &none, 1000 + 7 * DAY);
	assert_false(f.parks);
	out.retry_at = 9000; /* the CA has said when */
	f = outcome_failure(&out, &past, &none, 1000);
	assert_int_equal(f.retry_at, 9000);
}

/* The later it is, the sooner it is tried. */
static void
test_life(void **state)
{
	const struct outcome_life life = {1000 * DAY, 1090 * DAY};
	const struct queue_past past = {9, 1, 0};
	struct outcome out = judge(UPSTREAM_ORDER_INVALID, "dns", KIND_DENIED);
	struct queue_failure f;

	(void)state;
	assert_int_equal(outcome_span(&life, 1074 * DAY), 90 * DAY);
	assert_int_equal(outcome_span(&life, 1086 * DAY), 24 * DAY);
	assert_int_equal(outcome_span(&life, 1088 * DAY), 12 * DAY);
	assert_int_equal(outcome_span(&life, 1090 * DAY - 1), 24 * 600);
	assert_int_equal(outcome_span(&life, 1090 * DAY), 90 * DAY);
	out.retry_at = 0;
	f = outcome_failure(&out, &past, &life, 1088 * DAY);
	assert_in_range(f.retry_at, 1088 * DAY + DAY / 2,
	    1088 * DAY + DAY / 2 + DAY / 20 + 1);
	f = outcome_failure(&out, &past, &life, 1091 * DAY);
	assert_in_range(f.retry_at, 1092 * DAY, 1092 * DAY + DAY / 10 + 1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_pause),
    cmocka_unit_test(test_parks),
    cmocka_unit_test(test_judge),
    cmocka_unit_test(test_failure),
    cmocka_unit_test(test_life),
};

UNIT_MAIN(tests)
