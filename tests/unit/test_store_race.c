/* Processes that do the same at the same time: it takes effect once. */
#include <sys/wait.h>

#include "store.h"
#include "store/account.h"

static int64_t since; /* what order_start says */

#define RACERS 4
#define ROUNDS 10

static const char *const one[] = {"a.example", NULL};

/* What every racer does; 0, or -1 with KIND_CONFLICT. */
static struct order shared;
static int64_t shared_id;
static char shared_letter;

static int
race_start(struct store *mine)
{
	return challenge_start(mine, shared_id, &e);
}

static int
race_valid(struct store *mine)
{
	return challenge_set_valid(mine, shared_id, NULL, &e);
}

static int
race_finalize(struct store *mine)
{
	return order_start(mine, shared.id, "x", 1, 60, &since, &e);
}

static int
race_return(struct store *mine)
{
	return order_return(mine, shared.id, &e);
}

static int
race_create(struct store *mine)
{
	struct account a = {.jwk = xstrdup(test_jwk(shared_letter))};
	bool created;
	int rc;

	thumbprint(shared_letter, a.thumbprint);
	rc = account_create(mine, &a, &created, &e);
	account_release(&a);
	if (rc == 0 && !created)
		return err_set(&e, KIND_CONFLICT, "it was there");
	return rc;
}

static int
race_take(struct store *mine)
{
	struct challenge_task *tasks;
	size_t n;

	if (challenge_take(mine, 60, 3600, 5, &tasks, &n, &e) < 0)
		return -1;
	challenge_task_array_free(tasks, n);
	return n == 1 ? 0 : err_set(&e, KIND_CONFLICT, "taken");
}

/* Exits 0 for done, 1 for "somebody else did it", 2 for anything else. */
static void
racer(int (*fn)(struct store *mine), int gate)
{
	struct store *mine = store_open(test_url, STORE_WRITE, &e);
	char byte;

	if (!mine || read(gate, &byte, 1) != 0)
		_exit(2);
	if (fn(mine) == 0)
		_exit(0);
	_exit(e.kind == KIND_CONFLICT ? 1 : 2);
}

/* A handle must not cross a fork: the parent's is closed meanwhile. */
static void
race(int (*fn)(struct store *mine))
{
	pid_t pids[RACERS];
	int gate[2], status, won = 0, lost = 0;
	size_t i;

	store_close(st);
	assert_int_equal(pipe(gate), 0);
	for (i = 0; i < RACERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			close(gate[1]);
			racer(fn, gate[0]);
		}
	}
	close(gate[0]);
	close(gate[1]); /* off they go */
	for (i = 0; i < RACERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status));
		won += WEXITSTATUS(status) == 0;
		lost += WEXITSTATUS(status) == 1;
	}
	assert_int_equal(won, 1);
	assert_int_equal(lost, RACERS - 1);
	st = store_open(test_url, STORE_WRITE, &e);
	assert_non_null(st);
}

static void
test_races(void **state)
{
	int round;

	(void)state;
	for (round = 0; round < ROUNDS; round++) {
		int64_t account;

		shared_letter = (char)('a' + round);
		race(race_create);
		account = count("SELECT max(id) FROM accounts");
		assert_int_equal(
		    count("SELECT count(*) FROM accounts"), round + 1);
		new_order(account, &shared, one);
		shared_id = challenge_id(&shared, 0, 0);
		race(race_start);
		race(race_take);
		race(race_valid);
		race(race_finalize);
		race(race_return);
		assert_int_equal(order_status(&shared), ORDER_READY);
		order_release(&shared);
	}
	assert_int_equal(
	    count("SELECT count(*) FROM events WHERE action = 'order.return'"),
	    ROUNDS);
	assert_sound();
}

/* Two challenges of an order won at once by two validators: it is ready. */
static int
race_both(struct store *mine)
{
	if (challenge_set_valid(mine, shared_id, NULL, &e) == 0)
		return 0;
	err_clear(&e);
	return challenge_set_valid(mine, challenge_id(&shared, 1, 0), NULL, &e);
}

static void
test_last_one_makes_ready(void **state)
{
	static const char *const two[] = {"a.example", "b.example", NULL};
	pid_t pids[2];
	size_t i;

	(void)state;
	new_order(new_account('a'), &shared, two);
	shared_id = challenge_id(&shared, 0, 0);
	assert_ok(challenge_start(st, shared_id, &e), &e);
	assert_ok(challenge_start(st, challenge_id(&shared, 1, 0), &e), &e);
	store_close(st);
	for (i = 0; i < 2; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			st = store_open(test_url, STORE_WRITE, &e);
			_exit(st && race_both(st) == 0 ? 0 : 1);
		}
	}
	for (i = 0; i < 2; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	st = store_open(test_url, STORE_WRITE, &e);
	assert_int_equal(order_status(&shared), ORDER_READY);
	order_release(&shared);
	assert_sound();
}

#define T(test)                                                                \
	cmocka_unit_test_setup_teardown(test, store_setup, store_teardown)
static const struct CMUnitTest tests[] = {
    T(test_races),
    T(test_last_one_makes_ready),
};

UNIT_MAIN(tests)
