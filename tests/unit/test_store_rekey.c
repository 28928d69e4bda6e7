/* New sealing keys: all rows or none, and what a killed run has left. */
#include "store.h"

#include "base/hex.h"
#include "store/private_key.h"
#include "store/rekey.h"
#include "sys/file.h"
#include "wrap/seal.h"

static char path[128], next[160];
static struct key *keys[3];

static int
setup(void **state)
{
	if (store_setup(state) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/seal", test_dir);
	snprintf(next, sizeof(next), "%s.new", path);
	assert_ok(seal_key_create(path, &e), &e);
	return 0;
}

static int
teardown(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		key_free(keys[i]);
		keys[i] = NULL;
	}
	return store_teardown(state);
}

static struct seal_key
read_key(const char *file)
{
	struct seal_key k;

	assert_ok(seal_key_read(file, &k, &e), &e);
	return k;
}

static void
add(size_t i, const struct seal_key *seal)
{
	struct private_key p;
	bool created;

	keys[i] = key_generate(KEY_P256, 0, &e);
	assert_ok(private_key_add(st, keys[i], seal, PRIVATE_KEY_IMPORTED, &p,
		      &created, &e),
	    &e);
	assert_int_equal(p.id, i + 1);
}

static void
assert_all_load(const struct seal_key *seal)
{
	for (size_t i = 0; i < ARRAY_LEN(keys) && keys[i]; i++) {
		struct key *k = private_key_load(st, (int64_t)i + 1, seal, &e);

		if (!k)
			fail_msg("%s", e.text);
		assert_true(key_equal(k, keys[i]));
		key_free(k);
	}
}

static int64_t
rekey(void)
{
	int64_t changed;

	assert_ok(rekey_run(st, REKEY_CERTIFICATES, path, &changed, &e), &e);
	return changed;
}

static void
test_seals_anew(void **state)
{
	struct seal_key first = read_key(path), second, kept;
	char hex[2 * SEAL_ID_SIZE + 1], old[256];

	(void)state;
	add(0, &first);
	add(1, NULL); /* in the clear */
	add(2, &first);
	assert_int_equal(rekey(), 3);
	second = read_key(path);
	assert_memory_not_equal(first.id, second.id, SEAL_ID_SIZE);
	assert_all_load(&second);
	assert_null(private_key_load(st, 1, &first, &e));
	err_clear(&e);
	assert_int_equal(
	    count("SELECT count(*) FROM private_keys WHERE sealed = 0"), 0);
	assert_false(file_exists(next));
	/* The old one is beside it, for copies of the store. */
	hex_encode(hex, first.id, SEAL_ID_SIZE);
	snprintf(old, sizeof(old), "%s.old-%s", path, hex);
	kept = read_key(old);
	assert_memory_equal(kept.bytes, first.bytes, SEAL_KEY_SIZE);
	assert_int_equal(rekey(), 3);
}

/* Killed before the rows, or before the file got its name. */
static void
test_goes_on(void **state)
{
	struct seal_key first = read_key(path), second;

	(void)state;
	add(0, &first);
	assert_ok(seal_key_create(next, &e), &e);
	second = read_key(next);
	assert_int_equal(rekey(), 1);
	assert_memory_equal(read_key(path).id, second.id, SEAL_ID_SIZE);
	assert_all_load(&second);

	/* The rows are under the new key, which has not its name yet. */
	assert_int_equal(rename(path, next), 0);
	assert_ok(seal_key_create(path, &e), &e);
	assert_int_equal(rekey(), 0);
	assert_memory_equal(read_key(path).id, second.id, SEAL_ID_SIZE);
	assert_all_load(&second);
}

/* Who still had the old key has sealed under it: the next run finds it. */
static void
test_straggler(void **state)
{
	struct seal_key first = read_key(path), now;

	(void)state;
	add(0, &first);
	assert_int_equal(rekey(), 1);
	add(1, &first);
	assert_int_equal(rekey(), 2);
	now = read_key(path);
	assert_all_load(&now);
}

/* A key that is nowhere: nothing changes. */
static void
test_unknown_key(void **state)
{
	struct seal_key first = read_key(path), other;
	char file[160];
	int64_t changed;

	(void)state;
	snprintf(file, sizeof(file), "%s/other", test_dir);
	assert_ok(seal_key_create(file, &e), &e);
	other = read_key(file);
	add(0, &first);
	add(1, &other);
	assert_kind(rekey_run(st, REKEY_CERTIFICATES, path, &changed, &e),
	    KIND_CONF, &e);
	assert_memory_equal(read_key(path).id, first.id, SEAL_ID_SIZE);
	key_free(private_key_load(st, 2, &other, &e));
	assert_false(err_is_set(&e));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_seals_anew), T(test_goes_on),
	    T(test_straggler), T(test_unknown_key)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
