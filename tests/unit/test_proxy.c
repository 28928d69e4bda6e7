#include "http/proxy.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/conn.h"
#include "unit.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2(head, rest) SIGNATURE head rest, sizeof(SIGNATURE head rest) - 1
#define LINE(text) text "\r\n", sizeof(text "\r\n") - 1
#define FOUR "\x7f\0\0\2\x7f\0\0\1\0\x50\1\xbb"
#define SIX                                                                    \
	"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"                               \
	"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\0\x50\1\xbb"

static ssize_t
parse(const char *data, size_t len, char text[INET6_ADDRSTRLEN])
{
	struct err e = {0};
	struct proxy p;
	size_t want;
	ssize_t rc = proxy_parse((const uint8_t *)data, len, &p, &want, &e);

	assert_int_equal(err_is_set(&e), rc < 0);
	snprintf(text, INET6_ADDRSTRLEN, "-");
	if (rc > 0 && p.len > 0)
		inet_ntop(p.len == 4 ? AF_INET : AF_INET6, p.address, text,
		    INET6_ADDRSTRLEN);
	return rc;
}

static void
test_good(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		const char *address;
	} good[] = {
	    {LINE("PROXY TCP4 127.0.0.2 127.0.0.1 80 443"), "127.0.0.2"},
	    {LINE("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535"),
		"255.255.255.255"},
	    {LINE("PROXY TCP6 2001:db8::1 2001:db8::2 0 1"), "2001:db8::1"},
	    {LINE("PROXY UNKNOWN"), "-"},
	    {LINE("PROXY UNKNOWN ffff::1 whatever 1 2"), "-"},
	    {V2("\x21\x11\0\x0c", FOUR), "127.0.0.2"},
	    {V2("\x21\x11\0\x0f", FOUR "\4\0\0"), "127.0.0.2"},
	    {V2("\x21\x21\0\x24", SIX), "2001:db8::1"},
	    {V2("\x21\0\0\0", ""), "-"},
	    {V2("\x20\0\0\0", ""), "-"},
	    {V2("\x20\x11\0\x0c", FOUR), "-"},
	};
	char text[INET6_ADDRSTRLEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		for (size_t n = 0; n < good[i].len; n++)
			assert_int_equal(parse(good[i].data, n, text), 0);
		assert_int_equal(
		    parse(good[i].data, good[i].len, text), good[i].len);
		assert_string_equal(text, good[i].address);
	}
}

static void
test_bad(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} bad[] = {
	    {LINE("GET / HTTP/1.1")},
	    {LINE("proxy TCP4 127.0.0.2 127.0.0.1 80 443")},
	    {LINE("PROXY TCP5 127.0.0.2 127.0.0.1 80 443")},
	    {LINE("PROXY TCP4  127.0.0.2 127.0.0.1 80 443")},
	    {LINE("PROXY TCP4 127.0.0.2 127.0.0.1 80 443 ")},
	    {LINE("PROXY TCP4 127.0.0.2 127.0.0.1 80 443 1")},
	    {LINE("PROXY TCP4 127.0.0.2 127.0.0.1 80")},
	    {LINE("PROXY TCP4 127.0.0.2 127.0.0.1")},
	    {LINE("PROXY TCP4 127.0.0.2 127.0.0.1 080 443")},
	    {LINE("PROXY TCP4 127.0.0.2 127.0.0.1 +80 443")},
	    {LINE("PROXY TCP4 127.0.0.2 127.0.0.1 80 65536")},
	    {LINE("PROXY TCP4 127.0.0.256 127.0.0.1 80 443")},
	    {LINE("PROXY TCP4 127.0.2 127.0.0.1 80 443")},
	    {LINE("PROXY TCP4 ::1 ::1 80 443")},
	    {LINE("PROXY TCP6 127.0.0.2 127.0.0.1 80 443")},
	    {LINE("PROXY TCP6 ::1%lo ::1 80 443")},
	    {LINE("PROXY TCP4 127.0.0.2\0127.0.0.1 80 443")},
	    {LINE("PROXY UNKNOWNS of all sorts")},
	    {"PROXY TCP4 127.0.0.2 127.0.0.1 80 443\n", 38},
	    {LINE("PROXY UNKNOWN 0123456789012345678901234567890123456789"
		  "012345678901234567890123456789012345678901234567890123")},
	    {V2("\x11\x11\0\x0c", FOUR)},
	    {V2("\x22\x11\0\x0c", FOUR)},
	    {V2("\x21\x12\0\x0c", FOUR)},
	    {V2("\x21\x41\0\x0c", FOUR)},
	    {V2("\x21\x11\0\x0b", FOUR)},
	    {V2("\x21\x21\0\x0c", FOUR)},
	    {V2("\x21\x11\x10\x01", FOUR)},
	};
	char text[INET6_ADDRSTRLEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (parse(bad[i].data, bad[i].len, text) >= 0)
			fail_msg("taken: %s", bad[i].data);
}

/* Reads the header from a pipe; what follows it must still be there. */
static void
read_before_body(const char *header, size_t len)
{
	struct err e = {0};
	struct proxy p;
	struct conn c;
	char rest[16];
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], header, len), len);
	assert_int_equal(write(fd[1], "\x16\3\1", 3), 3);
	conn_init(&c, fd[0], fd[1]);
	assert_ok(proxy_read(&c, clock_mono() + 10000, &p, &e), &e);
	assert_int_equal(p.len, 4);
	assert_int_equal(read(fd[0], rest, sizeof(rest)), 3);
	close(fd[0]);
	close(fd[1]);
}

static void
test_reads_the_header_only(void **state)
{
	(void)state;
	read_before_body(LINE("PROXY TCP4 127.0.0.2 127.0.0.1 80 443"));
	read_before_body(V2("\x21\x11\0\x0f", FOUR "\4\0\0"));
}

static void
test_a_slow_header_meets_the_deadline(void **state)
{
	struct err e = {0};
	struct proxy p;
	struct conn c;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	conn_init(&c, fd[0], fd[1]);
	assert_int_equal(write(fd[1], "PROXY TCP4 127.0.0.2", 20), 20);
	assert_kind(proxy_read(&c, clock_mono() + 20, &p, &e), KIND_BUSY, &e);
	assert_int_equal(write(fd[1], "PROXY TCP4", 10), 10);
	close(fd[1]);
	assert_kind(
	    proxy_read(&c, clock_mono() + 10000, &p, &e), KIND_INPUT, &e);
	close(fd[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_reads_the_header_only),
	    cmocka_unit_test(test_a_slow_header_meets_the_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
