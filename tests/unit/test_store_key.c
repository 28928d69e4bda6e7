#include "store.h"

#include "base/hex.h"
#include "store/private_key.h"
#include "wrap/seal.h"

static void
make_seal(struct seal_key *k)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/seal", test_dir);
	unlink(path);
	assert_ok(seal_key_create(path, &e), &e);
	assert_ok(seal_key_read(path, k, &e), &e);
}

static void
check_loads(int64_t id, const struct seal_key *seal, const struct key *k)
{
	struct key *again = private_key_load(st, id, seal, &e);

	assert_non_null(again);
	assert_true(key_is_private(again));
	assert_true(key_equal(again, k));
	key_free(again);
}

/* The same bytes as the key has when it is encoded again. */
static void
check_der(const struct private_key *p, const struct seal_key *seal,
    const struct key *k)
{
	struct buf is, want;
	int64_t id;

	buf_init(&is, KEY_DER_MAX);
	buf_init(&want, KEY_DER_MAX);
	assert_ok(private_key_der(st, p->spki_sha256, seal, &id, &is, &e), &e);
	assert_ok(key_to_der(k, &want, &e), &e);
	assert_int_equal(id, p->id);
	assert_int_equal(is.len, want.len);
	assert_memory_equal(is.data, want.data, is.len);
	buf_wipe(&is);
	buf_wipe(&want);
}

static void
check_no_der(const struct private_key *p, const struct seal_key *seal,
    enum err_kind kind)
{
	struct buf out;
	int64_t id;

	buf_init(&out, KEY_DER_MAX);
	assert_kind(
	    private_key_der(st, p->spki_sha256, seal, &id, &out, &e), kind, &e);
	buf_wipe(&out);
}

static void
test_adds(void **state)
{
	static const struct {
		enum key_type type;
		int bits;
		const char *name;
	} types[] = {{KEY_P256, 0, "p256"}, {KEY_P384, 0, "p384"},
	    {KEY_P521, 0, "p521"}, {KEY_ED25519, 0, "ed25519"},
	    {KEY_RSA, 2048, "rsa2048"}};
	struct private_key p, same;
	struct seal_key seal;
	bool created;

	(void)state;
	make_seal(&seal);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		const struct seal_key *use = i % 2 == 0 ? &seal : NULL;
		struct key *k = key_generate(types[i].type, types[i].bits, &e);

		assert_ok(private_key_add(st, k, use, PRIVATE_KEY_IMPORTED, &p,
			      &created, &e),
		    &e);
		assert_true(created);
		assert_string_equal(p.type, types[i].name);
		assert_int_equal(p.status, PRIVATE_KEY_ACTIVE);
		assert_int_equal(p.source, PRIVATE_KEY_IMPORTED);
		assert_int_equal(p.created, test_now);
		assert_int_equal(p.sealed, use != NULL);
		check_loads(p.id, &seal, k);
		check_der(&p, &seal, k);
		/* known: nothing changes, whatever is said of it now */
		assert_ok(private_key_add(st, k, NULL, PRIVATE_KEY_GENERATED,
			      &same, &created, &e),
		    &e);
		assert_false(created);
		assert_int_equal(same.id, p.id);
		assert_int_equal(same.source, PRIVATE_KEY_IMPORTED);
		assert_int_equal(same.sealed, use != NULL);
		key_free(k);
	}
	assert_int_equal(count("SELECT count(*) FROM private_keys"), 5);
	assert_int_equal(count("SELECT count(*) FROM events WHERE action ="
			       " 'private_key.add'"),
	    5);
}

static void
test_sealed(void **state)
{
	struct key *k = key_generate(KEY_P256, 0, &e);
	struct key *other = key_generate(KEY_P256, 0, &e);
	struct seal_key seal, wrong;
	struct private_key p, q;
	struct buf der;
	bool created;

	(void)state;
	make_seal(&wrong);
	make_seal(&seal);
	assert_ok(private_key_add(
		      st, k, &seal, PRIVATE_KEY_GENERATED, &p, &created, &e),
	    &e);
	assert_ok(private_key_add(st, other, &seal, PRIVATE_KEY_GENERATED, &q,
		      &created, &e),
	    &e);
	check_no_der(&p, NULL, KIND_CONF);
	assert_null(private_key_load(st, p.id, NULL, &e));
	assert_int_equal(e.kind, KIND_CONF);
	err_clear(&e);
	check_no_der(&p, &wrong, KIND_CONF);
	assert_null(private_key_load(st, p.id, &wrong, &e));
	assert_int_equal(e.kind, KIND_CONF);
	err_clear(&e);
	assert_null(private_key_load(st, 999, &seal, &e));
	assert_int_equal(e.kind, KIND_NOTFOUND);
	err_clear(&e);
	/* nobody can put one key in the place of another */
	run_sql("UPDATE private_keys SET der = (SELECT der FROM private_keys x"
		" WHERE x.id <> private_keys.id)");
	check_no_der(&p, &seal, KIND_SYS);
	assert_null(private_key_load(st, p.id, &seal, &e));
	assert_int_equal(e.kind, KIND_SYS);
	err_clear(&e);
	/* nor one that is not sealed */
	buf_init(&der, KEY_DER_MAX);
	assert_ok(key_to_der(other, &der, &e), &e);
	run_sql("UPDATE private_keys SET sealed = 0");
	check_no_der(&p, &seal, KIND_SYS);
	assert_null(private_key_load(st, p.id, &seal, &e));
	assert_int_equal(e.kind, KIND_SYS);
	err_clear(&e);
	buf_wipe(&der);
	key_free(k);
	key_free(other);
}

static void
test_states(void **state)
{
	/* the result of a change from each status to each */
	static const bool may[PRIVATE_KEY__MAX][PRIVATE_KEY__MAX] = {
	    [PRIVATE_KEY_ACTIVE] = {false, true, true},
	    [PRIVATE_KEY_RETIRED] = {true, false, true},
	    [PRIVATE_KEY_COMPROMISED] = {false, false, false},
	};

	(void)state;
	for (int from = 0; from < PRIVATE_KEY__MAX; from++)
		for (int to = 0; to < PRIVATE_KEY__MAX; to++) {
			struct key *k = key_generate(KEY_P256, 0, &e);
			struct private_key p;
			bool created;
			int rc;

			assert_ok(private_key_add(st, k, NULL,
				      PRIVATE_KEY_GENERATED, &p, &created, &e),
			    &e);
			if (from != PRIVATE_KEY_ACTIVE)
				assert_ok(
				    private_key_set_status(st, p.id,
					(enum private_key_status)from, &e),
				    &e);
			rc = private_key_set_status(
			    st, p.id, (enum private_key_status)to, &e);
			assert_int_equal(rc, may[from][to] ? 0 : -1);
			if (rc < 0)
				assert_int_equal(e.kind, KIND_CONFLICT);
			err_clear(&e);
			key_free(k);
		}
	assert_kind(private_key_set_status(st, 999, PRIVATE_KEY_RETIRED, &e),
	    KIND_NOTFOUND, &e);
}

static int
take(void *arg, const struct private_key *k, struct err *err)
{
	int64_t *sum = arg;

	(void)err;
	*sum += k->id;
	return 0;
}

static void
test_finds(void **state)
{
	struct private_key p[3], found;
	int64_t all = 0, retired = 0;
	char hex[65];
	bool created;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		struct key *k = key_generate(KEY_P256, 0, &e);

		assert_ok(private_key_add(st, k, NULL, PRIVATE_KEY_GENERATED,
			      &p[i], &created, &e),
		    &e);
		key_free(k);
	}
	hex_encode(hex, p[1].spki_sha256, 32);
	assert_ok(private_key_find(st, hex, &found, &e), &e);
	assert_int_equal(found.id, p[1].id);
	hex[12] = '\0';
	assert_ok(private_key_find(st, hex, &found, &e), &e);
	assert_int_equal(found.id, p[1].id);
	assert_ok(private_key_find(st, "2", &found, &e), &e);
	assert_int_equal(found.id, 2);
	assert_kind(
	    private_key_find(st, "4711", &found, &e), KIND_NOTFOUND, &e);
	assert_kind(private_key_find(st, "abc", &found, &e), KIND_INPUT, &e);
	assert_kind(private_key_find(st, "", &found, &e), KIND_INPUT, &e);
	assert_kind(private_key_find(st, "xyzxyz", &found, &e), KIND_INPUT, &e);
	assert_ok(private_key_set_status(st, 3, PRIVATE_KEY_RETIRED, &e), &e);
	assert_ok(private_key_each(st, PRIVATE_KEY__MAX, take, &all, &e), &e);
	assert_int_equal(all, 6);
	assert_ok(
	    private_key_each(st, PRIVATE_KEY_RETIRED, take, &retired, &e), &e);
	assert_int_equal(retired, 3);
}

#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)

static const struct CMUnitTest tests[] = {
    T(test_adds),
    T(test_sealed),
    T(test_states),
    T(test_finds),
};

UNIT_MAIN(tests)
