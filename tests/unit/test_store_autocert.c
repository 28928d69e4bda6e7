/* Certificates that are asked for by name: attempts, their ends and limits. */
#include "store.h"

#include <sys/wait.h>

#include "store/autocert.h"
#include "store/domain_queue.h"

#define HOUR 3600
#define DAY 86400
#define AGAIN 600
#define DEFAULT 1 /* the template that is there */

static struct autocert_limits limits;

static int
setup(void **state)
{
	limits = (struct autocert_limits){AGAIN, 100, 100};
	return store_setup(state);
}

/* 0 and the attempt; or the status, and 1 for what has none. */
static int
begin_as(
    struct store *s, enum autocert_kind kind, const char *name, int64_t *id)
{
	struct autocert_new n = {kind, name, "example", DEFAULT, limits};

	err_clear(&e);
	if (autocert_check(s, &n, &e) == 0 &&
	    autocert_begin(s, &n, id, &e) == 0)
		return 0;
	return e.http_status ? e.http_status : 1;
}

static int
begin(const char *name, int64_t *id)
{
	return begin_as(st, AUTOCERT_AUTO, name, id);
}

static void
end(int64_t id, enum autocert_outcome outcome)
{
	struct autocert_end x = {.outcome = outcome,
	    .again_at = test_now + AGAIN,
	    .error = outcome == AUTOCERT_VALID ? NULL : "so it is"};

	assert_ok(autocert_end(st, id, &x, &e), &e);
}

static enum autocert_state
look_at(const char *name)
{
	enum autocert_state s;
	struct err why = {0};
	char *error;

	assert_ok(autocert_look(st, name, &s, &error, &why), &why);
	free(error);
	return s;
}

static void
test_one_at_a_time(void **state)
{
	int64_t id, other;

	(void)state;
	assert_int_equal(look_at("a.example"), AUTOCERT_QUEUE_ABSENT);
	assert_int_equal(begin("a.example", &id), 0);
	assert_int_equal(look_at("a.example"), AUTOCERT_QUEUE_WAITING);
	assert_int_equal(begin("a.example", &other), 409);
	assert_true(e.retry_after > 0 && e.retry_after <= 30);
	assert_int_equal(begin("b.example", &other), 0);
	/* who needs it waits for no other outcome, but for who is at it */
	assert_int_equal(
	    begin_as(st, AUTOCERT_IF_NEEDED, "a.example", &other), 409);
	end(id, AUTOCERT_VALID);
	assert_int_equal(begin("a.example", &other), 409);
	assert_int_equal(e.retry_after, AGAIN);
	test_now += AGAIN - 1;
	assert_int_equal(begin("a.example", &other), 409);
	test_now += 1;
	assert_int_equal(begin("a.example", &other), 0);
	assert_true(other > id);
}

static void
test_two_callers(void **state)
{
	struct store *two = store_open(test_url, STORE_WRITE, &e);
	int64_t id;

	(void)state;
	assert_non_null(two);
	assert_int_equal(begin("a.example", &id), 0);
	assert_int_equal(begin_as(two, AUTOCERT_AUTO, "a.example", &id), 409);
	end(id, AUTOCERT_FAILED);
	assert_int_equal(begin_as(two, AUTOCERT_AUTO, "a.example", &id), 502);
	store_close(two);
}

/* A process of its own: ends with whether there is an attempt. */
static pid_t
start_caller(const int go[2])
{
	pid_t pid = fork();
	struct store *own;
	int64_t id;
	char c;

	if (pid != 0)
		return pid;
	close(go[1]);
	own = store_open(test_url, STORE_WRITE, &e);
	if (!own || read(go[0], &c, 1) != 0)
		_exit(2);
	_exit(begin_as(own, AUTOCERT_AUTO, "a.example", &id) == 0);
}

static void
test_many_callers(void **state)
{
	int begun = 0, status, go[2];
	pid_t pids[8];

	(void)state;
	/* no process may have a connection of another */
	store_close(st);
	assert_int_equal(pipe(go), 0);
	for (size_t i = 0; i < ARRAY_LEN(pids); i++)
		assert_true((pids[i] = start_caller(go)) > 0);
	close(go[0]);
	close(go[1]);
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
		begun += WEXITSTATUS(status);
	}
	assert_int_equal(begun, 1);
	st = store_open(test_url, STORE_WRITE, &e);
	assert_non_null(st);
}

/* Who was at it has died. */
static void
test_lease(void **state)
{
	int64_t id, other;

	(void)state;
	assert_int_equal(begin("a.example", &id), 0);
	test_now += AUTOCERT_LEASE - 1;
	assert_int_equal(begin("a.example", &other), 409);
	assert_int_equal(e.retry_after, 1);
	test_now += 1;
	/* it is settled: it waits, and so does who asks */
	assert_int_equal(begin("a.example", &other), 503);
	assert_non_null(strstr(e.text, "it waits in the queue"));
	assert_int_equal(e.retry_after, AGAIN);
	test_now += AGAIN;
	assert_int_equal(begin("a.example", &other), 0);
	/* a late end of the first changes nothing */
	end(id, AUTOCERT_FAILED);
	assert_int_equal(begin("b.example", &other), 0);
	assert_int_equal(look_at("a.example"), AUTOCERT_QUEUE_WAITING);
}

/* A clock that was set back makes no lease that lasts. */
static void
test_clock(void **state)
{
	int64_t id;

	(void)state;
	assert_int_equal(begin("a.example", &id), 0);
	test_now -= 60;
	assert_int_equal(begin("a.example", &id), 409);
	test_now -= 1;
	assert_int_equal(begin("a.example", &id), 503);
}

/* The queue knows an end that nobody has waited for. */
static void
test_settle(void **state)
{
	int64_t id;

	(void)state;
	assert_int_equal(begin("a.example", &id), 0);
	run_sql("UPDATE domain_queue SET attempts = 1, failing_since = 1,"
		" cause = 'other', error = 'no such name'");
	assert_int_equal(look_at("a.example"), AUTOCERT_QUEUE_FAILED);
	assert_int_equal(begin("a.example", &id), 502);
	assert_non_null(strstr(e.text, "no such name"));
	assert_int_equal(e.retry_after, HOUR);
	assert_int_equal(look_at("a.example"), AUTOCERT_QUEUE_ABSENT);
}

/* Nobody asks for it again: who asks for another brings it to its end. */
static void
test_settle_others(void **state)
{
	int64_t id;

	(void)state;
	limits.at_once = 1;
	assert_int_equal(begin("a.example", &id), 0);
	assert_int_equal(begin("b.example", &id), 429);
	run_sql("UPDATE domain_queue SET attempts = 1, failing_since = 1,"
		" cause = 'other', error = 'no such name'");
	assert_int_equal(begin("b.example", &id), 0);
	assert_int_equal(look_at("a.example"), AUTOCERT_QUEUE_ABSENT);
	assert_int_equal(look_at("b.example"), AUTOCERT_QUEUE_WAITING);
	assert_int_equal(begin("a.example", &id), 502);
}

static void
test_failures(void **state)
{
	static const int64_t waits[] = {
	    HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR, DAY, DAY};
	int64_t id;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		assert_int_equal(begin("a.example", &id), 0);
		end(id, AUTOCERT_FAILED);
		assert_int_equal(look_at("a.example"), AUTOCERT_QUEUE_ABSENT);
		assert_int_equal(begin("a.example", &id), 502);
		assert_non_null(strstr(e.text, "so it is"));
		assert_int_equal(e.retry_after, waits[i]);
		test_now += waits[i] - 1;
		assert_int_equal(begin("a.example", &id), 502);
		test_now += 1;
	}
	/* an operator is not held up; success wipes the slate */
	assert_int_equal(begin("a.example", &id), 0);
	end(id, AUTOCERT_FAILED);
	assert_int_equal(begin_as(st, AUTOCERT_IF_NEEDED, "a.example", &id), 0);
	end(id, AUTOCERT_VALID);
	test_now += AGAIN;
	assert_int_equal(begin("a.example", &id), 0);
	end(id, AUTOCERT_FAILED);
	assert_int_equal(begin("a.example", &id), 502);
	assert_int_equal(e.retry_after, HOUR);
}

/* What was in the queue before is not of the attempt, and stays there. */
static void
test_not_its_own(void **state)
{
	struct domain_addition a = {"a.example", "example", 0};
	int64_t id;

	(void)state;
	assert_ok(domain_queue_add(st, DEFAULT, &a, 1, &e), &e);
	assert_int_equal(begin("a.example", &id), 0);
	end(id, AUTOCERT_FAILED);
	assert_int_equal(look_at("a.example"), AUTOCERT_QUEUE_WAITING);
}

static void
test_per_hour(void **state)
{
	int64_t id;

	(void)state;
	limits.per_hour = 2;
	assert_int_equal(begin("a.example", &id), 0);
	end(id, AUTOCERT_VALID);
	test_now += 60;
	assert_int_equal(begin("b.example", &id), 0);
	end(id, AUTOCERT_FAILED);
	assert_int_equal(begin("c.example", &id), 429);
	assert_int_equal(e.retry_after, HOUR - 60);
	assert_int_equal(look_at("c.example"), AUTOCERT_QUEUE_ABSENT);
	assert_int_equal(begin_as(st, AUTOCERT_IF_NEEDED, "n.example", &id), 0);
	test_now += HOUR - 61;
	assert_int_equal(begin("c.example", &id), 429);
	test_now += 1;
	assert_int_equal(begin("c.example", &id), 0);
	assert_int_equal(begin("d.example", &id), 429);
}

static void
test_at_once(void **state)
{
	int64_t id, first;

	(void)state;
	limits.at_once = 2;
	assert_int_equal(begin("a.example", &first), 0);
	assert_int_equal(begin("b.example", &id), 0);
	assert_int_equal(begin("c.example", &id), 429);
	/* Who has workers waiting may do so up to a limit of its own. */
	assert_int_equal(
	    begin_as(st, AUTOCERT_IF_NEEDED, "n.example", &id), 429);
	end(first, AUTOCERT_WAITING);
	assert_int_equal(
	    begin_as(st, AUTOCERT_IF_NEEDED, "n.example", &first), 0);
	assert_int_equal(begin("c.example", &id), 429);
	end(first, AUTOCERT_WAITING);
	assert_int_equal(begin("c.example", &id), 0);
	assert_int_equal(begin("d.example", &id), 429);
	test_now += AUTOCERT_LEASE;
	assert_int_equal(begin("d.example", &id), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, store_teardown)
static const struct CMUnitTest tests[] = {
    TEST(test_one_at_a_time),
    TEST(test_two_callers),
    TEST(test_many_callers),
    TEST(test_lease),
    TEST(test_clock),
    TEST(test_settle),
    TEST(test_settle_others),
    TEST(test_failures),
    TEST(test_not_its_own),
    TEST(test_per_hour),
    TEST(test_at_once),
};
UNIT_MAIN(tests)
