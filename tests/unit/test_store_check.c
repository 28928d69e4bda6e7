/* What check_run says when it cannot look. */
#include "store.h"

static void
run_sql(const char *sql)
{
	struct db_stmt *s = db_prepare(st->db, sql, &e);

	assert_non_null(s);
	assert_ok(db_run(s, &e), &e);
	db_finalize(s);
}

/* A table of the connection's own that hides the store's. */
static void
hide_jobs(void)
{
	run_sql("CREATE TEMP TABLE jobs (other INTEGER)");
}

static void
test_nothing_found(void **state)
{
	struct strv problems = {0};

	(void)state;
	hide_jobs();
	assert_int_equal(check_run(st, &problems, &e), -1);
	assert_true(err_is_set(&e));
	assert_int_equal(problems.len, 0);
	err_clear(&e);
}

static void
test_broken_below(void **state)
{
	struct strv problems = {0};

	(void)state;
	run_sql("PRAGMA foreign_keys = OFF");
	run_sql("INSERT INTO chain_members VALUES (7, 0, 7)");
	hide_jobs();
	assert_ok(check_run(st, &problems, &e), &e);
	assert_false(err_is_set(&e));
	assert_int_equal(problems.len, 3);
	assert_true(str_starts(problems.v[0], "chain_members row "));
	assert_true(str_starts(problems.v[1], "chain_members row "));
	assert_true(
	    str_starts(problems.v[2], "the rest could not be looked at: "));
	strv_release(&problems);
}

/* A problem that the look itself has found explains no failure of it. */
static void
test_found_then_failed(void **state)
{
	struct strv problems = {0};

	(void)state;
	new_account('a');
	run_sql("INSERT INTO orders (url_id, account_id, status, created,"
		" expires, keep_until) VALUES ('o', 1, 'ready', 1, 2, 3)");
	run_sql("CREATE TEMP TABLE certificates (id INTEGER)");
	assert_int_equal(check_run(st, &problems, &e), -1);
	assert_true(err_is_set(&e));
	assert_int_equal(problems.len, 1);
	assert_string_equal(problems.v[0], "order/1: without a name");
	strv_release(&problems);
	err_clear(&e);
}

#define T(test)                                                                \
	cmocka_unit_test_setup_teardown(test, store_setup, store_teardown)
static const struct CMUnitTest tests[] = {
    T(test_nothing_found),
    T(test_broken_below),
    T(test_found_then_failed),
};

UNIT_MAIN(tests)
