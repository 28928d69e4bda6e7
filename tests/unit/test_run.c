/*
 * Programs of the operator: what they are given, how they are ended, and what
 * is said of them.  The programs are lines of a shell, which says on its
 * standard error what is looked at here.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/run.h"
#include "unit.h"

#define LONG_MS 20000 /* no test takes that long */

static struct err e;

static int
run_with(struct run r, const char *line)
{
	const char *argv[] = {"/bin/sh", "-c", line, NULL};

	err_clear(&e);
	r.argv = argv;
	if (r.timeout_ms == 0)
		r.timeout_ms = LONG_MS;
	return run_wait(&r, &e);
}

/* Its text stays in `e`. */
static void
fails(struct run r, const char *line, enum err_kind kind)
{
	assert_int_equal(run_with(r, line), -1);
	assert_int_equal(e.kind, kind);
}

static void
check_text(const char *what)
{
	if (!strstr(e.text, what))
		fail_msg("%s: not %s", e.text, what);
}

/* What the line says on its standard error, which is why it has failed. */
static void
check_says(struct run r, const char *line, const char *what)
{
	char *all = xasprintf("%s; exit 1", line);

	fails(r, all, KIND_DENIED);
	free(all);
	check_text(what);
}

/* ---- what it is given ---------------------------------------------------- */

static void
test_environment(void **state)
{
	const char *const more[] = {"ACMED_TARGET=web", "COLOUR=a b", NULL};
	const struct run r = {.environment = more};

	(void)state;
	setenv("ACMED_STORE", "secret", 1);
	setenv("HOOK_ZONE", "z", 1);
	check_says(r, "echo $ACMED_TARGET,$COLOUR,$HOOK_ZONE,$ACMED_STORE >&2",
	    ": web,a b,z,");
	assert_null(strstr(e.text, "secret"));
	check_says((struct run){0}, "echo \"<$ACMED_TARGET>\" >&2", "<>");
	unsetenv("ACMED_STORE");
	unsetenv("HOOK_ZONE");
}

static void
test_descriptors(void **state)
{
	int leak = open("/dev/null", O_RDONLY);

	(void)state;
	assert_true(leak > 2);
	check_says((struct run){.first_line = true},
	    "for fd in /proc/self/fd/*; do n=${fd##*/};"
	    " [ $n -lt 3 ] || [ ! -e /proc/$$/fd/$n ] || echo more $n >&2;"
	    " done; echo few >&2",
	    ": few");
	close(leak);
	/* What it says on its standard output goes nowhere. */
	check_says((struct run){0},
	    "exec 3>&1; echo out; readlink /proc/$$/fd/3 >&2", ": /dev/null");
}

static void
test_group_and_signals(void **state)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	sigset_t blocked, old;

	(void)state;
	sigaction(SIGHUP, &ignore, &before);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &old);
	check_says((struct run){0},
	    "read -r pid x s p group rest </proc/$$/stat;"
	    " [ $pid = $group ] && echo leader >&2",
	    ": leader");
	fails((struct run){0}, "kill -TERM $$; exit 0", KIND_BUSY);
	check_text("ended by signal 15");
	fails((struct run){0}, "kill -HUP $$; exit 0", KIND_BUSY);
	check_text("ended by signal 1:");
	sigprocmask(SIG_SETMASK, &old, NULL);
	sigaction(SIGHUP, &before, NULL);
}

static void
test_input(void **state)
{
	size_t len = (size_t)300 * 1024; /* more than fits a pipe */
	char *input = xcalloc(1, len + 1);
	struct run r = {.input = "two\nlines\n"};

	(void)state;
	check_says(r, "tr '\\n' , >&2", ": two,lines,");
	check_says((struct run){0}, "wc -c >&2", ": 0");
	memset(input, 'x', len);
	r.input = input;
	check_says(r, "wc -c >&2", ": 307200");
	/* One that does not read it, or not to its end, may still be done. */
	assert_ok(run_with(r, "exit 0"), &e);
	assert_ok(run_with(r, "exec <&-; sleep 0.1; exit 0"), &e);
	assert_ok(run_with(r, "head -c 1000 >/dev/null"), &e);
	free(input);
}

/* ---- what becomes of it -------------------------------------------------- */

static void
test_exit_codes(void **state)
{
	const char *argv[] = {"/no/such/program", NULL};
	const struct run none = {.argv = argv, .timeout_ms = LONG_MS};

	(void)state;
	assert_ok(run_with((struct run){0}, "exit 0"), &e);
	fails((struct run){0}, "echo no >&2; exit 3", KIND_DENIED);
	check_text("/bin/sh: exit code 3: no");
	fails((struct run){0}, "exit 3", KIND_DENIED);
	check_text("it does not say why");
	fails((struct run){0}, "exit 111", KIND_BUSY);
	fails((struct run){0}, "kill -9 $$", KIND_BUSY);
	check_text("ended by signal 9");
	err_clear(&e);
	assert_int_equal(run_wait(&none, &e), -1);
	assert_int_equal(e.kind, KIND_DENIED);
	check_text("exit code 127: /no/such/program: cannot be started: ");
}

static void
test_which_line(void **state)
{
	const struct run first = {.first_line = true};
	const char *many = "echo one >&2; seq 1 40000 >&2; echo last >&2";

	(void)state;
	check_says(first, many, "exit code 1: one");
	check_says((struct run){0}, many, "exit code 1: last");
	check_says(first, "echo >&2; printf 'a\\033b\\r\\n' >&2",
	    "exit code 1: a\\x1bb");
	/* Who stays behind with our end of the pipe holds nobody up. */
	check_says((struct run){0}, "sleep 30 & echo $! said >&2", " said");
	kill((pid_t)strtol(strrchr(e.text, ':') + 1, NULL, 10), SIGKILL);
	/* Nor when it says without an end what has none. */
	check_says((struct run){0},
	    "for i in 1 2 3 4 5 6; do tr '\\0' x </dev/zero >&2 & done;"
	    " sleep 0.1",
	    ": xxxx");
}

/* ---- what takes too long ------------------------------------------------- */

struct pids {
	char path[64];
	int fd;
};

static void
pids_init(struct pids *p)
{
	snprintf(p->path, sizeof(p->path), "/tmp/acmed-unit-XXXXXX");
	p->fd = mkstemp(p->path);
	assert_true(p->fd >= 0);
}

static bool
is_gone(pid_t pid)
{
	for (int i = 0; i < 500; i++) {
		char path[64], text[256] = "";
		ssize_t n;
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		fd = open(path, O_RDONLY);
		n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
		fd_close(&fd);
		if (n <= 0 || strstr(text, ") Z "))
			return true;
		usleep(10000);
	}
	return false;
}

/* All processes that have written their number, and "TERM", if one has. */
static int
pids_end(struct pids *p, size_t want)
{
	char text[1024];
	ssize_t n = pread(p->fd, text, sizeof(text) - 1, 0);
	size_t found = 0;
	int terms = 0;

	assert_true(n > 0);
	text[n] = '\0';
	for (char *save = NULL, *t = strtok_r(text, "\n", &save); t;
	     t = strtok_r(NULL, "\n", &save)) {
		if (strcmp(t, "TERM") == 0) {
			terms++;
		} else {
			found++;
			assert_true(is_gone((pid_t)strtol(t, NULL, 10)));
		}
	}
	assert_int_equal(found, want);
	unlink(p->path);
	close(p->fd);
	return terms;
}

static int64_t
took(struct run r, struct pids *p, const char *line)
{
	char *all = xasprintf("f=%s; echo $$ >>$f; %s", p->path, line);
	int64_t began = clock_mono();

	fails(r, all, KIND_BUSY);
	free(all);
	check_text("took longer than 0 s and was killed");
	return clock_mono() - began;
}

static void
test_timeout_kills_the_group(void **state)
{
	struct pids p;

	(void)state;
	pids_init(&p);
	assert_true(took((struct run){.timeout_ms = 200}, &p,
			"sleep 60 & echo $! >>$f;"
			" trap 'echo TERM >>$f' TERM; wait; sleep 60") < 5000);
	assert_int_equal(pids_end(&p, 2), 0);
}

static void
test_term_is_heard(void **state)
{
	struct run r = {.timeout_ms = 200, .grace_ms = LONG_MS};
	struct pids p;

	(void)state;
	pids_init(&p);
	/* Who listens need not be waited for, and what it leaves is killed. */
	assert_true(took(r, &p,
			"(trap '' TERM; exec sleep 60) & echo $! >>$f;"
			" trap 'echo TERM >>$f; exit 0' TERM; wait") < 10000);
	assert_int_equal(pids_end(&p, 2), 1);
}

static void
test_term_is_not_heard(void **state)
{
	struct run r = {.timeout_ms = 200, .grace_ms = 500};
	struct pids p;
	int64_t ms;

	(void)state;
	pids_init(&p);
	ms = took(r, &p,
	    "trap '' TERM; (exec sleep 60) & echo $! >>$f;"
	    " while :; do sleep 60; done");
	assert_true(ms >= 700 && ms < 10000);
	assert_int_equal(pids_end(&p, 2), 0);
	/* Nor by one that is stopped. */
	pids_init(&p);
	ms = took(r, &p, "kill -STOP $$");
	assert_true(ms >= 700 && ms < 10000);
	assert_int_equal(pids_end(&p, 1), 0);
}

/* From another process, once two lines are there. */
static void
pull_when_ready(int fd, const struct pids *p)
{
	char text[100] = "";

	if (fork() > 0)
		return;
	while (
	    !strchr(text, '\n') || strchr(text, '\n') == strrchr(text, '\n')) {
		usleep(10000);
		if (pread(p->fd, text, sizeof(text) - 1, 0) < 0)
			break;
	}
	shutdown(fd, SHUT_WR);
	_exit(0);
}

static void
test_leash(void **state)
{
	struct run r = {.timeout_ms = LONG_MS, .grace_ms = LONG_MS};
	struct pids p;
	int pair[2];
	char *all;

	(void)state;
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	r.leash = pair[0];
	assert_int_equal(run_with(r, "exit 0"), 0);
	/* What is still to be read there is no end of it. */
	assert_int_equal(write(pair[1], "x", 1), 1);
	assert_int_equal(run_with(r, "exit 0"), 0);
	pids_init(&p);
	pull_when_ready(pair[1], &p);
	all = xasprintf("f=%s; (trap '' TERM; exec sleep 60) & echo $! >>$f;"
			" trap 'echo TERM >>$f; exit 0' TERM; echo $$ >>$f;"
			" wait",
	    p.path);
	fails(r, all, KIND_BUSY);
	free(all);
	check_text("was ended, as all that runs was told to stop");
	assert_int_equal(pids_end(&p, 2), 1);
	close(pair[0]);
	close(pair[1]);
}

/* One that waits for its input without end. */
static pid_t
start(const char *line, int *in)
{
	const char *argv[] = {"/bin/sh", "-c", line, NULL};
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = run_start(argv, (const int[]){fds[0], -1, -1}, &e);
	assert_true(pid > 0);
	close(fds[0]);
	*in = fds[1];
	return pid;
}

static void
test_end(void **state)
{
	int64_t began = clock_mono();
	struct pids p;
	char *line;
	pid_t pid = 0, first;
	int in;

	(void)state;
	run_kill(&pid);
	run_end(&pid, LONG_MS, LONG_MS); /* none */
	first = pid = start("cat; exit 0", &in);
	fd_close(&in);
	run_end(&pid, LONG_MS, LONG_MS);
	assert_int_equal(pid, 0);
	assert_int_equal(waitpid(first, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	pid = start("sleep 60", &in);
	run_end(&pid, 0, LONG_MS);
	assert_true(clock_mono() - began < 10000);
	fd_close(&in);

	pids_init(&p);
	line = xasprintf("f=%s; trap '' TERM; sleep 60 & echo $! >>$f;"
			 " echo $$ >>$f; wait; sleep 60",
	    p.path);
	pid = start(line, &in);
	free(line);
	usleep(300000);
	run_end(&pid, 100, 100);
	assert_int_equal(pids_end(&p, 2), 0);
	fd_close(&in);
}

static void
test_output(void **state)
{
	struct buf out;
	int code = 7;
	const struct run r = {.output = &out, .code = &code};

	(void)state;
	buf_init(&out, 10);
	assert_int_equal(run_with(r, "echo out; sleep 0.1; echo more"), 0);
	assert_string_equal(out.data, "out\nmore\n");
	assert_int_equal(code, 0);
	buf_clear(&out);
	fails(r, "echo out; echo why >&2; exit 3", KIND_DENIED);
	assert_string_equal(out.data, "out\n");
	assert_int_equal(code, 3);
	check_text("exit code 3: why");
	buf_clear(&out);
	fails(r, "head -c 200000 /dev/zero && exit 4", KIND_SYS);
	check_text("more than 10 bytes");
	assert_int_equal(code, 4);
	buf_clear(&out);
	fails(r, "kill -9 $$", KIND_BUSY);
	assert_int_equal(code, -1);
	buf_release(&out);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_environment),
    cmocka_unit_test(test_descriptors),
    cmocka_unit_test(test_group_and_signals),
    cmocka_unit_test(test_input),
    cmocka_unit_test(test_exit_codes),
    cmocka_unit_test(test_which_line),
    cmocka_unit_test(test_timeout_kills_the_group),
    cmocka_unit_test(test_term_is_heard),
    cmocka_unit_test(test_term_is_not_heard),
    cmocka_unit_test(test_leash),
    cmocka_unit_test(test_end),
    cmocka_unit_test(test_output),
};

UNIT_MAIN(tests)
