#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/clock.h"
#include "sys/conn.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/frame.h"
#include "sys/helper.h"
#include "sys/lock.h"
#include "sys/sock.h"
#include "unit.h"

static char dir[64];

static const char *
in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
test_replace_is_whole_or_nothing(void **state)
{
	struct err e = {0};
	struct stat st;
	struct buf b;
	const char *path = in_dir("file");

	(void)state;
	buf_init(&b, 10);
	assert_kind(file_read(path, &b, &e), KIND_NOTFOUND, &e);
	assert_ok(file_create(path, 0600, "old", 3, &e), &e);
	assert_kind(file_create(path, 0600, "x", 1, &e), KIND_CONFLICT, &e);
	assert_ok(file_replace(path, 0640, "new text", 8, &e), &e);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_ok(file_read(path, &b, &e), &e);
	assert_string_equal(b.data, "new text");
	assert_kind(file_read_secret(path, &b, &e), KIND_CONF, &e);
	buf_clear(&b);
	assert_ok(file_replace(path, 0600, "longer than ten", 15, &e), &e);
	assert_kind(file_read_secret(path, &b, &e), KIND_INPUT, &e);
	assert_int_equal(unlink(path), 0);
	/* A failure leaves no temporary file: the directory can go. */
	assert_kind(
	    file_replace(in_dir("no/such"), 0600, "x", 1, &e), KIND_SYS, &e);
	buf_release(&b);
}

/* Of a process that was killed between writing and renaming. */
static void
test_what_was_left_over_goes(void **state)
{
	static const char *const left[] = {
	    "file.0badcafe", "file.0badbeef", "file.0badcafe1", "file.old"};
	struct strv names = {0};
	struct err e = {0};
	int held;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(left); i++)
		assert_ok(file_create(in_dir(left[i]), 0600, "x", 1, &e), &e);
	held = open(in_dir(left[1]), O_RDONLY);
	assert_int_equal(flock(held, LOCK_EX), 0); /* its writer lives */
	file_left(in_dir("file"), &names);
	assert_int_equal(names.len, 1);
	assert_string_equal(names.v[0], left[0]);
	strv_release(&names);
	assert_ok(file_replace(in_dir("file"), 0600, "new", 3, &e), &e);
	assert_false(file_exists(in_dir(left[0])));
	for (size_t i = 1; i < ARRAY_LEN(left); i++)
		assert_int_equal(unlink(in_dir(left[i])), 0);
	close(held);
	assert_int_equal(unlink(in_dir("file")), 0);
}

static void
test_frames(void **state)
{
	struct err e = {0};
	struct buf in, out;
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	buf_init(&out, 8);
	buf_init(&in, 64);
	assert_ok(frame_write(fd[0], "eight888", 8, FD_FOREVER, &e), &e);
	assert_ok(frame_write(fd[0], "", 0, FD_FOREVER, &e), &e);
	assert_ok(frame_write(fd[0], "nine99999", 9, FD_FOREVER, &e), &e);
	assert_int_equal(frame_read(fd[1], &out, FD_FOREVER, &e), 1);
	assert_string_equal(out.data, "eight888");
	assert_int_equal(frame_read(fd[1], &out, FD_FOREVER, &e), 1);
	assert_int_equal(out.len, 0);
	assert_kind(frame_read(fd[1], &out, FD_FOREVER, &e), KIND_INPUT, &e);
	close(fd[0]);
	close(fd[1]);

	buf_add(&in, "\0\0\0\3ab", 6);
	assert_int_equal(frame_take(&in, &out, &e), 0);
	buf_add(&in, "c\0\0\1", 4);
	assert_int_equal(frame_take(&in, &out, &e), 1);
	assert_string_equal(out.data, "abc");
	assert_int_equal(in.len, 3);
	buf_add(&in, "\0", 1);
	assert_kind(frame_take(&in, &out, &e), KIND_INPUT, &e);
	buf_release(&in);
	buf_release(&out);
}

static void
test_a_silent_peer_meets_the_deadline(void **state)
{
	struct err e = {0};
	struct buf b;
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	buf_init(&b, 8);
	assert_kind(
	    frame_read(fd[0], &b, clock_mono() + 20, &e), KIND_BUSY, &e);
	assert_int_equal(write(fd[1], "\0\0\0\5ab", 6), 6);
	assert_kind(
	    frame_read(fd[0], &b, clock_mono() + 20, &e), KIND_BUSY, &e);
	assert_int_equal(write(fd[1], "\0\0\0\5ab", 6), 6);
	close(fd[1]);
	assert_kind(frame_read(fd[0], &b, FD_FOREVER, &e), KIND_INPUT, &e);
	close(fd[0]);
	buf_release(&b);
}

static void
test_unix_sockets(void **state)
{
	struct err e = {0};
	const char *path = in_dir("sock");
	int a, b;
	char peer[SOCK_ADDR_SIZE];
	char c;

	(void)state;
	assert_kind(sock_connect(path, &e), KIND_BUSY, &e);
	assert_kind(sock_poke(path, &e), KIND_BUSY, &e);
	a = sock_listen(path, 0600, &e);
	assert_ok(a, &e);
	assert_true(fd_is_listening(a));
	assert_false(fd_is_dgram(a));
	assert_kind(sock_listen(path, 0600, &e), KIND_CONFLICT, &e);
	b = sock_connect(path, &e);
	assert_ok(b, &e);
	assert_int_equal(sock_peer(b, peer), -1);
	close(b);
	close(a);
	/* Stale now: replaced, here by a datagram socket. */
	assert_kind(sock_connect(path, &e), KIND_BUSY, &e);
	unlink(path);
	a = sock_bind_dgram(path, 0600, &e);
	assert_ok(a, &e);
	assert_true(fd_is_dgram(a));
	assert_ok(sock_poke(path, &e), &e);
	assert_int_equal(read(a, &c, 1), 1);
	for (int i = 0; i < 5000; i++) /* a full queue is no failure */
		assert_ok(sock_poke(path, &e), &e);
	close(a);
	a = sock_bind_dgram(path, 0600, &e);
	assert_ok(a, &e);
	close(a);
	unlink(path);
}

/* A service that hangs must not make its clients hang as well. */
static void
test_connect_never_waits(void **state)
{
	struct err e = {0};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *path = in_dir("full");
	int a;

	(void)state;
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	assert_int_equal(bind(s, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(s, 0), 0);
	a = sock_connect(path, &e);
	assert_ok(a, &e);
	assert_kind(sock_connect(path, &e), KIND_BUSY, &e);
	assert_kind(sock_listen(path, 0600, &e), KIND_CONFLICT, &e);
	close(a);
	close(s);
	unlink(path);
}

static void
test_accept_tells_what_passes(void **state)
{
	struct err e = {0};
	struct rlimit limit, less;
	const char *path = in_dir("accept");
	int s = sock_listen(path, 0600, &e), a, b;

	(void)state;
	assert_ok(s, &e);
	assert_ok(fd_nonblock(s, &e), &e);
	assert_int_equal(sock_accept(s, 0, &e), -1);
	assert_false(err_is_set(&e));
	a = sock_connect(path, &e);
	assert_ok(a, &e);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	less = limit;
	less.rlim_cur = (rlim_t)a + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
	assert_kind(sock_accept(s, 0, &e), KIND_BUSY, &e);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	b = sock_accept(s, SOCK_NONBLOCK, &e);
	assert_ok(b, &e);
	assert_int_equal(fcntl(b, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(fcntl(b, F_GETFD), FD_CLOEXEC);
	assert_kind(sock_accept(b, 0, &e), KIND_SYS, &e);
	close(a);
	close(b);
	close(s);
	unlink(path);
}

/* A connection that was broken off is not one that has ended. */
static void
test_a_reset_is_no_end(void **state)
{
	const struct linger hard = {1, 0};
	struct err e = {0};
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int a = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), b;
	struct conn c;
	char byte;

	(void)state;
	assert_int_equal(bind(s, (struct sockaddr *)&in, len), 0);
	assert_int_equal(listen(s, 1), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&in, &len), 0);
	assert_int_equal(connect(a, (struct sockaddr *)&in, len), 0);
	b = accept(s, NULL, NULL);
	assert_true(b >= 0);
	setsockopt(a, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(a);
	conn_init(&c, b, b);
	assert_kind(
	    conn_read(&c, &byte, 1, clock_mono() + 5000, &e), KIND_SYS, &e);
	close(b);
	close(s);
}

static void
test_lock_is_exclusive_and_dies_with_its_holder(void **state)
{
	struct err e = {0};
	const char *path = in_dir("lock");
	int ready[2], status, fd;
	struct stat st;
	char c = 0;
	pid_t pid;

	(void)state;
	umask(077); /* the file is for the group all the same */
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		fd = lock_try(path, &e);
		if (write(ready[1], fd >= 0 ? "y" : "n", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(c, 'y');
	assert_kind(lock_try(path, &e), KIND_BUSY, &e);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	fd = lock_wait(path, &e);
	assert_ok(fd, &e);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	close(fd);
	close(ready[0]);
	close(ready[1]);
	unlink(path);
}

static void
test_lock_is_no_way_to_another_file(void **state)
{
	char *link_path = xstrdup(in_dir("link.lock"));
	char *other = xstrdup(in_dir("secret"));
	struct err e = {0};
	struct stat st;
	int fd;

	(void)state;
	fd = open(other, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(symlink(other, link_path), 0);
	assert_kind(lock_try(link_path, &e), KIND_SYS, &e);
	assert_int_equal(unlink(link_path), 0);
	assert_int_equal(link(other, link_path), 0);
	fd = lock_try(link_path, &e);
	assert_ok(fd, &e);
	close(fd);
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	unlink(link_path);
	unlink(other);
	free(link_path);
	free(other);
}

static void
test_owners(void **state)
{
	const char *path = in_dir("owned");
	struct file_owner owner;
	struct err e = {0};
	struct stat st;

	(void)state;
	assert_ok(file_owner_find(NULL, NULL, &owner, &e), &e);
	assert_int_equal(owner.uid, (uid_t)-1);
	assert_int_equal(owner.gid, (gid_t)-1);
	assert_ok(file_owner_find("root", "1234", &owner, &e), &e);
	assert_int_equal(owner.uid, 0);
	assert_int_equal(owner.gid, 1234);
	assert_kind(
	    file_owner_find("no-such-user", NULL, &owner, &e), KIND_CONF, &e);
	assert_kind(
	    file_owner_find(NULL, "no-such-group", &owner, &e), KIND_CONF, &e);
	assert_kind(
	    file_owner_find("4294967295", NULL, &owner, &e), KIND_CONF, &e);
	owner = (struct file_owner){geteuid(), getegid()};
	assert_ok(file_replace_for(path, &owner, 0604, "x", 1, &e), &e);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	if (geteuid() == 0) {
		owner = (struct file_owner){12, 34};
		assert_ok(file_replace_for(path, &owner, 0640, "x", 1, &e), &e);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_uid, 12);
		assert_int_equal(st.st_gid, 34);
		assert_int_equal(st.st_mode & 07777, 0640);
	}
	assert_int_equal(unlink(path), 0);
}

/* Answers with the descriptors that it has, and logs. */
static void
tell_descriptors(int fd, void *arg)
{
	struct buf b;
	struct err e = {0};

	(void)arg;
	buf_init(&b, 1000);
	while (frame_read(fd, &b, FD_FOREVER, &e) > 0) {
		buf_clear(&b);
		for (int i = 0; i < 256; i++)
			if (fcntl(i, F_GETFD) >= 0)
				buf_addf(&b, "%d ", i);
		log_event(LOG_LEVEL_INFO, "told", NULL);
		frame_write(fd, b.data, b.len, FD_FOREVER, &e);
	}
	buf_release(&b);
}

static void
check_helper(int log, int keep, const char *descriptors)
{
	const struct helper_options o = {
	    .live = tell_descriptors, .keep = keep};
	int ends[2], was = fcntl(log, F_DUPFD_CLOEXEC, 100);
	struct buf question, answer;
	struct err e = {0};
	struct helper h;
	char line[200] = "";

	buf_init(&question, 10);
	buf_init(&answer, 1000);
	assert_int_equal(pipe(ends), 0);
	for (int i = 0; i < 2; i++) {
		int high = fcntl(ends[i], F_DUPFD, 50);

		close(ends[i]);
		ends[i] = high;
	}
	assert_int_equal(dup2(ends[1], log), log);
	log_init("unit", LOG_SINK_FD, log);
	assert_ok(helper_start(&h, &o, &e), &e);
	assert_ok(helper_ask(&h, &question, &answer, 5000, &e), &e);
	assert_string_equal(answer.data, descriptors);
	assert_true(read(ends[0], line, sizeof(line) - 1) > 0);
	assert_non_null(strstr(line, "info: told"));
	helper_stop(&h);
	log_init("unit", LOG_SINK_FD, STDERR_FILENO);
	if (was >= 0) {
		dup2(was, log);
		close(was);
	} else {
		close(log);
	}
	close(ends[0]);
	close(ends[1]);
	buf_release(&question);
	buf_release(&answer);
}

/* Its places are taken here by others, the log's among them. */
static void
test_a_helper_has_few_descriptors(void **state)
{
	int keep = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	check_helper(STDERR_FILENO, -1, "0 1 2 3 ");
	check_helper(STDERR_FILENO, keep, "0 1 2 3 4 ");
	for (int log = 3; log < 12; log++)
		if (log != keep)
			check_helper(log, keep, "0 1 2 3 4 5 ");
	check_helper(4, -1, "0 1 2 3 5 ");
	close(keep);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_replace_is_whole_or_nothing),
    cmocka_unit_test(test_what_was_left_over_goes),
    cmocka_unit_test(test_owners),
    cmocka_unit_test(test_frames),
    cmocka_unit_test(test_a_silent_peer_meets_the_deadline),
    cmocka_unit_test(test_unix_sockets),
    cmocka_unit_test(test_connect_never_waits),
    cmocka_unit_test(test_accept_tells_what_passes),
    cmocka_unit_test(test_a_reset_is_no_end),
    cmocka_unit_test(test_lock_is_exclusive_and_dies_with_its_holder),
    cmocka_unit_test(test_lock_is_no_way_to_another_file),
    cmocka_unit_test(test_a_helper_has_few_descriptors),
};

int
main(void)
{
	int rc;

	snprintf(dir, sizeof(dir), "/tmp/unit-sys.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	return rmdir(dir) < 0 ? 1 : rc;
}
