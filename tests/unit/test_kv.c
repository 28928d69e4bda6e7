#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/sock.h"
#include "unit.h"
#include "wrap/kv_part.h"

/* ---- URLs ---------------------------------------------------------------- */

static void
test_places(void **state)
{
	static const struct {
		const char *url, *host, *port, *path, *user;
		int64_t database;
	} good[] = {
	    {"redis://127.0.0.1", "127.0.0.1", "6379", NULL, NULL, -1},
	    {"redis://127.0.0.1:6380/9", "127.0.0.1", "6380", NULL, NULL, 9},
	    {"redis://me@r.example/", "r.example", "6379", NULL, "me", -1},
	    {"redis://[::1]:1/0", "::1", "1", NULL, NULL, 0},
	    {"unix:///run/r.sock", NULL, NULL, "/run/r.sock", NULL, -1},
	    {"unix:///run/r.sock?db=3", NULL, NULL, "/run/r.sock", NULL, 3},
	};
	static const char *const bad[] = {"", "127.0.0.1", "http://a.example",
	    "redis://", "redis://:1", "redis://me:secret@a.example",
	    "redis://:secret@a.example", "redis://a:0", "redis://a:65536",
	    "redis://a:x", "redis://a/x", "redis://a/-1", "redis://[::1",
	    "redis://a b", "redis://a\n", "unix://run/r.sock",
	    "unix:///r?database=1", "unix:///r?db=x", "rediss://a.example"};
	struct kv_place p;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		const char *want[] = {
		    good[i].host, good[i].port, good[i].path, good[i].user};

		assert_ok(kv_place_parse(good[i].url, &p, &e), &e);
		const char *got[] = {p.host, p.port, p.path, p.user};
		for (size_t j = 0; j < ARRAY_LEN(got); j++) {
			assert_int_equal(got[j] == NULL, want[j] == NULL);
			if (want[j])
				assert_string_equal(got[j], want[j]);
		}
		assert_int_equal(p.database, good[i].database);
		kv_place_release(&p);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_kind(kv_place_parse(bad[i], &p, &e), KIND_CONF, &e);
		assert_null(p.host);
	}
}

/* ---- a server that says what it is told ---------------------------------- */

static char path[64];
static pid_t server;

/* Reads what comes first, and then writes `says`, `step` bytes at a time. */
static void
serve(const char *says, size_t step, bool stays)
{
	struct err e = {0};
	char heard[65536];
	int listener, fd;

	snprintf(path, sizeof(path), "/tmp/acmed-kv-%ld.sock", (long)getpid());
	listener = sock_listen(path, 0600, &e);
	assert_true(listener >= 0);
	server = fork();
	assert_true(server >= 0);
	if (server > 0) {
		close(listener);
		return;
	}
	alarm(60);
	fd = accept(listener, NULL, NULL);
	if (read(fd, heard, sizeof(heard)) < 0)
		_exit(1);
	for (size_t len = strlen(says); len > 0;) {
		size_t n = len < step ? len : step;

		if (write(fd, says, n) < 0)
			_exit(1);
		says += n;
		len -= n;
	}
	while (stays && read(fd, heard, sizeof(heard)) > 0)
		continue;
	_exit(0);
}

static void
over(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	unlink(path);
}

#define ALONE "-ERR This instance has cluster support disabled\r\n"

static struct kv *
meet(const char *says, size_t step, bool stays, struct err *e)
{
	char url[80];
	struct kv_access a = {.url = url, .connect_ms = 300, .timeout_ms = 300};

	serve(says, step, stays);
	snprintf(url, sizeof(url), "unix://%s", path);
	return kv_open(&a, e);
}

static void
test_answers(void **state)
{
	static const char says[] =
	    ALONE "+OK\r\n:7\r\n$-1\r\n$3\r\na\nb\r\n"
		  "*2\r\n:1\r\n$0\r\n\r\n-OOM command\r\n";
	struct err e = {0};
	size_t len;

	(void)state;
	for (size_t step = 1; step <= sizeof(says); step += 6) {
		struct kv *k = meet(says, step, true, &e);
		struct kv_reply *r[5];

		assert_non_null(k);
		for (size_t i = 0; i < ARRAY_LEN(r); i++)
			assert_ok(kv_command(k, &e, "PING", NULL), &e);
		assert_int_equal(kv_waiting(k), 5);
		for (size_t i = 0; i < ARRAY_LEN(r); i++)
			assert_non_null(r[i] = kv_receive(k, &e));
		assert_int_equal(kv_int(r[0]), 7);
		assert_int_equal(kv_type(r[1]), KV_NIL);
		assert_string_equal(kv_text(r[2], &len), "a\nb");
		assert_int_equal(len, 3);
		assert_int_equal(kv_len(r[3]), 2);
		assert_int_equal(kv_int(kv_at(r[3], 0)), 1);
		assert_true(kv_is_error(r[4], "OOM"));
		assert_kind(kv_check(r[4], &e), KIND_BUSY, &e);
		assert_null(kv_receive(k, &e));
		assert_int_equal(e.kind, KIND_BUG);
		err_clear(&e);
		for (size_t i = 0; i < ARRAY_LEN(r); i++)
			kv_free(r[i]);
		kv_close(k);
		over();
	}
}

static void
test_refusals(void **state)
{
	static const struct {
		const char *says;
		bool stays;
		enum err_kind kind;
	} bad[] = {
	    {"", true, KIND_BUSY}, /* hangs */
	    {"", false, KIND_BUSY}, /* goes */
	    {"+O", false, KIND_BUSY},
	    {"HTTP/1.1 400 Bad Request\r\n\r\n", true, KIND_SYS},
	    {"-NOAUTH Authentication required.\r\n", true, KIND_CONF},
	    {ALONE "-ERR DB index is out of range\r\n", true, KIND_CONF},
	    {"-LOADING Redis is loading\r\n", true, KIND_BUSY},
	    {"-READONLY You can't write\r\n", true, KIND_BUSY},
	    {"-NOSCRIPT No matching script. Please use EVAL.\r\n", true,
		KIND_BUSY},
	    {"-ERR max number of clients reached\r\n", true, KIND_BUSY},
	    {"*0\r\n", true, KIND_BUSY}, /* a cluster of nobody */
	    {"*1\r\n:1\r\n", true, KIND_SYS},
	    {"*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n+a\r\n:1\r\n", true, KIND_SYS},
	    {"*1\r\n*3\r\n:-1\r\n:1\r\n*2\r\n+a\r\n:1\r\n", true, KIND_SYS},
	    {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n+a\r\n:0\r\n", true, KIND_SYS},
	    {"*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n+a\r\n", true, KIND_SYS},
	    {ALONE "-ERR what \x1b[31m is this\r\n", true, KIND_SYS},
	};
	struct kv_access nobody = {.url = "unix:///nonexistent/r.sock",
	    .connect_ms = 100,
	    .timeout_ms = 100};
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_null(meet(bad[i].says, 100, bad[i].stays, &e));
		assert_int_equal(e.kind, bad[i].kind);
		assert_null(strchr(e.text, '\x1b'));
		err_clear(&e);
		over();
	}
	assert_null(kv_open(&nobody, &e));
	assert_int_equal(e.kind, KIND_BUSY);
}

/* Much is sent before anything is received: memory stays bounded. */
static void
test_pipeline(void **state)
{
	struct err e = {0};
	struct kv *k = meet(ALONE "+OK\r\n", 100, true, &e);
	char *big = xmalloc(100000);

	(void)state;
	assert_non_null(k);
	memset(big, 'x', 100000);
	for (int i = 0; i < 300; i++) {
		kv_begin(k, 2);
		kv_arg_text(k, "ECHO");
		kv_arg(k, big, 100000);
		assert_ok(kv_send(k, &e), &e);
	}
	assert_null(kv_receive(k, &e));
	assert_int_equal(e.kind, KIND_BUSY);
	free(big);
	kv_close(k);
	over();
}

static void
test_slots(void **state)
{
	static const struct {
		const char *key;
		unsigned slot;
	} known[] = {{"123456789", 12739}, {"foo", 12182}, {"", 0},
	    {"{foo}bar", 12182}, {"bar{foo}{x}", 12182}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		assert_int_equal(kv_slot(known[i].key), known[i].slot);
	assert_int_equal(kv_slot("~v:{d1:a.example}"), kv_slot("d1:a.example"));
	assert_int_not_equal(kv_slot("{}foo"), kv_slot("foo"));
	assert_int_not_equal(kv_slot("{foo"), kv_slot("foo"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_places),
    cmocka_unit_test(test_answers),
    cmocka_unit_test(test_refusals),
    cmocka_unit_test(test_pipeline),
    cmocka_unit_test(test_slots),
};
UNIT_MAIN(tests)
