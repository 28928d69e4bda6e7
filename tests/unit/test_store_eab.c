/* Keys of account binding: made, sealed, used up, revoked; and the account. */
#include "store.h"

#include "store/eab_key.h"
#include "store/rekey.h"
#include "store/token.h"
#include "wrap/seal.h"

static char path[128];
static struct seal_key seal_key;

static int
setup(void **state)
{
	if (store_setup(state) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/seal", test_dir);
	assert_ok(seal_key_create(path, &e), &e);
	assert_ok(seal_key_read(path, &seal_key, &e), &e);
	return 0;
}

/* Its secret goes to `secret`, which may be NULL. */
static struct eab_key
make(int64_t uses, int64_t expires, const struct seal_key *with,
    uint8_t secret[EAB_KEY_SECRET_SIZE])
{
	struct eab_key k = {.uses_left = uses, .expires = expires};
	struct buf out;

	buf_init(&out, EAB_KEY_SECRET_SIZE);
	assert_ok(eab_key_add(st, &k, with, &out, &e), &e);
	assert_int_equal(out.len, EAB_KEY_SECRET_SIZE);
	if (secret)
		memcpy(secret, out.data, out.len);
	buf_wipe(&out);
	return k;
}

static int
secret_of(const char *key_id, const struct seal_key *with, struct buf *out)
{
	int64_t id;

	buf_init(out, EAB_KEY_SECRET_SIZE);
	err_clear(&e);
	return eab_key_secret(st, key_id, with, &id, out, &e);
}

static void
check_secret(const struct eab_key *k, const uint8_t *want)
{
	struct buf out;

	assert_ok(secret_of(k->key_id, &seal_key, &out), &e);
	assert_int_equal(out.len, EAB_KEY_SECRET_SIZE);
	assert_memory_equal(out.data, want, EAB_KEY_SECRET_SIZE);
	buf_wipe(&out);
}

static void
check_no_secret(
    const char *key_id, const struct seal_key *with, enum err_kind kind)
{
	struct buf out;

	assert_int_equal(secret_of(key_id, with, &out), -1);
	assert_int_equal(e.kind, kind);
	assert_int_equal(out.len, 0);
	err_clear(&e);
	buf_wipe(&out);
}

static void
test_secret(void **state)
{
	uint8_t one[EAB_KEY_SECRET_SIZE], two[EAB_KEY_SECRET_SIZE];
	struct eab_key a = make(EAB_KEY_ANY_USES, 0, &seal_key, one);
	struct eab_key b = make(EAB_KEY_ANY_USES, 0, NULL, two);
	struct seal_key other = seal_key;

	(void)state;
	assert_true(a.sealed && !b.sealed);
	check_secret(&a, one);
	check_secret(&b, two);
	check_no_secret("nobody", &seal_key, KIND_NOTFOUND);
	check_no_secret(a.key_id, NULL, KIND_CONF);
	other.id[0] ^= 1;
	check_no_secret(a.key_id, &other, KIND_CONF);
	/* No row stands for another. */
	make(EAB_KEY_ANY_USES, 0, &seal_key, NULL);
	run_sql("UPDATE eab_keys SET secret = (SELECT x.secret FROM eab_keys x"
		" WHERE x.id = 3) WHERE id = 1");
	check_no_secret(a.key_id, &seal_key, KIND_SYS);
}

static void
test_rekey(void **state)
{
	uint8_t one[EAB_KEY_SECRET_SIZE], two[EAB_KEY_SECRET_SIZE];
	struct eab_key a = make(EAB_KEY_ANY_USES, 0, &seal_key, one);
	struct eab_key b = make(EAB_KEY_ANY_USES, 0, NULL, two);
	int64_t changed;

	(void)state;
	assert_ok(rekey_run(st, REKEY_EAB, path, &changed, NULL, &e), &e);
	assert_int_equal(changed, 2);
	check_no_secret(a.key_id, &seal_key, KIND_CONF);
	assert_ok(seal_key_read(path, &seal_key, &e), &e);
	check_secret(&a, one);
	check_secret(&b, two);
	assert_sound();
}

/* An account of the key `letter`, bound to `k`. */
static int
bind_account(char letter, const struct eab_key *k, bool *created)
{
	struct account a = {.jwk = xstrdup(test_jwk(letter)),
	    .eab_key_id = k->id,
	    .eab = xstrdup("{\"a\":1}")};
	int rc;

	thumbprint(letter, a.thumbprint);
	err_clear(&e);
	rc = account_create(st, &a, created, &e);
	if (rc == 0) {
		assert_int_equal(a.eab_key_id, k->id);
		assert_string_equal(a.eab, "{\"a\":1}");
	}
	account_release(&a);
	return rc;
}

static void
check_denied(char letter, const struct eab_key *k)
{
	int64_t before = count("SELECT count(*) FROM accounts");
	bool created;

	assert_int_equal(bind_account(letter, k, &created), -1);
	assert_int_equal(e.kind, KIND_DENIED);
	err_clear(&e);
	assert_int_equal(count("SELECT count(*) FROM accounts"), before);
}

/* A use is counted with the account, or neither is there. */
static void
test_uses(void **state)
{
	struct eab_key k = make(2, 0, &seal_key, NULL);
	bool created;

	(void)state;
	assert_ok(bind_account('a', &k, &created), &e);
	assert_true(created);
	assert_ok(
	    bind_account('a', &k, &created), &e); /* it is there already */
	assert_false(created);
	assert_ok(bind_account('b', &k, &created), &e);
	check_denied('c', &k);
	assert_int_equal(count("SELECT uses_left FROM eab_keys"), 0);
	assert_int_equal(
	    count("SELECT count(*) FROM events WHERE action = 'eab_key.use'"),
	    2);
	assert_sound();
}

static void
test_ends(void **state)
{
	struct eab_key k = make(EAB_KEY_ANY_USES, test_now + 10, NULL, NULL);
	struct eab_key r = make(EAB_KEY_ANY_USES, 0, &seal_key, NULL);
	bool created;

	(void)state;
	test_now += 9;
	assert_ok(bind_account('a', &k, &created), &e);
	test_now += 1;
	check_denied('b', &k);
	assert_ok(bind_account('b', &r, &created), &e);
	assert_ok(eab_key_revoke(st, r.key_id, &e), &e);
	check_denied('c', &r);
	assert_kind(eab_key_revoke(st, r.key_id, &e), KIND_CONFLICT, &e);
	assert_kind(eab_key_revoke(st, "nobody", &e), KIND_NOTFOUND, &e);
	/* The accounts that they have bound stay. */
	assert_int_equal(count("SELECT count(*) FROM accounts"
			       " WHERE status = 'valid'"),
	    2);
}

struct seen {
	size_t n;
	int64_t last, accounts;
};

static int
see(void *arg, const struct eab_key *k, struct err *err)
{
	struct seen *s = arg;

	(void)err;
	assert_true(k->id > s->last);
	s->last = k->id;
	s->n++;
	s->accounts += k->accounts;
	return 0;
}

static void
test_each(void **state)
{
	struct eab_key k = {0};
	struct seen s = {0};
	bool created;

	(void)state;
	assert_ok(eab_key_each(st, see, &s, &e), &e);
	assert_int_equal(s.n, 0);
	for (int i = 0; i < 203; i++)
		k = make(EAB_KEY_ANY_USES, 0, &seal_key, NULL);
	assert_ok(bind_account('a', &k, &created), &e);
	assert_ok(eab_key_each(st, see, &s, &e), &e);
	assert_int_equal(s.n, 203);
	assert_int_equal(s.accounts, 1);
}

/* A program would take it for an option. */
static void
test_no_dash(void **state)
{
	char text[B64URL_LEN(TOKEN_URL_ID_BYTES) + 1];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		token_make(text, TOKEN_URL_ID_BYTES);
		assert_int_not_equal(text[0], '-');
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, store_teardown)

static const struct CMUnitTest tests[] = {
    TEST(test_secret),
    TEST(test_rekey),
    TEST(test_uses),
    TEST(test_ends),
    TEST(test_each),
    cmocka_unit_test(test_no_dash),
};

UNIT_MAIN(tests)
