/* What check_run finds, and what it says when it cannot look. */
#include <sys/stat.h>

#include "base/log.h"
#include "store.h"
#include "store/domain.h"
#include "store/purge.h"

static const char *const one[] = {"a.example", NULL};

/* A table of the connection's own that hides the store's. */
static void
hide_jobs(void)
{
	run_sql("CREATE TEMP TABLE jobs (other INTEGER)");
}

static void
test_nothing_found(void **state)
{
	struct strv problems = {0};

	(void)state;
	hide_jobs();
	assert_int_equal(check_run(st, &problems, &e), -1);
	assert_true(err_is_set(&e));
	assert_int_equal(problems.len, 0);
	err_clear(&e);
}

static void
test_broken_below(void **state)
{
	struct strv problems = {0};

	(void)state;
	if (engine_is_other()) /* which lets nobody break it so */
		return;
	run_sql("PRAGMA foreign_keys = OFF");
	run_sql("INSERT INTO chain_members VALUES (7, 0, 7)");
	hide_jobs();
	assert_ok(check_run(st, &problems, &e), &e);
	assert_false(err_is_set(&e));
	assert_int_equal(problems.len, 3);
	assert_true(str_starts(problems.v[0], "chain_members row "));
	assert_true(str_starts(problems.v[1], "chain_members row "));
	assert_true(
	    str_starts(problems.v[2], "the rest could not be looked at: "));
	strv_release(&problems);
}

/* A problem that the look itself has found explains no failure of it. */
static void
test_found_then_failed(void **state)
{
	struct strv problems = {0};

	(void)state;
	if (engine_is_other()) /* which makes its model of such tables */
		return;
	new_account('a');
	run_sql("INSERT INTO orders (url_id, account_id, status, created,"
		" expires, keep_until) VALUES ('o', 1, 'ready', 1, 2, 3)");
	run_sql("CREATE TEMP TABLE certificates (id INTEGER)");
	assert_int_equal(check_run(st, &problems, &e), -1);
	assert_true(err_is_set(&e));
	assert_int_equal(problems.len, 1);
	assert_string_equal(problems.v[0], "order/1: without a name");
	strv_release(&problems);
	err_clear(&e);
}

static void
break_sqlite_copy(const char *sql, const char *want)
{
	char *path = xasprintf("%s/copy", test_dir);
	struct store *whole = st;

	assert_ok(store_backup(st, path, &e), &e);
	st = store_open(path, STORE_WRITE, &e);
	assert_non_null(st);
	run_sql("PRAGMA foreign_keys = OFF");
	run_sql("PRAGMA ignore_check_constraints = ON");
	run_sql(sql);
	run_sql("PRAGMA ignore_check_constraints = OFF");
	assert_found_broken(want);
	store_close(st);
	st = whole;
	assert_int_equal(unlink(path), 0);
	free(path);
	path = xasprintf("%s/copy-wal", test_dir);
	unlink(path);
	free(path);
}

/* Of the other engine: a second schema without its guards. */
static void
break_other_copy(const char *sql, const char *want)
{
	static const char copy[] =
	    "DO $$ DECLARE r record; BEGIN"
	    " FOR r IN SELECT conrelid::regclass AS t, conname"
	    " FROM pg_constraint WHERE contype IN ('c', 'f')"
	    " AND connamespace = current_schema()::regnamespace LOOP"
	    " EXECUTE format('ALTER TABLE %%s DROP CONSTRAINT %%I', r.t,"
	    " r.conname); END LOOP;"
	    " FOR r IN SELECT tablename AS t FROM pg_tables"
	    " WHERE schemaname = current_schema()"
	    " AND tablename <> 'acmed_version' LOOP"
	    " EXECUTE format('DELETE FROM %%I', r.t);"
	    " EXECUTE format('INSERT INTO %%I SELECT * FROM %s.%%I', r.t, r.t);"
	    " END LOOP; END $$";
	struct store *whole = st;
	char url[ENGINE_URL_SIZE];
	char *fill = xasprintf(copy, engine_schema(test_url));

	engine_url(url, sizeof(url));
	assert_ok(store_create(url, test_dir, &e), &e);
	st = store_open(url, STORE_WRITE, &e);
	assert_non_null(st);
	run_sql(fill);
	run_sql(sql);
	assert_found_broken(want);
	store_close(st);
	st = whole;
	free(fill);
}

/* Breaks a copy of the store, with the engine's guards off. */
static void
break_copy(const char *sql, const char *want)
{
	if (engine_is_other()) {
		break_other_copy(sql, want);
		return;
	}
	break_sqlite_copy(sql, want);
}
/* Each invariant of acmed(7) is looked after. */
static void
test_check(void **state)
{
	static const struct {
		const char *sql;
		const char *want;
	} cases[] = {
	    {"DELETE FROM jobs WHERE kind = 'issue'",
		"processing, but without a job"},
	    {"UPDATE orders SET status = 'ready' WHERE status = 'processing'",
		"has a job, but is not processing"},
	    {"UPDATE orders SET certificate_id = NULL WHERE status = 'valid'",
		"valid, but without a certificate"},
	    {"UPDATE orders SET status = 'ready' WHERE status = 'pending'",
		"ready, but an authorization is not valid"},
	    {"UPDATE authorizations SET status = 'invalid'"
	     " WHERE status = 'pending'",
		"pending, but no authorization is"},
	    {"DELETE FROM identifiers", "without a name"},
	    {"DELETE FROM jobs", "challenge/1: processing, but without a job"},
	    {"UPDATE challenges SET status = 'pending'"
	     " WHERE status = 'processing'",
		"challenge/1: has a job, but is not processing"},
	    {"UPDATE challenges SET status = 'pending'"
	     " WHERE status = 'valid'",
		"valid, but no challenge is"},
	    {"UPDATE challenges SET status = 'invalid'"
	     " WHERE status = 'processing'",
		"pending, but a challenge has decided it"},
	    {"UPDATE accounts SET status = 'revoked'",
		"ended, but an order is open"},
	    {"DELETE FROM chain_members", "chain/1: without a certificate"},
	    {"DELETE FROM accounts", "account/1: gone, but events name it"},
	    {"DELETE FROM certificates",
		"certificate/1: gone, but events name it"},
	    {"DELETE FROM orders WHERE status = 'processing'",
		"order/2: gone, but was processing"},
	    {"DELETE FROM orders WHERE status = 'valid'",
		"order/3: gone, or with another certificate"},
	    {"UPDATE accounts SET jwk = '{}'",
		"account/1: its thumbprint is not that of its key"},
	    {"UPDATE certificates SET account_id = NULL",
		"certificate/1: not of the account whose order holds it"},
	    {"DELETE FROM certificate_chains",
		"order/3: its chain is none of its certificate's"},
	    {"UPDATE certificate_chains SET is_default = 0",
		"certificate/1: not one of its chains is the default"},
	};
	int64_t account = new_account('a');
	struct order pending, processing, valid;
	int64_t since;
	size_t i;

	(void)state;
	new_order(account, &pending, one);
	assert_ok(challenge_start(st, challenge_id(&pending, 0, 0), &e), &e);
	new_order(account, &processing, one);
	prove_all(&processing);
	assert_ok(order_start(st, processing.id, "x", 1, 60, &since, &e), &e);
	make_valid(account, test_now + 86400, &valid);
	assert_sound();
	for (i = 0; i < ARRAY_LEN(cases); i++)
		break_copy(cases[i].sql, cases[i].want);
	if (!engine_is_other()) {
		break_copy(
		    "UPDATE orders SET csr = NULL WHERE status = 'processing'",
		    "CHECK constraint");
		break_copy(
		    "DELETE FROM certificates", "names a row of certificates");
		assert_int_equal(chmod(test_url, 0644), 0);
		assert_found_broken("mode 0644, not 0660");
	}
	order_release(&pending);
	order_release(&processing);
	order_release(&valid);
}

/* What purge removes is not missed, whatever the clock said then. */
static void
test_purged(void **state)
{
	struct purge how = PURGE_DEFAULT;
	int64_t start = test_now;
	struct purge_result r;
	struct order o;

	(void)state;
	make_valid(new_account('a'), start + 2 * 86400, &o);
	order_release(&o);
	test_now = start + 90 * 86400;
	assert_ok(purge_run(st, &how, &r, &e), &e);
	assert_int_equal(r.orders, 1);
	assert_sound();
	test_now = start;
	assert_sound();
	run_sql("DELETE FROM events WHERE action = 'store.purge'");
	assert_found_broken("order/1: gone, or with another certificate");
}

/* A certificate that came too late, for the request `id`. */
static int64_t
add_late(const char *name, const char *id)
{
	struct cert_list chain = {0};
	int64_t late;

	log_set_id(id);
	make_chain(name, test_now + 86400, &chain);
	late = add_certificate(&chain, "acme", 1);
	cert_list_release(&chain);
	log_set_id("");
	return late;
}

/* Two certificates for one finalize; for two finalizes they may be. */
static void
test_twice_issued(void **state)
{
	static const char want[] =
	    "of no order, but one of the same account, names and key";
	struct order o, later;
	int64_t account = new_account('a'), changed;

	(void)state;
	add_late("a.example", "first-1");
	assert_sound();
	log_set_id("second-1");
	make_valid(account, test_now + 86400, &o);
	assert_sound();
	add_late("b.example", "second-1");
	assert_sound();
	assert_int_equal(add_late("a.example", "second-1"), 4);
	assert_found_broken("certificate/4: of no order");
	break_copy(
	    "UPDATE events SET request_id = '' WHERE object_id = 4", want);
	break_copy("DELETE FROM events", want);
	run_sql("DELETE FROM certificate_chains WHERE certificate_id = 4");
	run_sql("DELETE FROM events WHERE object_id = 4");
	run_sql("DELETE FROM certificates WHERE id = 4");
	assert_ok(domain_refresh_all(st, false, &changed, &e), &e);
	assert_sound();
	log_set_id("third-1");
	make_valid(account, test_now + 86400, &later);
	log_set_id("");
	assert_sound();
	order_release(&o);
	order_release(&later);
}

/* A CA that has signed nothing of what make_chain makes. */
static struct cert *
make_other_ca(void)
{
	struct key *key = key_generate(KEY_P256, 0, &e);
	struct cert_template t = {.kind = CERT_ROOT,
	    .subject = "CN=unit",
	    .key = key,
	    .issuer_key = key,
	    .not_before = 1600000000,
	    .not_after = 1600000000 + 86400 * 365 * 20LL};
	struct cert *c;

	assert_non_null(key);
	c = cert_build(&t, &e);
	assert_non_null(c);
	key_free(key);
	return c;
}

static void
test_signatures(void **state)
{
	struct cert_list chain = {0};

	(void)state;
	make_chain("a.example", test_now + 86400, &chain);
	cert_list_take(&chain, make_other_ca());
	add_certificate(&chain, "sign", 0);
	assert_found_broken(
	    "chain/1: one of its certificates was not signed by "
	    "the next");
	cert_list_release(&chain);
	make_chain("b.example", test_now + 86400, &chain);
	cert_free(chain.v[--chain.len]);
	cert_list_take(&chain, make_other_ca());
	add_certificate(&chain, "sign", 0);
	assert_found_broken(
	    "certificate/2: the first certificate of its chain has "
	    "not signed it");
	cert_list_release(&chain);
}

/* A column for what the certificate has not. */
static void
test_no_identifier(void **state)
{
	struct cert_list alone = {0};

	(void)state;
	cert_list_take(&alone, make_other_ca());
	add_certificate(&alone, "sign", 0);
	assert_int_equal(
	    count("SELECT count(*) FROM certificates WHERE aki IS NULL"), 1);
	assert_sound();
	run_sql("UPDATE certificates SET aki = sha256");
	assert_found_broken("certificate/1: its key identifier is not");
	cert_list_release(&alone);
}

#define T(test)                                                                \
	cmocka_unit_test_setup_teardown(test, store_setup, store_teardown)
/* What has ended for good, and is told so, does not come back. */
static void
test_lost(void **state)
{
	static const struct {
		const char *undo, *redo, *want;
	} cases[] = {
	    {"UPDATE certificates SET status = 'valid', revoked_at = NULL",
		"UPDATE certificates SET status = 'revoked', revoked_at = 1",
		"certificate/1: valid, though it has been revoked"},
	    {"UPDATE authorizations SET status = 'valid' WHERE id = 1",
		"UPDATE authorizations SET status = 'deactivated' WHERE id = 1",
		"authorization/1: open, though it has been deactivated"},
	    {"UPDATE accounts SET status = 'valid' WHERE id = 1",
		"UPDATE accounts SET status = 'deactivated' WHERE id = 1",
		"account/1: valid, though it has been deactivated"},
	};
	int64_t account = new_account('a');
	struct order o;

	(void)state;
	make_valid(account, test_now + 86400, &o);
	assert_ok(certificate_revoke(st, 1, 4, &e), &e);
	assert_ok(authorization_deactivate(st, 1, &e), &e);
	assert_ok(account_deactivate(st, account, &e), &e);
	assert_sound();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		run_sql(cases[i].undo);
		assert_found_broken(cases[i].want);
		run_sql(cases[i].redo);
	}
	assert_sound();
	order_release(&o);
}

static const struct CMUnitTest tests[] = {
    T(test_nothing_found),
    T(test_broken_below),
    T(test_found_then_failed),
    T(test_check),
    T(test_purged),
    T(test_twice_issued),
    T(test_signatures),
    T(test_no_identifier),
    T(test_lost),
};

UNIT_MAIN(tests)
