/* The map of digests: what is put in is found again, however many. */
#include "base/digestmap.h"
#include "unit.h"

static void
make(uint8_t digest[DIGESTMAP_KEY_SIZE], size_t n, bool same_start)
{
	memset(digest, same_start ? 7 : 0, DIGESTMAP_KEY_SIZE);
	memcpy(digest + (same_start ? 16 : 0), &n, sizeof(n));
}

static void
put_and_get(bool same_start)
{
	struct digestmap m = {0};
	uint8_t digest[DIGESTMAP_KEY_SIZE];
	size_t got;

	make(digest, 1, same_start);
	assert_false(digestmap_get(&m, digest, &got));
	for (size_t n = 0; n < 1000; n++) {
		make(digest, n, same_start);
		assert_int_equal(digestmap_put(&m, digest, n + 5), n + 5);
	}
	assert_int_equal(m.len, 1000);
	for (size_t n = 0; n < 1000; n++) {
		make(digest, n, same_start);
		assert_true(digestmap_get(&m, digest, &got));
		assert_int_equal(got, n + 5);
		/* The first number stays. */
		assert_int_equal(digestmap_put(&m, digest, 0), n + 5);
	}
	assert_int_equal(m.len, 1000);
	make(digest, 1000, same_start);
	assert_false(digestmap_get(&m, digest, &got));
	digestmap_release(&m);
	assert_int_equal(m.len, 0);
	digestmap_release(NULL);
}

static void
test_many(void **state)
{
	(void)state;
	put_and_get(false);
}

/* All begin in the same slot. */
static void
test_collisions(void **state)
{
	(void)state;
	put_and_get(true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_many), cmocka_unit_test(test_collisions)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
