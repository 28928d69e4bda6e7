/* What acmed-admin and its work service say to each other, and what is none. */
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "acme/workmsg.h"
#include "admin/work.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/sock.h"
#include "unit.h"

#define WAIT_MS 10000

static struct err e;

/* ---- requests and what they start ---------------------------------------- */

/* The program's arguments, a blank between two; NULL: it is no request. */
static const char *
parse(const struct work *w, const char *request)
{
	static char text[1024];
	struct strv argv = {0};
	size_t len = 0;
	int rc;

	err_clear(&e);
	rc = work_parse(w, request, &argv, &e);
	text[0] = '\0';
	for (size_t i = 0; rc == 0 && i < argv.len && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
		    i > 0 ? " " : "", argv.v[i]);
	strv_release(&argv);
	if (rc < 0)
		assert_int_equal(e.kind, KIND_INPUT);
	return rc == 0 ? text : NULL;
}

static void
test_parse(void **state)
{
	const struct work w = {.config = "c"},
			  all = {
			      .config = "c", .store = "s", .to_syslog = true};

	(void)state;
	assert_string_equal(parse(&w, "nginx status"),
	    "nginx-expire --config c --json --status");
	assert_string_equal(parse(&w, "nginx expire all"),
	    "nginx-expire --config c --json --all");
	assert_string_equal(parse(&w, "nginx expire a.example *.b.example"),
	    "nginx-expire --config c --json -- a.example *.b.example");
	assert_string_equal(parse(&w, "order a.example"),
	    "domain-queue --config c process --budget 60 -- a.example");
	assert_string_equal(parse(&all, "nginx status"),
	    "nginx-expire --config c --store s --log syslog --json --status");
}

static void
test_parse_bad(void **state)
{
	static const char *const bad[] = {"", " ", "nginx", "nginx ",
	    "nginx status x", "nginx  status", " nginx status", "nginx status ",
	    "NGINX status", "nginx expire", "nginx expire ",
	    "nginx expire a.example ", "nginx expire all a/b", "order",
	    "order ", "order a.example b.example", "order -x", "order --",
	    "order .x", "order A.example", "order a;b", "order $(id)",
	    "order a\tb", "orders a.example", "/bin/sh", "nginx expire -c x"};
	const struct work w = {.config = "c"};
	char name[300] = "order ";
	struct buf many;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (parse(&w, bad[i]))
			fail_msg("'%s' was taken", bad[i]);
	memset(name + 6, 'a', 253);
	assert_non_null(parse(&w, name));
	name[6 + 253] = 'a';
	assert_null(parse(&w, name));
	buf_init(&many, WORKMSG_REQUEST_MAX);
	buf_adds(&many, "nginx expire");
	for (size_t i = 0; i < WORK_NAMES_MAX; i++)
		buf_adds(&many, " a");
	assert_non_null(parse(&w, many.data));
	buf_adds(&many, " a");
	assert_null(parse(&w, many.data));
	buf_release(&many);
}

/* ---- requests on the socket ---------------------------------------------- */

/* What becomes of these bytes, and the end: 0, -1. */
static int
read_of(const char *bytes, size_t len, size_t max, char *out)
{
	struct buf b;
	int fds[2], rc;

	err_clear(&e);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(write(fds[0], bytes, len), len);
	assert_int_equal(close(fds[0]), 0);
	buf_init(&b, max);
	rc = workmsg_read(fds[1], clock_mono() + WAIT_MS, &b, &e);
	if (rc == 0)
		snprintf(out, 64, "%s", b.data);
	buf_release(&b);
	assert_int_equal(close(fds[1]), 0);
	return rc;
}

static void
test_read(void **state)
{
	static const struct {
		const char *bytes;
		size_t len, max;
		const char *why;
	} bad[] = {
	    {"", 0, 64, "no newline"},
	    {"nginx status", 12, 64, "no newline"},
	    {"nginx status\nx", 14, 64, "more than one line"},
	    {"nginx status\n\n", 14, 64, "more than one line"},
	    {"nginx\0status\n", 13, 64, "not printable"},
	    {"nginx status\r\n", 14, 64, "not printable"},
	    {"order \303\244\n", 9, 64, "not printable"},
	    {"nginx status\n", 13, 12, "too long"},
	};
	char text[64];

	(void)state;
	assert_int_equal(read_of("nginx status\n", 13, 13, text), 0);
	assert_string_equal(text, "nginx status");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (read_of(bad[i].bytes, bad[i].len, bad[i].max, text) == 0)
			fail_msg("%zu was taken", i);
		assert_int_equal(e.kind, KIND_INPUT);
		assert_non_null(strstr(e.text, bad[i].why));
	}
}

/* ---- replies ------------------------------------------------------------- */

static char directory[] = "/tmp/acmed-unit-XXXXXX";
static char path[64];

static int
setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/sock", directory);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

/* A service that takes what comes, and sends this for it. */
static void
serve_once(int listener, const char *bytes, size_t len)
{
	char request[64];
	int fd = accept(listener, NULL, NULL);

	if (fd < 0 || read(fd, request, sizeof(request)) <= 0 ||
	    write(fd, bytes, len) != (ssize_t)len)
		_exit(1);
	_exit(0);
}

static int
call(const char *bytes, size_t len, struct workmsg_reply *r)
{
	int listener, rc, status;
	pid_t pid;

	err_clear(&e);
	unlink(path);
	listener = sock_listen(path, 0600, &e);
	assert_true(listener >= 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		serve_once(listener, bytes, len);
	fd_close(&listener);
	workmsg_reply_init(r);
	rc = workmsg_call(path, "order a", clock_mono() + WAIT_MS, r, &e);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return rc;
}

static void
test_reply(void **state)
{
	struct workmsg_reply r;

	(void)state;
	assert_ok(call("111 3 why it is so\na\0\n", 22, &r), &e);
	assert_int_equal(r.code, 111);
	assert_string_equal(r.text, "why it is so");
	assert_int_equal(r.output.len, 3);
	assert_memory_equal(r.output.data, "a\0\n", 3);
	workmsg_reply_release(&r);
	assert_ok(call("0 0 \n", 5, &r), &e);
	assert_true(r.code == 0 && r.is_sent && r.text[0] == '\0');
	workmsg_reply_release(&r);
}

static void
test_bad_replies(void **state)
{
	static const char *const bad[] = {"", "0", "0 0 ", "0 3 \nab",
	    "0 3 \nabcd", "0 0\n", "0\n", "\n", "x 0 \n", "0 x \n", "-1 0 \n",
	    "256 0 \n", "0 -1 \n", "0 983041 \n", "0 0 \001\n",
	    "0 99999999999999999999 \n"};
	struct workmsg_reply r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (call(bad[i], strlen(bad[i]), &r) == 0)
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(e.kind, KIND_SYS);
		assert_true(r.is_sent);
		assert_int_equal(r.output.len, 0);
		workmsg_reply_release(&r);
	}
}

static void
test_nobody(void **state)
{
	struct workmsg_reply r;

	(void)state;
	unlink(path);
	err_clear(&e);
	workmsg_reply_init(&r);
	assert_int_equal(
	    workmsg_call(path, "order a", clock_mono() + WAIT_MS, &r, &e), -1);
	assert_false(r.is_sent);
	workmsg_reply_release(&r);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_parse),
    cmocka_unit_test(test_parse_bad),
    cmocka_unit_test(test_read),
    cmocka_unit_test(test_reply),
    cmocka_unit_test(test_bad_replies),
    cmocka_unit_test(test_nobody),
};

int
main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
