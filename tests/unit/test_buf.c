#include "base/buf.h"
#include "unit.h"

static void
test_grows_and_terminates(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	assert_string_equal(b.data, "");
	for (int i = 0; i < 1000; i++)
		assert_int_equal(buf_addf(&b, "%d,", i % 10), 0);
	assert_int_equal(b.len, 2000);
	assert_int_equal(b.data[2000], '\0');
	buf_consume(&b, 1998);
	assert_string_equal(b.data, "9,");
	buf_release(&b);
	buf_release(&b);
}

static void
test_maximum_is_hard_and_sticky(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4);
	assert_int_equal(buf_adds(&b, "abcd"), 0);
	assert_int_equal(buf_addc(&b, 'e'), -1);
	assert_true(b.full);
	assert_string_equal(b.data, "abcd");
	buf_consume(&b, 4);
	assert_int_equal(buf_addc(&b, 'e'), -1);
	buf_clear(&b);
	assert_int_equal(buf_addc(&b, 'e'), 0);
	buf_wipe(&b);
	assert_int_equal(b.len, 0);
}

static void
test_detach_gives_the_memory(void **state)
{
	struct buf b;
	char *s;

	(void)state;
	buf_init(&b, 100);
	s = buf_detach(&b);
	assert_string_equal(s, "");
	free(s);
	buf_adds(&b, "text");
	s = buf_detach(&b);
	assert_string_equal(s, "text");
	assert_int_equal(b.len, 0);
	free(s);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_grows_and_terminates),
    cmocka_unit_test(test_maximum_is_hard_and_sticky),
    cmocka_unit_test(test_detach_gives_the_memory),
};
UNIT_MAIN(tests)
