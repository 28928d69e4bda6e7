/* Processes that do the same at the same time: it takes effect once. */
#include <sys/wait.h>

#include "store.h"
#include "store/account.h"
#include "store/ca_certificate.h"
#include "store/eab_key.h"

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

/* One use is left of the key; each racer has an account of its own. */
static int
race_bind(struct store *mine)
{
	struct account a = {.jwk = xasprintf("{\"p\":%d}", (int)getpid()),
	    .eab_key_id = shared_id,
	    .eab = xstrdup("{}")};
	uint8_t sum[DIGEST_SHA256_SIZE];
	bool created;
	int rc;

	digest_sha256(sum, a.jwk, strlen(a.jwk));
	b64url_encode_to(a.thumbprint, sum, sizeof(sum));
	rc = account_create(mine, &a, &created, &e);
	account_release(&a);
	if (rc < 0 && e.kind == KIND_DENIED) {
		err_clear(&e);
		err_set(&e, KIND_CONFLICT, "used up");
	}
	return rc;
}

static int64_t shared_account;

static int
race_replace(struct store *mine)
{
	struct identifier id = {IDENTIFIER_DNS, (char *)(uintptr_t)one[0]};
	const struct order_new new = {.account_id = shared_account,
	    .identifiers = &id,
	    .identifiers_len = 1,
	    .expires = test_now + LIFETIME,
	    .replaces_id = shared_id,
	    .replaces = "AQ.AQ"};
	struct order o;
	int rc = order_create(mine, &new, &o, &e);

	order_release(&o);
	return rc;
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

static void
test_binding(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct eab_key k = {.uses_left = 1};
		struct buf secret;

		buf_init(&secret, EAB_KEY_SECRET_SIZE);
		assert_ok(eab_key_add(st, &k, NULL, &secret, &e), &e);
		buf_wipe(&secret);
		shared_id = k.id;
		race(race_bind);
		assert_int_equal(
		    count("SELECT count(*) FROM accounts"), round + 1);
		assert_int_equal(
		    count("SELECT count(*) FROM eab_keys WHERE uses_left = 0"),
		    round + 1);
	}
}

static void
test_replacing(void **state)
{
	(void)state;
	shared_account = new_account('a');
	for (int round = 0; round < ROUNDS; round++) {
		struct cert_list chain = {0};

		make_chain(one[0], test_now + 86400, &chain);
		shared_id = add_certificate(&chain, "acme", shared_account);
		cert_list_release(&chain);
		race(race_replace);
		assert_int_equal(
		    count("SELECT count(*) FROM orders"), round + 1);
	}
	assert_sound();
}

/*
 * A CA certificate that has a smaller number than one that is there is there,
 * too: an import that looks for those that came after its search misses none.
 */
static struct cert *
make_root(const char *subject)
{
	struct key *key = key_generate(KEY_P256, 0, &e);
	const struct cert_template root = {.kind = CERT_ROOT,
	    .subject = subject,
	    .key = key,
	    .issuer_key = key,
	    .not_before = 1600000000,
	    .not_after = 1600000000 + 20 * 365 * 86400LL};
	struct cert *c = cert_build(&root, &e);

	assert_non_null(c);
	key_free(key);
	return c;
}

struct put {
	const char *subject;
	int told; /* when it is in the transaction, which then takes its time */
	int64_t id;
};

static int
put_root(void *arg, struct err *why)
{
	struct put *p = arg;
	struct cert *c = make_root(p->subject);
	bool created;
	int rc =
	    ca_certificate_put(st, c, "import", false, &p->id, &created, why);

	cert_free(c);
	if (rc == 0 && p->told >= 0) {
		rc = write(p->told, "x", 1) == 1 ? 0 : -1;
		usleep(500000);
	}
	return rc;
}

static void
test_ca_certificates_in_order(void **state)
{
	struct put slow = {.subject = "CN=slow"}, fast = {"CN=fast", -1, 0};
	int pipe_fds[2], status;
	char byte;
	pid_t pid;

	(void)state;
	store_close(st);
	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		slow.told = pipe_fds[1];
		st = store_open(test_url, STORE_WRITE, &e);
		_exit(st && store_transaction(st, put_root, &slow, &e) == 0
			? 0
			: 1);
	}
	st = store_open(test_url, STORE_WRITE, &e);
	assert_non_null(st);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	assert_ok(store_transaction(st, put_root, &fast, &e), &e);
	assert_int_equal(
	    count("SELECT count(*) FROM ca_certificates a"
		  " JOIN ca_certificates b ON b.id > a.id"
		  " WHERE a.subject = 'CN=slow' AND b.subject = 'CN=fast'"),
	    1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

#define T(test)                                                                \
	cmocka_unit_test_setup_teardown(test, store_setup, store_teardown)
static const struct CMUnitTest tests[] = {
    T(test_races),
    T(test_last_one_makes_ready),
    T(test_binding),
    T(test_replacing),
    T(test_ca_certificates_in_order),
};

UNIT_MAIN(tests)
