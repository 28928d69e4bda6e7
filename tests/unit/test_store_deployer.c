/* The hold of a target: short, kept while work goes on, and lost at most once.
 */
#include "store.h"

#include "jobs/deployer.h"
#include "store/deploy_target.h"

static int taken_meanwhile; /* by another process, while one works */
static int kept;

/* Whether another process could take it now. */
static int
take(int64_t id)
{
	struct queue_hold hold;
	int64_t complete;

	return deploy_target_take(
	    st, id, test_now + DEPLOYING_HOLD, &hold, &complete, &e);
}

/* As a tree of very many names: half an hour. */
static int
work_long(struct deploying *d, struct err *why)
{
	for (int i = 0; i < 1800; i++) {
		test_now++;
		if (deploying_keep(d, why) < 0)
			return -1;
		taken_meanwhile += take(d->target_id);
	}
	return 0;
}

/* Stopped for as long as the hold lasts, as by SIGSTOP. */
static int
work_stopped(struct deploying *d, struct err *why)
{
	test_now += DEPLOYING_HOLD - 1;
	assert_int_equal(take(d->target_id), 0);
	test_now += 1;
	taken_meanwhile += take(d->target_id);
	kept = deploying_keep(d, why);
	return kept;
}

static int
run(int (*fn)(struct deploying *d, struct err *why), struct err *why)
{
	const struct deploy_kind kind = {.name = "tree",
	    .rank = 10,
	    .batch = 1000,
	    .reads_keys = true,
	    .run = fn};
	struct deploy_conf conf = {.name = (char *)(uintptr_t) "web",
	    .kind = &kind,
	    .settings = (char *)(uintptr_t) "x",
	    .timeout = 60};
	const struct deploy_confs all = {&conf, 1};
	const struct deployer d = {
	    .st = st, .all = &all, .take_until = INT64_MAX};

	taken_meanwhile = 0;
	assert_ok(deployer_prepare(st, &all, &e), &e);
	return deployer_run(&d, "web", why);
}

static bool
is_incomplete(void)
{
	struct deploy_target t;
	bool it_is;

	assert_ok(deploy_target_by_name(st, "web", &t, &e), &e);
	it_is = t.is_incomplete;
	deploy_target_release(&t);
	return it_is;
}

static void
test_kept(void **state)
{
	struct err why = {0};

	(void)state;
	assert_ok(run(work_long, &why), &why);
	assert_int_equal(taken_meanwhile, 0);
	assert_false(is_incomplete());
}

static void
test_lost(void **state)
{
	struct err why = {0};

	(void)state;
	assert_kind(run(work_stopped, &why), KIND_BUSY, &why);
	assert_int_equal(taken_meanwhile, 1);
	assert_int_equal(kept, -1);
	assert_true(is_incomplete()); /* it is for whoever has it now */
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_kept, store_setup, store_teardown),
    cmocka_unit_test_setup_teardown(test_lost, store_setup, store_teardown),
};

UNIT_MAIN(tests)
