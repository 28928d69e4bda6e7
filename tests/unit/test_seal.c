#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/b64.h"
#include "sys/file.h"
#include "unit.h"
#include "wrap/seal.h"

static char dir[] = "/tmp/acmed-unit-XXXXXX";
static char path[64];

static int
setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/key", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void
make_key(struct seal_key *k)
{
	struct err e = {0};

	unlink(path);
	assert_ok(seal_key_create(path, &e), &e);
	assert_ok(seal_key_read(path, k, &e), &e);
}

static void
test_key_file(void **state)
{
	static const char *const bad[] = {"", "\n", "AAAA\n",
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n",
	    " AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
	    "-_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"};
	static const char good[] =
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	struct seal_key a, b;
	struct err e = {0};
	struct stat st;

	(void)state;
	assert_kind(seal_key_read(path, &a, &e), KIND_NOTFOUND, &e);
	make_key(&a);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 45);
	assert_kind(seal_key_create(path, &e), KIND_CONFLICT, &e);
	assert_int_equal(chmod(path, 0640), 0);
	assert_kind(seal_key_read(path, &b, &e), KIND_CONF, &e);
	make_key(&b);
	assert_memory_not_equal(a.bytes, b.bytes, sizeof(a.bytes));
	assert_memory_not_equal(a.id, b.id, sizeof(a.id));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_ok(
		    file_replace(path, 0600, bad[i], strlen(bad[i]), &e), &e);
		assert_kind(seal_key_read(path, &a, &e), KIND_CONF, &e);
	}
	assert_ok(file_replace(path, 0600, good, strlen(good), &e), &e);
	assert_ok(seal_key_read(path, &a, &e), &e);
	seal_key_wipe(&a);
}

static void
test_seals(void **state)
{
	static const char text[] = "a private key";
	struct seal_key k;
	struct err e = {0};
	struct buf one, two, plain;

	(void)state;
	make_key(&k);
	buf_init(&one, 1000);
	buf_init(&two, 1000);
	buf_init(&plain, 1000);
	for (size_t len = 0; len <= sizeof(text); len += sizeof(text)) {
		buf_clear(&one);
		buf_clear(&two);
		buf_clear(&plain);
		assert_ok(seal(&k, "name", 4, text, len, &one, &e), &e);
		assert_ok(seal(&k, "name", 4, text, len, &two, &e), &e);
		assert_int_equal(one.len, len + SEAL_OVERHEAD);
		assert_memory_not_equal(one.data, two.data, one.len);
		if (len > 0)
			assert_null(memmem(one.data, one.len, text, len));
		assert_memory_equal(
		    seal_id(one.data, one.len), k.id, SEAL_ID_SIZE);
		assert_ok(
		    unseal(&k, "name", 4, one.data, one.len, &plain, &e), &e);
		assert_int_equal(plain.len, len);
		assert_memory_equal(plain.data, text, len);
	}
	buf_release(&one);
	buf_release(&two);
	buf_wipe(&plain);
}

/* Every bit counts, and so does what it is bound to. */
static void
test_notices(void **state)
{
	struct seal_key k, other;
	struct err e = {0};
	struct buf sealed, plain;

	(void)state;
	make_key(&other);
	make_key(&k);
	buf_init(&sealed, 1000);
	buf_init(&plain, 1000);
	assert_ok(seal(&k, "name", 4, "text", 4, &sealed, &e), &e);
	assert_kind(
	    unseal(&other, "name", 4, sealed.data, sealed.len, &plain, &e),
	    KIND_CONF, &e);
	memcpy(other.id, k.id, sizeof(k.id));
	assert_kind(
	    unseal(&other, "name", 4, sealed.data, sealed.len, &plain, &e),
	    KIND_SYS, &e);
	assert_kind(unseal(&k, "nami", 4, sealed.data, sealed.len, &plain, &e),
	    KIND_SYS, &e);
	assert_kind(unseal(&k, "name", 3, sealed.data, sealed.len, &plain, &e),
	    KIND_SYS, &e);
	for (size_t i = 0; i < sealed.len; i++) {
		err_clear(&e);
		sealed.data[i] ^= 1;
		assert_int_equal(
		    unseal(&k, "name", 4, sealed.data, sealed.len, &plain, &e),
		    -1);
		sealed.data[i] ^= 1;
	}
	for (size_t len = 0; len < sealed.len; len++)
		assert_kind(unseal(&k, "name", 4, sealed.data, len, &plain, &e),
		    KIND_SYS, &e);
	assert_int_equal(plain.len, 0);
	assert_ok(
	    unseal(&k, "name", 4, sealed.data, sealed.len, &plain, &e), &e);
	buf_release(&sealed);
	buf_wipe(&plain);
	buf_init(&plain, 3);
	buf_init(&sealed, SEAL_OVERHEAD + 3);
	assert_kind(seal(&k, "name", 4, "text", 4, &sealed, &e), KIND_BUG, &e);
	buf_release(&sealed);
	buf_release(&plain);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_key_file),
    cmocka_unit_test(test_seals),
    cmocka_unit_test(test_notices),
};

int
main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
