/* Limits of CAs: the file, the buckets, and what is counted. */
#include "store.h"

#include "client/limit.h"
#include "store/renewal_info.h"
#include "store/upstream_account.h"
#include "store/upstream_authorization.h"
#include "store/upstream_ca.h"
#include "store/upstream_order.h"
#include "store/upstream_request.h"
#include "wrap/suffix.h"

#define ARRAY(...) ((const int64_t[]){__VA_ARGS__})

static void
test_file(void **state)
{
	static const char text[] = "[one]\nversion = 1\n"
				   "orders_per_account = 300/3h\n"
				   "[two]\ncertificates_per_set = 5/7d\n";
	struct limits l;
	struct buf shipped;

	(void)state;
	assert_ok(limits_read("f", text, strlen(text), "one", &l, &e), &e);
	assert_int_equal(l.orders_per_account.count, 300);
	assert_int_equal(l.orders_per_account.seconds, 3 * 3600);
	assert_int_equal(l.certificates_per_set.count, 0);
	assert_ok(limits_read("f", text, strlen(text), "other", &l, &e), &e);
	assert_int_equal(l.orders_per_account.count, 0);
	buf_init(&shipped, LIMITS_FILE_MAX);
	assert_ok(limits_load("/nowhere/limits", &shipped, &e), &e);
	assert_int_equal(shipped.len, 0);
	assert_ok(limits_load("scripts/limits.conf", &shipped, &e), &e);
	assert_ok(limits_read("limits.conf", shipped.data, shipped.len,
		      "letsencrypt", &l, &e),
	    &e);
	buf_release(&shipped);
	assert_int_equal(l.certificates_per_set.count, 5);
	assert_int_equal(l.certificates_per_domain.count, 50);
	assert_int_equal(l.failures_per_name.count, 5);
}

static void
test_file_refused(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
	    {"[a]\norders = 1/1h\n", "f:2: orders: no limit that is known"},
	    {"[a]\norders_per_account = 3\n",
		"f:2: orders_per_account: must be COUNT/DURATION"},
	    {"[a]\norders_per_account = 0/1h\n", "f:2: orders_per_account:"},
	    {"[a]\norders_per_account = 1/1\n", "f:2: orders_per_account:"},
	    {"[a]\norders_per_account = 99999/1h\n",
		"f:2: orders_per_account:"},
	    {"[b]\norders_per_account = 1/1h\norders_per_account = 2/1h\n",
		"f:3: orders_per_account: stands twice"},
	};
	struct limits l;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(limits_read("f", rows[i].text,
				     strlen(rows[i].text), "b", &l, &e),
		    -1);
		assert_int_equal(e.kind, KIND_CONF);
		if (!str_starts(e.text, rows[i].want))
			fail_msg("%s", e.text);
		err_clear(&e);
	}
}

static void
test_bucket(void **state)
{
	const struct limit none = {0}, three = {.count = 3, .seconds = 30};

	(void)state;
	assert_int_equal(limit_free_at(&none, ARRAY(100), 1, 100), 0);
	assert_int_equal(limit_free_at(&three, NULL, 0, 100), 0);
	assert_int_equal(limit_free_at(&three, ARRAY(100, 100), 2, 100), 0);
	/* Empty: the next is there when one has filled. */
	assert_int_equal(
	    limit_free_at(&three, ARRAY(100, 100, 100), 3, 100), 110);
	assert_int_equal(
	    limit_free_at(&three, ARRAY(100, 100, 100), 3, 109), 110);
	assert_int_equal(
	    limit_free_at(&three, ARRAY(100, 100, 100), 3, 110), 0);
	/* Taken as they fill: one at a time. */
	assert_int_equal(
	    limit_free_at(&three, ARRAY(110, 100, 100, 100), 4, 111), 120);
	/* Full again, and not more than full. */
	assert_int_equal(
	    limit_free_at(&three, ARRAY(200, 200, 100, 100, 100), 5, 200), 0);
	assert_int_equal(
	    limit_free_at(&three, ARRAY(200, 200, 200, 100), 4, 200), 210);
}

static int64_t account, ca;

static void
make_account(void)
{
	struct upstream_account_new n = {.source = "import",
	    .directory_url = "https://ca.example/dir",
	    .url = "https://ca.example/acct/1"};
	struct key *k = key_generate(KEY_P256, 0, &e);
	bool created;

	n.key = k;
	assert_ok(
	    upstream_account_add(st, &n, NULL, &account, &created, &e), &e);
	key_free(k);
	assert_ok(
	    upstream_ca_add(st, "one", n.directory_url, NULL, &ca, &e), &e);
}

/* An order for a name; its number. */
static int64_t
make_order(const char *name)
{
	struct suffix_list *suffixes = suffix_list_load(&e);
	struct strv dns = {0}, registered = {0};
	const struct upstream_order_new n = {.upstream_account_id = account,
	    .dns = &dns,
	    .ip = &(struct strv){0},
	    .registered = &registered,
	    .policy = "{}"};
	int64_t id;
	bool created;

	strv_add(&dns, name);
	limits_registered(suffixes, &dns, n.ip, &registered);
	suffix_list_free(suffixes);
	assert_ok(upstream_order_create(st, &n, &id, &created, &e), &e);
	strv_release(&dns);
	strv_release(&registered);
	return id;
}

/* One that the CA has taken. */
static int64_t
ask_for(const char *name)
{
	const struct upstream_request r = {.upstream_ca_id = ca,
	    .upstream_account_id = account,
	    .upstream_order_id = make_order(name),
	    .endpoint = "newOrder",
	    .status = 201,
	    .retry_after = -1};

	assert_ok(upstream_request_add(st, &r, &e), &e);
	return r.upstream_order_id;
}

/* A process is at work on it, and asks the CA. */
static void
ask_now(int64_t order)
{
	struct upstream_order_hold hold;

	assert_ok(upstream_order_take(st, order, 60, &hold, &e), &e);
	assert_ok(upstream_order_ask(st, &hold, &e), &e);
}

/* All certificates are those of the account. */
static void
own(void)
{
	char *statement =
	    xasprintf("UPDATE certificates SET upstream_account_id = %lld",
		(long long)account);

	run_sql(statement);
	free(statement);
}

static int64_t
set_of(int64_t order)
{
	struct upstream_order o;
	int64_t id;

	assert_ok(upstream_order_by_id(st, order, &o, &e), &e);
	id = o.fqdn_set_id;
	upstream_order_release(&o);
	return id;
}

static struct limits_wait waiting;
static struct limits_share share;

/* For an order; what it waits for is in `waiting`. */
static int64_t
free_at(const struct limits *l, int64_t order, int64_t replaces)
{
	const struct limits_order o = {.id = order,
	    .upstream_account_id = account,
	    .fqdn_set_id = set_of(order),
	    .replaces_id = replaces,
	    .share = share};

	assert_ok(limits_order(l, st, &o, test_now, &waiting, &e), &e);
	return waiting.at;
}

static void
test_orders(void **state)
{
	const struct limits l = {
	    .orders_per_account = {.count = 2, .seconds = 200}};
	struct cert_list chain = {0};
	int64_t order;

	(void)state;
	make_account();
	order = ask_for("a.example");
	assert_int_equal(free_at(&l, order, 0), 0);
	/* Another process asks for one: it counts until the answer is there. */
	ask_now(make_order("b.example"));
	assert_int_equal(free_at(&l, order, 0), test_now + 100);
	run_sql("UPDATE upstream_orders SET asked = 0");
	assert_int_equal(free_at(&l, order, 0), 0);
	ask_for("b.example");
	assert_int_equal(free_at(&l, order, 0), test_now + 100);
	assert_string_equal(waiting.rule, "orders_per_account");
	/* These names have had one: to ask again is free, and so was theirs. */
	make_chain("a.example", test_now + 86400, &chain);
	add_certificate(&chain, "import", 0);
	assert_int_equal(free_at(&l, order, 0), test_now + 100);
	own();
	assert_int_equal(free_at(&l, order, 0), 0);
	cert_list_release(&chain);
	test_now += 100;
	ask_for("a.example");
	assert_int_equal(free_at(&l, ask_for("c.example"), 0), test_now + 100);
}

/* Of four in 400 seconds each kind has two for itself while the other waits. */
static void
test_share(void **state)
{
	const struct limits l = {
	    .orders_per_account = {.count = 4, .seconds = 400}};
	struct limits_order new = {0};
	const struct strv none = {0};
	int64_t order;

	(void)state;
	make_account();
	new.upstream_account_id = account;
	order = ask_for("a.example");
	ask_for("b.example");
	assert_int_equal(free_at(&l, order, 0), 0);
	share = new.share = (struct limits_share){.percent = 50};
	assert_int_equal(free_at(&l, order, 0), test_now + 200);
	assert_ok(limits_new(&l, st, &new, &none, test_now, &waiting, &e), &e);
	assert_int_equal(waiting.at, test_now + 200);
	assert_string_equal(waiting.subject, "");
	share.is_renewal = true;
	assert_int_equal(free_at(&l, order, 0), 0);
	/* The other way round. */
	run_sql(
	    "INSERT INTO renewal_configurations (active,"
	    " upstream_account_id, fqdn_set_id, policy, due_at, due_by,"
	    " due_rule, created) SELECT 1, upstream_account_id, fqdn_set_id,"
	    " '{}', 1, 1, 'first', 1 FROM upstream_orders WHERE id = 1");
	run_sql("UPDATE upstream_orders SET renewal_configuration_id = 1");
	assert_int_equal(free_at(&l, order, 0), test_now + 200);
	share.is_renewal = false;
	assert_int_equal(free_at(&l, order, 0), 0);
	/* All is all. */
	ask_for("c.example");
	ask_for("d.example");
	assert_true(free_at(&l, order, 0) > test_now);
	share.percent = 0;
	assert_int_equal(free_at(&l, order, 0), test_now + 100);
}

static void
test_registered(void **state)
{
	static const char *const names[] = {"a.b.example.co.uk",
	    "*.example.co.uk", "co.uk", "x.y.test", "shop.github.io",
	    "www.xn--85x722f.xn--55qx5d.cn"};
	static const char *const addresses[] = {
	    "192.0.2.7", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::9"};
	static const char *const want[] = {"192.0.2.7", "2001:db8:1:2::/64",
	    "co.uk", "example.co.uk", "shop.github.io",
	    "xn--85x722f.xn--55qx5d.cn", "y.test"};
	struct suffix_list *l = suffix_list_load(&e);
	struct strv dns = {0}, ip = {0}, got = {0};

	(void)state;
	assert_non_null(l);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		strv_add(&dns, names[i]);
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
		strv_add(&ip, addresses[i]);
	limits_registered(l, &dns, &ip, &got);
	assert_int_equal(got.len, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_string_equal(got.v[i], want[i]);
	strv_release(&dns);
	strv_release(&ip);
	strv_release(&got);
	suffix_list_free(l);
	suffix_list_free(NULL);
}

/* Answers of the CA, and its certificate, put there in one go. */
static void
give_certificate(int64_t order, const char *name)
{
	struct cert_list chain = {0};
	char *statement;

	make_chain(name, test_now + 86400, &chain);
	statement = xasprintf("UPDATE upstream_orders SET status = 'valid',"
			      " url = 'https://ca.example/order/%lld',"
			      " certificate_id = %lld WHERE id = %lld",
	    (long long)order, (long long)add_certificate(&chain, "import", 0),
	    (long long)order);
	run_sql(statement);
	free(statement);
	cert_list_release(&chain);
	own();
}

static void
test_domains(void **state)
{
	const struct limits l = {
	    .certificates_per_domain = {.count = 2, .seconds = 200}};
	int64_t order;

	(void)state;
	make_account();
	give_certificate(ask_for("a.example.co.uk"), "a.example.co.uk");
	give_certificate(ask_for("a.other.co.uk"), "a.other.co.uk");
	order = ask_for("c.example.co.uk");
	assert_int_equal(free_at(&l, order, 0), 0);
	give_certificate(ask_for("b.example.co.uk"), "b.example.co.uk");
	assert_int_equal(free_at(&l, order, 0), test_now + 100);
	assert_string_equal(waiting.rule, "certificates_per_domain");
	assert_string_equal(waiting.subject, "example.co.uk");
	/* Another domain; names that had one. */
	assert_int_equal(free_at(&l, ask_for("d.other.co.uk"), 0), 0);
	assert_int_equal(free_at(&l, ask_for("a.example.co.uk"), 0), 0);
	/* A renewal does not count. */
	test_now += 100;
	assert_int_equal(free_at(&l, order, 0), 0);
	give_certificate(ask_for("a.example.co.uk"), "a.example.co.uk");
	assert_int_equal(free_at(&l, order, 0), 0);
}

static void
fail_validation(int64_t order, const char *name)
{
	static int n;
	struct upstream_order_hold hold;
	struct upstream_authorizations l;
	struct upstream_authorization_answer a = {
	    .status = UPSTREAM_AUTHORIZATION_INVALID,
	    .type = IDENTIFIER_DNS,
	    .value = name};
	char *url = xasprintf("https://ca.example/authz/%d", ++n);
	int64_t number;

	assert_ok(upstream_order_take(st, order, 60, &hold, &e), &e);
	assert_ok(upstream_authorization_link(st, order, n, url, &e), &e);
	assert_ok(upstream_authorization_by_order(st, order, &l, &e), &e);
	number = l.v[l.len - 1].id;
	upstream_authorizations_release(&l);
	assert_ok(upstream_authorization_learn(st, &hold, number, &a, &e), &e);
	assert_ok(upstream_order_leave(st, &hold, &e), &e);
	free(url);
}

static void
test_failures(void **state)
{
	const struct limits l = {
	    .failures_per_name = {.count = 2, .seconds = 200}};
	int64_t order, wildcard;

	(void)state;
	make_account();
	order = ask_for("a.example");
	wildcard = ask_for("*.a.example");
	fail_validation(order, "a.example");
	assert_int_equal(free_at(&l, order, 0), 0);
	fail_validation(wildcard, "*.a.example");
	assert_int_equal(free_at(&l, order, 0), test_now + 100);
	assert_string_equal(waiting.rule, "failures_per_name");
	assert_string_equal(waiting.subject, "a.example");
	assert_int_equal(free_at(&l, wildcard, 0), test_now + 100);
	assert_int_equal(free_at(&l, ask_for("b.example"), 0), 0);
	test_now += 100;
	assert_int_equal(free_at(&l, order, 0), 0);
}

/* One that is under way may fail: it counts until that is known. */
static void
test_failures_under_way(void **state)
{
	const struct limits l = {
	    .failures_per_name = {.count = 2, .seconds = 200}};
	int64_t order, wildcard;

	(void)state;
	make_account();
	order = ask_for("a.example");
	wildcard = ask_for("*.a.example");
	fail_validation(order, "a.example");
	ask_now(wildcard);
	assert_int_equal(free_at(&l, order, 0), test_now + 60);
	assert_string_equal(waiting.rule, "failures_per_name");
	assert_int_equal(free_at(&l, wildcard, 0), 0);
	assert_int_equal(free_at(&l, ask_for("b.example"), 0), 0);
	/* The process has died. */
	test_now += 61;
	assert_int_equal(free_at(&l, order, 0), 0);
}

/* What replaces a certificate is free in the window of that one only. */
static void
test_window(void **state)
{
	const struct limits l = {
	    .orders_per_account = {.count = 1, .seconds = 200}};
	struct renewal_info r = {.upstream_ca_id = 0,
	    .window_start = test_now + 10,
	    .window_end = test_now + 20};
	struct cert_list chain = {0};
	int64_t order;

	(void)state;
	make_account();
	make_chain("old.example", test_now + 86400, &chain);
	r.certificate_id = add_certificate(&chain, "import", 0);
	r.upstream_ca_id = ca;
	order = ask_for("new.example");
	run_sql("UPDATE upstream_orders SET replaces_id ="
		" (SELECT max(id) FROM certificates)");
	assert_int_not_equal(free_at(&l, order, r.certificate_id), 0);
	assert_ok(renewal_info_keep(st, &r, &e), &e);
	assert_int_not_equal(free_at(&l, order, r.certificate_id), 0);
	test_now += 10;
	assert_int_equal(free_at(&l, order, r.certificate_id), 0);
	assert_int_not_equal(free_at(&l, order, 0), 0);
	test_now += 10;
	assert_int_not_equal(free_at(&l, order, r.certificate_id), 0);
	/* And that one is not counted afterwards. */
	run_sql("UPDATE upstream_requests SET at = at + 10");
	assert_int_equal(free_at(&l, order, 0), 0);
	cert_list_release(&chain);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_file),
	    cmocka_unit_test(test_file_refused),
	    cmocka_unit_test(test_bucket),
	    cmocka_unit_test_setup_teardown(
		test_orders, store_setup, store_teardown),
	    cmocka_unit_test_setup_teardown(
		test_share, store_setup, store_teardown),
	    cmocka_unit_test(test_registered),
	    cmocka_unit_test_setup_teardown(
		test_domains, store_setup, store_teardown),
	    cmocka_unit_test_setup_teardown(
		test_failures, store_setup, store_teardown),
	    cmocka_unit_test_setup_teardown(
		test_failures_under_way, store_setup, store_teardown),
	    cmocka_unit_test_setup_teardown(
		test_window, store_setup, store_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
