#include "base/idset.h"

#include "unit.h"

static struct idset set;

static void
test_in_and_out(void **state)
{
	static const int64_t ids[] = {0, 7, 8, 511, 512, 100000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		assert_false(idset_has(&set, ids[i]));
		assert_false(idset_add(&set, ids[i]));
		assert_true(idset_add(&set, ids[i]));
	}
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		assert_true(idset_has(&set, ids[i]));
		idset_remove(&set, ids[i]);
		assert_false(idset_has(&set, ids[i]));
		for (size_t j = i + 1; j < ARRAY_LEN(ids); j++)
			assert_true(idset_has(&set, ids[j]));
	}
	assert_false(idset_has(&set, 1));
	assert_false(idset_has(&set, 99999));
	idset_release(&set);
	assert_false(idset_has(&set, 0));
}

/* What it cannot hold is never in it, and harms nothing. */
static void
test_ends(void **state)
{
	static const int64_t beyond[] = {
	    -1, INT64_MIN, IDSET_MAX + 1, INT64_MAX};

	(void)state;
	idset_add(&set, 0);
	for (size_t i = 0; i < ARRAY_LEN(beyond); i++) {
		assert_false(idset_add(&set, beyond[i]));
		assert_false(idset_add(&set, beyond[i]));
		assert_false(idset_has(&set, beyond[i]));
		idset_remove(&set, beyond[i]);
	}
	assert_true(idset_has(&set, 0));
	assert_true(set.len < 4096);
	assert_false(idset_add(&set, IDSET_MAX));
	assert_true(idset_has(&set, IDSET_MAX));
	idset_release(&set);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_in_and_out),
    cmocka_unit_test(test_ends),
};
UNIT_MAIN(tests)
