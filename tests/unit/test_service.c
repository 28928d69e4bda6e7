#include "acme/signmsg.h"
#include "base/log.h"
#include "conf/conf.h"
#include "csr_make.h"
#include "sign/local.h"
#include "sign/service.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/frame.h"
#include "sys/sig.h"
#include "sys/sock.h"
#include "wrap/cert.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The built-in CA, and the service in front of it. */
static struct {
	char dir[32];
	char *socket;
	struct conf conf;
	struct key *key;
	pid_t pid;
} f;

static const char *const files[] = {
    "root.key", "root.crt", "intermediate.key", "intermediate.crt"};

static char *
path_of(const char *name)
{
	return xasprintf("%s/ca/%s", f.dir, name);
}

static void
serve(void)
{
	struct err e = {0};
	struct sign *s;
	int fd;

	log_set_level(LOG_LEVEL_ERR);
	sig_ignore_pipe();
	sig_catch_term();
	s = sign_open(&f.conf, &e);
	fd = sock_listen(f.socket, 0600, &e);
	_exit(s == NULL || fd < 0 || service_run(fd, s, 0, -1, &e) == -1);
}

static void
start(void)
{
	struct err e = {0};
	int fd;

	if ((f.pid = fork()) == 0)
		serve();
	for (int i = 0; i < 1000; i++) {
		err_clear(&e);
		if ((fd = sock_connect(f.socket, &e)) >= 0) {
			close(fd);
			return;
		}
		usleep(10000);
	}
	fail_msg("service did not start");
}

/* Returns the exit status after SIGTERM. */
static int
stop(void)
{
	int status;

	kill(f.pid, SIGTERM);
	waitpid(f.pid, &status, 0);
	f.pid = 0;
	unlink(f.socket);
	return status;
}

static int
setup(void **state)
{
	struct err e = {0};
	char *text;
	int rc;

	(void)state;
	memcpy(f.dir, "/tmp/acmed-service-XXXXXX", 26);
	if (mkdtemp(f.dir) == NULL)
		return -1;
	f.socket = xasprintf("%s/sock", f.dir);
	text = xasprintf("[local-ca]\ndirectory = %s/ca\nname = A, B\n"
			 "lifetime = 30d\nbackdate = 1h\n",
	    f.dir);
	rc = conf_parse(&f.conf, "test", text, strlen(text),
	    CONF_SIGNER | CONF_LOCAL_CA, &e);
	free(text);
	f.key = key_generate(KEY_P256, 0, &e);
	sig_ignore_pipe();
	return rc == 0 ? local_create(&f.conf, &e) : -1;
}

static int
teardown(void **state)
{
	char *path;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		path = path_of(files[i]);
		unlink(path);
		free(path);
	}
	path = path_of("");
	rmdir(path);
	free(path);
	rmdir(f.dir);
	free(f.socket);
	conf_release(&f.conf);
	key_free(f.key);
	return 0;
}

static void
request(struct signmsg_request *r, const char *name, const char *csr_name)
{
	signmsg_request_init(r);
	strv_add(&r->dns, name);
	csr_make(&(struct csr_make){.dns = {csr_name}}, f.key, &r->csr);
}

static void
check_chain(const struct buf *pem, const char *name)
{
	struct cert_list chain = {0};
	struct strv dns = {0}, ip = {0};
	struct err e = {0};

	strv_add(&dns, name);
	assert_ok(cert_list_from_pem(pem->data, pem->len, &chain, &e), &e);
	assert_int_equal(chain.len, 2);
	assert_ok(cert_chain_check(&chain, f.key, &dns, &ip, &e), &e);
	assert_true(
	    cert_not_after(chain.v[0]) - cert_not_before(chain.v[0]) + 1 <=
	    30 * 86400);
	strv_release(&dns);
	cert_list_release(&chain);
}

/* Nothing is overwritten, and what an interrupted run left is completed. */
static void
test_create(void **state)
{
	struct err e = {0};
	struct stat st;
	struct local *l;
	char *key = path_of("intermediate.key");
	char *cert = path_of("intermediate.crt");
	char *root = path_of("root.crt");

	(void)state;
	assert_int_equal(stat(key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_kind(local_create(&f.conf, &e), KIND_CONFLICT, &e);
	unlink(cert);
	assert_null(local_open(&f.conf, &e));
	assert_int_equal(e.kind, KIND_CONF);
	err_clear(&e);
	assert_ok(local_create(&f.conf, &e), &e);
	unlink(cert);
	unlink(root);
	unlink(key);
	assert_ok(local_create(&f.conf, &e), &e);
	assert_int_equal(stat(root, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	l = local_open(&f.conf, &e);
	assert_non_null(l);
	local_close(l);
	/* A key that others can read is no key. */
	assert_int_equal(chmod(key, 0640), 0);
	assert_null(local_open(&f.conf, &e));
	assert_int_equal(e.kind, KIND_CONF);
	assert_int_equal(chmod(key, 0600), 0);
	local_close(NULL);
	free(key);
	free(cert);
	free(root);
}

/* What the client asks for can only shorten. */
static void
test_lifetimes(void **state)
{
	struct err e = {0};
	struct local *l = local_open(&f.conf, &e);
	int64_t now = clock_now();
	struct signmsg_request r;
	struct cert_list chain = {0};
	struct buf pem;

	(void)state;
	buf_init(&pem, SIGNMSG_MAX);
	request(&r, "a.example", "a.example");
	r.not_before = now + 1000;
	r.not_after = now + 2000;
	assert_ok(local_issue(l, &r, &pem, &e), &e);
	assert_ok(cert_list_from_pem(pem.data, pem.len, &chain, &e), &e);
	assert_true(cert_not_before(chain.v[0]) == now + 1000);
	assert_true(cert_not_after(chain.v[0]) == now + 2000);
	cert_list_release(&chain);
	buf_clear(&pem);
	r.not_before = now - 365 * 86400;
	r.not_after = now + 365 * 86400;
	assert_ok(local_issue(l, &r, &pem, &e), &e);
	check_chain(&pem, "a.example");
	r.not_after = now - 1;
	assert_kind(local_issue(l, &r, &pem, &e), KIND_INPUT, &e);
	r.not_after = 0;
	r.not_before = now + 365 * 86400;
	assert_kind(local_issue(l, &r, &pem, &e), KIND_INPUT, &e);
	signmsg_request_release(&r);
	buf_release(&pem);
	local_close(l);
}

/* A new certificate for the request. */
static struct cert *
issue(struct local *l, const struct signmsg_request *r)
{
	struct cert_list chain = {0};
	struct err e = {0};
	struct cert *leaf;
	struct buf pem;

	buf_init(&pem, SIGNMSG_MAX);
	assert_ok(local_issue(l, r, &pem, &e), &e);
	assert_ok(cert_list_from_pem(pem.data, pem.len, &chain, &e), &e);
	leaf = chain.v[0];
	chain.v[0] = chain.v[--chain.len]; /* transferred */
	cert_list_release(&chain);
	buf_release(&pem);
	return leaf;
}

/* Whether all but the signature is the same: SEQUENCE { SEQUENCE tbs ... */
static bool
is_same(const struct cert *a, const struct cert *b)
{
	size_t len;
	const uint8_t *p = cert_der(a, &len), *q = cert_der(b, &len);

	assert_memory_equal(p + 4, "\x30\x82", 2);
	return memcmp(p + 4, q + 4, 4 + (p[6] << 8 | p[7])) == 0;
}

/* Who asks again for an order gets the certificate of the first time. */
static void
test_again(void **state)
{
	struct err e = {0};
	struct local *l = local_open(&f.conf, &e);
	int64_t now = clock_now();
	struct signmsg_request r, other;
	struct cert *first, *c;

	(void)state;
	request(&r, "a.example", "a.example");
	r.order = xstrdup("one");
	r.at = now + 1800; /* a clock that went back */
	first = issue(l, &r);
	assert_true(cert_not_before(first) == now - 1800);
	local_close(l); /* and not only from the same process */
	l = local_open(&f.conf, &e);
	c = issue(l, &r);
	assert_string_equal(cert_serial_hex(c), cert_serial_hex(first));
	assert_true(is_same(c, first));
	cert_free(c);
	/* Anything else is another certificate. */
	request(&other, "b.example", "b.example");
	other.order = xstrdup("one");
	other.at = r.at;
	c = issue(l, &other);
	assert_string_not_equal(cert_serial_hex(c), cert_serial_hex(first));
	cert_free(c);
	r.at++;
	c = issue(l, &r);
	assert_string_not_equal(cert_serial_hex(c), cert_serial_hex(first));
	assert_false(is_same(c, first));
	cert_free(c);
	r.at--;
	r.order[0] = 'O';
	c = issue(l, &r);
	assert_string_not_equal(cert_serial_hex(c), cert_serial_hex(first));
	cert_free(c);
	/* A time that would make it old, or not valid yet, does not count. */
	r.at = now - 3 * 86400;
	c = issue(l, &r);
	assert_true(cert_not_before(c) >= now - 3600);
	cert_free(c);
	r.at = now + 3700;
	c = issue(l, &r);
	assert_true(cert_not_before(c) < now);
	cert_free(c);
	cert_free(first);
	signmsg_request_release(&r);
	signmsg_request_release(&other);
	local_close(l);
}

static void
test_call(void **state)
{
	struct signmsg_request good, bad;
	struct signmsg_client c;
	enum signmsg_outcome outcome;
	struct err e = {0};
	struct buf pem;

	(void)state;
	start();
	signmsg_client_init(&c, f.socket);
	request(&good, "a.example", "a.example");
	request(&bad, "a.example", "b.example");
	buf_init(&pem, SIGNMSG_MAX);
	for (int i = 0; i < 3; i++) { /* one connection */
		buf_clear(&pem);
		assert_ok(signmsg_call(&c, &good, clock_mono() + 10000, &pem,
			      &outcome, &e),
		    &e);
		assert_int_equal(outcome, SIGNMSG_ANSWERED);
		check_chain(&pem, "a.example");
		assert_int_equal(signmsg_call(&c, &bad, clock_mono() + 10000,
				     &pem, &outcome, &e),
		    -1);
		assert_int_equal(outcome, SIGNMSG_ANSWERED);
		assert_int_equal(e.kind, KIND_INPUT);
		assert_string_equal(e.acme_type, "badCSR");
		assert_non_null(strstr(e.text, "CSR names b.example"));
		err_clear(&e);
	}
	/* A service that was started anew is found again. */
	assert_int_equal(stop(), 0);
	assert_int_equal(
	    signmsg_call(&c, &good, clock_mono() + 10000, &pem, &outcome, &e),
	    -1);
	assert_int_equal(outcome, SIGNMSG_NOT_SENT);
	assert_int_equal(e.kind, KIND_BUSY);
	err_clear(&e);
	start();
	assert_ok(
	    signmsg_call(&c, &good, clock_mono() + 10000, &pem, &outcome, &e),
	    &e);
	assert_int_equal(stop(), 0);
	signmsg_client_release(&c);
	signmsg_request_release(&good);
	signmsg_request_release(&bad);
	buf_release(&pem);
}

/* A service that takes the request and dies, or sleeps. */
static void
test_no_answer(void **state)
{
	struct signmsg_request r;
	struct signmsg_client c = {.path = NULL};
	enum signmsg_outcome outcome;
	struct err e = {0};
	struct buf pem, got;
	int pair[2];

	(void)state;
	request(&r, "a.example", "a.example");
	buf_init(&pem, SIGNMSG_MAX);
	buf_init(&got, SIGNMSG_MAX);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	signmsg_client_init(&c, f.socket);
	c.fd = pair[0];
	assert_int_equal(
	    signmsg_call(&c, &r, clock_mono() + 50, &pem, &outcome, &e), -1);
	assert_int_equal(outcome, SIGNMSG_UNKNOWN);
	assert_int_equal(e.kind, KIND_BUSY);
	assert_int_equal(c.fd, -1); /* a late answer must not be the next */
	err_clear(&e);
	assert_int_equal(frame_read(pair[1], &got, clock_mono() + 1000, &e), 1);
	close(pair[1]);
	signmsg_client_release(&c);
	signmsg_request_release(&r);
	buf_release(&pem);
	buf_release(&got);
}

static bool
is_closed(int fd)
{
	struct err e = {0};
	char byte;

	return fd_read(fd, &byte, 1, clock_mono() + 10000, &e) <= 0 &&
	    e.kind != KIND_BUSY;
}

static void
test_bad_clients(void **state)
{
	static const struct {
		size_t len;
		const char *p;
	} garbage[] = {
	    {16, "GET / HTTP/1.1\r\n"},
	    {4, "\xff\xff\xff\xff"},
	    {4, "\x00\x00\x00\x00"},
	    {6, "\x00\x00\x00\x02{}"},
	    {5, "\x00\x00\x00\x01x"},
	};
	struct signmsg_request r;
	struct signmsg_client c;
	enum signmsg_outcome outcome;
	struct err e = {0};
	struct buf pem;
	int silent, half, fd;

	(void)state;
	start();
	buf_init(&pem, SIGNMSG_MAX);
	request(&r, "a.example", "a.example");
	silent = sock_connect(f.socket, &e);
	half = sock_connect(f.socket, &e);
	assert_ok(fd_write_all(half, "\x00\x00\x01", 3, FD_FOREVER, &e), &e);
	for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
		fd = sock_connect(f.socket, &e);
		assert_ok(fd_write_all(
			      fd, garbage[i].p, garbage[i].len, FD_FOREVER, &e),
		    &e);
		assert_true(is_closed(fd));
		close(fd);
	}
	signmsg_client_init(&c, f.socket);
	assert_ok(
	    signmsg_call(&c, &r, clock_mono() + 10000, &pem, &outcome, &e), &e);
	check_chain(&pem, "a.example");
	signmsg_client_release(&c);
	close(silent);
	close(half);
	assert_int_equal(stop(), 0);
	signmsg_request_release(&r);
	buf_release(&pem);
}

/* Many requests at once on one connection, read late. */
static void
test_pipelined(void **state)
{
	enum {
		COUNT = 200
	};
	struct signmsg_request r;
	struct err e = {0};
	struct buf message, pem;
	pid_t writer;
	int fd;

	(void)state;
	start();
	buf_init(&message, SIGNMSG_MAX);
	buf_init(&pem, SIGNMSG_MAX);
	request(&r, "a.example", "a.example");
	assert_ok(signmsg_request_write(&r, &message, &e), &e);
	fd = sock_connect(f.socket, &e);
	if ((writer = fork()) == 0) {
		for (int i = 0; i < COUNT; i++)
			if (frame_write(fd, message.data, message.len,
				FD_FOREVER, &e) < 0)
				_exit(1);
		_exit(0);
	}
	usleep(50000);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(
		    frame_read(fd, &message, clock_mono() + 10000, &e), 1);
		buf_clear(&pem);
		assert_ok(
		    signmsg_reply_read(message.data, message.len, &pem, &e),
		    &e);
	}
	check_chain(&pem, "a.example");
	waitpid(writer, NULL, 0);
	close(fd);
	assert_int_equal(stop(), 0);
	signmsg_request_release(&r);
	buf_release(&message);
	buf_release(&pem);
}

/* Beyond the limit the one that was silent for longest has to go. */
static void
test_too_many(void **state)
{
	static int fds[SERVICE_CLIENTS_MAX + 8];
	struct rlimit limit = {.rlim_cur = 1024, .rlim_max = 1024};
	struct signmsg_request r;
	struct signmsg_client c;
	enum signmsg_outcome outcome;
	struct err e = {0};
	struct buf pem;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < ARRAY_LEN(fds) + 32)
		skip();
	start();
	buf_init(&pem, SIGNMSG_MAX);
	request(&r, "a.example", "a.example");
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = sock_connect(f.socket, &e);
		assert_true(fds[i] >= 0);
	}
	assert_true(is_closed(fds[0]));
	signmsg_client_init(&c, f.socket);
	assert_ok(
	    signmsg_call(&c, &r, clock_mono() + 10000, &pem, &outcome, &e), &e);
	check_chain(&pem, "a.example");
	signmsg_client_release(&c);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	assert_int_equal(stop(), 0);
	signmsg_request_release(&r);
	buf_release(&pem);
}

/* One connection instead of a listening socket. */
static void
test_connection(void **state)
{
	struct signmsg_request r;
	struct signmsg_client c;
	enum signmsg_outcome outcome;
	struct err e = {0};
	struct buf pem;
	int pair[2], status;
	pid_t pid;

	(void)state;
	buf_init(&pem, SIGNMSG_MAX);
	request(&r, "a.example", "a.example");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	if ((pid = fork()) == 0) {
		log_set_level(LOG_LEVEL_ERR);
		close(pair[0]);
		_exit(service_run(pair[1], sign_open(&f.conf, &e), 0, -1, &e) ==
		    -1);
	}
	close(pair[1]);
	signmsg_client_init(&c, f.socket);
	c.fd = pair[0];
	assert_ok(
	    signmsg_call(&c, &r, clock_mono() + 10000, &pem, &outcome, &e), &e);
	check_chain(&pem, "a.example");
	signmsg_client_release(&c);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	signmsg_request_release(&r);
	buf_release(&pem);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_create),
    cmocka_unit_test(test_lifetimes),
    cmocka_unit_test(test_again),
    cmocka_unit_test(test_call),
    cmocka_unit_test(test_no_answer),
    cmocka_unit_test(test_bad_clients),
    cmocka_unit_test(test_pipelined),
    cmocka_unit_test(test_too_many),
    cmocka_unit_test(test_connection),
};

int
main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
