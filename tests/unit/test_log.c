#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "unit.h"

static int pipe_fd[2];

/* What the last event wrote, without "prog[pid]: ". */
static const char *
line(void)
{
	static char text[4096];
	ssize_t n = read(pipe_fd[0], text, sizeof(text) - 1);
	char *after;

	assert_true(n > 0);
	text[n] = '\0';
	after = strstr(text, "]: ");
	assert_non_null(after);
	return after + 3;
}

static void
test_one_line_each(void **state)
{
	(void)state;
	log_event(LOG_LEVEL_WARN, "order.ready", "order", "abc", "names", "a b",
	    "left out", NULL, "empty", "", NULL);
	assert_string_equal(
	    line(), "warn: order.ready order=abc names=\"a b\" empty=\"\"\n");
}

static void
test_strangers_cannot_forge(void **state)
{
	(void)state;
	log_event(LOG_LEVEL_INFO, "request", "agent",
	    "x\nacmed[1]: error: forged\r\x1b[31m\"\\\xff", NULL);
	assert_string_equal(line(),
	    "info: request agent=\"x\\x0aacmed[1]: error: "
	    "forged\\x0d\\x1b[31m\\\"\\\\\\xff\"\n");
}

static void
test_limit_level_and_id(void **state)
{
	char big[5000];
	const char *text;

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_event(LOG_LEVEL_INFO, "big", "value", big, "status", "404", NULL);
	text = line();
	assert_true(strlen(text) < 1024);
	assert_true(str_ends(text, "xx...\" status=404\n"));
	log_event(LOG_LEVEL_DEBUG, "unseen", NULL);
	log_set_id("r1");
	log_event(LOG_LEVEL_INFO, "seen", NULL);
	assert_string_equal(line(), "info: seen id=r1\n");
	log_set_id("");
}

/* However much strangers send, every pair is whole and the id is there. */
static void
test_no_value_hides_another(void **state)
{
	char big[5000];
	const char *text;

	(void)state;
	memset(big, '\n', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_set_id("0123456789ab-12345");
	log_event(LOG_LEVEL_INFO, "big", "a", big, "b", big, "c", big, "d", big,
	    "e", big, "f", "seen", NULL);
	text = line();
	assert_true(strlen(text) < 4096);
	assert_non_null(strstr(text, "\\x0a...\" b=\"\\x0a"));
	assert_true(
	    str_ends(text, "\\x0a...\" f=seen id=0123456789ab-12345\n"));
	assert_null(strstr(text, " e="));
	log_set_id("");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_one_line_each),
    cmocka_unit_test(test_strangers_cannot_forge),
    cmocka_unit_test(test_limit_level_and_id),
    cmocka_unit_test(test_no_value_hides_another),
};

int
main(void)
{
	if (pipe(pipe_fd) < 0)
		return 1;
	log_init("unit", LOG_SINK_FD, pipe_fd[1]);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
