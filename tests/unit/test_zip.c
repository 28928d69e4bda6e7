#include "base/zip.h"
#include "unit.h"

#define TIME INT64_C(1700000001) /* 2023-11-14 22:13:21 */

static uint32_t
get(const struct buf *b, size_t at, int bytes)
{
	uint32_t n = 0;

	assert_true(at + (size_t)bytes <= b->len);
	while (bytes-- > 0)
		n = n << 8 | (uint8_t)b->data[at + (size_t)bytes];
	return n;
}

static void
test_empty(void **state)
{
	struct zip z;
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	zip_begin(&z, &b, TIME);
	zip_end(&z);
	assert_int_equal(b.len, 22);
	assert_memory_equal(b.data, "PK\5\6\0\0\0\0\0\0\0\0", 12);
	buf_release(&b);
}

/* Two files behind something else: offsets count from the archive's start. */
static void
test_files(void **state)
{
	const size_t start = 3, second = start + 30 + 1 + 9;
	const size_t directory = second + 30 + 3;
	struct zip z;
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	buf_adds(&b, "xyz");
	zip_begin(&z, &b, TIME);
	zip_add(&z, "a", false, "123456789", 9);
	zip_add(&z, "b/c", true, "", 0);
	zip_end(&z);
	assert_false(b.full);
	assert_memory_equal(b.data + start, "PK\3\4", 4);
	assert_int_equal(get(&b, start + 8, 2), 0); /* stored */
	assert_int_equal(get(&b, start + 10, 2), 22 << 11 | 13 << 5 | 10);
	assert_int_equal(get(&b, start + 12, 2), 43 << 9 | 11 << 5 | 14);
	/* the check value of CRC-32 */
	assert_true(get(&b, start + 14, 4) == 0xcbf43926);
	assert_int_equal(get(&b, start + 18, 4), 9);
	assert_int_equal(get(&b, start + 22, 4), 9);
	assert_int_equal(get(&b, start + 26, 2), 1);
	assert_memory_equal(b.data + start + 30, "a123456789", 10);
	assert_memory_equal(b.data + second, "PK\3\4", 4);
	assert_int_equal(get(&b, second + 14, 4), 0);

	assert_memory_equal(b.data + directory, "PK\1\2", 4);
	assert_true(get(&b, directory + 38, 4) >> 16 == 0100644);
	assert_int_equal(get(&b, directory + 42, 4), 0);
	assert_memory_equal(b.data + directory + 47, "PK\1\2", 4);
	assert_true(get(&b, directory + 47 + 38, 4) >> 16 == 0100600);
	assert_int_equal(get(&b, directory + 47 + 42, 4), second - start);

	assert_memory_equal(b.data + b.len - 22, "PK\5\6", 4);
	assert_int_equal(get(&b, b.len - 12, 2), 2);
	assert_int_equal(get(&b, b.len - 10, 4), b.len - 22 - directory);
	assert_int_equal(get(&b, b.len - 6, 4), directory - start);
	buf_release(&b);
}

static void
test_full(void **state)
{
	char name[60001];
	struct zip z;
	struct buf b;

	(void)state;
	buf_init(&b, 50);
	zip_begin(&z, &b, TIME);
	zip_add(&z, "a", false, "123456789", 9);
	zip_end(&z);
	assert_true(b.full);
	buf_release(&b);
	/* The directory does not fit, though the archive would. */
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	buf_init(&b, 1000000);
	zip_begin(&z, &b, TIME);
	zip_add(&z, name, false, "", 0);
	assert_false(z.directory.full);
	zip_add(&z, name, false, "", 0);
	zip_end(&z);
	assert_true(b.full);
	buf_release(&b);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_empty),
    cmocka_unit_test(test_files),
    cmocka_unit_test(test_full),
};
UNIT_MAIN(tests)
