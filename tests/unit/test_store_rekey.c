/* New sealing keys: all rows or none, and what a killed run has left. */
#include "store.h"

#include "base/hex.h"
#include "store/acme_dns_account.h"
#include "store/eab_key.h"
#include "store/private_key.h"
#include "store/rekey.h"
#include "store/sealing_key.h"
#include "store/upstream_account.h"
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

	assert_ok(
	    rekey_run(st, REKEY_CERTIFICATES, path, &changed, NULL, &e), &e);
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

/* As a store of before sealing_keys: nothing says which key it is. */
static void
forget_key(void)
{
	run_sql("DELETE FROM sealing_keys");
}

/* Who still had the old key has sealed under it: the next run finds it. */
static void
test_straggler(void **state)
{
	struct seal_key first = read_key(path), now;

	(void)state;
	add(0, &first);
	assert_int_equal(rekey(), 1);
	forget_key();
	add(1, &first);
	assert_int_equal(rekey(), 2);
	now = read_key(path);
	assert_all_load(&now);
}

static bool
refuses(const struct seal_key *seal)
{
	struct key *k = key_generate(KEY_P256, 0, &e);
	struct private_key p;
	bool created;
	int rc = private_key_add(
	    st, k, seal, PRIVATE_KEY_IMPORTED, &p, &created, &e);

	key_free(k);
	assert_int_equal(
	    sealing_key_check(st, "certificate_key_file", seal, &e), rc);
	if (rc == 0)
		return false;
	assert_int_equal(e.kind, KIND_CONF);
	assert_non_null(strstr(e.text, "[store] certificate_key_file: "));
	err_clear(&e);
	return true;
}

static struct seal_key
another_key(const char *name)
{
	char file[160];

	snprintf(file, sizeof(file), "%s/%s", test_dir, name);
	assert_ok(seal_key_create(file, &e), &e);
	return read_key(file);
}

/* The first that seals makes its key the store's, until there is a new one. */
static void
test_wrong_key(void **state)
{
	struct seal_key first = read_key(path), other = another_key("other");
	struct strv problems = {0};

	(void)state;
	assert_ok(
	    sealing_key_check(st, "certificate_key_file", &other, &e), &e);
	assert_false(refuses(NULL));
	assert_false(refuses(&first));
	assert_false(refuses(NULL)); /* in the clear: check tells of that */
	assert_true(refuses(&other));
	assert_false(refuses(&first));
	assert_int_equal(count("SELECT count(*) FROM private_keys"), 4);
	/* Each setting has its own. */
	assert_ok(sealing_key_check(st, "account_key_file", &other, &e), &e);
	rekey();
	assert_true(refuses(&first));
	first = read_key(path);
	assert_false(refuses(&first));
	/* Also when there is nothing yet that is under another. */
	run_sql("DELETE FROM private_keys");
	assert_ok(
	    rekey_check(st, REKEY_CERTIFICATES, &first, &problems, &e), &e);
	assert_int_equal(problems.len, 0);
	assert_ok(
	    rekey_check(st, REKEY_CERTIFICATES, &other, &problems, &e), &e);
	assert_int_equal(problems.len, 1);
	strv_release(&problems);
}

/* A store of before there was the table: what agrees tells. */
static void
migrate(void)
{
	static const char *const later[] = {"DROP TABLE sealing_keys",
	    "DROP TABLE served_names", "DROP INDEX renewal_queue_blocked",
	    "DROP INDEX domain_queue_blocked",
	    "ALTER TABLE renewal_configurations DROP COLUMN telling_until",
	    "ALTER TABLE deploy_targets DROP COLUMN telling_until",
	    "ALTER TABLE upstream_cas DROP COLUMN failures",
	    "ALTER TABLE upstream_cas DROP COLUMN away_since",
	    "ALTER TABLE upstream_cas DROP COLUMN away_until",
	    "ALTER TABLE upstream_cas DROP COLUMN away_error",
	    "DROP INDEX certificates_to_begin", "DROP INDEX domains_below",
	    "ALTER TABLE renewal_queue DROP COLUMN away_since",
	    "ALTER TABLE domain_queue DROP COLUMN away_since",
	    "ALTER TABLE domain_queue DROP COLUMN was_parked",
	    "DROP TABLE admin_tokens", "DROP TABLE admin_guesses",
	    "DROP TABLE autocerts"};
	int from, to;

	for (size_t i = 0; i < ARRAY_LEN(later); i++)
		run_sql(later[i]);
	run_sql(engine_is_other() ? "UPDATE acmed_version SET version = 14"
				  : "PRAGMA user_version = 14");
	store_close(st);
	assert_ok(store_migrate(test_url, &from, &to, &e), &e);
	assert_int_equal(from, 14);
	st = store_open(test_url, STORE_WRITE, &e);
	assert_non_null(st);
}

/* Whatever is sealed. */
static int
seal_account(const struct seal_key *seal, int64_t *id)
{
	static const struct strv none;
	struct key *k = key_generate(KEY_P256, 0, &e);
	const struct upstream_account_new n = {.directory_url = "https://ca/",
	    .contacts = &none,
	    .source = "import",
	    .key = k};
	bool created;
	int rc = upstream_account_add(st, &n, seal, id, &created, &e);

	key_free(k);
	return rc;
}

static int
seal_next(const struct seal_key *seal, int64_t id)
{
	struct key *k = key_generate(KEY_P256, 0, &e);
	int rc = upstream_account_roll_begin(st, id, k, seal, &e);

	key_free(k);
	return rc;
}

static int
seal_password(const struct seal_key *seal, const char *name)
{
	const struct acme_dns_account a = {.fulldomain = xstrdup("f.example"),
	    .subdomain = xstrdup("f"),
	    .username = xstrdup("u"),
	    .password = xstrdup("p")};
	int rc = acme_dns_account_add(st, "https://dns/", name, &a, seal, &e);

	free(a.fulldomain);
	free(a.subdomain);
	free(a.username);
	free(a.password);
	return rc;
}

static int
seal_binding(const struct seal_key *seal)
{
	struct eab_key k = {.uses_left = EAB_KEY_ANY_USES};
	struct buf secret;
	int rc;

	buf_init(&secret, EAB_KEY_SECRET_SIZE);
	rc = eab_key_add(st, &k, seal, &secret, &e);
	buf_wipe(&secret);
	return rc;
}

static void
test_all_kinds(void **state)
{
	struct seal_key one = read_key(path), other = another_key("other");
	int64_t id, ignored;

	(void)state;
	assert_ok(seal_account(&one, &id), &e);
	assert_kind(seal_account(&other, &ignored), KIND_CONF, &e);
	assert_kind(seal_next(&other, id), KIND_CONF, &e);
	assert_kind(seal_password(&other, "a.example"), KIND_CONF, &e);
	assert_ok(seal_next(&one, id), &e);
	assert_ok(seal_password(&one, "a.example"), &e);
	assert_ok(seal_binding(&other), &e);
	assert_kind(seal_binding(&one), KIND_CONF, &e);
	assert_int_equal(count("SELECT count(*) FROM sealing_keys"), 2);
	migrate();
	assert_int_equal(count("SELECT count(*) FROM sealing_keys"), 2);
	assert_kind(seal_binding(&one), KIND_CONF, &e);
	assert_kind(seal_password(&other, "b.example"), KIND_CONF, &e);
}

/* Killed when the rows are under the new key, but the file is the old one. */
static void
test_two_keys(void **state)
{
	struct seal_key first = read_key(path), second;
	char file[160];

	(void)state;
	add(0, &first);
	snprintf(file, sizeof(file), "%s/copy", test_dir);
	assert_int_equal(link(path, file), 0);
	rekey();
	second = read_key(path);
	assert_int_equal(rename(path, next), 0);
	assert_int_equal(rename(file, path), 0);
	assert_true(refuses(&first));
	assert_false(refuses(&second));
	rekey();
	assert_memory_equal(read_key(path).id, second.id, SEAL_ID_SIZE);
	assert_true(refuses(&first));
	assert_false(refuses(&second));
}

static void
test_older_store(void **state)
{
	struct seal_key first = read_key(path), other = another_key("other");

	(void)state;
	migrate();
	assert_int_equal(count("SELECT count(*) FROM sealing_keys"), 0);
	add(0, NULL);
	add(1, &first);
	add(2, &first);
	migrate();
	assert_int_equal(count("SELECT count(*) FROM sealing_keys"), 1);
	assert_true(refuses(&other));
	assert_false(refuses(&first));
	forget_key();
	assert_false(refuses(&other));
	migrate();
	assert_int_equal(count("SELECT count(*) FROM sealing_keys"), 0);
}

/* What is under a lost key stays, and all else goes on. */
static void
test_lost_key(void **state)
{
	struct seal_key first = read_key(path), lost = another_key("lost"), now;
	int64_t changed, left;

	(void)state;
	add(0, &first);
	forget_key();
	add(1, &lost);
	assert_true(refuses(&first));
	assert_ok(
	    rekey_run(st, REKEY_CERTIFICATES, path, &changed, &left, &e), &e);
	assert_int_equal(changed, 1);
	assert_int_equal(left, 1);
	now = read_key(path);
	assert_false(refuses(&now));
	assert_true(refuses(&lost));
	key_free(private_key_load(st, 1, &now, &e));
	assert_false(err_is_set(&e));
	assert_null(private_key_load(st, 2, &now, &e));
	err_clear(&e);
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
	forget_key();
	add(1, &other);
	assert_kind(rekey_run(st, REKEY_CERTIFICATES, path, &changed, NULL, &e),
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
	    T(test_straggler), T(test_wrong_key), T(test_all_kinds),
	    T(test_two_keys), T(test_older_store), T(test_lost_key),
	    T(test_unknown_key)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
