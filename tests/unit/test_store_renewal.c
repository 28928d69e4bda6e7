/* Windows for renewal: the usual ones, those set by hand, and who replaces. */
#include "store.h"

#include "store/renewal.h"

#define DAY 86400
#define HOUR 3600

/* A certificate of our CA that ends so many seconds from now; its number. */
static int64_t
issue(const char *source, int64_t account, int64_t life)
{
	struct cert_list chain = {0};
	int64_t id;

	make_chain("a.example b.example", test_now + life - 1, &chain);
	id = add_certificate(&chain, source, account);
	cert_list_release(&chain);
	return id;
}

static int
find(int64_t id, struct renewal *r)
{
	struct certificate c;
	const uint8_t *aki;
	size_t len;
	struct cert *leaf;
	int rc;

	assert_ok(certificate_by_id(st, id, &c, &e), &e);
	leaf = cert_from_der(c.leaf.der, c.leaf.len, &e);
	aki = cert_aki(leaf, &len);
	rc = renewal_find(st, aki, len, c.serial, r, &e);
	if (rc == 0) {
		struct renewal again;

		assert_ok(renewal_by_sha256(st, c.sha256, &again, &e), &e);
		assert_int_equal(again.start, r->start);
	}
	cert_free(leaf);
	certificate_release(&c);
	return rc;
}

static struct renewal
get(int64_t id)
{
	struct renewal r;

	assert_ok(find(id, &r), &e);
	assert_int_equal(r.certificate_id, id);
	assert_true(r.start < r.end);
	return r;
}

/* A third before the end, half of a short life; two hundredths wide. */
static void
test_usual(void **state)
{
	static const struct {
		int64_t life, middle, width;
	} lives[] = {
	    {90 * DAY, 60 * DAY, 2 * 90 * DAY / 100},
	    {10 * DAY, 10 * DAY - 10 * DAY / 3, 2 * 10 * DAY / 100},
	    {7 * DAY, 7 * DAY / 2, 2 * (7 * DAY / 100)},
	    {HOUR, HOUR / 2, 2 * (HOUR / 100)},
	    {30, 15, 1},
	    {2, 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
		/* notBefore is a minute ago, which is not part of the life */
		struct renewal r = get(issue("acme", 0, lives[i].life));
		int64_t middle = r.start - test_now + lives[i].width / 2;

		assert_true(r.is_usual);
		assert_int_equal(r.lifetime, lives[i].life);
		assert_int_equal(r.end - r.start, lives[i].width);
		assert_in_range(middle, lives[i].middle - 1, lives[i].middle);
		assert_true(r.end < test_now + lives[i].life);
	}
}

/* One that was stored long after it was made is measured from notBefore. */
static void
test_stored_late(void **state)
{
	struct cert_list chain = {0};
	struct renewal r;

	(void)state;
	make_chain("a.example", test_now + 90 * DAY - 61, &chain);
	test_now += 91 * DAY;
	r = get(add_certificate(&chain, "sign", 0));
	assert_int_equal(r.lifetime, 90 * DAY);
	assert_true(r.end < test_now);
	cert_list_release(&chain);
}

static void
test_found(void **state)
{
	struct renewal r;

	(void)state;
	assert_kind(find(issue("import", 0, DAY), &r), KIND_NOTFOUND, &e);
	assert_kind(find(issue("certbot", 0, DAY), &r), KIND_NOTFOUND, &e);
	assert_kind(
	    renewal_find(st, "x", 1, "1234", &r, &e), KIND_NOTFOUND, &e);
	get(issue("tls", 0, DAY));
}

static void
test_revoked(void **state)
{
	int64_t id = issue("acme", 0, 90 * DAY);
	const struct renewal_pull how = {
	    .from = test_now, .until = test_now + HOUR};
	struct renewal_pulled done;
	struct renewal r;

	(void)state;
	assert_ok(renewal_pull(st, &how, &done, &e), &e);
	assert_ok(certificate_revoke(st, id, 1, &e), &e);
	r = get(id);
	assert_true(r.end < test_now);
	assert_false(r.is_usual);
}

#define MANY 4321 /* more than two pages */

/* Evenly: no hour of ten has a tenth more or less than its part. */
static void
test_spread(void **state)
{
	const struct renewal_pull how = {
	    .from = test_now, .until = test_now + 10 * HOUR};
	struct renewal_pull dry = how;
	struct renewal_pulled done;
	int64_t hours[10] = {0};

	(void)state;
	/* ids that leave gaps, and certificates of all lengths */
	issue("acme", 0, 90 * DAY);
	for (int i = 1; i < MANY; i++) {
		char sql[700];

		snprintf(sql, sizeof(sql),
		    "INSERT INTO certificates (id, sha256, serial, not_before,"
		    " not_after, der, spki_sha256, source, created, status,"
		    " fqdn_set_id, issuer_id, sha1) SELECT %d, CAST('%032d' AS"
		    " %s), '%d', not_before, not_after + %d, der, spki_sha256,"
		    " source, created, status, fqdn_set_id, issuer_id, sha1"
		    " FROM certificates WHERE id = 1",
		    1 + 3 * i, i, engine_is_other() ? "BYTEA" : "BLOB", i,
		    i % 7);
		run_sql(sql);
	}
	dry.dry_run = true;
	assert_ok(renewal_pull(st, &dry, &done, &e), &e);
	assert_int_equal(done.pulled, MANY);
	assert_int_equal(count("SELECT count(*) FROM certificates"
			       " WHERE renew_start IS NOT NULL"),
	    0);
	assert_ok(renewal_pull(st, &how, &done, &e), &e);
	assert_int_equal(done.pulled, MANY);
	assert_int_equal(done.kept, 0);
	assert_int_equal(count("SELECT count(*) FROM events WHERE action ="
			       " 'certificate.renew_now'"),
	    MANY);
	for (int i = 0; i < 10; i++) {
		char sql[200];

		snprintf(sql, sizeof(sql),
		    "SELECT count(*) FROM certificates WHERE renew_start >="
		    " %lld AND renew_start < %lld AND renew_end <= %lld",
		    (long long)(how.from + i * HOUR),
		    (long long)(how.from + (i + 1) * HOUR),
		    (long long)how.until);
		hours[i] = count(sql);
	}
	for (int i = 0; i < 9; i++) /* the last ends a window earlier */
		assert_in_range(
		    hours[i], MANY / 10 * 9 / 10, MANY / 10 * 11 / 10);

	/* Again, a minute later: what is done stays so. */
	test_now += 60;
	dry = how;
	dry.from += 60;
	dry.until += 60;
	assert_ok(renewal_pull(st, &dry, &done, &e), &e);
	assert_int_equal(done.pulled, 0);
	assert_int_equal(done.kept, MANY);
	/* Sooner is another matter. */
	dry.until = dry.from;
	assert_ok(renewal_pull(st, &dry, &done, &e), &e);
	assert_true(done.pulled > MANY * 9 / 10);
	assert_int_equal(done.pulled + done.kept, MANY);
}

static void
test_who(void **state)
{
	int64_t account = new_account('a');
	int64_t soon = issue("acme", account, HOUR);
	int64_t good = issue("acme", account, 90 * DAY);
	int64_t mine = issue("import", 0, 90 * DAY);
	int64_t gone = issue("acme", account, 90 * DAY);
	struct renewal_pull how = {
	    .issuer = "NIT", .from = test_now + HOUR, .until = test_now + HOUR};
	struct renewal_pulled done;
	struct renewal r;

	(void)state;
	assert_ok(certificate_revoke(st, gone, 1, &e), &e);
	test_now += HOUR;
	assert_ok(renewal_pull(st, &how, &done, &e), &e);
	assert_int_equal(done.pulled, 1); /* not: expired, import, revoked */
	assert_int_equal(done.kept, 0);
	r = get(good);
	assert_int_equal(r.start, test_now);
	assert_int_equal(r.end, test_now + 1);
	assert_false(r.is_usual);
	assert_true(get(soon).is_usual);
	assert_kind(find(mine, &r), KIND_NOTFOUND, &e);
	how.issuer = "CN=unit";
	assert_ok(renewal_pull(st, &how, &done, &e), &e);
	assert_int_equal(done.kept, 1);
	how.issuer = "nobody";
	assert_kind(renewal_pull(st, &how, &done, &e), KIND_NOTFOUND, &e);
	run_sql("INSERT INTO issuers (sha256, name)"
		" SELECT aki, 'CN=unit 2' FROM certificates WHERE id = 1");
	assert_ok(certificate_revoke(st, good, 1, &e), &e);
	how.issuer = "CN=unit"; /* the whole name of one of the two */
	assert_ok(renewal_pull(st, &how, &done, &e), &e);
	how.issuer = "unit";
	assert_kind(renewal_pull(st, &how, &done, &e), KIND_INPUT, &e);
}

/* Of one name spelt in two ways all are meant. */
static void
test_same_name(void **state)
{
	int64_t first = issue("acme", 0, 90 * DAY);
	int64_t second = issue("acme", 0, 90 * DAY);
	const struct renewal_pull how = {
	    .issuer = "CN=unit", .from = test_now, .until = test_now + HOUR};
	struct renewal_pulled done;

	(void)state;
	run_sql(
	    "INSERT INTO issuers (sha256, name)"
	    " SELECT spki_sha256, 'CN=unit' FROM certificates WHERE id = 1");
	run_sql("UPDATE certificates SET issuer_id = (SELECT max(id) FROM"
		" issuers) WHERE id = (SELECT max(id) FROM certificates)");
	assert_ok(renewal_pull(st, &how, &done, &e), &e);
	assert_int_equal(done.pulled, 2);
	assert_false(get(first).is_usual);
	assert_false(get(second).is_usual);
}

static void
test_undo(void **state)
{
	int64_t set = issue("acme", 0, 90 * DAY);
	int64_t usual = issue("acme", 0, 90 * DAY);
	int64_t revoked = issue("acme", 0, 90 * DAY);
	struct renewal before = get(set), over;
	struct renewal_pull how = {.from = test_now, .until = test_now + HOUR};
	struct renewal_pulled done;
	struct certificate c;

	(void)state;
	assert_ok(renewal_pull(st, &how, &done, &e), &e);
	assert_int_equal(done.pulled, 3);
	assert_ok(certificate_revoke(st, revoked, 1, &e), &e);
	over = get(revoked);
	how.undo = true;
	assert_ok(certificate_by_id(st, usual, &c, &e), &e);
	done = (struct renewal_pulled){0};
	assert_ok(renewal_pull_serial(st, c.serial, &how, &done, &e), &e);
	assert_int_equal(done.pulled, 1);
	certificate_release(&c);
	how.dry_run = true;
	assert_ok(renewal_pull(st, &how, &done, &e), &e);
	assert_int_equal(done.pulled, 1);
	assert_int_equal(done.kept, 1);
	assert_false(get(set).is_usual);
	how.dry_run = false;
	assert_ok(renewal_pull(st, &how, &done, &e), &e);
	assert_int_equal(done.pulled, 1);
	assert_true(get(set).is_usual);
	assert_int_equal(get(set).start, before.start);
	assert_int_equal(get(set).end, before.end);
	assert_int_equal(get(revoked).end, over.end);
}

static void
test_serial(void **state)
{
	int64_t id = issue("acme", 0, 90 * DAY), other;
	const struct renewal_pull how = {
	    .from = test_now, .until = test_now + HOUR};
	struct renewal_pulled done = {.pulled = 5};
	struct certificate c;

	(void)state;
	other = issue("acme", 0, 90 * DAY);
	assert_ok(certificate_by_id(st, id, &c, &e), &e);
	assert_ok(renewal_pull_serial(st, c.serial, &how, &done, &e), &e);
	assert_int_equal(done.pulled, 6);
	assert_false(get(id).is_usual);
	assert_true(get(other).is_usual);
	assert_ok(renewal_pull_serial(st, c.serial, &how, &done, &e), &e);
	assert_int_equal(done.kept, 1);
	assert_kind(renewal_pull_serial(st, "12345678", &how, &done, &e),
	    KIND_NOTFOUND, &e);
	certificate_release(&c);
}

/* ---- orders that replace ------------------------------------------------- */

static int
try_order(int64_t account, const char *name, int64_t replaces, struct order *o)
{
	struct identifier id = {IDENTIFIER_DNS, (char *)(uintptr_t)name};
	struct order_new new = {.account_id = account,
	    .identifiers = &id,
	    .identifiers_len = 1,
	    .expires = test_now + LIFETIME,
	    .replaces_id = replaces,
	    .replaces = "AQ.AQ"};

	err_clear(&e);
	return order_create(st, &new, o, &e);
}

static void
check_refused(
    int64_t account, const char *name, int64_t replaces, const char *type)
{
	int64_t orders = count("SELECT count(*) FROM orders");
	struct order o;

	assert_int_equal(try_order(account, name, replaces, &o), -1);
	assert_int_equal(e.kind, type ? KIND_CONFLICT : KIND_INPUT);
	if (type)
		assert_string_equal(e.acme_type, type);
	else
		assert_null(e.acme_type);
	err_clear(&e);
	assert_int_equal(count("SELECT count(*) FROM orders"), orders);
}

static void
test_replaces(void **state)
{
	int64_t account = new_account('a'), other = new_account('b');
	int64_t id = issue("acme", account, 90 * DAY);
	struct order o, again;

	(void)state;
	check_refused(other, "a.example", id, NULL);
	check_refused(account, "c.example", id, NULL);
	check_refused(account, "a.example", id + 1, NULL);
	check_refused(account, "a.example", issue("sign", 0, DAY), NULL);
	assert_ok(try_order(account, "b.example", id, &o), &e);
	assert_string_equal(o.replaces, "AQ.AQ");
	assert_ok(order_by_url_id(st, o.url_id, &again, &e), &e);
	assert_string_equal(again.replaces, "AQ.AQ");
	order_release(&again);
	check_refused(account, "a.example", id, "alreadyReplaced");
	assert_sound();
	order_release(&o);
}

/* An order that comes to nothing leaves room for another. */
static void
test_replaces_again(void **state)
{
	int64_t account = new_account('a');
	int64_t id = issue("acme", account, 90 * DAY);
	struct cert_list chain = {0};
	struct renewal_pull how = {0};
	struct renewal_pulled done;
	struct order o;
	int64_t since;

	(void)state;
	assert_ok(try_order(account, "a.example", id, &o), &e);
	test_now += LIFETIME; /* expired */
	order_release(&o);
	assert_ok(try_order(account, "a.example", id, &o), &e);
	prove_all(&o);
	check_refused(account, "a.example", id, "alreadyReplaced");
	assert_ok(order_start(st, o.id, "x", 1, 60, &since, &e), &e);
	check_refused(account, "a.example", id, "alreadyReplaced");
	assert_ok(order_fail(st, o.id, "{}", &e), &e);
	order_release(&o);
	assert_ok(try_order(account, "a.example", id, &o), &e);
	prove_all(&o);
	assert_ok(order_start(st, o.id, "x", 1, 60, &since, &e), &e);
	make_chain("a.example", test_now + 90 * DAY, &chain);
	assert_ok(order_finish(st, o.id, &chain, &e), &e);
	check_refused(account, "a.example", id, "alreadyReplaced");
	/* and whoever has replaced it need not be told to */
	how.from = how.until = test_now;
	assert_ok(renewal_pull(st, &how, &done, &e), &e);
	assert_int_equal(done.pulled, 1);
	assert_true(get(id).is_usual);
	assert_sound();
	cert_list_release(&chain);
	order_release(&o);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)

static const struct CMUnitTest tests[] = {
    TEST(test_usual),
    TEST(test_stored_late),
    TEST(test_found),
    TEST(test_revoked),
    TEST(test_spread),
    TEST(test_who),
    TEST(test_same_name),
    TEST(test_undo),
    TEST(test_serial),
    TEST(test_replaces),
    TEST(test_replaces_again),
};

UNIT_MAIN(tests)
