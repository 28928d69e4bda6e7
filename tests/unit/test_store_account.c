/* Accounts: one per key, whoever asks; keys; the end of an account. */
#include "store.h"

#include "store/account.h"

static int64_t since; /* what order_start says */

static const char *const one[] = {"a.example", NULL};

static void
test_creates_once(void **state)
{
	struct account a = {
	    .jwk = xstrdup("{\"kty\":\"EC\"}"), .terms_agreed_at = 5};
	struct account b = {.jwk = xstrdup("{\"other\":1}")};
	struct account c;
	bool created = false;

	(void)state;
	thumbprint('x', a.thumbprint);
	thumbprint('x', b.thumbprint);
	strv_add(&a.contacts, "mailto:\"quoted\"@a.example");
	strv_add(&a.contacts, "mailto:b@a.example");
	assert_ok(account_create(st, &a, &created, &e), &e);
	assert_true(created);
	assert_int_equal(a.status, ACCOUNT_VALID);
	assert_int_equal(a.created, test_now);
	test_now++;
	assert_ok(account_create(st, &b, &created, &e), &e);
	assert_false(created);
	assert_int_equal(b.id, a.id);
	assert_string_equal(b.url_id, a.url_id);
	assert_string_equal(b.jwk, a.jwk);
	assert_int_equal(b.created, test_now - 1);
	assert_int_equal(b.terms_agreed_at, 5);
	assert_true(strv_equal(&a.contacts, &b.contacts));
	assert_ok(account_by_url_id(st, a.url_id, &c, &e), &e);
	assert_int_equal(c.id, a.id);
	account_release(&c);
	assert_ok(account_by_thumbprint(st, a.thumbprint, &c, &e), &e);
	assert_int_equal(c.id, a.id);
	account_release(&c);
	assert_int_equal(account_by_url_id(st, "nobody", &c, &e), -1);
	assert_int_equal(e.kind, KIND_NOTFOUND);
	assert_string_equal(e.acme_type, "accountDoesNotExist");
	err_clear(&e);
	account_release(&a);
	account_release(&b);
}

static void
test_changes(void **state)
{
	int64_t id = new_account('a');
	struct strv contacts = {0};
	struct account a;
	char t[ACCOUNT_THUMBPRINT_LEN + 1];

	(void)state;
	thumbprint('a', t);
	strv_add(&contacts, "mailto:new@a.example");
	assert_ok(account_set_contacts(st, id, &contacts, &e), &e);
	assert_ok(account_by_thumbprint(st, t, &a, &e), &e);
	assert_true(strv_equal(&a.contacts, &contacts));
	account_release(&a);
	assert_ok(account_deactivate(st, id, &e), &e);
	assert_kind(
	    account_set_contacts(st, id, &contacts, &e), KIND_CONFLICT, &e);
	assert_kind(account_deactivate(st, id, &e), KIND_CONFLICT, &e);
	strv_release(&contacts);
}

static void
test_changes_key(void **state)
{
	char from[ACCOUNT_THUMBPRINT_LEN + 1], to[ACCOUNT_THUMBPRINT_LEN + 1],
	    taken[ACCOUNT_THUMBPRINT_LEN + 1];
	char holder[STORE_URL_ID_SIZE] = "?";
	int64_t id = new_account('f'), other = new_account('o');
	struct account a;

	(void)state;
	thumbprint('f', from);
	thumbprint('t', to);
	thumbprint('o', taken);
	assert_kind(account_change_key(st, id, from, taken, "{}", holder, &e),
	    KIND_CONFLICT, &e);
	assert_ok(account_by_url_id(st, holder, &a, &e), &e);
	assert_int_equal(a.id, other);
	account_release(&a);
	assert_ok(
	    account_change_key(st, id, from, to, "{\"new\":1}", holder, &e),
	    &e);
	assert_string_equal(holder, "");
	assert_ok(account_by_thumbprint(st, to, &a, &e), &e);
	assert_int_equal(a.id, id);
	assert_string_equal(a.jwk, "{\"new\":1}");
	account_release(&a);
	assert_kind(account_by_thumbprint(st, from, &a, &e), KIND_NOTFOUND, &e);
	/* The old key is no longer his: a race with another key change. */
	thumbprint('u', to);
	assert_kind(account_change_key(st, id, from, to, "{}", holder, &e),
	    KIND_CONFLICT, &e);
	assert_string_equal(holder, "");
	thumbprint('t', from);
	assert_ok(account_deactivate(st, id, &e), &e);
	assert_kind(account_change_key(st, id, from, to, "{}", holder, &e),
	    KIND_CONFLICT, &e);
}

static void
test_deactivates(void **state)
{
	int64_t id = new_account('a'), other = new_account('b');
	struct order pending, ready, processing, foreign;
	struct order_new again = {.account_id = id};

	(void)state;
	new_order(id, &pending, one);
	assert_ok(challenge_start(st, challenge_id(&pending, 0, 1), &e), &e);
	new_order(id, &ready, one);
	prove_all(&ready);
	new_order(id, &processing, one);
	prove_all(&processing);
	assert_ok(order_start(st, processing.id, "x", 1, 60, &since, &e), &e);
	new_order(other, &foreign, one);
	assert_ok(challenge_start(st, challenge_id(&foreign, 0, 0), &e), &e);

	assert_ok(account_deactivate(st, id, &e), &e);
	assert_int_equal(order_status(&pending), ORDER_INVALID);
	assert_int_equal(order_status(&ready), ORDER_INVALID);
	assert_int_equal(order_status(&processing), ORDER_PROCESSING);
	assert_int_equal(order_status(&foreign), ORDER_PENDING);
	assert_int_equal(
	    authorization_status(&pending, 0), AUTHORIZATION_DEACTIVATED);
	assert_int_equal(
	    authorization_status(&ready, 0), AUTHORIZATION_DEACTIVATED);
	assert_int_equal(
	    authorization_status(&foreign, 0), AUTHORIZATION_PENDING);
	assert_int_equal(challenge_status(&pending, 0, 1), CHALLENGE_INVALID);
	assert_int_equal(
	    challenge_status(&foreign, 0, 0), CHALLENGE_PROCESSING);
	assert_int_equal(count("SELECT count(*) FROM jobs"), 2);
	order_release(&pending);
	assert_kind(order_create(st, &again, &pending, &e), KIND_CONFLICT, &e);
	order_release(&ready);
	order_release(&processing);
	order_release(&foreign);
	assert_sound();
}

#define T(test)                                                                \
	cmocka_unit_test_setup_teardown(test, store_setup, store_teardown)
static const struct CMUnitTest tests[] = {
    T(test_creates_once),
    T(test_changes),
    T(test_changes_key),
    T(test_deactivates),
};

UNIT_MAIN(tests)
