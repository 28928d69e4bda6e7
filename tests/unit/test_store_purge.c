/* Housekeeping: purge, stats, events. */
#include "base/log.h"
#include "store.h"
#include "store/event.h"
#include "store/private_key.h"
#include "store/purge.h"
#include "store/stats.h"

static int64_t since; /* what order_start says */

static const char *const one[] = {"a.example", NULL};
static const struct purge defaults = PURGE_DEFAULT;

static void
test_purges(void **state)
{
	int64_t account = new_account('a');
	struct order pending, ready, processing, spent, useful;
	struct purge_result r;
	int64_t start = test_now;

	(void)state;
	new_order(account, &pending, one);
	assert_ok(challenge_start(st, challenge_id(&pending, 0, 0), &e), &e);
	new_order(account, &ready, one);
	prove_all(&ready);
	new_order(account, &processing, one);
	prove_all(&processing);
	assert_ok(order_start(st, processing.id, "x", 1, 60, &since, &e), &e);
	make_valid(account, start + 2 * 86400, &spent);
	make_valid(account, start + 90 * 86400, &useful);

	assert_ok(purge_run(st, &defaults, &r, &e), &e);
	assert_int_equal(r.orders_expired + r.orders + r.events, 0);

	test_now = start + LIFETIME;
	assert_ok(purge_run(st, &defaults, &r, &e), &e);
	assert_int_equal(r.orders_expired, 2);
	assert_int_equal(r.orders, 1); /* whose certificate is dead */
	assert_int_equal(count("SELECT count(*) FROM orders"
			       " WHERE status = 'invalid'"),
	    2);
	assert_int_equal(count("SELECT count(*) FROM authorizations"
			       " WHERE status = 'expired'"),
	    2);
	assert_int_equal(order_status(&pending), ORDER_INVALID);
	assert_int_equal(order_status(&processing), ORDER_PROCESSING);
	assert_int_equal(order_status(&useful), ORDER_VALID);
	assert_int_equal(count("SELECT count(*) FROM jobs"), 1);
	assert_sound();

	test_now += defaults.invalid_age;
	assert_ok(purge_run(st, &defaults, &r, &e), &e);
	assert_int_equal(r.orders, 2);
	assert_int_equal(count("SELECT count(*) FROM orders"), 2);
	assert_int_equal(count("SELECT count(*) FROM authorizations"), 2);
	assert_int_equal(count("SELECT count(*) FROM challenges"), 6);
	assert_int_equal(count("SELECT count(*) FROM certificates"), 2);
	assert_sound();

	test_now = start + 90 * 86400;
	assert_ok(purge_run(st, &defaults, &r, &e), &e);
	assert_int_equal(r.orders, 1);
	test_now = start + defaults.event_age + 1;
	assert_ok(purge_run(st, &defaults, &r, &e), &e);
	assert_true(r.events > 5);
	assert_sound();
	order_release(&pending);
	order_release(&ready);
	order_release(&processing);
	order_release(&spent);
	order_release(&useful);
}

static void
test_purges_in_batches(void **state)
{
	struct purge p = defaults;
	int64_t account = new_account('a');
	struct purge_result r;
	struct order o;
	size_t i;

	(void)state;
	p.batch = 2;
	for (i = 0; i < 7; i++) {
		new_order(account, &o, one);
		order_release(&o);
	}
	test_now += LIFETIME;
	assert_ok(purge_run(st, &p, &r, &e), &e);
	assert_int_equal(r.orders_expired, 7);
	test_now += 40 * 86400;
	p.event_age = 30 * 86400;
	assert_ok(purge_run(st, &p, &r, &e), &e);
	assert_int_equal(r.orders, 7);
	assert_true(r.events >= 15);
	assert_int_equal(count("SELECT count(*) FROM events"), 1);
}

static int64_t
stat_of(const struct stats_value *v, size_t len, const char *name,
    const char *value)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (strcmp(v[i].name, name) == 0 &&
		    (!value || strcmp(v[i].value, value) == 0))
			return v[i].number;
	fail_msg("no value %s %s", name, value ? value : "");
	return -1;
}

static void
test_stats(void **state)
{
	int64_t account = new_account('a');
	struct stats_value *v;
	struct order pending, late, valid;
	struct private_key added;
	struct buf text;
	struct key *k;
	bool created;
	size_t len;

	(void)state;
	new_order(account, &late, one);
	test_now += LIFETIME;
	new_order(account, &pending, one);
	assert_ok(challenge_start(st, challenge_id(&pending, 0, 0), &e), &e);
	make_valid(account, test_now + 86400, &valid);
	test_now += 7;
	k = key_generate(KEY_P256, 0, &e);
	assert_ok(private_key_add(
		      st, k, NULL, PRIVATE_KEY_GENERATED, &added, &created, &e),
	    &e);
	key_free(k);
	assert_ok(stats_load(st, &v, &len, &e), &e);
	assert_int_equal(stat_of(v, len, "accounts", "valid"), 1);
	assert_int_equal(stat_of(v, len, "orders", "pending"), 1);
	assert_int_equal(stat_of(v, len, "orders", "valid"), 1);
	assert_int_equal(stat_of(v, len, "orders", "invalid"), 1);
	assert_int_equal(stat_of(v, len, "certificates", "valid"), 1);
	assert_int_equal(stat_of(v, len, "chains", NULL), 1);
	assert_int_equal(stat_of(v, len, "domains", NULL), 1);
	assert_int_equal(stat_of(v, len, "private_keys", "active"), 1);
	assert_int_equal(stat_of(v, len, "private_keys", "retired"), 0);
	assert_int_equal(stat_of(v, len, "private_keys_in_the_clear", NULL), 1);
	assert_int_equal(stat_of(v, len, "upstream_accounts", NULL), 0);
	assert_int_equal(stat_of(v, len, "jobs", "validate"), 1);
	assert_int_equal(stat_of(v, len, "jobs_due", "validate"), 1);
	assert_int_equal(stat_of(v, len, "jobs_late_seconds", "validate"), 7);
	assert_int_equal(stat_of(v, len, "jobs_due", "issue"), 0);
	assert_true(stat_of(v, len, "bytes", NULL) > 4096);
	buf_init(&text, 100000);
	stats_prometheus("acmed_store_", v, len, &text);
	assert_non_null(strstr(text.data,
	    "# TYPE acmed_store_orders gauge\n"
	    "acmed_store_orders{status=\"pending\"} 1\n"
	    "acmed_store_orders{status=\"ready\"} 0\n"));
	assert_non_null(strstr(text.data, "\nacmed_store_chains 1\n"));
	buf_release(&text);
	free(v);
	order_release(&pending);
	order_release(&late);
	order_release(&valid);
}

struct seen {
	size_t n;
	char actions[1000];
	char actor[64], request[64];
};

static int
note(void *arg, const struct event *ev, struct err *err)
{
	struct seen *s = arg;
	size_t used = strlen(s->actions);

	(void)err;
	s->n++;
	snprintf(
	    s->actions + used, sizeof(s->actions) - used, "%s ", ev->action);
	snprintf(s->actor, sizeof(s->actor), "%s", ev->actor);
	snprintf(s->request, sizeof(s->request), "%s", ev->request_id);
	return 0;
}

static void
see(struct event_filter *f, const char *want)
{
	struct seen s = {0};

	assert_ok(event_each(st, f, note, &s, &e), &e);
	assert_string_equal(s.actions, want);
}

static void
test_events(void **state)
{
	struct event_filter all = {0}, last = {.last = 2}, late = {0}, of = {0};
	int64_t account = new_account('a');
	struct seen s = {0};
	struct order o;
	char *name;

	(void)state;
	store_set_actor(st, "account/x");
	log_set_id("request-7");
	new_order(account, &o, one);
	test_now += 10;
	late.since = test_now;
	prove_all(&o);
	see(&all,
	    "account.create order.create challenge.start challenge.valid ");
	see(&last, "challenge.start challenge.valid ");
	see(&late, "challenge.start challenge.valid ");
	late.since = test_now + 1;
	see(&late, "");
	late.last = 1;
	see(&late, "");
	name = xasprintf("order/%s", o.url_id);
	assert_ok(event_filter_object(st, name, &of, &e), &e);
	assert_int_equal(of.object_id, o.id);
	see(&of, "order.create ");
	of.last = 1;
	see(&of, "order.create ");
	free(name);
	assert_ok(event_filter_object(st, "account/1", &of, &e), &e);
	assert_kind(
	    event_filter_object(st, "account", &of, &e), KIND_INPUT, &e);
	assert_kind(
	    event_filter_object(st, "thing/1", &of, &e), KIND_INPUT, &e);
	assert_kind(
	    event_filter_object(st, "order/-1", &of, &e), KIND_INPUT, &e);
	assert_kind(
	    event_filter_object(st, "order/aaaaaaaaaaaaaaaaaaaaaa", &of, &e),
	    KIND_NOTFOUND, &e);
	assert_ok(event_each(st, &last, note, &s, &e), &e);
	assert_string_equal(s.actor, "account/x");
	assert_string_equal(s.request, "request-7");
	log_set_id("");
	order_release(&o);
}

static int
follow(void *arg, const struct event *ev, struct err *err)
{
	int64_t *last = arg;

	(void)err;
	assert_true(ev->id > last[0]);
	last[0] = ev->id;
	last[1]++;
	return 0;
}

static int
add_many(void *arg, struct err *err)
{
	int i, rc = 0;

	(void)arg;
	for (i = 0; rc == 0 && i < 2500; i++)
		rc = event_add(st, "x", EVENT_STORE, i % 2, NULL, err);
	return rc;
}

/* More than are read at a time; none is left out or shown twice. */
static void
test_many_events(void **state)
{
	struct event_filter all = {0},
			    of = {.by_object = true,
				.object_type = EVENT_STORE,
				.object_id = 1};
	int64_t seen[2] = {0};

	(void)state;
	assert_ok(db_transaction(st->db, DB_QUICK, add_many, NULL, &e), &e);
	assert_ok(event_each(st, &all, follow, seen, &e), &e);
	assert_int_equal(seen[1], 2500);
	memset(seen, 0, sizeof(seen));
	assert_ok(event_each(st, &of, follow, seen, &e), &e);
	assert_int_equal(seen[1], 1250);
}

#define T(test)                                                                \
	cmocka_unit_test_setup_teardown(test, store_setup, store_teardown)
static const struct CMUnitTest tests[] = {
    T(test_purges),
    T(test_purges_in_batches),
    T(test_stats),
    T(test_events),
    T(test_many_events),
};

UNIT_MAIN(tests)
