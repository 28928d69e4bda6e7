#include <linux/landlock.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/sandbox.h"
#include "unit.h"

/* ---- the plan ------------------------------------------------------------ */

static void
test_plan(void **state)
{
	/* how many rights of each kind an ABI knows, and what it lacks */
	static const struct {
		int files, tcp, scope;
		const char *without;
	} want[] = {
	    {0, 0, 0, "files links truncate tcp devices signals"},
	    {13, 0, 0, "links truncate tcp devices signals"},
	    {14, 0, 0, "truncate tcp devices signals"},
	    {15, 0, 0, "tcp devices signals"},
	    {15, 2, 0, "devices signals"},
	    {16, 2, 0, "signals"},
	    {16, 2, 2, ""},
	    {16, 2, 2, ""},
	};

	(void)state;
	for (int abi = 0; abi < (int)ARRAY_LEN(want); abi++) {
		struct sandbox_plan plan;

		sandbox_plan(abi, &plan);
		assert_int_equal(
		    __builtin_popcountll(plan.files), want[abi].files);
		assert_int_equal(__builtin_popcountll(plan.tcp), want[abi].tcp);
		assert_int_equal(
		    __builtin_popcountll(plan.scope), want[abi].scope);
		assert_string_equal(plan.without, want[abi].without);
	}
}

/* ---- the table ----------------------------------------------------------- */

#define READ LANDLOCK_ACCESS_FS_READ_FILE
#define LIST LANDLOCK_ACCESS_FS_READ_DIR

/* What makes, changes or removes something. */
static uint64_t
writes(uint64_t rights)
{
	return rights & ~(uint64_t)(READ | LIST);
}

static void
test_no_role_starts_programs(void **state)
{
	(void)state;
	for (int i = 0; i < SANDBOX__MAX; i++) {
		const struct sandbox_row *row =
		    sandbox_row((enum sandbox_role)i);

		assert_non_null(row->name);
		for (int place = 0; place < SANDBOX_PLACE__MAX; place++)
			assert_int_equal(
			    row->rights[place] & LANDLOCK_ACCESS_FS_EXECUTE, 0);
	}
}

static void
test_who_opens_the_store(void **state)
{
	(void)state;
	for (int i = 0; i < SANDBOX__MAX; i++) {
		uint64_t rights = sandbox_row((enum sandbox_role)i)
				      ->rights[SANDBOX_STORE_DIRECTORY];

		if (i == SANDBOX_ACCEPT_MASTER ||
		    i == SANDBOX_CHALLENGE_MASTER ||
		    i == SANDBOX_ADMIN_MASTER || i == SANDBOX_VALIDATE_STORE)
			assert_true(writes(rights) != 0 && (rights & READ));
		else
			assert_int_equal(rights & ~(uint64_t)LIST, 0);
	}
}

/* The one that talks to strangers' machines, and those that hold keys. */
static void
test_who_has_what(void **state)
{
	(void)state;
	for (int i = 0; i < SANDBOX__MAX; i++) {
		const struct sandbox_row *row =
		    sandbox_row((enum sandbox_role)i);
		bool connects = i == SANDBOX_VALIDATE_STORE ||
		    i == SANDBOX_VALIDATE_NETWORK || i == SANDBOX_FETCH ||
		    i == SANDBOX_PROVE || i == SANDBOX_CLIENT_NETWORK ||
		    i == SANDBOX_ADMIN || i == SANDBOX_ADMIN_MASTER;
		bool is_master = i == SANDBOX_ACCEPT_MASTER ||
		    i == SANDBOX_CHALLENGE_MASTER ||
		    i == SANDBOX_ADMIN_MASTER || i == SANDBOX_STATELESS_MASTER;

		assert_int_equal(row->connects, connects);
		assert_int_equal(row->spawns,
		    (connects && i != SANDBOX_PROVE && i != SANDBOX_ADMIN) ||
			is_master);
		assert_int_equal(row->rights[SANDBOX_TLS_DIRECTORY],
		    i == SANDBOX_ACCEPT_MASTER ? READ : 0);
		assert_int_equal(
		    writes(row->rights[SANDBOX_BLOCKLIST_DIRECTORY]), 0);
		if (i == SANDBOX_ACCEPT || i == SANDBOX_CHALLENGE ||
		    i == SANDBOX_STATELESS || i == SANDBOX_ADMIN ||
		    i == SANDBOX_SIGN_SERVICE || i == SANDBOX_SIGN_FILTER ||
		    i == SANDBOX_SIGN_SWEEP)
			assert_true(row->memory > 0 && row->descriptors > 0);
	}
}

/* Who has rights in each place at all, as bits by role. */
static void
test_who_goes_where(void **state)
{
	static const unsigned who[] = {
	    [SANDBOX_DEVICES] = (1U << SANDBOX__MAX) - 1,
	    [SANDBOX_STORE_DIRECTORY] = ((1U << SANDBOX__MAX) - 1) &
		~(1U << SANDBOX_VALIDATE_NETWORK | 1U << SANDBOX_SIGN_SERVICE |
		    1U << SANDBOX_FETCH | 1U << SANDBOX_PROVE |
		    1U << SANDBOX_CLIENT_NETWORK | 1U << SANDBOX_STATELESS |
		    1U << SANDBOX_STATELESS_MASTER),
	    [SANDBOX_NONCE_DIRECTORY] = 1U << SANDBOX_ACCEPT_MASTER,
	    [SANDBOX_BLOCKLIST_DIRECTORY] = 1U << SANDBOX_ACCEPT_MASTER,
	    [SANDBOX_TLS_DIRECTORY] = 1U << SANDBOX_ACCEPT_MASTER,
	    [SANDBOX_RESOLVER_FILES] = 1U << SANDBOX_VALIDATE_STORE |
		1U << SANDBOX_FETCH | 1U << SANDBOX_PROVE |
		1U << SANDBOX_CLIENT_NETWORK | 1U << SANDBOX_ADMIN |
		1U << SANDBOX_ADMIN_MASTER,
	    [SANDBOX_STORE_FILES] = 1U << SANDBOX_ACCEPT_MASTER |
		1U << SANDBOX_VALIDATE_STORE | 1U << SANDBOX_CHALLENGE_MASTER |
		1U << SANDBOX_ADMIN_MASTER,
	    [SANDBOX_CRL_FILE] = 1U << SANDBOX_SIGN_CRL,
	    [SANDBOX_CRL_DIRECTORY] = 1U << SANDBOX_SIGN_CRL,
	    [SANDBOX_BACKUP_DIRECTORY] = 1U << SANDBOX_STORE_BACKUP,
	    [SANDBOX_OUTPUT_DIRECTORY] = 1U << SANDBOX_EXPORT_FILE,
	    [SANDBOX_OUTPUT_TREE] = 1U << SANDBOX_EXPORT_TREE,
	    [SANDBOX_OPERANDS] =
		1U << SANDBOX_IMPORT | 1U << SANDBOX_CLIENT_NETWORK,
	    [SANDBOX_SOLVER_TREES] = 1U << SANDBOX_CLIENT_ORDER,
	};

	(void)state;
	_Static_assert(ARRAY_LEN(who) == SANDBOX_PLACE__MAX, "one per place");
	for (int place = 0; place < SANDBOX_PLACE__MAX; place++) {
		unsigned have = 0;

		for (int i = 0; i < SANDBOX__MAX; i++)
			if (sandbox_row((enum sandbox_role)i)->rights[place])
				have |= 1U << i;
		assert_int_equal(have, who[place]);
	}
}

/* ---- entering ------------------------------------------------------------ */

/* The exit code of `fn` in a process that has entered the role. */
static int
entered(enum sandbox_role role, enum sandbox_mode mode, int (*fn)(void))
{
	struct sandbox s = {0};
	struct err e = {0};
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(sandbox_enter(role, mode, &s, &e) < 0 ? 99 : fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool
is_limited(__rlimit_resource_t resource, uint64_t to)
{
	struct rlimit limit;

	return getrlimit(resource, &limit) == 0 && limit.rlim_cur == to &&
	    limit.rlim_max == to;
}

static int
look_at_limits(void)
{
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 1;
	if (!is_limited(RLIMIT_NOFILE, 64))
		return 2;
	if (!is_limited(RLIMIT_CORE, 0))
		return 3;
#ifndef __SANITIZE_ADDRESS__
	if (!is_limited(RLIMIT_AS, (uint64_t)512 * 1024 * 1024))
		return 4;
	if (!is_limited(RLIMIT_NPROC, 0))
		return 5;
#endif
	return 0;
}

/* Limits hold where there is no Landlock. */
static void
test_limits(void **state)
{
	(void)state;
	assert_int_equal(
	    entered(SANDBOX_ACCEPT, SANDBOX_OFF, look_at_limits), 0);
	assert_int_equal(
	    entered(SANDBOX_ACCEPT, SANDBOX_ON, look_at_limits), 0);
}

/* The test itself is no process of the sandbox. */
static int
look_at_scope(void)
{
	if (kill(getpid(), 0) != 0)
		return 1;
	return kill(getppid(), 0) == 0 ? 2 : 0;
}

static void
test_signals(void **state)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	(void)state;
	assert_int_equal(
	    entered(SANDBOX_ACCEPT, SANDBOX_OFF, look_at_scope), 2);
	if (abi < 6)
		skip();
	assert_int_equal(entered(SANDBOX_ACCEPT, SANDBOX_ON, look_at_scope), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_plan),
    cmocka_unit_test(test_no_role_starts_programs),
    cmocka_unit_test(test_who_opens_the_store),
    cmocka_unit_test(test_who_has_what),
    cmocka_unit_test(test_who_goes_where),
    cmocka_unit_test(test_limits),
    cmocka_unit_test(test_signals),
};

int
main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
