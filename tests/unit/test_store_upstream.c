/* Orders at other CAs: every move, and who may make it. */
#include "store.h"

#include "store/domain.h"
#include "store/lineage.h"
#include "store/purge.h"
#include "store/renewal_info.h"
#include "store/upstream_account.h"
#include "store/upstream_authorization.h"
#include "store/upstream_ca.h"
#include "store/upstream_order.h"
#include "store/upstream_request.h"
#include "wrap/seal.h"

#define HOLD 60

static struct strv dns, ip;
static int64_t account;
static const struct seal_key seal_key = {.bytes = "account", .id = "one"};
static struct upstream_order_hold hold;

static int
setup(void **state)
{
	const struct upstream_account_new n = {
	    .directory_url = "https://ca.example/dir",
	    .url = "https://ca.example/acct/1",
	    .source = "import"};
	struct upstream_account_new with_key = n;
	struct key *k;
	bool created;
	int rc = store_setup(state);

	if (rc < 0)
		return rc;
	k = key_generate(KEY_P256, 0, &e);
	with_key.key = k;
	assert_ok(upstream_account_add(
		      st, &with_key, &seal_key, &account, &created, &e),
	    &e);
	key_free(k);
	strv_add(&dns, "a.example");
	strv_add(&dns, "*.a.example");
	strv_add(&ip, "192.0.2.1");
	return 0;
}

static int
teardown(void **state)
{
	strv_release(&dns);
	strv_release(&ip);
	return store_teardown(state);
}

static struct upstream_order_new
wanted(void)
{
	return (struct upstream_order_new){.upstream_account_id = account,
	    .dns = &dns,
	    .ip = &ip,
	    .policy = "{}"};
}

static int64_t
create(void)
{
	const struct upstream_order_new n = wanted();
	int64_t id;
	bool created;

	assert_ok(upstream_order_create(st, &n, &id, &created, &e), &e);
	assert_true(created);
	return id;
}

static struct upstream_order
load(void)
{
	struct upstream_order o;

	assert_ok(upstream_order_by_id(st, hold.id, &o, &e), &e);
	return o;
}

static enum upstream_order_status
status(void)
{
	struct upstream_order o = load();
	enum upstream_order_status s = o.status;

	upstream_order_release(&o);
	return s;
}

static void
take(int64_t id)
{
	assert_ok(upstream_order_take(st, id, HOLD, &hold, &e), &e);
}

/* newOrder was answered: two authorizations. */
static void
place(const char *url)
{
	struct strv urls = {0};
	const struct upstream_order_answer a = {
	    .status = UPSTREAM_ORDER_PENDING,
	    .url = url,
	    .finalize_url = "https://ca.example/f/1",
	    .authorizations = &urls,
	    .expires = test_now + 3600};

	strv_add(&urls, "https://ca.example/z/1");
	strv_add(&urls, "https://ca.example/z/2");
	assert_ok(upstream_order_learn(st, &hold, &a, &e), &e);
	strv_release(&urls);
}

static void
move_to(enum upstream_order_status to)
{
	const struct upstream_order_answer a = {
	    .status = to, .certificate_url = "https://ca.example/c/1"};

	assert_ok(upstream_order_learn(st, &hold, &a, &e), &e);
}

static void
test_create(void **state)
{
	struct upstream_order_new n = wanted();
	struct strv d = {0}, i = {0};
	struct domain domain;
	int64_t id = create(), other;
	bool created;

	(void)state;
	assert_ok(upstream_order_names(st, id, &d, &i, &e), &e);
	strv_sort_unique(&dns);
	assert_true(strv_equal(&d, &dns));
	assert_true(strv_equal(&i, &ip));
	n.resume = true;
	assert_ok(upstream_order_create(st, &n, &other, &created, &e), &e);
	assert_false(created);
	assert_int_equal(other, id);
	n.policy = "{\"a\":1}";
	assert_ok(upstream_order_create(st, &n, &other, &created, &e), &e);
	assert_true(created);
	n.upstream_account_id = account + 1;
	assert_kind(upstream_order_create(st, &n, &other, &created, &e),
	    KIND_CONFLICT, &e);
	assert_ok(domain_by_value(st, "a.example", &domain, &e), &e);
	assert_ok(domain_set_active(st, domain.id, false, &e), &e);
	n.upstream_account_id = account;
	assert_kind(upstream_order_create(st, &n, &other, &created, &e),
	    KIND_DENIED, &e);
	strv_release(&d);
	strv_release(&i);
}

/* Only one works on an order; one who was too slow stores nothing. */
static void
test_hold(void **state)
{
	struct upstream_order_hold late;
	int64_t id = create();

	(void)state;
	take(id);
	assert_kind(
	    upstream_order_take(st, id, HOLD, &late, &e), KIND_BUSY, &e);
	assert_kind(upstream_order_take(st, id + 1, HOLD, &late, &e),
	    KIND_NOTFOUND, &e);
	late = hold;
	test_now += HOLD - 1;
	assert_ok(upstream_order_wait(st, &hold, 0, NULL, NULL, &e), &e);
	test_now += HOLD - 1;
	assert_kind(
	    upstream_order_take(st, id, HOLD, &hold, &e), KIND_BUSY, &e);
	hold = late;
	test_now += 1;
	take(id);
	assert_int_equal(hold.lease, late.lease + 1);
	assert_kind(
	    upstream_order_wait(st, &late, 0, NULL, NULL, &e), KIND_BUSY, &e);
	assert_ok(upstream_order_leave(st, &late, &e), &e);
	assert_kind(
	    upstream_order_take(st, id, HOLD, &late, &e), KIND_BUSY, &e);
	assert_ok(upstream_order_leave(st, &hold, &e), &e);
	take(id);
	/* The clock was set back: the hold is longer than any can be. */
	test_now -= 2 * UPSTREAM_ORDER_HOLD_MAX;
	take(id);
}

static void
test_learn(void **state)
{
	static const char url[] = "https://ca.example/o/1";
	const struct upstream_order_answer again = {
	    .status = UPSTREAM_ORDER_PENDING, .url = url};
	struct upstream_order o;

	(void)state;
	take(create());
	assert_kind(upstream_order_set_request(st, &hold, 0, 77, &e),
	    KIND_CONFLICT, &e);
	place(url);
	assert_kind(
	    upstream_order_learn(st, &hold, &again, &e), KIND_CONFLICT, &e);
	assert_kind(upstream_order_drop_request(st, &hold, 0, "no", &e),
	    KIND_CONFLICT, &e);
	move_to(UPSTREAM_ORDER_PENDING);
	move_to(UPSTREAM_ORDER_PENDING);
	o = load();
	assert_int_equal(o.attempts, 2);
	assert_string_equal(o.url, url);
	assert_string_equal(o.finalize_url, "https://ca.example/f/1");
	assert_int_equal(o.expires, test_now + 3600);
	upstream_order_release(&o);
	assert_ok(upstream_order_wait(
		      st, &hold, test_now + 5, "rate-limited", "later", &e),
	    &e);
	o = load();
	assert_int_equal(o.attempts, 3);
	assert_string_equal(o.cause, "rate-limited");
	assert_int_equal(o.retry_at, test_now + 5);
	upstream_order_release(&o);
	move_to(UPSTREAM_ORDER_READY);
	o = load();
	assert_int_equal(o.attempts, 0);
	assert_null(o.cause);
	upstream_order_release(&o);
	/* Another row cannot have the same one, unless this is over. */
	take(create());
	assert_kind(
	    upstream_order_learn(st, &hold, &again, &e), KIND_CONFLICT, &e);
	hold.id--;
	test_now += 2 * HOLD;
	take(hold.id);
	assert_ok(upstream_order_fail(
		      st, &hold, UPSTREAM_ORDER_CANCELLED, NULL, "by hand", &e),
	    &e);
	take(hold.id + 1);
	assert_ok(upstream_order_learn(st, &hold, &again, &e), &e);
}

static void
test_replaces(void **state)
{
	struct upstream_order_new n = wanted();
	struct cert_list chain = {0};
	int64_t id;
	bool created;

	(void)state;
	make_chain("a.example", test_now + 86400, &chain);
	n.replaces_id = add_certificate(&chain, "import", 0);
	assert_ok(upstream_order_create(st, &n, &id, &created, &e), &e);
	take(id);
	assert_ok(upstream_order_drop_replaces(st, &hold, "no", &e), &e);
	assert_kind(upstream_order_drop_replaces(st, &hold, "no", &e),
	    KIND_CONFLICT, &e);
	cert_list_release(&chain);
}

static void
test_finish(void **state)
{
	struct cert_list chain = {0};
	struct strv urls = {0};
	struct upstream_order o;
	int64_t id;

	(void)state;
	strv_add(&urls, "https://ca.example/c/1/1");
	strv_add(&urls, "https://ca.example/c/1/2");
	make_chain("a.example", test_now + 86400, &chain);
	take(create());
	place("https://ca.example/o/1");
	assert_kind(
	    upstream_order_finish(st, &hold, &chain, &urls, false, &id, &e),
	    KIND_CONFLICT, &e);
	assert_int_equal(count("SELECT count(*) FROM certificates"), 0);
	move_to(UPSTREAM_ORDER_PROCESSING);
	move_to(UPSTREAM_ORDER_ISSUED);
	assert_kind(upstream_order_add_chain(st, &hold, &chain, true, &e),
	    KIND_CONFLICT, &e);
	assert_ok(
	    upstream_order_finish(st, &hold, &chain, &urls, false, &id, &e),
	    &e);
	o = load();
	assert_int_equal(o.status, UPSTREAM_ORDER_VALID);
	assert_int_equal(o.certificate_id, id);
	assert_string_equal(
	    o.alternates, "https://ca.example/c/1/1\nhttps://ca.example/c/1/2");
	upstream_order_release(&o);
	assert_ok(upstream_order_add_chain(st, &hold, NULL, true, &e), &e);
	o = load();
	assert_string_equal(o.alternates, "https://ca.example/c/1/2");
	upstream_order_release(&o);
	assert_ok(upstream_order_add_chain(st, &hold, &chain, true, &e), &e);
	o = load();
	assert_null(o.alternates);
	upstream_order_release(&o);
	assert_kind(upstream_order_add_chain(st, &hold, &chain, true, &e),
	    KIND_CONFLICT, &e);
	assert_kind(upstream_order_fail(
			st, &hold, UPSTREAM_ORDER_INVALID, NULL, "x", &e),
	    KIND_CONFLICT, &e);
	/* As if it had been asked for as it came. */
	run_sql("INSERT INTO certificate_requests (sha256, der, spki_sha256,"
		" fqdn_set_id, source, created) SELECT sha256, der,"
		" spki_sha256, fqdn_set_id, 'order', 0 FROM certificates");
	run_sql("UPDATE upstream_orders SET certificate_request_id = 1,"
		" fqdn_set_id = (SELECT fqdn_set_id FROM certificates)");
	assert_sound();
	cert_list_release(&chain);
	strv_release(&urls);
}

/* ---- what follows what ----------------------------------------------------
 */

/* An order for a.example that is done, and ends then; its certificate. */
static int64_t
get_certificate(int64_t not_after)
{
	static const struct strv none;
	static int n;
	struct cert_list chain = {0};
	struct strv one = {0};
	struct upstream_order_new new = wanted();
	char url[40];
	int64_t id, order;
	bool created;

	strv_add(&one, "a.example");
	new.dns = &one;
	new.ip = &none;
	assert_ok(upstream_order_create(st, &new, &order, &created, &e), &e);
	take(order);
	snprintf(url, sizeof(url), "https://ca.example/done/%d", ++n);
	place(url);
	move_to(UPSTREAM_ORDER_ISSUED);
	make_chain("a.example", not_after, &chain);
	assert_ok(
	    upstream_order_finish(st, &hold, &chain, NULL, true, &id, &e), &e);
	cert_list_release(&chain);
	strv_release(&one);
	return id;
}

/* An order for a.example; what it replaces. */
static int64_t
followed(int64_t by_account, int64_t *order)
{
	static const struct strv none;
	struct strv one = {0};
	struct upstream_order_new new = wanted();
	struct upstream_order o;
	int64_t id;
	bool created;

	strv_add(&one, "a.example");
	new.upstream_account_id = by_account;
	new.dns = &one;
	new.ip = &none;
	new.follows = true;
	assert_ok(upstream_order_create(st, &new, order, &created, &e), &e);
	assert_ok(upstream_order_by_id(st, *order, &o, &e), &e);
	id = o.replaces_id;
	upstream_order_release(&o);
	strv_release(&one);
	return id;
}

/* That order is over, so that it replaces nothing. */
static void
give_up(int64_t order)
{
	take(order);
	assert_ok(upstream_order_fail(
		      st, &hold, UPSTREAM_ORDER_CANCELLED, NULL, "x", &e),
	    &e);
}

static int64_t
other_account(void)
{
	const struct upstream_account_new n = {
	    .directory_url = "https://ca.example/dir",
	    .url = "https://ca.example/acct/2",
	    .source = "import"};
	struct upstream_account_new with_key = n;
	struct key *k = key_generate(KEY_P256, 0, &e);
	int64_t id;
	bool created;

	with_key.key = k;
	assert_ok(
	    upstream_account_add(st, &with_key, &seal_key, &id, &created, &e),
	    &e);
	key_free(k);
	return id;
}

static void
test_follows(void **state)
{
	int64_t first, last, order, other = other_account();

	(void)state;
	assert_int_equal(followed(account, &order), 0);
	give_up(order);
	first = get_certificate(test_now + 1000);
	last = get_certificate(test_now + 2000);
	assert_int_equal(followed(other, &order), 0);
	assert_int_equal(followed(account, &order), last);
	assert_int_equal(count("SELECT count(*) FROM events WHERE detail LIKE"
			       " 'replaces certificate/%'"),
	    1);
	/* It is being replaced: the one before is left. */
	assert_int_equal(followed(account, &(int64_t){0}), first);
	give_up(order);
	assert_int_equal(followed(account, &order), last);
	give_up(order);
	assert_ok(certificate_set_active(st, last, false, &e), &e);
	assert_int_equal(followed(account, &order), 0);
	assert_ok(certificate_set_active(st, last, true, &e), &e);
	test_now += 2000;
	assert_int_equal(followed(account, &order), 0);
}

/* What was imported follows the account that its former client had. */
static void
test_follows_import(void **state)
{
	struct lineage_new l = {.source = "certbot",
	    .name = "a.example",
	    .settings = "{}",
	    .upstream_account_id = account};
	struct cert_list chain = {0};
	struct upstream_order o;
	int64_t id, order, lineage;
	char *directory;
	bool created;

	(void)state;
	make_chain("a.example", test_now + 1000, &chain);
	id = add_certificate(&chain, "import", 0);
	cert_list_release(&chain);
	assert_int_equal(followed(account, &order), 0);
	assert_kind(
	    renewal_info_directory(st, id, &directory, &e), KIND_DENIED, &e);
	assert_ok(upstream_order_by_id(st, order, &o, &e), &e);
	l.fqdn_set_id = o.fqdn_set_id;
	upstream_order_release(&o);
	assert_ok(lineage_add(st, &l, &lineage, &created, &e), &e);
	assert_int_equal(followed(account, &order), id);
	assert_ok(renewal_info_directory(st, id, &directory, &e), &e);
	assert_string_equal(directory, "https://ca.example/dir");
	free(directory);
}

/* ---- renewal information --------------------------------------------------
 */

static size_t
due(int64_t ca, size_t max, int64_t *first)
{
	int64_t *ids;
	size_t len;

	assert_ok(renewal_info_due(st, ca, test_now, max, &ids, &len, &e), &e);
	*first = len > 0 ? ids[0] : 0;
	free(ids);
	return len;
}

static void
test_renewal_info(void **state)
{
	struct renewal_info r;
	int64_t ca, other, a, b, c, first;

	(void)state;
	assert_ok(
	    upstream_ca_add(st, "one", "https://ca.example/dir", NULL, &ca, &e),
	    &e);
	assert_ok(upstream_ca_add(
		      st, "two", "https://other.example/dir", NULL, &other, &e),
	    &e);
	a = get_certificate(test_now + 1000);
	b = get_certificate(test_now + 100000);
	c = get_certificate(test_now + 100000);
	assert_int_equal(due(ca, 10, &first), 3);
	assert_int_equal(due(ca, 2, &first), 2);
	assert_int_equal(first, a);
	assert_int_equal(due(other, 10, &first), 0);
	assert_ok(renewal_info_postpone(st, a, ca, test_now + 10, &e), &e);
	assert_int_equal(due(ca, 10, &first), 2);
	assert_int_equal(first, b);
	test_now += 10;
	assert_int_equal(due(ca, 10, &first), 3);
	/* What is over, and what may come back. */
	assert_ok(certificate_set_active(st, b, false, &e), &e);
	test_now += 1000;
	assert_ok(renewal_info_settle(st, ca, test_now, &e), &e);
	assert_int_equal(due(ca, 10, &first), 1);
	assert_int_equal(first, c);
	assert_ok(renewal_info_load(st, a, &r, &e), &e);
	assert_true(r.retry_at == RENEWAL_INFO_NEVER);
	renewal_info_release(&r);
	assert_ok(renewal_info_load(st, b, &r, &e), &e);
	assert_int_equal(r.retry_at, test_now + 86400);
	renewal_info_release(&r);
	/* Replaced. */
	run_sql("UPDATE upstream_orders SET replaces_id ="
		" (SELECT max(id) FROM certificates) WHERE id ="
		" (SELECT min(id) FROM upstream_orders)");
	assert_ok(renewal_info_settle(st, ca, test_now, &e), &e);
	assert_int_equal(due(ca, 10, &first), 0);
}

/* A page after the other, each certificate once. */
static void
test_renewal_info_pages(void **state)
{
	int64_t ca, first;
	char sql[500];

	(void)state;
	assert_ok(
	    upstream_ca_add(st, "one", "https://ca.example/dir", NULL, &ca, &e),
	    &e);
	get_certificate(test_now + 1000);
	snprintf(sql, sizeof(sql),
	    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
	    " WHERE i < 2500) INSERT INTO certificates (sha256, serial,"
	    " not_before, not_after, der, spki_sha256, source, created, status)"
	    " SELECT %s, serial, not_before, not_after, der, spki_sha256,"
	    " source, created, status FROM certificates, n",
	    engine_is_other() ? "decode(md5(CAST(n.i AS TEXT)), 'hex')"
			      : "randomblob(32)");
	run_sql(sql);
	run_sql("INSERT INTO renewal_infos SELECT c.id, i.upstream_ca_id, 0, 0,"
		" 0, NULL, 0, c.id % 7 FROM certificates c, renewal_infos i"
		" WHERE c.id <> i.certificate_id");
	assert_int_equal(due(ca, SIZE_MAX, &first), 2501);
	assert_int_equal(due(ca, 1500, &first), 1500);
	assert_int_equal(due(ca, 1000, &first), 1000);
}

/* Of those that are over, what is old and of no use goes. */
static void
test_purge(void **state)
{
	struct purge how = PURGE_DEFAULT;
	struct cert_list chain = {0};
	struct upstream_request r = {.upstream_account_id = account,
	    .endpoint = "newOrder",
	    .status = 201,
	    .retry_after = -1};
	struct upstream_order_new again = wanted();
	struct purge_result removed;
	int64_t start = test_now, certificate, valid, other;
	bool created;

	(void)state;
	how.batch = 2; /* as many pages as there can be */
	how.event_age = 0;
	make_chain("a.example", start + 100 * 86400, &chain);
	take(create());
	valid = hold.id;
	place("https://ca.example/o/1");
	move_to(UPSTREAM_ORDER_PROCESSING);
	move_to(UPSTREAM_ORDER_ISSUED);
	assert_ok(upstream_order_finish(
		      st, &hold, &chain, NULL, true, &certificate, &e),
	    &e);
	assert_ok(upstream_ca_add(st, "one", "https://other.example/dir", NULL,
		      &r.upstream_ca_id, &e),
	    &e);
	r.upstream_order_id = valid;
	assert_ok(upstream_request_add(st, &r, &e), &e);
	for (int i = 0; i < 3; i++) {
		take(create());
		assert_ok(upstream_order_fail(
			      st, &hold, UPSTREAM_ORDER_INVALID, NULL, "x", &e),
		    &e);
	}
	again.retry_of_id = hold.id;
	assert_ok(upstream_order_create(st, &again, &other, &created, &e), &e);
	test_now = start + 89 * 86400;
	assert_ok(purge_run(st, &how, &removed, &e), &e);
	assert_int_equal(removed.upstream_orders, 0);
	/* The certificate is valid still; the last was not tried yet. */
	test_now = start + 91 * 86400;
	assert_ok(purge_run(st, &how, &removed, &e), &e);
	assert_int_equal(removed.upstream_orders, 3);
	assert_int_equal(count("SELECT count(*) FROM upstream_orders"), 2);
	assert_int_equal(count("SELECT count(*) FROM upstream_orders"
			       " WHERE retry_of_id IS NOT NULL"),
	    0);
	test_now = start + 101 * 86400;
	assert_ok(purge_run(st, &how, &removed, &e), &e);
	assert_int_equal(removed.upstream_orders, 1);
	assert_int_equal(count("SELECT count(*) FROM certificates"), 1);
	assert_int_equal(
	    count("SELECT count(*) FROM upstream_authorizations"), 0);
	/* The log stays. */
	assert_int_equal(count("SELECT count(*) FROM upstream_requests"
			       " WHERE upstream_order_id IS NULL"),
	    1);
	cert_list_release(&chain);
}

static void
check_broken(const char *sql, const char *want)
{
	struct strv problems = {0};
	bool found = false;

	run_sql(sql);
	assert_ok(check_run(st, &problems, &e), &e);
	for (size_t i = 0; i < problems.len; i++)
		found = found || strcmp(problems.v[i], want) == 0;
	if (!found)
		fail_msg("nobody says: %s", want);
	strv_release(&problems);
}

static void
add_other_account(void)
{
	struct upstream_account_new n = {
	    .source = "import", .directory_url = "https://other.example/dir"};
	struct key *k = key_generate(KEY_P256, 0, &e);
	int64_t id;
	bool created;

	n.key = k;
	assert_ok(
	    upstream_account_add(st, &n, &seal_key, &id, &created, &e), &e);
	key_free(k);
}

/* Each is put right again by the next line. */
static void
test_check(void **state)
{
	struct cert_list chain = {0};
	int64_t id;

	(void)state;
	make_chain("a.example", test_now + 86400, &chain);
	take(create());
	place("https://ca.example/o/1");
	run_sql("UPDATE upstream_authorizations SET status = 'pending',"
		" domain_id = 1");
	assert_sound();
	check_broken("UPDATE upstream_authorizations SET domain_id = NULL"
		     " WHERE id = 2",
	    "upstream_authorization/2: pending or invalid, but for no name");
	run_sql("UPDATE upstream_authorizations SET domain_id = 1");
	check_broken("UPDATE upstream_orders SET finalize_url = NULL",
	    "upstream_order/1: without the URL of its next step");
	run_sql("UPDATE upstream_orders SET finalize_url = 'f'");
	add_other_account();
	check_broken("UPDATE upstream_authorizations SET upstream_account_id ="
		     " (SELECT max(id) FROM upstream_accounts) WHERE id = 2",
	    "upstream_order/1: an authorization is of another account");
	run_sql("UPDATE upstream_authorizations SET upstream_account_id ="
		" (SELECT min(id) FROM upstream_accounts)");
	run_sql("INSERT INTO upstream_challenges (upstream_authorization_id,"
		" type, url, token, status) VALUES (1, 'http-01', 'u', 't',"
		" 'valid')");
	check_broken("UPDATE upstream_authorizations SET status = 'invalid'"
		     " WHERE id = 1",
	    "upstream_authorization/1: invalid, but a challenge is valid");
	run_sql("UPDATE upstream_challenges SET status = 'pending'");
	check_broken("INSERT INTO challenge_answers VALUES ('t', 't.x', NULL,"
		     " 1, 1, 2)",
	    "upstream_challenge/1: answered, though it is not in place");
	run_sql("DELETE FROM challenge_answers");
	move_to(UPSTREAM_ORDER_PROCESSING);
	check_broken("UPDATE upstream_orders SET status = 'processing'",
	    "upstream_order/1: processing or later, but without a request");
	move_to(UPSTREAM_ORDER_ISSUED);
	assert_ok(
	    upstream_order_finish(st, &hold, &chain, NULL, false, &id, &e), &e);
	run_sql("INSERT INTO certificate_requests (sha256, der, spki_sha256,"
		" fqdn_set_id, source, created) SELECT sha256, der,"
		" spki_sha256, fqdn_set_id, 'order', 0 FROM certificates");
	check_broken("UPDATE upstream_orders SET certificate_request_id = 1",
	    "upstream_order/1: its certificate has other names");
	run_sql("UPDATE upstream_orders SET"
		" fqdn_set_id = (SELECT fqdn_set_id FROM certificates)");
	assert_sound();
	check_broken("UPDATE certificate_requests SET spki_sha256 = sha256",
	    "upstream_order/1: its certificate is for another key than its "
	    "request");
	run_sql("UPDATE certificate_requests SET spki_sha256 ="
		" (SELECT spki_sha256 FROM certificates)");
	check_broken("DELETE FROM upstream_order_authorizations"
		     " WHERE position = 1",
	    "upstream_authorization/2: of no order");
	check_broken("UPDATE upstream_orders SET status = 'pending',"
		     " certificate_id = NULL, url = 'o'",
	    "upstream_authorization/2: of no order");
	check_broken("DELETE FROM upstream_order_authorizations",
	    "upstream_order/1: pending, but without an authorization");
	cert_list_release(&chain);
}

/* What is in place must be taken away first. */
static void
test_purge_in_place(void **state)
{
	struct purge how = PURGE_DEFAULT;
	struct purge_result removed;

	(void)state;
	take(create());
	place("https://ca.example/o/1");
	run_sql("INSERT INTO upstream_challenges (upstream_authorization_id,"
		" type, url, token, status, place, solver) VALUES (1,"
		" 'http-01', 'https://ca.example/h/1', 't', 'pending',"
		" 'placed', 'answer')");
	assert_ok(upstream_order_fail(
		      st, &hold, UPSTREAM_ORDER_INVALID, NULL, "x", &e),
	    &e);
	test_now += 200 * 86400;
	assert_ok(purge_run(st, &how, &removed, &e), &e);
	assert_int_equal(removed.upstream_orders, 0);
	run_sql("UPDATE upstream_challenges SET place = 'none', solver = NULL");
	assert_ok(purge_run(st, &how, &removed, &e), &e);
	assert_int_equal(removed.upstream_orders, 1);
	assert_int_equal(count("SELECT count(*) FROM upstream_challenges"), 0);
}

static struct upstream_authorizations
authorizations(void)
{
	struct upstream_authorizations l;

	assert_ok(upstream_authorization_by_order(st, hold.id, &l, &e), &e);
	return l;
}

/* The first authorization is for *.a.example, with these challenges. */
static void
learn_first(enum upstream_authorization_status to, size_t challenges)
{
	static const struct upstream_challenge_answer offered[] = {
	    {"dns-01", "https://ca.example/h/1", "tokendns",
		UPSTREAM_CHALLENGE_PENDING, NULL},
	    {"strange-01", "https://ca.example/h/2", NULL,
		UPSTREAM_CHALLENGE_PENDING, "why"},
	};
	const struct upstream_authorization_answer a = {.status = to,
	    .type = IDENTIFIER_DNS,
	    .value = "*.a.example",
	    .challenges = offered,
	    .challenges_len = challenges};
	struct upstream_authorizations l = authorizations();

	assert_ok(
	    upstream_authorization_learn(st, &hold, l.v[0].id, &a, &e), &e);
	upstream_authorizations_release(&l);
}

static void
test_authorizations(void **state)
{
	static const struct upstream_challenge_move placing = {
	    .to = UPSTREAM_PLACE_PLACING, .solver = "hook:/x"};
	struct upstream_authorizations l;
	struct upstream_challenge *c;
	bool shared;

	(void)state;
	take(create());
	place("https://ca.example/o/1");
	l = authorizations();
	assert_int_equal(l.len, 2);
	assert_string_equal(l.v[1].url, "https://ca.example/z/2");
	assert_int_equal(l.v[0].status, UPSTREAM_AUTHORIZATION_UNKNOWN);
	assert_null(l.v[0].value);
	upstream_authorizations_release(&l);
	learn_first(UPSTREAM_AUTHORIZATION_PENDING, 2);
	learn_first(UPSTREAM_AUTHORIZATION_PENDING, 2);
	l = authorizations();
	assert_string_equal(l.v[0].value, "*.a.example");
	assert_int_equal(l.v[0].attempts, 1);
	assert_int_equal(l.v[0].challenges_len, 2);
	c = &l.v[0].challenges[0];
	assert_string_equal(c->type, "dns-01");
	assert_string_equal(l.v[0].challenges[1].token, "");
	assert_ok(
	    upstream_challenge_move(st, &hold, &l.v[0], 0, &placing, &e), &e);
	assert_kind(
	    upstream_challenge_move(st, &hold, &l.v[0], 0, &placing, &e),
	    KIND_CONFLICT, &e);
	assert_ok(upstream_authorization_wait(
		      st, &hold, l.v[0].id, test_now + 9, "dns", "x", &e),
	    &e);
	upstream_authorizations_release(&l);
	learn_first(UPSTREAM_AUTHORIZATION_VALID, 1);
	l = authorizations();
	assert_int_equal(l.v[0].attempts, 0);
	assert_int_equal(l.v[0].challenges[1].status, UPSTREAM_CHALLENGE_GONE);
	assert_int_equal(l.v[0].challenges[0].place, UPSTREAM_PLACE_PLACING);
	assert_string_equal(l.v[0].challenges[0].solver, "hook:/x");
	/* Another order with the same authorizations asks for them again. */
	assert_ok(upstream_authorization_is_shared(
		      st, l.v[0].id, hold.id, &shared, &e),
	    &e);
	assert_false(shared);
	take(create());
	place("https://ca.example/o/2");
	assert_ok(upstream_authorization_is_shared(
		      st, l.v[0].id, hold.id, &shared, &e),
	    &e);
	assert_true(shared);
	upstream_authorizations_release(&l);
	l = authorizations();
	assert_int_equal(l.v[0].status, UPSTREAM_AUTHORIZATION_UNKNOWN);
	assert_ok(upstream_authorization_set_status(
		      st, &hold, l.v[0].id, UPSTREAM_AUTHORIZATION_GONE, &e),
	    &e);
	upstream_authorizations_release(&l);
	l = authorizations();
	assert_int_equal(l.v[0].status, UPSTREAM_AUTHORIZATION_GONE);
	upstream_authorizations_release(&l);
}

static int
add_up(void *arg, const struct upstream_order *o, struct err *err)
{
	(void)err;
	*(int64_t *)arg += o->id;
	return 0;
}

static void
test_each(void **state)
{
	struct upstream_order_filter f = {.status = UPSTREAM_ORDER__MAX};
	int64_t sum = 0, n = 450;

	(void)state;
	for (int64_t i = 0; i < n; i++)
		create();
	assert_ok(upstream_order_each(st, &f, add_up, &sum, &e), &e);
	assert_int_equal(sum, n * (n + 1) / 2);
	take(7);
	assert_ok(upstream_order_fail(
		      st, &hold, UPSTREAM_ORDER_INVALID, "dns", "x", &e),
	    &e);
	assert_int_equal(status(), UPSTREAM_ORDER_INVALID);
	sum = 0;
	f.status = UPSTREAM_ORDER_INVALID;
	f.upstream_account_id = account;
	assert_ok(upstream_order_each(st, &f, add_up, &sum, &e), &e);
	assert_int_equal(sum, 7);
	sum = 0;
	f.upstream_account_id = account + 1;
	assert_ok(upstream_order_each(st, &f, add_up, &sum, &e), &e);
	assert_int_equal(sum, 0);
}

static void
test_words(void **state)
{
	enum upstream_authorization_status a;
	enum upstream_challenge_status c;
	enum upstream_order_status o;

	(void)state;
	for (int i = 0; i < UPSTREAM_ORDER__MAX; i++) {
		assert_int_equal(upstream_order_status_by_name(
				     upstream_order_status_name(
					 (enum upstream_order_status)i),
				     &o),
		    0);
		assert_int_equal(o, i);
	}
	assert_int_equal(upstream_order_status_by_name("x", &o), -1);
	assert_int_equal(
	    upstream_authorization_status_by_name("unknown", &a), -1);
	assert_int_equal(upstream_authorization_status_by_name("valid", &a), 0);
	assert_int_equal(a, UPSTREAM_AUTHORIZATION_VALID);
	assert_int_equal(upstream_challenge_status_by_name("gone", &c), -1);
	assert_int_equal(upstream_challenge_status_by_name("invalid", &c), 0);
	assert_int_equal(c, UPSTREAM_CHALLENGE_INVALID);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest tests[] = {
    TEST(test_create),
    TEST(test_hold),
    TEST(test_learn),
    TEST(test_replaces),
    TEST(test_finish),
    TEST(test_follows),
    TEST(test_follows_import),
    TEST(test_renewal_info),
    TEST(test_renewal_info_pages),
    TEST(test_authorizations),
    TEST(test_check),
    TEST(test_purge),
    TEST(test_purge_in_place),
    TEST(test_each),
    TEST(test_words),
};

UNIT_MAIN(tests)
