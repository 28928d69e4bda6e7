/* Orders, authorizations, challenges: every legal move, every illegal one. */
#include "store.h"

#include "store/account.h"

static int64_t since; /* what order_start says */

static const char *const one[] = {"a.example", NULL};
static const char *const two[] = {"a.example", "b.example", NULL};
static const char csr[] = "a request";
static const char problem[] = "{\"type\":\"x\"}";

static void
test_creates(void **state)
{
	struct identifier ids[] = {{IDENTIFIER_DNS, (char[]){"a.example"}},
	    {IDENTIFIER_DNS, (char[]){"*.b.example"}},
	    {IDENTIFIER_IP, (char[]){"192.0.2.7"}}};
	static const struct {
		size_t len;
		enum challenge_type types[3];
		const char *value;
		bool wildcard;
	} want[] = {
	    {3, {CHALLENGE_HTTP_01, CHALLENGE_DNS_01, CHALLENGE_TLS_ALPN_01},
		"a.example", false},
	    {1, {CHALLENGE_DNS_01}, "b.example", true},
	    {2, {CHALLENGE_HTTP_01, CHALLENGE_TLS_ALPN_01}, "192.0.2.7", false},
	};
	struct order_new new = {.account_id = new_account('a'),
	    .identifiers = ids,
	    .identifiers_len = 3,
	    .expires = test_now + LIFETIME,
	    .not_after = test_now + 99};
	struct order o, again;
	size_t i, k;

	(void)state;
	assert_ok(order_create(st, &new, &o, &e), &e);
	assert_ok(order_by_url_id(st, o.url_id, &again, &e), &e);
	assert_int_equal(strlen(o.url_id), STORE_URL_ID_LEN);
	assert_int_equal(again.id, o.id);
	assert_int_equal(again.status, ORDER_PENDING);
	assert_int_equal(again.created, test_now);
	assert_int_equal(again.expires, test_now + LIFETIME);
	assert_int_equal(again.not_before, 0);
	assert_int_equal(again.not_after, test_now + 99);
	assert_int_equal(again.names_len, 3);
	assert_null(again.error);
	for (i = 0; i < 3; i++) {
		struct authorization a;

		assert_string_equal(
		    again.names[i].identifier.value, ids[i].value);
		assert_string_equal(again.names[i].authorization_url_id,
		    o.names[i].authorization_url_id);
		get_authorization(&o, i, &a);
		assert_int_equal(a.status, AUTHORIZATION_PENDING);
		assert_int_equal(a.identifier.type, ids[i].type);
		assert_string_equal(a.identifier.value, want[i].value);
		assert_int_equal(a.wildcard, want[i].wildcard);
		assert_int_equal(a.challenges_len, want[i].len);
		for (k = 0; k < a.challenges_len; k++) {
			assert_int_equal(
			    a.challenges[k].type, want[i].types[k]);
			assert_int_equal(
			    a.challenges[k].status, CHALLENGE_PENDING);
			assert_int_equal(strlen(a.challenges[k].token), 43);
		}
		authorization_release(&a);
	}
	order_release(&again);
	order_release(&o);
	assert_kind(order_by_url_id(st, "no", &again, &e), KIND_NOTFOUND, &e);
	new.account_id = 77;
	assert_kind(order_create(st, &new, &o, &e), KIND_CONFLICT, &e);
	assert_int_equal(count("SELECT count(*) FROM orders"), 1);
	assert_sound();
}

/* ---- the order's table ----------------------------------------------------
 */

enum from {
	FROM_PENDING,
	FROM_PENDING_EXPIRED,
	FROM_READY,
	FROM_READY_EXPIRED,
	FROM_PROCESSING,
	FROM_PROCESSING_EXPIRED,
	FROM_VALID,
	FROM_INVALID,
	FROM__MAX
};

static void
make_order(enum from from, int64_t account, struct order *o)
{
	struct cert_list chain = {0};

	new_order(account, o, one);
	if (from == FROM_INVALID) {
		int64_t id = challenge_id(o, 0, 0);

		assert_ok(challenge_start(st, id, &e), &e);
		assert_ok(challenge_set_invalid(st, id, problem, NULL, &e), &e);
	}
	if (from >= FROM_READY && from <= FROM_VALID)
		prove_all(o);
	if (from >= FROM_PROCESSING && from <= FROM_VALID)
		assert_ok(order_start(st, o->id, csr, 9, 60, &since, &e), &e);
	if (from == FROM_VALID) {
		make_chain("a.example", test_now + 86400, &chain);
		assert_ok(order_finish(st, o->id, &chain, &e), &e);
		cert_list_release(&chain);
	}
	if (from == FROM_PENDING_EXPIRED || from == FROM_READY_EXPIRED ||
	    from == FROM_PROCESSING_EXPIRED)
		test_now += LIFETIME;
}

static int
do_start(const struct order *o)
{
	return order_start(st, o->id, csr, 9, 60, &since, &e);
}

static int
do_finish(const struct order *o)
{
	struct cert_list chain = {0};
	int rc;

	make_chain("a.example", test_now + 86400, &chain);
	rc = order_finish(st, o->id, &chain, &e);
	cert_list_release(&chain);
	return rc;
}

static int
do_return(const struct order *o)
{
	return order_return(st, o->id, &e);
}

static int
do_fail(const struct order *o)
{
	return order_fail(st, o->id, problem, &e);
}

static int
do_retry(const struct order *o)
{
	return order_retry(st, o->id, test_now + 5, &e);
}

#define NO (-1) /* KIND_CONFLICT, and nothing has changed */

static const struct {
	const char *name;
	int (*fn)(const struct order *o);
	int want[FROM__MAX]; /* the status after, or NO */
} moves[] = {
    /* pending, expired, ready, expired, processing, expired, valid, invalid */
    {"start", do_start, {NO, NO, ORDER_PROCESSING, NO, NO, NO, NO, NO}},
    {"finish", do_finish, {NO, NO, NO, NO, ORDER_VALID, ORDER_VALID, NO, NO}},
    {"return", do_return, {NO, NO, NO, NO, ORDER_READY, ORDER_INVALID, NO, NO}},
    {"fail", do_fail, {NO, NO, NO, NO, ORDER_INVALID, ORDER_INVALID, NO, NO}},
    {"retry", do_retry,
	{NO, NO, NO, NO, ORDER_PROCESSING, ORDER_PROCESSING, NO, NO}},
};

static void
try_move(size_t move, enum from from, int64_t account)
{
	int64_t events, certificates;
	enum order_status before;
	struct order o;
	int want = moves[move].want[from];

	make_order(from, account, &o);
	before = order_status(&o);
	events = count("SELECT count(*) FROM events");
	certificates = count("SELECT count(*) FROM certificates");
	print_message("# %s from %d\n", moves[move].name, from);
	if (want == NO) {
		assert_kind(moves[move].fn(&o), KIND_CONFLICT, &e);
		assert_int_equal(order_status(&o), before);
		assert_int_equal(count("SELECT count(*) FROM events"), events);
		assert_int_equal(
		    count("SELECT count(*) FROM certificates"), certificates);
	} else {
		assert_ok(moves[move].fn(&o), &e);
		assert_int_equal(order_status(&o), want);
		assert_int_equal(
		    count("SELECT count(*) FROM events"), events + 1);
	}
	order_release(&o);
}

static void
test_order_moves(void **state)
{
	int64_t account = new_account('a');
	size_t m, f;

	(void)state;
	for (m = 0; m < ARRAY_LEN(moves); m++)
		for (f = 0; f < FROM__MAX; f++)
			try_move(m, (enum from)f, account);
	assert_sound();
}

static void
test_order_not_ready_is_403(void **state)
{
	struct order o;

	(void)state;
	new_order(new_account('a'), &o, one);
	assert_int_equal(do_start(&o), -1);
	assert_string_equal(e.acme_type, "orderNotReady");
	assert_int_equal(e.http_status, 403);
	err_clear(&e);
	order_release(&o);
}

static void
test_time_alone(void **state)
{
	struct order o, again;
	struct authorization a;

	(void)state;
	new_order(new_account('a'), &o, one);
	test_now += LIFETIME - 1;
	assert_int_equal(order_status(&o), ORDER_PENDING);
	assert_int_equal(authorization_status(&o, 0), AUTHORIZATION_PENDING);
	test_now += 1;
	assert_ok(order_by_url_id(st, o.url_id, &again, &e), &e);
	assert_int_equal(again.status, ORDER_INVALID);
	assert_non_null(strstr(again.error, "expired"));
	order_release(&again);
	get_authorization(&o, 0, &a);
	assert_int_equal(a.status, AUTHORIZATION_EXPIRED);
	assert_kind(
	    challenge_start(st, a.challenges[0].id, &e), KIND_CONFLICT, &e);
	assert_kind(authorization_deactivate(st, a.id, &e), KIND_CONFLICT, &e);
	authorization_release(&a);
	order_release(&o);
}

static void
test_valid_order(void **state)
{
	struct cert_list chain = {0};
	struct certificate c;
	struct order o, again;
	const uint8_t *der;
	size_t len;

	(void)state;
	new_order(new_account('a'), &o, one);
	prove_all(&o);
	assert_ok(do_start(&o), &e);
	make_chain("a.example", test_now + 86400, &chain);
	assert_ok(order_finish(st, o.id, &chain, &e), &e);
	assert_ok(order_by_url_id(st, o.url_id, &again, &e), &e);
	assert_true(again.certificate_id > 0);
	assert_null(again.csr);
	assert_ok(certificate_by_order(st, o.id, &c, &e), &e);
	assert_int_equal(c.id, again.certificate_id);
	assert_int_equal(c.account_id, o.account_id);
	assert_string_equal(c.source, "acme");
	der = cert_der(chain.v[0], &len);
	assert_int_equal(c.leaf.len, len);
	assert_memory_equal(c.leaf.der, der, len);
	assert_int_equal(c.chain.len, 1);
	der = cert_der(chain.v[1], &len);
	assert_int_equal(c.chain.certs[0].len, len);
	assert_memory_equal(c.chain.certs[0].der, der, len);
	certificate_release(&c);
	assert_int_equal(count("SELECT count(*) FROM jobs"), 0);
	cert_list_release(&chain);
	order_release(&again);
	order_release(&o);
	assert_sound();
}

static void
test_ready_needs_all(void **state)
{
	struct order o;

	(void)state;
	new_order(new_account('a'), &o, two);
	prove(&o, 1);
	assert_int_equal(order_status(&o), ORDER_PENDING);
	prove(&o, 0);
	assert_int_equal(order_status(&o), ORDER_READY);
	order_release(&o);
	assert_sound();
}

static void
test_list(void **state)
{
	int64_t account = new_account('a'), other = new_account('b'), next;
	struct order orders[5], o;
	struct strv page = {0};
	size_t i;

	(void)state;
	for (i = 0; i < 5; i++)
		make_order(
		    i == 2 ? FROM_INVALID : FROM_READY, account, &orders[i]);
	new_order(other, &o, one);
	order_release(&o);
	assert_ok(order_list(st, account, 0, 3, &page, &next, &e), &e);
	assert_int_equal(page.len, 3);
	assert_string_equal(page.v[0], orders[0].url_id);
	assert_string_equal(page.v[2], orders[3].url_id);
	assert_true(next > 0);
	strv_release(&page);
	assert_ok(order_list(st, account, next, 3, &page, &next, &e), &e);
	assert_int_equal(page.len, 1);
	assert_string_equal(page.v[0], orders[4].url_id);
	assert_int_equal(next, 0);
	strv_release(&page);
	assert_ok(order_list(st, account, 0, 4, &page, &next, &e), &e);
	assert_int_equal(page.len, 4);
	assert_int_equal(next, 0);
	strv_release(&page);
	test_now += LIFETIME;
	assert_ok(order_list(st, account, 0, 4, &page, &next, &e), &e);
	assert_int_equal(page.len, 0);
	for (i = 0; i < 5; i++)
		order_release(&orders[i]);
}

static void
test_takes_stale(void **state)
{
	struct order o, *taken;
	size_t n;

	(void)state;
	make_order(FROM_PROCESSING, new_account('a'), &o);
	assert_ok(order_take_stale(st, 60, 90, 10, &taken, &n, &e), &e);
	assert_int_equal(n, 0); /* its maker may still be at it */
	test_now += 60;
	assert_ok(order_take_stale(st, 60, 90, 10, &taken, &n, &e), &e);
	assert_int_equal(n, 1);
	assert_string_equal(taken[0].url_id, o.url_id);
	assert_int_equal(taken[0].csr_len, 9);
	assert_memory_equal(taken[0].csr, csr, 9);
	assert_int_equal(taken[0].names_len, 1);
	assert_int_equal(taken[0].attempts, 0);
	order_array_free(taken, n);
	assert_ok(order_take_stale(st, 60, 90, 10, &taken, &n, &e), &e);
	assert_int_equal(n, 0); /* the lease */
	assert_ok(order_retry(st, o.id, test_now + 90, &e), &e);
	assert_ok(order_take_stale(st, 60, 90, 10, &taken, &n, &e), &e);
	assert_int_equal(n, 0); /* a retry has its time, too */
	test_now += 90;
	assert_ok(order_take_stale(st, 60, 90, 10, &taken, &n, &e), &e);
	assert_int_equal(n, 1);
	assert_int_equal(taken[0].attempts, 1);
	order_array_free(taken, n);
	assert_ok(do_finish(&o), &e);
	test_now += 600;
	assert_ok(order_take_stale(st, 60, 90, 10, &taken, &n, &e), &e);
	assert_int_equal(n, 0);
	order_release(&o);
	assert_sound();
}

/* ---- authorizations and challenges ----------------------------------------
 */

static void
test_deactivates(void **state)
{
	static const struct {
		enum from from;
		enum order_status order;
		enum authorization_status
		    authorization; /* AUTHORIZATION__MAX: no */
	} cases[] = {
	    {FROM_PENDING, ORDER_INVALID, AUTHORIZATION_DEACTIVATED},
	    {FROM_READY, ORDER_INVALID, AUTHORIZATION_DEACTIVATED},
	    {FROM_PROCESSING, ORDER_PROCESSING, AUTHORIZATION_DEACTIVATED},
	    {FROM_VALID, ORDER_VALID, AUTHORIZATION_DEACTIVATED},
	    {FROM_INVALID, ORDER_INVALID, AUTHORIZATION__MAX},
	};
	int64_t account = new_account('a');
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		struct authorization a;
		struct order o;

		make_order(cases[i].from, account, &o);
		get_authorization(&o, 0, &a);
		if (cases[i].authorization == AUTHORIZATION__MAX) {
			assert_kind(authorization_deactivate(st, a.id, &e),
			    KIND_CONFLICT, &e);
		} else {
			assert_ok(authorization_deactivate(st, a.id, &e), &e);
			assert_int_equal(authorization_status(&o, 0),
			    cases[i].authorization);
			assert_kind(authorization_deactivate(st, a.id, &e),
			    KIND_CONFLICT, &e);
		}
		assert_int_equal(order_status(&o), cases[i].order);
		authorization_release(&a);
		order_release(&o);
	}
	assert_sound();
}

/* A running validation ends with its authorization. */
static void
test_deactivates_while_processing(void **state)
{
	struct authorization a;
	struct order o;

	(void)state;
	new_order(new_account('a'), &o, one);
	get_authorization(&o, 0, &a);
	assert_ok(challenge_start(st, a.challenges[1].id, &e), &e);
	assert_ok(authorization_deactivate(st, a.id, &e), &e);
	assert_int_equal(challenge_status(&o, 0, 0), CHALLENGE_PENDING);
	assert_int_equal(challenge_status(&o, 0, 1), CHALLENGE_INVALID);
	assert_kind(challenge_set_valid(st, a.challenges[1].id, NULL, &e),
	    KIND_CONFLICT, &e);
	assert_kind(
	    challenge_start(st, a.challenges[0].id, &e), KIND_CONFLICT, &e);
	authorization_release(&a);
	order_release(&o);
	assert_sound();
}

static int
c_start(int64_t id)
{
	return challenge_start(st, id, &e);
}

static int
c_retry(int64_t id)
{
	return challenge_retry(st, id, test_now + 5, problem, NULL, &e);
}

static int
c_return(int64_t id)
{
	return challenge_return(st, id, &e);
}

static int
c_valid(int64_t id)
{
	return challenge_set_valid(st, id, "192.0.2.1", &e);
}

static int
c_invalid(int64_t id)
{
	return challenge_set_invalid(st, id, problem, NULL, &e);
}

static void
test_challenge_moves(void **state)
{
	static const struct {
		int (*fn)(int64_t id);
		int want[CHALLENGE_STATUS__MAX];
	} cases[] = {
	    /* pending, processing, valid, invalid */
	    {c_start, {CHALLENGE_PROCESSING, NO, NO, NO}},
	    {c_retry, {NO, CHALLENGE_PROCESSING, NO, NO}},
	    {c_return, {NO, CHALLENGE_PROCESSING, NO, NO}},
	    {c_valid, {NO, CHALLENGE_VALID, NO, NO}},
	    {c_invalid, {NO, CHALLENGE_INVALID, NO, NO}},
	};
	int64_t account = new_account('a');
	size_t i;
	int from;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		for (from = 0; from < CHALLENGE_STATUS__MAX; from++) {
			int want = cases[i].want[from];
			struct order o;
			int64_t id, events;

			new_order(account, &o, one);
			id = challenge_id(&o, 0, 0);
			if (from != CHALLENGE_PENDING)
				assert_ok(c_start(id), &e);
			if (from == CHALLENGE_VALID)
				assert_ok(c_valid(id), &e);
			if (from == CHALLENGE_INVALID)
				assert_ok(c_invalid(id), &e);
			events = count("SELECT count(*) FROM events");
			if (want == NO) {
				assert_kind(cases[i].fn(id), KIND_CONFLICT, &e);
				want = from;
				events--;
			} else {
				assert_ok(cases[i].fn(id), &e);
			}
			assert_int_equal(
			    challenge_status(&o, 0, 0), (unsigned)want);
			assert_int_equal(
			    count("SELECT count(*) FROM events"), events + 1);
			order_release(&o);
		}
	}
	assert_sound();
}

static void
test_several_valid_or_none(void **state)
{
	struct challenge_validated v[2] = {
	    {.request_id = "first"}, {.request_id = "second"}};
	int64_t account = new_account('a');
	struct order o;

	(void)state;
	new_order(account, &o, two);
	v[0].id = challenge_id(&o, 0, 0);
	v[1].id = challenge_id(&o, 1, 0);
	assert_ok(challenge_start(st, v[0].id, &e), &e);
	assert_kind(challenge_set_all_valid(st, v, 2, &e), KIND_CONFLICT, &e);
	assert_int_equal(challenge_status(&o, 0, 0), CHALLENGE_PROCESSING);
	assert_ok(challenge_start(st, v[1].id, &e), &e);
	assert_ok(challenge_set_all_valid(st, v, 2, &e), &e);
	assert_int_equal(challenge_status(&o, 0, 0), CHALLENGE_VALID);
	assert_int_equal(challenge_status(&o, 1, 0), CHALLENGE_VALID);
	assert_int_equal(order_status(&o), ORDER_READY);
	order_release(&o);
}

static void
test_failure_takes_all(void **state)
{
	struct authorization a;
	struct order o, again;

	(void)state;
	new_order(new_account('a'), &o, two);
	prove(&o, 0);
	get_authorization(&o, 1, &a);
	assert_ok(challenge_start(st, a.challenges[0].id, &e), &e);
	assert_ok(challenge_start(st, a.challenges[1].id, &e), &e);
	assert_ok(c_invalid(a.challenges[0].id), &e);
	authorization_release(&a);
	get_authorization(&o, 1, &a);
	assert_int_equal(a.status, AUTHORIZATION_INVALID);
	assert_string_equal(a.challenges[0].error, problem);
	assert_int_equal(a.challenges[1].status, CHALLENGE_INVALID);
	assert_int_equal(a.challenges[2].status, CHALLENGE_PENDING);
	assert_int_equal(authorization_status(&o, 0), AUTHORIZATION_VALID);
	assert_ok(order_by_url_id(st, o.url_id, &again, &e), &e);
	assert_int_equal(again.status, ORDER_INVALID);
	assert_string_equal(again.error, problem);
	order_release(&again);
	authorization_release(&a);
	order_release(&o);
	assert_sound();
}

static void
test_success_drops_the_others(void **state)
{
	struct authorization a;
	struct order o;

	(void)state;
	new_order(new_account('a'), &o, one);
	get_authorization(&o, 0, &a);
	assert_ok(challenge_start(st, a.challenges[0].id, &e), &e);
	assert_ok(challenge_start(st, a.challenges[2].id, &e), &e);
	assert_ok(c_valid(a.challenges[2].id), &e);
	assert_int_equal(challenge_status(&o, 0, 0), CHALLENGE_INVALID);
	assert_int_equal(challenge_status(&o, 0, 1), CHALLENGE_PENDING);
	assert_int_equal(challenge_status(&o, 0, 2), CHALLENGE_VALID);
	assert_int_equal(order_status(&o), ORDER_READY);
	assert_int_equal(count("SELECT count(*) FROM jobs"), 0);
	authorization_release(&a);
	order_release(&o);
	assert_sound();
}

static void
test_queue(void **state)
{
	struct challenge_task *tasks;
	struct order o;
	char want[ACCOUNT_THUMBPRINT_LEN + 1];
	int64_t due, id;
	size_t n;

	(void)state;
	new_order(new_account('q'), &o, two);
	assert_ok(challenge_next_due(st, 3600, &due, &e), &e);
	assert_true(due == INT64_MAX);
	id = challenge_id(&o, 1, 0);
	assert_ok(challenge_start(st, id, &e), &e);
	assert_ok(challenge_next_due(st, 3600, &due, &e), &e);
	assert_int_equal(due, test_now);
	assert_ok(challenge_take(st, 30, 3600, 10, &tasks, &n, &e), &e);
	assert_int_equal(n, 1);
	assert_int_equal(tasks[0].id, id);
	assert_int_equal(tasks[0].type, CHALLENGE_HTTP_01);
	assert_string_equal(tasks[0].identifier.value, "b.example");
	assert_int_equal(tasks[0].attempts, 0);
	thumbprint('q', want);
	assert_string_equal(tasks[0].thumbprint, want);
	assert_string_equal(
	    tasks[0].authorization_url_id, o.names[1].authorization_url_id);
	challenge_task_array_free(tasks, n);
	assert_ok(challenge_take(st, 30, 3600, 10, &tasks, &n, &e), &e);
	assert_int_equal(n, 0);
	test_now += 30; /* the taker has died */
	assert_ok(challenge_take(st, 30, 3600, 10, &tasks, &n, &e), &e);
	assert_int_equal(n, 1);
	challenge_task_array_free(tasks, n);
	assert_ok(c_retry(id), &e);
	assert_ok(challenge_next_due(st, 3600, &due, &e), &e);
	assert_int_equal(due, test_now + 5);
	test_now += 5;
	assert_ok(challenge_take(st, 30, 3600, 10, &tasks, &n, &e), &e);
	assert_int_equal(n, 1);
	assert_int_equal(tasks[0].attempts, 1);
	challenge_task_array_free(tasks, n);
	assert_ok(c_valid(id), &e);
	order_release(&o);
	assert_sound();
}

/* What was due before the clock went back is not late by as much. */
static void
test_clock_goes_back(void **state)
{
	struct challenge_task *tasks;
	struct order o, *taken;
	int64_t due;
	size_t n;

	(void)state;
	make_order(FROM_PROCESSING, new_account('a'), &o);
	order_release(&o);
	new_order(new_account('b'), &o, one);
	assert_ok(challenge_start(st, challenge_id(&o, 0, 0), &e), &e);
	assert_ok(challenge_take(st, 30, 60, 10, &tasks, &n, &e), &e);
	challenge_task_array_free(tasks, n);
	test_now -= 30;
	assert_ok(challenge_next_due(st, 60, &due, &e), &e);
	assert_int_equal(due, test_now + 60);
	test_now -= 3600;
	assert_ok(challenge_next_due(st, 60, &due, &e), &e);
	assert_int_equal(due, test_now);
	assert_ok(challenge_take(st, 30, 60, 10, &tasks, &n, &e), &e);
	assert_int_equal(n, 1);
	challenge_task_array_free(tasks, n);
	assert_ok(challenge_next_due(st, 60, &due, &e), &e);
	assert_int_equal(due, test_now + 30);
	assert_ok(order_take_stale(st, 60, 90, 10, &taken, &n, &e), &e);
	assert_int_equal(n, 1);
	order_array_free(taken, n);
	assert_ok(order_take_stale(st, 60, 90, 10, &taken, &n, &e), &e);
	assert_int_equal(n, 0);
	order_release(&o);
}

/* A job that nobody can win any more must not wake the validator for ever. */
static void
test_queue_of_expired(void **state)
{
	struct challenge_task *tasks;
	struct order o;
	int64_t due;
	size_t n;

	(void)state;
	new_order(new_account('a'), &o, one);
	assert_ok(challenge_start(st, challenge_id(&o, 0, 0), &e), &e);
	test_now += LIFETIME;
	assert_ok(challenge_take(st, 30, 3600, 10, &tasks, &n, &e), &e);
	assert_int_equal(n, 0);
	challenge_task_array_free(tasks, n);
	assert_ok(challenge_next_due(st, 3600, &due, &e), &e);
	assert_true(due == INT64_MAX);
	assert_int_equal(challenge_status(&o, 0, 0), CHALLENGE_INVALID);
	order_release(&o);
	assert_sound();
}

static void
test_takes_limited(void **state)
{
	int64_t account = new_account('a');
	struct challenge_task *tasks;
	struct order o;
	size_t i, n;

	(void)state;
	for (i = 0; i < 5; i++) {
		new_order(account, &o, one);
		assert_ok(challenge_start(st, challenge_id(&o, 0, 0), &e), &e);
		order_release(&o);
	}
	assert_ok(challenge_take(st, 30, 3600, 3, &tasks, &n, &e), &e);
	assert_int_equal(n, 3);
	challenge_task_array_free(tasks, n);
	assert_ok(challenge_take(st, 30, 3600, 3, &tasks, &n, &e), &e);
	assert_int_equal(n, 2);
	challenge_task_array_free(tasks, n);
}

static void
test_holds(void **state)
{
	int64_t account = new_account('a'), other = new_account('b');
	struct identifier a = {IDENTIFIER_DNS, (char[]){"a.example"}},
			  b = {IDENTIFIER_DNS, (char[]){"b.example"}},
			  w = {IDENTIFIER_DNS, (char[]){"*.a.example"}};
	struct identifier ab[] = {a, b};
	struct order o;
	bool holds = true;

	(void)state;
	new_order(account, &o, two);
	assert_ok(
	    authorization_account_holds(st, account, &a, 1, &holds, &e), &e);
	assert_false(holds);
	prove(&o, 0);
	assert_ok(
	    authorization_account_holds(st, account, &a, 1, &holds, &e), &e);
	assert_true(holds);
	assert_ok(
	    authorization_account_holds(st, account, ab, 2, &holds, &e), &e);
	assert_false(holds);
	prove(&o, 1);
	assert_ok(
	    authorization_account_holds(st, account, ab, 2, &holds, &e), &e);
	assert_true(holds);
	assert_ok(
	    authorization_account_holds(st, account, &w, 1, &holds, &e), &e);
	assert_false(holds);
	assert_ok(
	    authorization_account_holds(st, other, &a, 1, &holds, &e), &e);
	assert_false(holds);
	assert_ok(
	    authorization_account_holds(st, account, &a, 0, &holds, &e), &e);
	assert_false(holds);
	test_now += LIFETIME;
	assert_ok(
	    authorization_account_holds(st, account, &a, 1, &holds, &e), &e);
	assert_false(holds);
	order_release(&o);
}

#define T(test)                                                                \
	cmocka_unit_test_setup_teardown(test, store_setup, store_teardown)
static const struct CMUnitTest tests[] = {
    T(test_creates),
    T(test_order_moves),
    T(test_order_not_ready_is_403),
    T(test_time_alone),
    T(test_valid_order),
    T(test_ready_needs_all),
    T(test_list),
    T(test_takes_stale),
    T(test_deactivates),
    T(test_deactivates_while_processing),
    T(test_challenge_moves),
    T(test_several_valid_or_none),
    T(test_failure_takes_all),
    T(test_success_drops_the_others),
    T(test_queue),
    T(test_clock_goes_back),
    T(test_queue_of_expired),
    T(test_takes_limited),
    T(test_holds),
};

UNIT_MAIN(tests)
