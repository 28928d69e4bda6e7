/* Which certificate serves each name: as certificate_serving says, all at once.
 */
#include "store.h"

#include "store/ca_preference.h"
#include "store/domain.h"
#include "store/event.h"
#include "store/serving.h"

#define NAMES_MAX 32

/* What was told, by name. */
struct told {
	struct serving v[NAMES_MAX];
	size_t len;
};

static int
note(void *arg, const struct serving *s, struct err *unused)
{
	struct told *t = arg;

	(void)unused;
	assert_true(t->len < NAMES_MAX);
	for (size_t i = 0; i < t->len; i++)
		assert_string_not_equal(t->v[i].name, s->name);
	t->v[t->len++] = *s;
	return 0;
}

static const struct serving *
find(const struct told *t, const char *name)
{
	for (size_t i = 0; i < t->len; i++)
		if (strcmp(t->v[i].name, name) == 0)
			return &t->v[i];
	return NULL;
}

static void
tell(struct told *t)
{
	t->len = 0;
	assert_ok(serving_each(st, test_now, note, t, &e), &e);
}

static void
tell_since(struct told *t, int64_t since)
{
	t->len = 0;
	assert_ok(serving_each_since(st, since, test_now, note, t, &e), &e);
}

/* ---- all ----------------------------------------------------------------- */

static const char *const pool[] = {"a.x.example", "b.x.example", "*.x.example",
    "c.example", "d.example", "*.d.example"};

static void
compare_all(void)
{
	struct told t;

	tell(&t);
	for (size_t i = 0; i < ARRAY_LEN(pool); i++) {
		const struct serving *s = find(&t, pool[i]);
		struct certificate c;
		int rc = certificate_serving(st, pool[i], test_now, &c, &e);

		err_clear(&e);
		if (!s)
			continue;
		if (rc < 0) {
			assert_int_equal(s->certificate_id, 0);
			continue;
		}
		assert_int_equal(s->certificate_id, c.id);
		assert_int_equal(s->fqdn_set_id, c.fqdn_set_id);
		assert_int_equal(s->not_after, c.not_after);
		assert_int_equal(s->not_before, c.not_before);
		assert_int_equal(s->created, c.created);
		assert_memory_equal(s->sha256, c.sha256, sizeof(c.sha256));
		assert_int_equal(s->chain_id, 1);
		certificate_release(&c);
	}
}

/* The same as one by one, whatever is in the store. */
static void
test_as_one_by_one(void **state)
{
	static const int64_t now = 1700000000;

	(void)state;
	srandom(1);
	for (int i = 0; i < 40; i++) {
		char names[200] = "";
		unsigned mask = (unsigned)random() % 64;
		int64_t id;

		if (mask == 0)
			mask = 1;
		for (size_t n = 0; n < ARRAY_LEN(pool); n++)
			if (mask & 1U << n) {
				strlcat(names, pool[n], sizeof(names));
				strlcat(names, " ", sizeof(names));
			}
		/* some have ended, some begin later */
		test_now = now + (random() % 5 == 0 ? 5000 : -2000);
		id = add_names(
		    names, test_now + 100 + random() % 3000 + (i & 1) * 6000);
		test_now = now;
		if (i == 0)
			add_one_key();
		if (random() % 3 == 0)
			assert_ok(
			    certificate_set_active(st, id, false, &e), &e);
		compare_all();
	}
}

static void
test_only_with_a_key(void **state)
{
	struct told t;

	(void)state;
	add_names("a.example", test_now + 1000);
	tell(&t);
	assert_int_equal(t.len, 1);
	assert_int_equal(t.v[0].certificate_id, 0);
	add_one_key();
	tell(&t);
	assert_int_equal(t.v[0].certificate_id, 1);
}

/* Nothing is ordered for it; who serves on what there is of it may know. */
static void
test_disabled(void **state)
{
	struct domain d;
	struct told t;

	(void)state;
	add_names("a.example b.example", test_now + 1000);
	add_one_key();
	assert_ok(domain_by_value(st, "a.example", &d, &e), &e);
	assert_ok(domain_set_active(st, d.id, false, &e), &e);
	tell(&t);
	assert_int_equal(t.len, 2);
	assert_int_equal(find(&t, "a.example")->certificate_id, 1);
	assert_int_equal(find(&t, "b.example")->certificate_id, 1);
	assert_true(find(&t, "a.example")->disabled);
	assert_false(find(&t, "b.example")->disabled);
}

/* So is what a wildcard serves that is. */
static void
test_disabled_wildcard(void **state)
{
	struct domain d;
	struct serving s;
	struct told t;

	(void)state;
	add_names("*.x.example a.x.example", test_now + 1000);
	add_names("b.x.example", test_now - 10);
	add_one_key();
	assert_ok(domain_by_value(st, "*.x.example", &d, &e), &e);
	assert_ok(domain_set_active(st, d.id, false, &e), &e);
	tell(&t);
	assert_true(find(&t, "*.x.example")->disabled);
	assert_false(find(&t, "a.x.example")->disabled);
	assert_int_equal(find(&t, "b.x.example")->certificate_id, 1);
	assert_true(find(&t, "b.x.example")->disabled);
	assert_ok(serving_by_name(st, "c.x.example", test_now, &s, &e), &e);
	assert_true(s.disabled);
	assert_ok(domain_set_active(st, d.id, true, &e), &e);
	assert_ok(serving_by_name(st, "c.x.example", test_now, &s, &e), &e);
	assert_false(s.disabled);
}

static int
refuse(void *arg, const struct serving *s, struct err *why)
{
	(void)arg;
	return err_set(why, KIND_DENIED, "%s", s->name);
}

static void
test_ends_early(void **state)
{
	(void)state;
	assert_ok(serving_each(st, test_now, refuse, NULL, &e), &e);
	add_names("a.example b.example", test_now + 1000);
	assert_kind(
	    serving_each(st, test_now, refuse, NULL, &e), KIND_DENIED, &e);
}

/* ---- since --------------------------------------------------------------- */

static void
test_since(void **state)
{
	struct domain d;
	struct told t;
	int64_t at[4];

	(void)state;
	tell_since(&t, test_now);
	assert_int_equal(t.len, 0);
	for (int i = 0; i < 4; i++) {
		char name[32];

		at[i] = test_now;
		snprintf(name, sizeof(name), "n%d.example", i);
		add_names(name, test_now + 10 * 86400);
		if (i == 0)
			add_one_key();
		test_now += 86400;
	}
	for (size_t i = 0; i < 4; i++) {
		tell_since(&t, at[i]);
		assert_int_equal(t.len, 4 - i);
		assert_null(i > 0 ? find(&t, "n0.example") : NULL);
		assert_non_null(find(&t, "n3.example"));
	}
	tell_since(&t, test_now);
	assert_int_equal(t.len, 0);

	at[0] = test_now;
	assert_ok(certificate_set_active(st, 1, false, &e), &e);
	assert_ok(certificate_revoke(st, 2, 1, &e), &e);
	assert_ok(domain_by_value(st, "n2.example", &d, &e), &e);
	assert_ok(domain_set_active(st, d.id, false, &e), &e);
	test_now += 86400;
	tell_since(&t, at[0]);
	assert_int_equal(t.len, 3);
	assert_int_equal(find(&t, "n0.example")->certificate_id, 0);
	assert_int_equal(find(&t, "n1.example")->certificate_id, 0);
	assert_null(find(&t, "n3.example"));
}

/* The same chain with its root once more, which is another one. */
static void
lengthen(struct cert_list *chain)
{
	size_t len;
	const uint8_t *der = cert_der(chain->v[1], &len);

	cert_list_take(chain, cert_from_der(der, len, &e));
}

/* Who may be served in another way for what has come to a certificate. */
/* Nothing happens to a certificate that begins, or ends. */
static void
test_since_time(void **state)
{
	static const int64_t day = 86400;
	const int64_t now = test_now;
	struct told t;

	(void)state;
	add_names("old.example", now + 10 * day);
	add_one_key();
	test_now = now + 5 * day; /* when the next one begins */
	add_names("new.example", now + 20 * day);
	run_sql("UPDATE certificates SET created = created - 432000"
		" WHERE id = 2");
	run_sql("UPDATE events SET at = at - 432000");
	run_sql("UPDATE domains SET created = created - 432000 WHERE id = 2");

	test_now = now + 4 * day;
	tell_since(&t, now + day);
	assert_int_equal(t.len, 0);
	test_now = now + 6 * day;
	tell_since(&t, now + day);
	assert_int_equal(t.len, 1);
	assert_string_equal(t.v[0].name, "new.example");
	test_now = now + 11 * day;
	tell_since(&t, now + 9 * day);
	assert_int_equal(t.len, 1);
	assert_string_equal(t.v[0].name, "old.example");
}

/* What a wildcard serves besides the names in its certificate. */
static void
test_since_wildcard(void **state)
{
	struct told t;

	(void)state;
	add_names("a.x.example", test_now + 86400);
	add_names("b.a.x.example x.example", test_now + 86400);
	add_one_key();
	test_now += 10 * 86400;
	add_names("*.x.example", test_now + 86400);
	tell_since(&t, test_now);
	assert_int_equal(t.len, 2);
	assert_int_equal(find(&t, "a.x.example")->certificate_id, 3);
	assert_non_null(find(&t, "*.x.example"));

	/* A name that comes when the wildcard is there already. */
	test_now += 3600;
	run_sql("INSERT INTO domains (type, value, active, created)"
		" SELECT 'dns', 'new.x.example', 1, max(created) + 3600"
		" FROM certificates");
	tell_since(&t, test_now);
	assert_int_equal(t.len, 1);
	assert_int_equal(find(&t, "new.x.example")->certificate_id, 3);
}

static void
test_since_certificate(void **state)
{
	const struct ca_preferences prefer = {.ids = {1}, .len = 1};
	struct cert_list chain = {0};
	struct told t;

	(void)state;
	make_chain("a.example", test_now + 10 * 86400, &chain);
	add_certificate(&chain, "import", 0);
	add_names("b.example", test_now + 10 * 86400);
	add_one_key();
	test_now += 86400;
	add_certificate(&chain, "import", 0);
	tell_since(&t, test_now);
	assert_int_equal(t.len, 0);
	lengthen(&chain);
	add_certificate(&chain, "import", 0);
	tell_since(&t, test_now);
	assert_int_equal(t.len, 1);
	assert_string_equal(t.v[0].name, "a.example");

	test_now += 86400;
	tell_since(&t, test_now);
	assert_int_equal(t.len, 0);
	assert_ok(ca_preference_set(st, &prefer, &e), &e);
	tell_since(&t, test_now);
	assert_int_equal(t.len, 1);
	assert_string_equal(t.v[0].name, "a.example");

	test_now += 86400;
	assert_ok(
	    event_add(st, "private_key.add", EVENT_PRIVATE_KEY, 1, NULL, &e),
	    &e);
	tell_since(&t, test_now);
	assert_int_equal(t.len, 2);
	cert_list_release(&chain);
}

#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)

static const struct CMUnitTest tests[] = {
    T(test_as_one_by_one),
    T(test_only_with_a_key),
    T(test_disabled),
    T(test_disabled_wildcard),
    T(test_ends_early),
    T(test_since),
    T(test_since_time),
    T(test_since_wildcard),
    T(test_since_certificate),
};

UNIT_MAIN(tests)
