/* The cycles of keys: who gets the same key, and for how long. */
#include "store.h"

#include "store/key_cycle.h"
#include "store/private_key.h"

#define DAY 86400

/* 2026-11-26 00:00:00 UTC, a Thursday. */
#define START 1795651200

static int
setup(void **state)
{
	int rc = store_setup(state);

	test_now = START;
	return rc;
}

static struct key_cycle_use
use_of(enum key_cycle cycle)
{
	return (struct key_cycle_use){.cycle = cycle,
	    .account_id = 1,
	    .fqdn_set_id = 5,
	    .type = "p256",
	    .now = test_now};
}

/* The key for a use: the one there is, or a new one. */
static int64_t
key_for(struct key_cycle_use use)
{
	struct key *k;
	int64_t id;

	if (key_cycle_take(st, &use, &id, &e) == 0)
		return id;
	assert_int_equal(e.kind, KIND_NOTFOUND);
	err_clear(&e);
	k = key_generate(KEY_P256, 0, &e);
	assert_ok(key_cycle_add(st, &use, k, NULL, &id, &e), &e);
	key_free(k);
	return id;
}

static void
test_names(void **state)
{
	enum key_cycle cycle;

	(void)state;
	for (int i = 0; i < KEY_CYCLE__MAX; i++) {
		assert_int_equal(key_cycle_by_name(
				     key_cycle_name((enum key_cycle)i), &cycle),
		    0);
		assert_int_equal(cycle, i);
	}
	assert_int_equal(key_cycle_by_name("yearly", &cycle), -1);
}

static void
test_periods(void **state)
{
	static const struct {
		enum key_cycle cycle;
		int64_t now;
		const char *period;
	} cases[] = {
	    {KEY_CYCLE_ACCOUNT_DAILY, START, "2026-11-26"},
	    {KEY_CYCLE_GLOBAL_DAILY, START - 1, "2026-11-25"},
	    {KEY_CYCLE_ACCOUNT_WEEKLY, START, "2026-W48"},
	    {KEY_CYCLE_GLOBAL_WEEKLY, START + 3 * DAY, "2026-W48"},
	    {KEY_CYCLE_GLOBAL_WEEKLY, START + 4 * DAY, "2026-W49"},
	    /* 2027-01-01 is a Friday of the last week of 2026. */
	    {KEY_CYCLE_GLOBAL_WEEKLY, START + 36 * DAY, "2026-W53"},
	    {KEY_CYCLE_SINGLE_CERTIFICATE, START, ""},
	    {KEY_CYCLE_REUSE_YEAR, START, ""},
	};
	char period[KEY_CYCLE_PERIOD_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		key_cycle_period(cases[i].cycle, cases[i].now, period);
		assert_string_equal(period, cases[i].period);
	}
}

static void
test_single(void **state)
{
	struct key_cycle_use use = use_of(KEY_CYCLE_SINGLE_CERTIFICATE);

	(void)state;
	assert_int_not_equal(key_for(use), key_for(use));
}

/* Same account and period, same key; another of either, another key. */
static void
test_account(void **state)
{
	struct key_cycle_use daily = use_of(KEY_CYCLE_ACCOUNT_DAILY);
	struct key_cycle_use weekly = use_of(KEY_CYCLE_ACCOUNT_WEEKLY);
	int64_t first = key_for(daily), week = key_for(weekly);

	(void)state;
	assert_int_not_equal(first, week);
	daily.now = weekly.now = START + DAY - 1;
	assert_int_equal(key_for(daily), first);
	daily.account_id = 2;
	assert_int_not_equal(key_for(daily), first);
	daily.account_id = 1;
	daily.now = weekly.now = START + DAY;
	assert_int_not_equal(key_for(daily), first);
	assert_int_equal(key_for(weekly), week);
	weekly.now = START + 4 * DAY;
	assert_int_not_equal(key_for(weekly), week);
}

static void
test_global(void **state)
{
	struct key_cycle_use use = use_of(KEY_CYCLE_GLOBAL_DAILY);
	int64_t first = key_for(use);

	(void)state;
	use.account_id = 2;
	assert_int_equal(key_for(use), first);
	use.type = "p384";
	assert_int_equal(key_cycle_take(st, &use, &first, &e), -1);
	assert_int_equal(e.kind, KIND_NOTFOUND);
	err_clear(&e);
}

static void
test_year(void **state)
{
	struct key_cycle_use use = use_of(KEY_CYCLE_REUSE_YEAR);
	int64_t first = key_for(use);

	(void)state;
	use.now = START + 365 * (int64_t)DAY - 1;
	assert_int_equal(key_for(use), first);
	use.fqdn_set_id = 6;
	assert_int_not_equal(key_for(use), first);
	use.fqdn_set_id = 5;
	use.account_id = 2;
	assert_int_not_equal(key_for(use), first);
	use.account_id = 1;
	use.now = test_now = START + 365 * (int64_t)DAY;
	assert_int_not_equal(key_for(use), first);
}

/* The key of an account is for no other. */
static void
test_owner(void **state)
{
	static const struct {
		enum key_cycle cycle;
		int64_t owner;
	} cases[] = {
	    {KEY_CYCLE_SINGLE_CERTIFICATE, 71},
	    {KEY_CYCLE_ACCOUNT_DAILY, 71},
	    {KEY_CYCLE_ACCOUNT_WEEKLY, 71},
	    {KEY_CYCLE_REUSE_YEAR, 71},
	    {KEY_CYCLE_GLOBAL_WEEKLY, 0},
	};
	struct key *k = key_generate(KEY_P256, 0, &e);
	int64_t id, owner;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct key_cycle_use use = use_of(cases[i].cycle);

		use.account_id = 71;
		id = key_for(use);
		assert_ok(key_cycle_owner(st, id, &owner, &e), &e);
		assert_int_equal(owner, cases[i].owner);
	}
	assert_ok(key_cycle_pool_add(st, k, NULL, &id, &e), &e);
	assert_ok(key_cycle_owner(st, id, &owner, &e), &e);
	assert_int_equal(owner, 0);
	key_free(k);
}

/* One that is not active any more is replaced. */
static void
test_replaced(void **state)
{
	static const enum private_key_status ends[] = {
	    PRIVATE_KEY_RETIRED, PRIVATE_KEY_COMPROMISED};
	struct key_cycle_use use = use_of(KEY_CYCLE_GLOBAL_WEEKLY);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		int64_t id = key_for(use), next;

		assert_ok(private_key_set_status(st, id, ends[i], &e), &e);
		next = key_for(use);
		assert_int_not_equal(next, id);
		assert_int_equal(key_for(use), next);
	}
}

/* Who makes a key while another gives one to the same use gets that one. */
static void
test_two_at_once(void **state)
{
	struct key_cycle_use use = use_of(KEY_CYCLE_GLOBAL_DAILY);
	struct key *k = key_generate(KEY_P256, 0, &e);
	int64_t first = key_for(use), id;

	(void)state;
	assert_ok(key_cycle_add(st, &use, k, NULL, &id, &e), &e);
	assert_int_equal(id, first);
	assert_int_equal(count("SELECT count(*) FROM private_keys"), 1);
	key_free(k);
}

static void
test_pool(void **state)
{
	struct key_cycle_use use = use_of(KEY_CYCLE_SINGLE_CERTIFICATE);
	int64_t ids[2], n, id;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct key *k = key_generate(KEY_P256, 0, &e);

		assert_ok(key_cycle_pool_add(st, k, NULL, &ids[i], &e), &e);
		key_free(k);
	}
	assert_ok(key_cycle_pool_size(st, "p256", &n, &e), &e);
	assert_int_equal(n, 2);
	assert_ok(key_cycle_pool_size(st, "rsa2048", &n, &e), &e);
	assert_int_equal(n, 0);
	assert_int_equal(key_for(use), ids[0]);
	assert_ok(
	    private_key_set_status(st, ids[1], PRIVATE_KEY_COMPROMISED, &e),
	    &e);
	assert_ok(key_cycle_pool_size(st, "p256", &n, &e), &e);
	assert_int_equal(n, 0);
	id = key_for(use);
	assert_true(id != ids[0] && id != ids[1]);
	/* A cycle keeps what it took from the pool. */
	use.cycle = KEY_CYCLE_GLOBAL_DAILY;
	assert_int_equal(key_for(use), key_for(use));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, store_teardown)
	const struct CMUnitTest tests[] = {T(test_names), T(test_periods),
	    T(test_single), T(test_account), T(test_global), T(test_year),
	    T(test_owner), T(test_replaced), T(test_two_at_once), T(test_pool)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
