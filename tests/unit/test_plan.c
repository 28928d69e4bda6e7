/* When orders will be done under limits: heap, buckets, who goes first. */
#include "unit.h"

#include "base/heap.h"
#include "jobs/plan.h"

#define T0 ((int64_t)1800000000)
#define HOUR ((int64_t)3600)

struct seen {
	struct plan_step v[64];
	size_t len;
};

static void
see(void *arg, const struct plan_step *s)
{
	struct seen *seen = arg;

	assert_true(seen->len < ARRAY_LEN(seen->v));
	seen->v[seen->len++] = *s;
}

static void
test_heap(void **state)
{
	struct heap h = {0};
	int64_t last = -1;

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		heap_push(&h, (int64_t)(i * 7919 % 500), i);
	for (size_t i = 0, number = 0; i < 1000; i++) {
		struct heap_item x = heap_pop(&h);

		assert_true(x.key >= last);
		assert_true(x.key > last || x.number > number);
		assert_int_equal(x.key, (int64_t)(x.number * 7919 % 500));
		last = x.key;
		number = x.number;
	}
	assert_int_equal(h.len, 0);
	heap_release(&h);
}

static void
test_account(void **state)
{
	const struct plan_how how = {
	    .now = T0, .account = {3, 3 * HOUR}, .per_order = 1};
	struct plan *p = plan_new(&how);
	struct seen seen = {.len = 0};
	const int64_t used[] = {T0 - HOUR};

	(void)state;
	plan_spent_account(p, PLAN_ALL, used, 1);
	plan_add_name(p, "a.test", "a.test");
	plan_add_name(p, "b.test", "b.test");
	plan_add_name(p, "c.test", "c.test");
	plan_add_name(p, "d.test", "d.test");
	plan_add_name(p, "e.test", "e.test");
	plan_run(p, see, &seen);
	/* One was used an hour ago, which has filled since. */
	assert_int_equal(seen.len, 5);
	assert_int_equal(seen.v[2].at, T0);
	assert_int_equal(seen.v[2].rule, PLAN_FREE);
	assert_int_equal(seen.v[3].at, T0 + HOUR);
	assert_int_equal(seen.v[3].rule, PLAN_ACCOUNT);
	assert_int_equal(seen.v[4].at, T0 + 2 * HOUR);
	assert_string_equal(seen.v[4].names[0], "e.test");
	plan_free(p);
}

static void
test_domains(void **state)
{
	const struct plan_how how = {
	    .now = T0, .domain = {2, 2 * HOUR}, .per_order = 2};
	struct plan *p = plan_new(&how);
	struct seen seen = {.len = 0};

	(void)state;
	plan_spent_domain(p, "a.test", T0);
	plan_spent_domain(p, "other.test", T0);
	plan_add_name(p, "1.a.test", "a.test");
	plan_add_name(p, "1.b.test", "b.test");
	plan_add_name(p, "2.a.test", "a.test");
	plan_add_name(p, "3.a.test", "a.test");
	plan_run(p, see, &seen);
	assert_int_equal(seen.len, 3);
	assert_string_equal(seen.v[0].registered, "a.test");
	assert_int_equal(seen.v[0].len, 2);
	assert_string_equal(seen.v[0].names[1], "2.a.test");
	assert_string_equal(seen.v[1].registered, "b.test");
	assert_int_equal(seen.v[1].at, T0);
	assert_string_equal(seen.v[2].names[0], "3.a.test");
	assert_int_equal(seen.v[2].at, T0 + HOUR);
	assert_int_equal(seen.v[2].rule, PLAN_DOMAIN);
	plan_free(p);
}

/* Renewals go first, by the end of their window, and no limit holds them. */
static void
test_renewals(void **state)
{
	const struct plan_how how = {.now = T0,
	    .account = {1, 24 * HOUR},
	    .rate = {1, HOUR},
	    .per_order = 1};
	struct plan *p = plan_new(&how);
	struct seen seen = {.len = 0};

	(void)state;
	plan_add_name(p, "a.test", "a.test");
	plan_add_renewal(p, 1, T0 - 10, T0 + 5 * HOUR, false);
	plan_add_renewal(p, 2, T0, T0 + HOUR, false);
	plan_add_renewal(p, 3, T0 + 2 * HOUR, T0 + 3 * HOUR, false);
	plan_run(p, see, &seen);
	assert_int_equal(seen.len, 4);
	assert_int_equal(seen.v[0].renewal_id, 2);
	assert_int_equal(seen.v[0].at, T0);
	assert_int_equal(seen.v[0].rule, PLAN_FREE);
	assert_int_equal(seen.v[1].renewal_id, 1);
	assert_int_equal(seen.v[1].at, T0 + HOUR);
	assert_int_equal(seen.v[1].rule, PLAN_RATE);
	assert_int_equal(seen.v[2].renewal_id, 3);
	assert_int_equal(seen.v[2].rule, PLAN_FREE);
	assert_int_equal(seen.v[2].by, T0 + 3 * HOUR);
	assert_int_equal(seen.v[3].renewal_id, 0);
	assert_int_equal(seen.v[3].at, T0 + 3 * HOUR);
	assert_int_equal(seen.v[3].rule, PLAN_RATE);
	plan_free(p);
}

/* "rnrn": renewals and new names, in their order. */
static const char *
order_of(const struct seen *seen)
{
	static char text[65];

	for (size_t i = 0; i < seen->len; i++)
		text[i] = seen->v[i].renewal_id ? 'r' : 'n';
	text[seen->len] = '\0';
	return text;
}

/* While both wait each has its part of our rate; then all is for the other. */
static void
test_parts_of_the_rate(void **state)
{
	struct plan_how how = {
	    .now = T0, .rate = {4, 4 * HOUR}, .per_order = 1};
	static const struct {
		int percent;
		const char *order;
	} rows[] = {{0, "rrrrrrnn"}, {50, "rrnnrrrr"}, {75, "rnnrrrrr"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct seen seen = {.len = 0};
		struct plan *p;

		how.new_percent = rows[i].percent;
		p = plan_new(&how);
		plan_add_name(p, "a.test", "a.test");
		plan_add_name(p, "b.test", "b.test");
		for (int64_t r = 1; r <= 6; r++)
			plan_add_renewal(p, r, T0, T0 + r, false);
		plan_run(p, see, &seen);
		assert_string_equal(order_of(&seen), rows[i].order);
		assert_int_equal(seen.v[3].at, T0);
		assert_int_equal(seen.v[4].at, T0 + HOUR);
		assert_int_equal(seen.v[7].at, T0 + 4 * HOUR);
		plan_free(p);
	}
}

/* New names that wait for the CA keep no renewal waiting. */
static void
test_what_cannot_go_has_no_part(void **state)
{
	const struct plan_how how = {.now = T0,
	    .account = {1, 24 * HOUR},
	    .rate = {2, 2 * HOUR},
	    .new_percent = 50,
	    .per_order = 1};
	const int64_t used[] = {T0};
	struct plan *p = plan_new(&how);
	struct seen seen = {.len = 0};

	(void)state;
	plan_spent_account(p, PLAN_ALL, used, 1);
	plan_add_name(p, "a.test", "a.test");
	for (int64_t r = 1; r <= 4; r++)
		plan_add_renewal(p, r, T0, T0 + HOUR, false);
	plan_run(p, see, &seen);
	assert_string_equal(order_of(&seen), "rrrrn");
	assert_int_equal(seen.v[1].at, T0);
	assert_int_equal(seen.v[4].at, T0 + 24 * HOUR);
	plan_free(p);
}

/* The first of a configuration is limited as a new name is. */
static void
test_parts_of_the_account(void **state)
{
	const struct plan_how how = {.now = T0,
	    .account = {4, 4 * HOUR},
	    .new_percent = 25,
	    .per_order = 1};
	const int64_t used[] = {T0};
	struct plan *p = plan_new(&how);
	struct seen seen = {.len = 0};

	(void)state;
	plan_spent_account(p, PLAN_ALL, used, 1);
	plan_spent_account(p, PLAN_RENEWALS, used, 1);
	plan_add_name(p, "a.test", "a.test");
	plan_add_name(p, "b.test", "b.test");
	for (int64_t r = 1; r <= 4; r++)
		plan_add_renewal(p, r, T0, T0 + HOUR, true);
	plan_add_renewal(p, 5, T0, T0 + HOUR, false);
	plan_run(p, see, &seen);
	/* One of three was used, and one of all four. */
	assert_string_equal(order_of(&seen), "rrrnrrn");
	assert_int_equal(seen.v[0].renewal_id, 5);
	assert_int_equal(seen.v[3].at, T0);
	assert_int_equal(seen.v[4].at, T0 + 4 * HOUR / 3);
	assert_int_equal(seen.v[4].rule, PLAN_ACCOUNT);
	assert_int_equal(seen.v[6].at, T0 + 3 * HOUR);
	plan_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_heap),
	    cmocka_unit_test(test_account),
	    cmocka_unit_test(test_domains),
	    cmocka_unit_test(test_renewals),
	    cmocka_unit_test(test_parts_of_the_rate),
	    cmocka_unit_test(test_what_cannot_go_has_no_part),
	    cmocka_unit_test(test_parts_of_the_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
