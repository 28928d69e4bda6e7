/* Names that wait for a certificate: the queue, templates, the blocklist. */
#include "store.h"

#include "store/blocked_name.h"
#include "store/domain.h"
#include "store/domain_queue_work.h"
#include "store/domain_template.h"
#include "store/upstream_account.h"
#include "store/upstream_order.h"
#include "wrap/seal.h"

#define HOLD 60
#define DEFAULT 1 /* the template that is there */

static int64_t account;
static const struct strv no_address;

static int
setup(void **state)
{
	static const struct seal_key seal_key = {
	    .bytes = "account", .id = "one"};
	struct upstream_account_new n = {
	    .directory_url = "https://ca.example/dir",
	    .url = "https://ca.example/1",
	    .source = "import"};
	int rc = store_setup(state);
	struct key *k;
	bool created;

	if (rc < 0)
		return rc;
	k = key_generate(KEY_P256, 0, &e);
	n.key = k;
	assert_ok(
	    upstream_account_add(st, &n, &seal_key, &account, &created, &e),
	    &e);
	key_free(k);
	return 0;
}

/* ---- the blocklist ------------------------------------------------------- */

static bool
is_blocked(const char *name, const char *by)
{
	char *entry;
	int rc = blocked_name_of(st, name, &entry, &e);

	assert_true(rc >= 0);
	if (rc > 0) {
		assert_string_equal(entry, by);
		free(entry);
	}
	return rc > 0;
}

static int
join(void *arg, const char *name, int64_t created, struct err *err)
{
	(void)err;
	assert_int_equal(created, test_now);
	buf_addf(arg, "%s ", name);
	return 0;
}

static void
test_blocklist(void **state)
{
	struct buf all;

	(void)state;
	assert_ok(blocked_name_add(st, "a.example", &e), &e);
	assert_ok(blocked_name_add(st, "*.b.example", &e), &e);
	assert_kind(blocked_name_add(st, "a.example", &e), KIND_CONFLICT, &e);
	assert_true(is_blocked("a.example", "a.example"));
	assert_false(is_blocked("www.a.example", ""));
	assert_false(is_blocked("*.a.example", ""));
	assert_false(is_blocked("b.example", ""));
	assert_true(is_blocked("x.b.example", "*.b.example"));
	assert_true(is_blocked("y.x.b.example", "*.b.example"));
	assert_true(is_blocked("*.b.example", "*.b.example"));
	assert_false(is_blocked("xb.example", ""));
	assert_false(is_blocked("example", ""));
	buf_init(&all, 1000);
	assert_ok(blocked_name_each(st, join, &all, &e), &e);
	assert_string_equal(all.data, "*.b.example a.example ");
	buf_release(&all);
	assert_ok(blocked_name_remove(st, "a.example", &e), &e);
	assert_kind(
	    blocked_name_remove(st, "a.example", &e), KIND_NOTFOUND, &e);
	assert_false(is_blocked("a.example", ""));
}

static void
test_blocked_orders(void **state)
{
	struct strv dns = {0};
	struct upstream_order_new n = {.upstream_account_id = account,
	    .dns = &dns,
	    .ip = &no_address,
	    .policy = "{}",
	    .resume = true};
	bool created;
	int64_t id;

	(void)state;
	strv_add(&dns, "a.example");
	strv_add(&dns, "x.b.example");
	assert_ok(upstream_order_create(st, &n, &id, &created, &e), &e);
	assert_ok(blocked_name_add(st, "*.b.example", &e), &e);
	assert_kind(
	    upstream_order_create(st, &n, &id, &created, &e), KIND_DENIED, &e);
	strv_release(&dns);
}

/* ---- templates ----------------------------------------------------------- */

static int
count_template(void *arg, const struct domain_template *t, struct err *err)
{
	(void)err;
	*(int64_t *)arg += t->id;
	return 0;
}

static void
test_templates(void **state)
{
	struct domain_template t = {.name = (char *)(uintptr_t) "shop",
	    .names = (char *)(uintptr_t) "{DOMAIN} www.{DOMAIN}",
	    .policy = (char *)(uintptr_t) "{}",
	    .upstream_account_id = account,
	    .per_certificate = 25};
	struct domain_template got;
	struct domain_addition a = {"a.example", "a.example", 0};
	int64_t sum = 0;

	(void)state;
	assert_ok(
	    domain_template_by_name(st, DOMAIN_TEMPLATE_DEFAULT, &got, &e), &e);
	assert_int_equal(got.id, DEFAULT);
	assert_string_equal(got.names, "{DOMAIN}");
	assert_int_equal(got.per_certificate, 1);
	assert_int_equal(got.upstream_account_id, 0);
	domain_template_release(&got);
	assert_ok(domain_template_put(st, &t, &e), &e);
	t.one_domain = true;
	t.upstream_account_id = 0;
	assert_ok(domain_template_put(st, &t, &e), &e);
	assert_ok(domain_template_by_name(st, "shop", &got, &e), &e);
	assert_true(got.one_domain);
	assert_int_equal(got.per_certificate, 25);
	assert_int_equal(got.upstream_account_id, 0);
	a.answer = DOMAIN_ANSWER__MAX;
	assert_ok(domain_queue_add(st, got.id, &a, 1, &e), &e);
	assert_kind(domain_template_remove(st, "shop", &e), KIND_CONFLICT, &e);
	assert_ok(domain_queue_remove(st, "a.example", &e), &e);
	assert_ok(domain_template_each(st, count_template, &sum, &e), &e);
	assert_int_equal(sum, DEFAULT + got.id);
	assert_ok(domain_template_remove(st, "shop", &e), &e);
	assert_kind(domain_template_remove(st, "shop", &e), KIND_NOTFOUND, &e);
	assert_kind(domain_template_remove(st, DOMAIN_TEMPLATE_DEFAULT, &e),
	    KIND_CONFLICT, &e);
	assert_kind(
	    domain_template_by_id(st, got.id, &t, &e), KIND_NOTFOUND, &e);
	domain_template_release(&got);
	t.name = (char *)(uintptr_t) "a b";
	assert_kind(domain_template_put(st, &t, &e), KIND_INPUT, &e);
}

/* ---- in and out ---------------------------------------------------------- */

static enum domain_answer
add(const char *name)
{
	struct domain_addition a = {name, name, DOMAIN_ANSWER__MAX};

	if (str_starts(name, "www."))
		a.registered = name + 4;
	assert_ok(domain_queue_add(st, DEFAULT, &a, 1, &e), &e);
	return a.answer;
}

static struct domain_item
load(const char *name)
{
	struct domain_item i;

	assert_ok(domain_queue_by_name(st, name, &i, &e), &e);
	return i;
}

/* A configuration for one name, as renewals leave it. */
static void
renewed(const char *name, int active)
{
	char text[400];

	snprintf(text, sizeof(text),
	    "INSERT INTO domains (type, value, active, created)"
	    " VALUES ('dns', '%s', 1, 0)",
	    name);
	run_sql(text);
	run_sql("INSERT INTO fqdn_sets (sha256, size, created)"
		" SELECT der, 1, 0 FROM upstream_accounts");
	snprintf(text, sizeof(text),
	    "INSERT INTO fqdn_set_members (fqdn_set_id, domain_id)"
	    " SELECT max(s.id), max(d.id) FROM fqdn_sets s, domains d"
	    " WHERE d.value = '%s'",
	    name);
	run_sql(text);
	snprintf(text, sizeof(text),
	    "INSERT INTO renewal_configurations (active, upstream_account_id,"
	    " fqdn_set_id, policy, due_at, due_by, due_rule, created)"
	    " SELECT %d, 1, max(id), '{}', 1, 1, 'first', 1 FROM fqdn_sets",
	    active);
	run_sql(text);
}

#define N_RENEWALS count("SELECT count(*) FROM renewal_queue")

static void
test_add(void **state)
{
	struct domain_item i;

	(void)state;
	assert_int_equal(add("a.example"), DOMAIN_QUEUED);
	i = load("a.example");
	assert_false(
	    i.is_parked || i.alone || i.past.attempts || i.lease_until);
	assert_int_equal(i.retry_at, test_now);
	domain_item_release(&i);
	assert_int_equal(add("a.example"), DOMAIN_ALREADY_QUEUED);
	assert_ok(blocked_name_add(st, "*.example", &e), &e);
	assert_int_equal(add("b.example"), DOMAIN_BLOCKLISTED);
	assert_int_equal(add("a.example"), DOMAIN_BLOCKLISTED);
	assert_ok(blocked_name_remove(st, "*.example", &e), &e);
	assert_int_equal(count("SELECT count(*) FROM domain_queue"), 1);
	/* What has failed is tried again. */
	run_sql("UPDATE domain_queue SET attempts = 3, failing_since = 5,"
		" retry_at = 9999999999, cause = 'dns', error = 'x'");
	assert_int_equal(add("a.example"), DOMAIN_ALREADY_QUEUED);
	assert_int_equal(
	    count("SELECT count(*) FROM domain_queue"
		  " WHERE attempts = 0 AND cause IS NULL"
		  " AND failing_since IS NULL AND retry_at <= 1700000000"),
	    1);
	run_sql("UPDATE domain_queue SET attempts = 9, status = 'parked'");
	assert_int_equal(add("a.example"), DOMAIN_ACTIVATED);
	assert_int_equal(
	    count("SELECT count(*) FROM domain_queue WHERE attempts = 0"
		  " AND status = 'waiting'"),
	    1);
	/* What waits for a moment that is not a failure's keeps it. */
	run_sql("UPDATE domain_queue SET retry_at = 9999999999");
	assert_int_equal(add("a.example"), DOMAIN_ALREADY_QUEUED);
	assert_int_equal(
	    count("SELECT retry_at FROM domain_queue"), 9999999999);
	assert_sound();
}

static void
test_add_known(void **state)
{
	(void)state;
	renewed("yes.example", 1);
	assert_int_equal(add("yes.example"), DOMAIN_EXISTS);
	assert_int_equal(N_RENEWALS, 0);
	/* One that is disabled comes back, and needs no second certificate. */
	run_sql("UPDATE domains SET active = 0");
	assert_int_equal(add("yes.example"), DOMAIN_ACTIVATED);
	assert_int_equal(count("SELECT active FROM domains"), 1);
	assert_int_equal(count("SELECT count(*) FROM domain_queue"), 0);
	/* A customer who left and is back. */
	run_sql("INSERT INTO renewal_queue (renewal_configuration_id,"
		" upstream_account_id, why, status, added, window_end,"
		" attempts) VALUES (1, 1, 'lifetime', 'parked', 1, 1, 7)");
	assert_int_equal(add("yes.example"), DOMAIN_ACTIVATED);
	assert_int_equal(count("SELECT count(*) FROM renewal_queue"
			       " WHERE status = 'waiting' AND why = 'asked'"),
	    1);
	assert_int_equal(add("yes.example"), DOMAIN_EXISTS);
	run_sql("UPDATE renewal_configurations SET active = 0");
	run_sql("DELETE FROM renewal_queue WHERE id > 0");
	assert_int_equal(add("yes.example"), DOMAIN_ACTIVATED);
	assert_int_equal(count("SELECT active FROM renewal_configurations"), 1);
	assert_int_equal(N_RENEWALS, 1);
	/* Known, disabled, but never renewed. */
	run_sql("INSERT INTO domains (type, value, active, created)"
		" VALUES ('dns', 'off.example', 0, 0)");
	assert_int_equal(add("off.example"), DOMAIN_ACTIVATED);
	assert_int_equal(count("SELECT count(*) FROM domain_queue"), 1);
	assert_int_equal(count("SELECT min(active) FROM domains"), 1);
}

/* All or none, and one event. */
static void
test_add_many(void **state)
{
	struct domain_addition v[] = {{"a.example", "a.example", 0},
	    {"b.example", "b.example", 0}, {"a.example", "a.example", 0}};

	(void)state;
	assert_ok(domain_queue_add(st, DEFAULT, v, ARRAY_LEN(v), &e), &e);
	assert_int_equal(v[0].answer, DOMAIN_QUEUED);
	assert_int_equal(v[1].answer, DOMAIN_QUEUED);
	assert_int_equal(v[2].answer, DOMAIN_ALREADY_QUEUED);
	assert_int_equal(
	    count("SELECT count(*) FROM events WHERE action ="
		  " 'domain_queue.add' AND detail = 'a.example and 1 other'"),
	    1);
	v[0].name = "c.example";
	assert_kind(domain_queue_add(st, 99, v, 2, &e), KIND_CONFLICT, &e);
	assert_int_equal(count("SELECT count(*) FROM domain_queue"), 2);
}

/* ---- working it off ------------------------------------------------------ */

static struct domain_group group;

/* How many names were taken, with the first one's. */
static size_t
take(size_t per_certificate, bool one_domain, const char *first)
{
	const struct domain_taking t = {.domain_template_id = DEFAULT,
	    .per_certificate = per_certificate,
	    .one_domain = one_domain,
	    .until = test_now + HOLD};
	int rc;

	domain_group_release(&group);
	err_clear(&e);
	rc = domain_queue_take(st, &t, &group, &e);
	assert_true(rc >= 0);
	assert_int_equal(rc, group.len > 0);
	if (first)
		assert_string_equal(group.items[0].name, first);
	return group.len;
}

static int64_t
order(void)
{
	struct strv dns = {0};
	struct upstream_order_new n = {.upstream_account_id = account,
	    .dns = &dns,
	    .ip = &no_address,
	    .policy = "{}"};
	int64_t id;

	for (size_t i = 0; i < group.len; i++)
		strv_add(&dns, group.items[i].name);
	assert_ok(domain_queue_order(st, &group, &n, &id, &e), &e);
	strv_release(&dns);
	return id;
}

static void
test_take(void **state)
{
	int64_t id = 0;

	(void)state;
	assert_int_equal(domain_queue_next_template(st, &id, &e), 0);
	assert_int_equal(domain_queue_is_waiting(st, &e), 0);
	assert_int_equal(take(1, false, NULL), 0);
	add("b.example");
	test_now++;
	add("a.example");
	add("c.example");
	assert_int_equal(domain_queue_next_template(st, &id, &e), 1);
	assert_int_equal(id, DEFAULT);
	assert_int_equal(domain_queue_next_template(st, &id, &e), 0);
	assert_int_equal(domain_queue_is_waiting(st, &e), 1);
	assert_int_equal(take(1, false, "b.example"), 1);
	assert_kind(domain_queue_remove(st, "b.example", &e), KIND_BUSY, &e);
	assert_int_equal(take(1, false, "a.example"), 1);
	assert_int_equal(take(5, false, "c.example"), 1);
	assert_int_equal(take(1, false, NULL), 0);
	assert_sound();
	/* Leases end; the first one's work is nobody's business then. */
	test_now += HOLD;
	assert_int_equal(take(2, false, "b.example"), 2);
	assert_int_equal(group.holds[0].lease, 2);
	group.holds[1].lease--;
	assert_ok(domain_queue_done(st, &group, &e), &e);
	assert_int_equal(count("SELECT count(*) FROM domain_queue"), 2);
	/* A clock that was years ahead holds nothing for years. */
	run_sql("UPDATE domain_queue SET lease_until = 9999999999");
	assert_int_equal(take(9, false, "a.example"), 2);
}

static void
test_group(void **state)
{
	(void)state;
	add("www.a.example");
	add("b.example");
	add("a.example");
	add("alone.example");
	add("failed.example");
	run_sql("UPDATE domain_queue SET alone = 1"
		" WHERE name = 'alone.example'");
	run_sql("UPDATE domain_queue SET attempts = 1"
		" WHERE name = 'failed.example'");
	assert_int_equal(take(9, true, "www.a.example"), 2);
	assert_string_equal(group.items[1].name, "a.example");
	assert_int_equal(take(9, false, "b.example"), 1);
	assert_int_equal(take(9, false, "alone.example"), 1);
	assert_int_equal(take(9, false, "failed.example"), 1);
	run_sql("UPDATE domain_queue SET lease_until = 0");
	assert_int_equal(take(2, false, "www.a.example"), 2);
	assert_string_equal(group.items[1].name, "b.example");
}

static void
test_order(void **state)
{
	struct domain_group mine;
	int64_t id;

	(void)state;
	add("a.example");
	add("b.example");
	add("c.example");
	assert_int_equal(take(2, false, "a.example"), 2);
	id = order();
	assert_int_equal(count("SELECT count(*) FROM domain_queue"
			       " WHERE upstream_order_id = 1"),
	    2);
	/* Whoever died: the names of an order come together. */
	mine = group;
	group = (struct domain_group){0};
	test_now += HOLD;
	assert_int_equal(take(1, false, "a.example"), 2);
	assert_int_equal(group.items[1].upstream_order_id, id);
	/* The one before has lost them. */
	assert_kind(
	    domain_queue_order(st, &mine,
		&(struct upstream_order_new){.upstream_account_id = account},
		&id, &e),
	    KIND_BUSY, &e);
	assert_ok(domain_queue_done(st, &mine, &e), &e);
	assert_ok(domain_queue_regroup(st, &mine, true, &e), &e);
	assert_ok(domain_queue_put_back(
		      st, &mine, &(struct queue_wait){.retry_at = 7}, &e),
	    &e);
	assert_int_equal(count("SELECT count(*) FROM domain_queue"
			       " WHERE lease_until > 0 AND alone = 0"
			       " AND upstream_order_id = 1"),
	    2);
	domain_group_release(&mine);
	/* Put back it keeps its order, regrouped it does not. */
	assert_ok(domain_queue_put_back(st, &group,
		      &(struct queue_wait){.retry_at = test_now + 5}, &e),
	    &e);
	assert_int_equal(take(1, false, "c.example"), 1);
	test_now += 5;
	assert_int_equal(take(1, false, "a.example"), 2);
	assert_ok(domain_queue_regroup(st, &group, true, &e), &e);
	assert_int_equal(take(9, false, "a.example"), 1);
	assert_int_equal(group.items[0].upstream_order_id, 0);
	assert_int_equal(take(9, false, "b.example"), 1);
	/* A group takes what an order of the same names has. */
	assert_int_equal(order(), id + 1);
	assert_sound();
	assert_ok(domain_queue_done(st, &group, &e), &e);
	assert_int_equal(count("SELECT count(*) FROM domain_queue"), 2);
}

static void
test_fail(void **state)
{
	struct queue_failure f = {.retry_at = test_now + 100,
	    .cause = "dns",
	    .error = "no such name",
	    .order_is_over = true};
	struct queue_hold hold;
	struct domain_item i;

	(void)state;
	add("a.example");
	take(1, false, "a.example");
	order();
	assert_ok(
	    domain_queue_fail(st, &group.holds[0], "a.example", &f, &e), &e);
	i = load("a.example");
	assert_true(i.alone && !i.is_parked);
	assert_int_equal(i.past.attempts, 1);
	assert_int_equal(i.past.failing_since, test_now);
	assert_int_equal(i.upstream_order_id, 0);
	assert_int_equal(i.lease_until, 0);
	assert_string_equal(i.cause, "dns");
	domain_item_release(&i);
	assert_int_equal(domain_queue_is_waiting(st, &e), 0);
	assert_int_equal(take(1, false, NULL), 0);
	test_now += 100;
	assert_int_equal(take(1, false, "a.example"), 1);
	f.parks = true;
	hold = group.holds[0];
	assert_ok(domain_queue_fail(st, &hold, "a.example", &f, &e), &e);
	test_now += 100;
	assert_int_equal(take(1, false, NULL), 0);
	assert_int_equal(count("SELECT count(*) FROM events WHERE action ="
			       " 'domain_queue.park'"
			       " AND detail = 'a.example: no such name'"),
	    1);
	run_sql("UPDATE domain_queue SET lease = 9");
	assert_kind(
	    domain_queue_fail(st, &hold, "a.example", &f, &e), KIND_BUSY, &e);
	assert_ok(domain_queue_remove(st, "a.example", &e), &e);
	assert_kind(
	    domain_queue_remove(st, "a.example", &e), KIND_NOTFOUND, &e);
}

/* What is asked for is tried at once, whatever a process finds meanwhile. */
static void
test_asked_while_held(void **state)
{
	const struct queue_failure f = {
	    .retry_at = test_now + 2592000, .error = "gone", .parks = true};
	struct domain_addition a = {"a.example", "a.example", 0};
	struct queue_hold hold;

	(void)state;
	add("a.example");
	take(1, false, "a.example");
	assert_ok(
	    domain_queue_fail(st, &group.holds[0], "a.example", &f, &e), &e);
	test_now += 2592000;
	assert_ok(domain_queue_return(st, 9, &e), &e);
	assert_int_equal(take(1, false, "a.example"), 1);
	assert_true(domain_item_has_turn(&group.items[0]));
	hold = group.holds[0];
	assert_ok(domain_queue_add(st, DEFAULT, &a, 1, &e), &e);
	assert_int_equal(a.answer, DOMAIN_ACTIVATED);
	assert_kind(
	    domain_queue_fail(st, &hold, "a.example", &f, &e), KIND_BUSY, &e);
	assert_int_equal(take(1, false, "a.example"), 1);
	assert_int_equal(group.items[0].past.attempts, 0);
	/* What has not failed stays with who has it. */
	hold = group.holds[0];
	assert_ok(domain_queue_add(st, DEFAULT, &a, 1, &e), &e);
	assert_int_equal(a.answer, DOMAIN_ALREADY_QUEUED);
	assert_ok(domain_queue_fail(st, &hold, "a.example", &f, &e), &e);
}

/* Nor is its turn lost, nor what it had, when the CA goes away meanwhile. */
static void
test_away(void **state)
{
	struct queue_failure f = {
	    .retry_at = test_now + 60, .error = "away", .is_of_ca = true};
	struct domain_addition a = {"a.example", "a.example", 0};

	(void)state;
	add("a.example");
	take(1, false, "a.example");
	assert_ok(
	    domain_queue_fail(st, &group.holds[0], "a.example", &f, &e), &e);
	assert_int_equal(take(1, false, NULL), 0);
	assert_ok(domain_queue_add(st, DEFAULT, &a, 1, &e), &e);
	assert_int_equal(a.answer, DOMAIN_ALREADY_QUEUED);
	assert_int_equal(take(1, false, "a.example"), 1);
	assert_int_equal(
	    queue_state_of(&group.items[0].past, group.items[0].error),
	    QUEUE_FRESH);
	f.is_of_ca = false;
	f.parks = true;
	assert_ok(
	    domain_queue_fail(st, &group.holds[0], "a.example", &f, &e), &e);
	test_now += 60;
	f = (struct queue_failure){.retry_at = test_now + 60, .is_of_ca = true};
	assert_ok(domain_queue_return(st, 9, &e), &e);
	take(1, false, "a.example");
	assert_ok(
	    domain_queue_fail(st, &group.holds[0], "a.example", &f, &e), &e);
	test_now += 60;
	assert_int_equal(take(1, false, "a.example"), 1);
	assert_true(domain_item_has_turn(&group.items[0]));
	assert_ok(domain_queue_add(st, DEFAULT, &a, 1, &e), &e);
	assert_int_equal(a.answer, DOMAIN_ACTIVATED);
	assert_int_equal(take(1, false, "a.example"), 1);
	assert_false(domain_item_has_turn(&group.items[0]));
}

static void
test_delay(void **state)
{
	struct domain_queue_summary s;

	(void)state;
	add("www.a.example");
	add("a.example");
	add("b.example");
	/* a CA that was away is not what it waits for any more */
	run_sql("UPDATE domain_queue SET failing_since = 1, away_since = 1"
		" WHERE name = 'a.example'");
	take(1, false, "www.a.example");
	assert_ok(domain_queue_delay(st, DEFAULT, "a.example",
		      &(struct queue_wait){.retry_at = test_now + 50}, &e),
	    &e);
	assert_int_equal(take(1, false, "b.example"), 1);
	assert_int_equal(take(1, false, NULL), 0);
	assert_int_equal(count("SELECT count(*) FROM domain_queue"
			       " WHERE retry_at = 1700000050"
			       " AND failing_since IS NULL"),
	    1);
	run_sql("UPDATE domain_queue SET attempts = 1"
		" WHERE name = 'b.example'");
	run_sql("UPDATE domain_queue SET status = 'parked'"
		" WHERE name = 'a.example'");
	assert_ok(domain_queue_summarize(st, &s, &e), &e);
	assert_int_equal(s.new.waiting, 2);
	assert_int_equal(s.new.parked, 1);
	assert_int_equal(s.new.quarantined, 1);
	assert_int_equal(s.new.held, 2);
	assert_int_equal(s.oldest_new, test_now);
	assert_int_equal(s.oldest_failing, 0); /* no time of it is known */
}

static void
test_check(void **state)
{
	(void)state;
	add("a.example");
	add("b.example");
	take(1, false, "a.example");
	order();
	assert_sound();
	run_sql("UPDATE domain_queue SET upstream_order_id = 1"
		" WHERE name = 'b.example'");
	assert_found_broken("domain_queue/2: the order that it waits for");
	run_sql("UPDATE domain_queue SET upstream_order_id = NULL,"
		" attempts = 1");
	assert_found_broken("domain_queue/1: when it began to fail");
}

static int
count_item(void *arg, struct domain_item *i, struct err *err)
{
	(void)err;
	assert_true(i->id > 0);
	++*(int64_t *)arg;
	return 0;
}

static void
test_each(void **state)
{
	int64_t n = 0;

	(void)state;
	for (int i = 0; i < 450; i++) {
		char name[32];

		snprintf(name, sizeof(name), "n%d.example", i);
		add(name);
	}
	assert_ok(domain_queue_each(st, count_item, &n, &e), &e);
	assert_int_equal(n, 450);
}

static int
teardown(void **state)
{
	domain_group_release(&group);
	return store_teardown(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest tests[] = {
    TEST(test_blocklist),
    TEST(test_blocked_orders),
    TEST(test_templates),
    TEST(test_add),
    TEST(test_add_known),
    TEST(test_add_many),
    TEST(test_take),
    TEST(test_group),
    TEST(test_order),
    TEST(test_fail),
    TEST(test_asked_while_held),
    TEST(test_away),
    TEST(test_delay),
    TEST(test_check),
    TEST(test_each),
};

UNIT_MAIN(tests)
