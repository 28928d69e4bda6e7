#include "server/nonce.h"
#include "unit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WINDOW 1024
#define LIVE (WINDOW - WINDOW / 16) /* what nonce.c accepts of it */

static char *dir, *path;

static int
setup(void **state)
{
	char name[] = "/tmp/acmed-nonce-XXXXXX";

	(void)state;
	dir = xstrdup(mkdtemp(name));
	path = xasprintf("%s/nonces", dir);
	return 0;
}

static int
teardown(void **state)
{
	char *lock = xasprintf("%s.lock", path);

	(void)state;
	unlink(path);
	unlink(lock);
	rmdir(dir);
	free(lock);
	free(path);
	free(dir);
	return 0;
}

static struct nonce *
open_one(uint64_t window)
{
	struct err e = {0};
	struct nonce *n = nonce_open(path, window, &e);

	if (!n)
		fail_msg("%s %s", e.text, e.detail);
	return n;
}

static bool
spend(struct nonce *n, const char *text)
{
	struct err e = {0};

	if (nonce_spend(n, text, &e) == 0)
		return true;
	assert_int_equal(e.kind, KIND_INPUT);
	assert_string_equal(e.acme_type, "badNonce");
	return false;
}

static void
test_once(void **state)
{
	char a[NONCE_SIZE], b[NONCE_SIZE];
	struct nonce *n = open_one(WINDOW), *m = open_one(WINDOW);
	struct stat st;

	(void)state;
	nonce_make(n, a);
	nonce_make(m, b);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), NONCE_SIZE - 1);
	assert_true(spend(m, a)); /* whoever made it */
	assert_false(spend(n, a));
	assert_false(spend(m, a));
	assert_true(spend(n, b));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	nonce_close(n);
	nonce_close(m);
	n = open_one(WINDOW); /* a process later */
	assert_false(spend(n, a));
	nonce_close(n);
}

static void
test_forged(void **state)
{
	static const char *const bad[] = {"", "AA", "oFvnlFP1wIhRlYS2jTaXbA",
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "not base64url!",
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
	struct nonce *n = open_one(WINDOW);
	char a[NONCE_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(spend(n, bad[i]));
	for (size_t i = 0; i < NONCE_SIZE - 1; i++) {
		nonce_make(n, a);
		a[i] = a[i] == 'A' ? 'B' : 'A';
		assert_false(spend(n, a));
	}
	nonce_close(n);
}

/* A flood pushes the oldest out, and revives none. */
static void
test_window(void **state)
{
	struct nonce *n = open_one(WINDOW);
	char spent[NONCE_SIZE], old[NONCE_SIZE], young[NONCE_SIZE];
	char waste[NONCE_SIZE];

	(void)state;
	nonce_make(n, spent);
	nonce_make(n, old);
	nonce_make(n, young);
	assert_true(spend(n, spent));
	for (int i = 0; i < LIVE - 1; i++)
		nonce_make(n, waste);
	assert_false(spend(n, old));
	assert_true(spend(n, young));
	assert_true(spend(n, waste));
	for (int i = 0; i < WINDOW; i++) {
		assert_false(spend(n, spent));
		nonce_make(n, waste);
	}
	nonce_close(n);
}

/* Another window is another epoch: old ones are gone, new ones are good. */
static void
test_epoch(void **state)
{
	struct nonce *n = open_one(WINDOW);
	char a[NONCE_SIZE], b[NONCE_SIZE];

	(void)state;
	nonce_make(n, a);
	nonce_close(n);
	n = open_one(2 * WINDOW);
	assert_false(spend(n, a));
	nonce_make(n, b);
	assert_true(spend(n, b));
	nonce_close(n);
	/* so is what is no file of ours */
	assert_int_equal(truncate(path, 10), 0);
	n = open_one(2 * WINDOW);
	nonce_make(n, a);
	assert_true(spend(n, a));
	nonce_close(n);
}

/* Of another boot, version or window: begun anew, and never read as ours. */
static void
test_foreign_file(void **state)
{
	static const off_t places[] = {
	    0 /* magic */, 16 /* boot id */, 16 + 48 + 32 /* window */};
	char a[NONCE_SIZE], byte;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct nonce *n = open_one(WINDOW);
		int fd = open(path, O_RDWR);

		nonce_make(n, a);
		nonce_close(n);
		assert_int_equal(pread(fd, &byte, 1, places[i]), 1);
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, places[i]), 1);
		close(fd);
		n = open_one(WINDOW);
		assert_false(spend(n, a));
		nonce_make(n, a);
		assert_true(spend(n, a));
		nonce_close(n);
	}
}

#define ROUNDS 500
#define PROCESSES 2

struct shared {
	char text[ROUNDS][NONCE_SIZE];
	_Atomic int waiting[ROUNDS];
	_Atomic int won[ROUNDS];
};

/* All wait for each other before each attempt. */
static void
contend(struct shared *s)
{
	struct err e = {0};
	struct nonce *n = nonce_open(path, WINDOW, &e);

	if (!n)
		_exit(1);
	for (int i = 0; i < ROUNDS; i++) {
		struct err why = {0};

		s->waiting[i]++;
		while (s->waiting[i] < PROCESSES)
			;
		if (nonce_spend(n, s->text[i], &why) == 0)
			s->won[i]++;
	}
	_exit(0);
}

/* Two processes with the same nonce: exactly one may go on. */
static void
test_race(void **state)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct nonce *n = open_one(WINDOW);
	pid_t pids[PROCESSES];
	int status;

	(void)state;
	for (int i = 0; i < ROUNDS; i++)
		nonce_make(n, s->text[i]);
	nonce_close(n);
	for (int p = 0; p < PROCESSES; p++) {
		pids[p] = fork();
		if (pids[p] == 0)
			contend(s);
	}
	for (int p = 0; p < PROCESSES; p++) {
		assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
		assert_int_equal(status, 0);
	}
	for (int i = 0; i < ROUNDS; i++)
		assert_int_equal(s->won[i], 1);
	munmap(s, sizeof(*s));
}

/* Processes that find no file at once make one file. */
static void
test_open_race(void **state)
{
	struct nonce *n;
	char a[NONCE_SIZE];
	int fds[2], status;
	pid_t pids[4];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	for (int p = 0; p < 4; p++) {
		pids[p] = fork();
		if (pids[p] == 0) {
			struct err e = {0};

			n = nonce_open(path, WINDOW, &e);
			if (!n)
				_exit(1);
			nonce_make(n, a);
			_exit(write(fds[1], a, sizeof(a)) != sizeof(a));
		}
	}
	for (int p = 0; p < 4; p++) {
		assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
		assert_int_equal(status, 0);
	}
	n = open_one(WINDOW);
	for (int p = 0; p < 4; p++) {
		assert_int_equal(read(fds[0], a, sizeof(a)), sizeof(a));
		assert_true(spend(n, a));
	}
	nonce_close(n);
	close(fds[0]);
	close(fds[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
static const struct CMUnitTest tests[] = {
    TEST(test_once),
    TEST(test_forged),
    TEST(test_window),
    TEST(test_epoch),
    TEST(test_foreign_file),
    TEST(test_race),
    TEST(test_open_race),
};
UNIT_MAIN(tests)
