/* Renewal: when a certificate is due, its configuration, the queue. */
#include "store.h"

#include "store/clock_step.h"
#include "store/private_key.h"
#include "store/renewal_configuration.h"
#include "store/renewal_info.h"
#include "store/renewal_queue_work.h"
#include "store/telling.h"
#include "store/upstream_account.h"
#include "store/upstream_order.h"
#include "wrap/seal.h"

#define DAY 86400
#define HOLD 60

/* ---- the rule ------------------------------------------------------------ */

static void
check_due(const struct renewal_facts *f, enum renewal_rule rule, int64_t at,
    int64_t by)
{
	struct renewal_due due = renewal_due(f, 7);

	assert_int_equal(due.rule, rule);
	assert_int_equal(due.at, at);
	assert_int_equal(due.by, by);
}

static void
test_rule(void **state)
{
	struct renewal_facts f = {0};

	(void)state;
	check_due(&f, RENEWAL_FIRST, 7, 7);
	f = (struct renewal_facts){.has_certificate = true,
	    .not_before = 1000 * DAY,
	    .not_after = 1090 * DAY};
	check_due(&f, RENEWAL_LIFETIME, 1060 * DAY, 1090 * DAY);
	f.not_after = 1009 * DAY;
	check_due(&f, RENEWAL_LIFETIME, 1004 * DAY + DAY / 2, 1009 * DAY);
	f.not_after = 1010 * DAY; /* not under ten */
	check_due(&f, RENEWAL_LIFETIME, 1010 * DAY - 10 * DAY / 3, 1010 * DAY);
	f.not_after = f.not_before; /* what an authority must not give */
	check_due(&f, RENEWAL_LIFETIME, f.not_after, f.not_after);
	f.not_after = 1090 * DAY;
	f.is_lost = true;
	check_due(&f, RENEWAL_REVOKED, 7, 7);
}

static void
test_rule_window(void **state)
{
	struct renewal_facts f = {.has_certificate = true,
	    .not_before = 1000 * DAY,
	    .not_after = 1090 * DAY,
	    .window_start = 1059 * DAY,
	    .window_end = 1061 * DAY,
	    .chosen = 1060 * DAY + 1};

	(void)state;
	check_due(&f, RENEWAL_WINDOW, 1060 * DAY + 1, 1061 * DAY);
	f.window_end = 1089 * DAY;
	f.chosen =
	    1075 * DAY - 1; /* half of the third is gone a second later */
	check_due(&f, RENEWAL_WINDOW, 1075 * DAY - 1, 1089 * DAY);
	f.chosen = 1080 * DAY;
	check_due(&f, RENEWAL_LIFETIME, 1075 * DAY, 1090 * DAY);
	f.chosen = 999 * DAY; /* a window that is over: now */
	check_due(&f, RENEWAL_WINDOW, 999 * DAY, 1089 * DAY);
}

static void
test_rule_part(void **state)
{
	struct renewal_facts f = {.has_certificate = true,
	    .not_before = 1000 * DAY,
	    .not_after = 1090 * DAY,
	    .part_left = 500};

	(void)state;
	check_due(&f, RENEWAL_PART, 1045 * DAY, 1090 * DAY);
	f.window_start = 1059 * DAY;
	f.window_end = 1061 * DAY;
	f.chosen = 1060 * DAY;
	check_due(&f, RENEWAL_PART, 1045 * DAY, 1090 * DAY);
	f.chosen = 1020 * DAY; /* the CA has shortened it */
	check_due(&f, RENEWAL_WINDOW, 1020 * DAY, 1061 * DAY);
	f.is_lost = true;
	check_due(&f, RENEWAL_REVOKED, 7, 7);
}

static void
test_rule_names(void **state)
{
	(void)state;
	for (int i = 0; i < RENEWAL_RULE__MAX; i++)
		assert_int_equal(
		    renewal_rule_of(renewal_rule_name((enum renewal_rule)i)),
		    i);
	assert_int_equal(renewal_rule_of("x"), RENEWAL_RULE__MAX);
	assert_int_equal(renewal_rule_of(NULL), RENEWAL_RULE__MAX);
}

/* ---- what makes configurations ------------------------------------------- */

static int64_t accounts[2];
static const struct seal_key seal_key = {.bytes = "account", .id = "one"};
static const struct strv no_address;
static int orders;

static int64_t
add_account(const char *directory)
{
	struct upstream_account_new n = {
	    .directory_url = directory, .url = directory, .source = "import"};
	struct key *k = key_generate(KEY_P256, 0, &e);
	bool created;
	int64_t id;

	n.key = k;
	assert_ok(
	    upstream_account_add(st, &n, &seal_key, &id, &created, &e), &e);
	key_free(k);
	return id;
}

static int
setup(void **state)
{
	int rc = store_setup(state);

	if (rc < 0)
		return rc;
	orders = 0;
	accounts[0] = add_account("https://ca.example/dir");
	accounts[1] = add_account("https://other.example/dir");
	return 0;
}

static struct upstream_order_new
wanted(int64_t account, const struct strv *dns)
{
	return (struct upstream_order_new){.upstream_account_id = account,
	    .dns = dns,
	    .ip = &no_address,
	    .policy = "{\"a\":1}"};
}

/* What orders have sent; the certificates' bytes stand for the requests'. */
static void
note_requests(void)
{
	run_sql("INSERT INTO certificate_requests (sha256, der, spki_sha256,"
		" fqdn_set_id, source, created) SELECT c.sha256, c.der,"
		" c.spki_sha256, c.fqdn_set_id, 'order', 0 FROM certificates c"
		" WHERE NOT EXISTS (SELECT 1 FROM certificate_requests r"
		" WHERE r.sha256 = c.sha256)");
	run_sql("UPDATE upstream_orders SET certificate_request_id ="
		" (SELECT r.id FROM certificate_requests r JOIN certificates c"
		" ON c.sha256 = r.sha256"
		" WHERE c.id = upstream_orders.certificate_id)");
}

/* Brings an order that is there to its certificate. */
static int64_t
finish(int64_t order, const char *name, int64_t lifetime, bool auto_renew)
{
	struct upstream_order_hold hold;
	struct strv none = {0};
	struct cert_list chain = {0};
	char url[64];
	struct upstream_order_answer a = {
	    .status = UPSTREAM_ORDER_ISSUED, .url = url};
	int64_t id;

	snprintf(url, sizeof(url), "https://ca.example/o/%d", ++orders);
	make_chain(name, test_now + lifetime, &chain);
	assert_ok(upstream_order_take(st, order, HOLD, &hold, &e), &e);
	assert_ok(upstream_order_learn(st, &hold, &a, &e), &e);
	assert_ok(upstream_order_finish(
		      st, &hold, &chain, &none, auto_renew, &id, &e),
	    &e);
	assert_ok(upstream_order_leave(st, &hold, &e), &e);
	note_requests();
	cert_list_release(&chain);
	return id;
}

/* An order by hand; the certificate. */
static int64_t
get(int64_t account, const char *name, int64_t lifetime, bool auto_renew)
{
	struct strv dns = {0};
	struct upstream_order_new n = wanted(account, &dns);
	int64_t order;
	bool created;

	strv_add(&dns, name);
	assert_ok(upstream_order_create(st, &n, &order, &created, &e), &e);
	strv_release(&dns);
	return finish(order, name, lifetime, auto_renew);
}

static struct renewal_configuration
load(int64_t id)
{
	struct renewal_configuration c;

	assert_ok(renewal_configuration_by_id(st, id, &c, &e), &e);
	return c;
}

static void
is_due(int64_t id, enum renewal_rule rule, int64_t at)
{
	struct renewal_configuration c = load(id);

	assert_int_equal(c.due.rule, rule);
	assert_int_equal(c.due.at, at);
	renewal_configuration_release(&c);
}

#define N_CONFIGURATIONS count("SELECT count(*) FROM renewal_configurations")
#define N_QUEUED count("SELECT count(*) FROM renewal_queue")

static void
test_arrives(void **state)
{
	struct renewal_configuration c;
	int64_t first, second;

	(void)state;
	get(accounts[0], "no.example", 30 * DAY, false);
	assert_int_equal(N_CONFIGURATIONS, 0);
	first = get(accounts[0], "a.example", 30 * DAY - 60, true);
	assert_int_equal(N_CONFIGURATIONS, 1);
	c = load(1);
	assert_true(c.active);
	assert_int_equal(c.certificate_id, first);
	assert_string_equal(c.policy, "{\"a\":1}");
	assert_int_equal(c.upstream_account_id, accounts[0]);
	assert_int_equal(c.due.rule, RENEWAL_LIFETIME);
	assert_int_equal(c.due.at, test_now - 60 + 20 * DAY);
	assert_int_equal(c.due.by, test_now - 60 + 30 * DAY);
	renewal_configuration_release(&c);
	/* Another account has its own; the same one gets the new ways. */
	get(accounts[1], "a.example", 30 * DAY, true);
	assert_int_equal(N_CONFIGURATIONS, 2);
	test_now += DAY;
	second = get(accounts[0], "a.example", 30 * DAY - 60, true);
	assert_int_equal(N_CONFIGURATIONS, 2);
	assert_int_not_equal(first, second);
	is_due(1, RENEWAL_LIFETIME, test_now - 60 + 20 * DAY);
	/* One that is not to be renewed leaves it as it is. */
	get(accounts[0], "a.example", 60 * DAY, false);
	c = load(1);
	assert_int_equal(c.certificate_id, second);
	renewal_configuration_release(&c);
	assert_sound();
}

static void
test_refresh(void **state)
{
	const int64_t cert = get(accounts[0], "a.example", 30 * DAY - 60, true);
	const struct renewal_info info = {.certificate_id = cert,
	    .upstream_ca_id = 1,
	    .window_start = test_now + 10 * DAY,
	    .window_end = test_now + 12 * DAY,
	    .chosen = test_now + 11 * DAY,
	    .retry_at = test_now + 1};
	struct renewal_configuration c;

	(void)state;
	run_sql("INSERT INTO upstream_cas (id, name, directory_url)"
		" VALUES (1, 'x', 'https://ca.example/dir')");
	assert_ok(renewal_info_keep(st, &info, &e), &e);
	is_due(1, RENEWAL_WINDOW, test_now + 11 * DAY);
	c = load(1);
	c.part_left = 900;
	assert_ok(renewal_configuration_set(st, &c, &e), &e);
	renewal_configuration_release(&c);
	is_due(1, RENEWAL_PART, test_now - 60 + 3 * DAY);
	assert_ok(certificate_set_active(st, cert, false, &e), &e);
	is_due(1, RENEWAL_REVOKED, test_now);
	assert_ok(certificate_set_active(st, cert, true, &e), &e);
	is_due(1, RENEWAL_PART, test_now - 60 + 3 * DAY);
	test_now += 5;
	assert_ok(certificate_revoke(st, cert, CERTIFICATE_NO_REASON, &e), &e);
	is_due(1, RENEWAL_REVOKED, test_now);
}

/* What a later one stands in for is not ordered again, for ever. */
static void
test_duplicate(void **state)
{
	const int64_t cert = get(accounts[0], "a.example", 30 * DAY - 60, true);

	(void)state;
	get(accounts[1], "a.example", 60 * DAY, true);
	assert_ok(certificate_set_active(st, cert, false, &e), &e);
	is_due(1, RENEWAL_LIFETIME, test_now - 60 + 20 * DAY);
}

static void
test_compromised(void **state)
{
	const int64_t cert = get(accounts[0], "a.example", 30 * DAY, true);

	(void)state;
	run_sql("INSERT INTO private_keys (spki_sha256, type, status, source,"
		" created, sealed, der) SELECT spki_sha256, 'p256', 'active',"
		" 'imported', 1, 0, der FROM certificates WHERE id = 1");
	assert_int_equal(cert, 1);
	assert_ok(
	    private_key_set_status(st, 1, PRIVATE_KEY_COMPROMISED, &e), &e);
	is_due(1, RENEWAL_REVOKED, test_now);
}

static void
test_switch(void **state)
{
	const int64_t yes = get(accounts[0], "a.example", 30 * DAY, true);
	const int64_t no = get(accounts[0], "b.example", 30 * DAY, false);
	struct renewal_configuration c;
	struct cert_list chain = {0};
	int64_t foreign;

	(void)state;
	assert_ok(renewal_queue_add(st, 1, &e), &e);
	assert_ok(certificate_set_auto_renew(st, yes, false, &e), &e);
	c = load(1);
	assert_false(c.active);
	renewal_configuration_release(&c);
	assert_int_equal(N_QUEUED, 0);
	assert_kind(renewal_queue_add(st, 1, &e), KIND_CONFLICT, &e);
	assert_kind(renewal_configuration_set_active(st, 1, false, &e),
	    KIND_CONFLICT, &e);
	assert_ok(renewal_configuration_set_active(st, 1, true, &e), &e);
	assert_int_equal(
	    count("SELECT auto_renew FROM certificates WHERE id = 1"), 1);
	/* It gets one out of its order; what has no order cannot. */
	assert_ok(certificate_set_auto_renew(st, no, true, &e), &e);
	assert_ok(renewal_configuration_by_certificate(st, no, &c, &e), &e);
	assert_true(c.active);
	assert_string_equal(c.policy, "{\"a\":1}");
	renewal_configuration_release(&c);
	make_chain("c.example", test_now + 30 * DAY, &chain);
	foreign = add_certificate(&chain, "import", 0);
	assert_ok(certificate_set_auto_renew(st, foreign, true, &e), &e);
	assert_kind(renewal_configuration_by_certificate(st, foreign, &c, &e),
	    KIND_NOTFOUND, &e);
	cert_list_release(&chain);
}

static int
add_up(void *arg, const struct renewal_configuration *c, struct err *err)
{
	(void)err;
	*(int64_t *)arg += c->id;
	return 0;
}

static void
test_configurations(void **state)
{
	struct renewal_configuration_filter f = {0};
	struct renewal_configuration c;
	int64_t sum = 0;

	(void)state;
	get(accounts[0], "a.example", 30 * DAY, true);
	get(accounts[1], "b.example", 30 * DAY, true);
	c = load(1);
	c.label = xstrdup("7");
	assert_kind(renewal_configuration_set(st, &c, &e), KIND_INPUT, &e);
	free(c.label);
	c.label = xstrdup("shop");
	assert_ok(renewal_configuration_set(st, &c, &e), &e);
	c.id = 2;
	assert_kind(renewal_configuration_set(st, &c, &e), KIND_CONFLICT, &e);
	c.id = 9;
	free(c.label);
	c.label = NULL;
	assert_kind(renewal_configuration_set(st, &c, &e), KIND_NOTFOUND, &e);
	renewal_configuration_release(&c);
	for (size_t i = 0; i < 4; i++) {
		static const char *const texts[] = {
		    "1", "renewal_configuration/1", "shop", "A.example"};

		assert_ok(renewal_configuration_pick(st, texts[i], &c, &e), &e);
		assert_int_equal(c.id, 1);
		renewal_configuration_release(&c);
	}
	assert_ok(certificate_revoke(st, 2, CERTIFICATE_NO_REASON, &e), &e);
	assert_ok(renewal_configuration_find(st, "b.example", &c, &e), &e);
	assert_int_equal(c.id, 2); /* though nothing serves it */
	renewal_configuration_release(&c);
	assert_kind(renewal_configuration_pick(st, "c.example", &c, &e),
	    KIND_NOTFOUND, &e);
	assert_kind(
	    renewal_configuration_find(st, "77", &c, &e), KIND_NOTFOUND, &e);
	assert_ok(renewal_configuration_each(st, &f, add_up, &sum, &e), &e);
	assert_int_equal(sum, 3);
	f.upstream_account_id = accounts[1];
	assert_ok(renewal_configuration_each(st, &f, add_up, &sum, &e), &e);
	assert_int_equal(sum, 5);
	assert_ok(renewal_configuration_remove(st, 1, &e), &e);
	assert_kind(renewal_configuration_remove(st, 1, &e), KIND_NOTFOUND, &e);
}

/* ---- the queue ----------------------------------------------------------- */

static struct queue_hold hold;
static struct renewal_item item;

static int
take_one(int64_t account)
{
	struct renewal_cursor begin = {0};
	int rc;

	renewal_item_release(&item);
	rc = renewal_queue_take(
	    st, account, &begin, test_now + HOLD, &hold, &item, &e);
	assert_true(rc >= 0);
	return rc;
}

static int64_t
update(void)
{
	int64_t n = -1;

	assert_ok(renewal_queue_update(st, &n, &e), &e);
	return n;
}

static void
test_update(void **state)
{
	int64_t window_end, account = 0;

	(void)state;
	get(accounts[0], "a.example", 30 * DAY, true);
	get(accounts[1], "b.example", 60 * DAY, true);
	get(accounts[1], "c.example", 45 * DAY, true);
	assert_int_equal(update(), 0);
	assert_int_equal(
	    renewal_queue_next_account(st, &account, &window_end, &e), 0);
	test_now += 41 * DAY;
	assert_ok(renewal_configuration_set_active(st, 1, false, &e), &e);
	assert_int_equal(update(), 2);
	assert_int_equal(update(), 0);
	assert_int_equal(
	    renewal_queue_next_account(st, &account, &window_end, &e), 1);
	assert_int_equal(account, accounts[1]);
	assert_int_equal(window_end, test_now + 4 * DAY);
	assert_int_equal(
	    renewal_queue_next_account(st, &account, &window_end, &e), 0);
	/* What ends first goes first, and is taken once. */
	assert_int_equal(take_one(accounts[1]), 1);
	assert_int_equal(item.renewal_configuration_id, 3);
	assert_int_equal(item.why, RENEWAL_LIFETIME);
	assert_int_equal(take_one(accounts[1]), 1);
	assert_int_equal(item.renewal_configuration_id, 2);
	assert_int_equal(take_one(accounts[1]), 0);
}

static void
test_hold(void **state)
{
	struct queue_hold late;

	(void)state;
	get(accounts[0], "a.example", 30 * DAY, true);
	assert_ok(renewal_queue_add(st, 1, &e), &e);
	assert_int_equal(take_one(accounts[0]), 1);
	late = hold;
	assert_kind(renewal_queue_remove(st, 1, &e), KIND_BUSY, &e);
	assert_kind(renewal_configuration_remove(st, 1, &e), KIND_BUSY, &e);
	test_now += HOLD - 1;
	assert_int_equal(take_one(accounts[0]), 0);
	test_now += 1; /* who had it has died */
	assert_int_equal(take_one(accounts[0]), 1);
	assert_int_equal(hold.lease, late.lease + 1);
	assert_kind(renewal_queue_fail(
			st, &late, &(struct queue_failure){.error = "x"}, &e),
	    KIND_BUSY, &e);
	assert_ok(renewal_queue_done(st, &late, &e), &e);
	assert_int_equal(N_QUEUED, 1);
	/* The clock was set back: the lease is longer than any can be. */
	test_now -= 2 * QUEUE_HOLD_MAX;
	assert_int_equal(take_one(accounts[0]), 1);
	assert_ok(renewal_queue_put_back(st, &hold,
		      &(struct queue_wait){.retry_at = test_now + 9}, &e),
	    &e);
	assert_int_equal(take_one(accounts[0]), 0);
	test_now += 9;
	assert_int_equal(take_one(accounts[0]), 1);
	assert_int_equal(item.past.attempts, 0);
	assert_ok(renewal_queue_done(st, &hold, &e), &e);
	assert_int_equal(N_QUEUED, 0);
	renewal_item_release(&item);
}

static void
test_order(void **state)
{
	struct strv dns = {0};
	struct upstream_order_new n = wanted(accounts[0], &dns);
	struct renewal_configuration c;
	struct queue_hold late;
	int64_t first, second, cert;

	(void)state;
	n.resume = true;
	strv_add(&dns, "a.example");
	get(accounts[0], "a.example", 30 * DAY, true);
	c = load(1);
	c.policy[2] = 'b'; /* the operator's, while the order is under way */
	assert_ok(renewal_configuration_set(st, &c, &e), &e);
	renewal_configuration_release(&c);
	assert_ok(renewal_queue_add(st, 1, &e), &e);
	assert_int_equal(take_one(accounts[0]), 1);
	late = hold;
	assert_ok(renewal_queue_order(st, &hold, &n, &first, &e), &e);
	test_now += HOLD;
	assert_int_equal(take_one(accounts[0]), 1);
	assert_int_equal(item.upstream_order_id, first);
	assert_kind(
	    renewal_queue_order(st, &late, &n, &second, &e), KIND_BUSY, &e);
	assert_int_equal(count("SELECT count(*) FROM upstream_orders"), 2);
	assert_ok(renewal_queue_order(st, &hold, &n, &second, &e), &e);
	assert_int_equal(first, second);
	/* Its certificate is the configuration's, whose policy stays. */
	test_now += DAY;
	cert = finish(first, "a.example", 60 * DAY, true);
	c = load(1);
	assert_int_equal(c.certificate_id, cert);
	assert_string_equal(c.policy, "{\"b\":1}");
	assert_int_equal(c.due.at, test_now - 60 + 40 * DAY + 40);
	renewal_configuration_release(&c);
	strv_release(&dns);
	renewal_item_release(&item);
	assert_sound();
}

static void
fail_one(int64_t retry_at, bool parks)
{
	const struct queue_failure f = {.retry_at = retry_at,
	    .cause = "dns",
	    .error = "no such name",
	    .order_is_over = true,
	    .parks = parks};

	assert_int_equal(take_one(accounts[0]), 1);
	assert_ok(renewal_queue_fail(st, &hold, &f, &e), &e);
	renewal_item_release(&item);
}

static void
test_fail(void **state)
{
	struct renewal_summary s;
	int64_t begin = test_now;

	(void)state;
	get(accounts[0], "a.example", 30 * DAY, true);
	test_now += 21 * DAY;
	assert_int_equal(update(), 1);
	fail_one(test_now + 60, false);
	assert_int_equal(take_one(accounts[0]), 0);
	test_now += 60;
	fail_one(test_now + 600, false);
	assert_ok(renewal_queue_of(st, 1, &item, &e), &e);
	assert_int_equal(item.past.attempts, 2);
	assert_int_equal(item.past.failing_since, begin + 21 * DAY);
	assert_string_equal(item.cause, "dns");
	assert_string_equal(item.error, "no such name");
	assert_false(item.is_parked);
	test_now += 600;
	fail_one(test_now + 600, true);
	test_now += 30 * DAY;
	assert_int_equal(take_one(accounts[0]), 0);
	assert_int_equal(update(), 0);
	assert_ok(renewal_queue_summarize(st, &s, &e), &e);
	assert_int_equal(s.parked, 1);
	assert_int_equal(s.waiting, 0);
	assert_int_equal(s.due, 0); /* it is waited for nothing */
	assert_ok(renewal_queue_add(st, 1, &e), &e);
	assert_int_equal(take_one(accounts[0]), 1);
	assert_int_equal(item.past.attempts, 0);
	assert_int_equal(item.past.failing_since, 0);
	assert_null(item.cause);
	assert_int_equal(item.why, RENEWAL_ASKED);
	renewal_item_release(&item);
	assert_ok(renewal_queue_summarize(st, &s, &e), &e);
	assert_int_equal(s.waiting, 1);
	assert_int_equal(s.held, 1);
	assert_int_equal(s.late, 0);
	assert_kind(renewal_queue_remove(st, 2, &e), KIND_NOTFOUND, &e);
}

/* What came otherwise ends what has failed, or was parked. */
static void
test_got_otherwise(void **state)
{
	struct renewal_configuration c;
	struct queue_hold late;

	(void)state;
	get(accounts[0], "a.example", 30 * DAY, true);
	for (int parks = 0; parks < 2; parks++) {
		test_now += 41 * DAY;
		assert_int_equal(update(), 1);
		fail_one(test_now + 600, parks);
		get(accounts[0], "a.example", 60 * DAY, true);
		assert_int_equal(N_QUEUED, 0);
	}
	test_now += 41 * DAY;
	assert_int_equal(update(), 1);
	/* What a process is at is its own to end. */
	fail_one(test_now, false);
	assert_int_equal(take_one(accounts[0]), 1);
	late = hold;
	test_now += 1;
	get(accounts[0], "a.example", 60 * DAY, true);
	assert_int_equal(N_QUEUED, 1);
	assert_ok(renewal_queue_done(st, &late, &e), &e);
	assert_int_equal(N_QUEUED, 0);
	/* A change may have mended it: it is tried at once. */
	assert_ok(renewal_queue_add(st, 1, &e), &e);
	fail_one(test_now + 600, true);
	c = load(1);
	assert_ok(renewal_configuration_set(st, &c, &e), &e);
	renewal_configuration_release(&c);
	assert_int_equal(take_one(accounts[0]), 1);
	assert_int_equal(item.past.attempts, 0);
	assert_int_equal(item.past.failing_since, 0);
	assert_null(item.error);
	renewal_item_release(&item);
}

/* Somebody asks when the certificate has come, but the item has not left. */
static void
test_asked_late(void **state)
{
	struct strv dns = {0};
	struct upstream_order_new n = wanted(accounts[0], &dns);
	int64_t order;

	(void)state;
	strv_add(&dns, "a.example");
	get(accounts[0], "a.example", 30 * DAY, true);
	assert_ok(renewal_queue_add(st, 1, &e), &e);
	assert_int_equal(take_one(accounts[0]), 1);
	assert_ok(renewal_queue_order(st, &hold, &n, &order, &e), &e);
	assert_ok(renewal_queue_add(st, 1, &e), &e);
	assert_ok(renewal_queue_of(st, 1, &item, &e), &e);
	assert_int_equal(item.upstream_order_id, order);
	assert_int_equal(item.lease_until, test_now + HOLD);
	test_now += 1;
	finish(order, "a.example", 30 * DAY, true);
	assert_ok(renewal_queue_add(st, 1, &e), &e);
	/* Who got it does not take with it what was asked for since. */
	assert_ok(renewal_queue_done(st, &hold, &e), &e);
	assert_int_equal(take_one(accounts[0]), 1);
	assert_int_equal(item.upstream_order_id, 0);
	assert_int_equal(item.why, RENEWAL_ASKED);
	strv_release(&dns);
	renewal_item_release(&item);
}

/* A run with a clock far ahead has written when to try again. */
static void
test_clock_step(void **state)
{
	int64_t cert;

	(void)state;
	run_sql("INSERT INTO upstream_cas (id, name, directory_url)"
		" VALUES (1, 'x', 'https://ca.example/dir')");
	cert = get(accounts[0], "a.example", 30 * DAY, true);
	assert_ok(renewal_queue_add(st, 1, &e), &e);
	test_now += 20 * DAY;
	fail_one(test_now + DAY, false);
	assert_ok(renewal_info_postpone(st, cert, 1, test_now + DAY, &e), &e);
	test_now -= 20 * DAY;
	assert_ok(clock_step_forget(st, &e), &e);
	assert_int_equal(take_one(accounts[0]), 1);
	assert_int_equal(item.past.failing_since, test_now);
	assert_int_equal(count("SELECT retry_at FROM renewal_infos"), test_now);
	/* What a run with the right clock has written stays. */
	test_now += HOLD;
	fail_one(test_now + DAY + DAY / 10, false);
	assert_ok(renewal_info_postpone(st, cert, 1, test_now + DAY, &e), &e);
	assert_ok(clock_step_forget(st, &e), &e);
	assert_int_equal(take_one(accounts[0]), 0);
	assert_int_equal(
	    count("SELECT retry_at FROM renewal_infos"), test_now + DAY);
	/* So does what a CA may ask for, and what is over. */
	run_sql("UPDATE renewal_queue SET cause = 'rate-limited',"
		" retry_at = retry_at + 25 * 86400");
	assert_ok(
	    renewal_info_postpone(st, cert, 1, RENEWAL_INFO_NEVER, &e), &e);
	assert_ok(clock_step_forget(st, &e), &e);
	assert_int_equal(take_one(accounts[0]), 0);
	assert_int_equal(
	    count("SELECT retry_at FROM renewal_infos"), RENEWAL_INFO_NEVER);
	run_sql("UPDATE renewal_queue SET retry_at = retry_at + 9 * 86400");
	assert_ok(clock_step_forget(st, &e), &e);
	assert_int_equal(take_one(accounts[0]), 1);
	renewal_item_release(&item);
}

/* A CA that is away: the item is put off, and has not failed itself. */
static void
put_off(int64_t retry_at)
{
	const struct queue_failure f = {.retry_at = retry_at,
	    .cause = "ca-unreachable",
	    .error = "nobody is there",
	    .is_of_ca = true};

	assert_int_equal(take_one(accounts[0]), 1);
	assert_ok(renewal_queue_fail(st, &hold, &f, &e), &e);
	renewal_item_release(&item);
}

/* No CA is left alone for longer than it has asked for itself. */
static void
test_clock_step_away(void **state)
{
	(void)state;
	get(accounts[0], "a.example", 30 * DAY, true);
	assert_ok(renewal_queue_add(st, 1, &e), &e);
	test_now += 20 * DAY;
	put_off(test_now + 3600);
	test_now -= 20 * DAY;
	assert_ok(clock_step_forget(st, &e), &e);
	assert_int_equal(take_one(accounts[0]), 1);
	assert_int_equal(item.past.failing_since, test_now);
	renewal_item_release(&item);
	test_now += HOLD;
	put_off(test_now + 3600);
	assert_ok(clock_step_forget(st, &e), &e);
	assert_int_equal(take_one(accounts[0]), 0);
}

/* What fails since the CA was away does so no more when it waits for a limit.
 */
static void
test_away_then_limit(void **state)
{
	const struct queue_wait w = {.retry_at = 1,
	    .cause = "rate-limited",
	    .error = "waits until then"};

	(void)state;
	get(accounts[0], "a.example", 30 * DAY, true);
	assert_ok(renewal_queue_add(st, 1, &e), &e);
	put_off(test_now);
	assert_int_equal(take_one(accounts[0]), 1);
	assert_int_equal(item.past.failing_since, test_now);
	renewal_item_release(&item);
	assert_ok(renewal_queue_put_back(st, &hold, &w, &e), &e);
	assert_int_equal(take_one(accounts[0]), 1);
	assert_int_equal(item.past.failing_since, 0);
	assert_string_equal(item.cause, "rate-limited");
	renewal_item_release(&item);
}

/* It is no time in which the item fails. */
static void
test_away_while_failing(void **state)
{
	int64_t begin;

	(void)state;
	get(accounts[0], "a.example", 30 * DAY, true);
	assert_ok(renewal_queue_add(st, 1, &e), &e);
	begin = test_now;
	fail_one(test_now, false);
	test_now += 60;
	put_off(test_now);
	test_now += DAY;
	put_off(test_now);
	test_now += DAY;
	assert_int_equal(take_one(accounts[0]), 1);
	assert_int_equal(queue_state_of(&item.past, item.error), QUEUE_FAILING);
	assert_int_equal(item.past.attempts, 1);
	assert_int_equal(item.past.failing_since, begin);
	assert_int_equal(item.past.away_since, begin + 60);
	assert_int_equal(
	    queue_failing_since(&item.past, test_now), begin + 2 * DAY);
	renewal_item_release(&item);
	assert_ok(renewal_queue_put_back(st, &hold,
		      &(struct queue_wait){.retry_at = test_now}, &e),
	    &e);
	fail_one(test_now, false);
	assert_int_equal(take_one(accounts[0]), 1);
	assert_int_equal(item.past.failing_since, begin + 2 * DAY);
	assert_int_equal(item.past.away_since, 0);
	renewal_item_release(&item);
}

/* The CA is not asked about it, and nobody waits for it to end. */
static void
is_out_of_sight(int64_t cert)
{
	int64_t other = get(accounts[0], "b.example", 60 * DAY, true);
	int64_t *ids, ends;
	size_t len;

	run_sql("INSERT INTO upstream_cas (id, name, directory_url)"
		" VALUES (1, 'x', 'https://ca.example/dir')");
	assert_ok(renewal_info_postpone(st, cert, 1, 0, &e), &e);
	assert_ok(renewal_info_postpone(st, other, 1, 0, &e), &e);
	assert_ok(renewal_info_settle(st, 1, test_now, &e), &e);
	assert_ok(
	    renewal_info_due(st, 1, test_now, SIZE_MAX, &ids, &len, &e), &e);
	assert_int_equal(len, 1);
	assert_int_equal(ids[0], other);
	free(ids);
	assert_int_equal(count("SELECT min(retry_at) FROM renewal_infos"), 0);
	assert_int_equal(
	    count("SELECT max(retry_at) FROM renewal_infos"), test_now + DAY);
	assert_ok(telling_next_expiry(st, &ends, &e), &e);
	assert_int_equal(ends, test_now + 60 * DAY);
}

/* What is parked is looked at by one process, and comes back, or does not. */
static void
test_parked(void **state)
{
	const int64_t until = test_now + 3600;
	int64_t account = 0, cert;

	(void)state;
	cert = get(accounts[0], "a.example", 30 * DAY, true);
	assert_ok(renewal_queue_add(st, 1, &e), &e);
	fail_one(test_now + 60, true);
	assert_int_equal(renewal_queue_next_parked(st, &account, &e), 0);
	test_now += 60;
	assert_int_equal(renewal_queue_next_parked(st, &account, &e), 1);
	assert_int_equal(account, accounts[0]);
	assert_int_equal(renewal_queue_next_parked(st, &account, &e), 0);
	assert_int_equal(take_one(accounts[0]), 0);
	is_out_of_sight(cert);
	assert_int_equal(renewal_queue_take_parked(
			     st, accounts[0], 0, until, &hold, &item, &e),
	    1);
	renewal_item_release(&item);
	assert_int_equal(renewal_queue_take_parked(
			     st, accounts[0], 0, until, &hold, &item, &e),
	    0);
	assert_ok(renewal_queue_put_back(st, &hold,
		      &(struct queue_wait){.retry_at = test_now + 60}, &e),
	    &e);
	assert_ok(renewal_queue_of(st, 1, &item, &e), &e);
	assert_true(item.is_parked);
	renewal_item_release(&item);
	for (int once = 0; once < 2; once++) {
		test_now += 60;
		assert_int_equal(renewal_queue_take_parked(st, accounts[0], 0,
				     until, &hold, &item, &e),
		    1);
		renewal_item_release(&item);
		assert_ok(renewal_queue_return(st, &hold, once, &e), &e);
		assert_int_equal(take_one(accounts[0]), 1);
		assert_int_equal(item.past.attempts, once);
		assert_int_equal(item.past.failing_since != 0, once);
		assert_ok(renewal_queue_put_back(st, &hold,
			      &(struct queue_wait){.retry_at = 0}, &e),
		    &e);
		fail_one(test_now + 60, true);
	}
}

static int
join(void *arg, const char *policy, struct err *err)
{
	(void)err;
	strv_add(arg, policy);
	return 0;
}

static void
test_policies(void **state)
{
	struct strv policies = {0};

	(void)state;
	get(accounts[0], "a.example", 30 * DAY, true);
	get(accounts[0], "b.example", 30 * DAY, true);
	assert_ok(renewal_queue_each_policy(st, join, &policies, &e), &e);
	assert_int_equal(policies.len, 0);
	test_now += 25 * DAY;
	assert_int_equal(update(), 2);
	assert_ok(renewal_queue_each_policy(st, join, &policies, &e), &e);
	assert_int_equal(policies.len, 1);
	assert_string_equal(policies.v[0], "{\"a\":1}");
	strv_release(&policies);
}

/* A window that is pulled forward moves what is queued. */
static void
test_pulled(void **state)
{
	const int64_t cert = get(accounts[0], "a.example", 30 * DAY, true);
	struct renewal_info info = {.certificate_id = cert,
	    .upstream_ca_id = 1,
	    .window_start = test_now - 60,
	    .window_end = test_now - 30,
	    .chosen = test_now - 45};

	(void)state;
	run_sql("INSERT INTO upstream_cas (id, name, directory_url)"
		" VALUES (1, 'x', 'https://ca.example/dir')");
	test_now += 21 * DAY;
	assert_int_equal(update(), 1);
	assert_ok(renewal_info_keep(st, &info, &e), &e);
	assert_int_equal(take_one(accounts[0]), 1);
	assert_int_equal(item.window_end, info.window_end);
	assert_int_equal(item.why, RENEWAL_WINDOW);
	renewal_item_release(&item);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, store_teardown)

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_rule),
    cmocka_unit_test(test_rule_window),
    cmocka_unit_test(test_rule_part),
    cmocka_unit_test(test_rule_names),
    TEST(test_arrives),
    TEST(test_refresh),
    TEST(test_duplicate),
    TEST(test_compromised),
    TEST(test_switch),
    TEST(test_configurations),
    TEST(test_update),
    TEST(test_hold),
    TEST(test_order),
    TEST(test_fail),
    TEST(test_got_otherwise),
    TEST(test_asked_late),
    TEST(test_clock_step),
    TEST(test_clock_step_away),
    TEST(test_away_then_limit),
    TEST(test_away_while_failing),
    TEST(test_parked),
    TEST(test_policies),
    TEST(test_pulled),
};

UNIT_MAIN(tests)
