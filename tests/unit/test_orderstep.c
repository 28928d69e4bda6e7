/* What comes next for an order at a CA, by its rows; what its policy says. */
#include "unit.h"

#include "order/ordercheck.h"
#include "order/orderpolicy.h"
#include "order/orderstep.h"
#include "wrap/cert.h"
#include "wrap/csr.h"
#include "wrap/key.h"

#define NOW 1000

static struct upstream_order order;
static struct upstream_challenge challenges[3][2];
static struct upstream_authorization v[3];
static struct upstream_authorizations list;
static bool shared[3];
static bool keeps_pending;
static struct err e;

/* Three authorizations with these statuses, and an order. */
static void
given(enum upstream_order_status status, const char *statuses)
{
	order = (struct upstream_order){.id = 1, .status = status};
	memset(challenges, 0, sizeof(challenges));
	memset(shared, 0, sizeof(shared));
	keeps_pending = false;
	list =
	    (struct upstream_authorizations){.v = v, .len = strlen(statuses)};
	for (size_t i = 0; i < list.len; i++)
		v[i] = (struct upstream_authorization){.id = (int64_t)i + 1,
		    .challenges = challenges[i],
		    .challenges_len = 2,
		    .status = statuses[i] == 'u'
			? UPSTREAM_AUTHORIZATION_UNKNOWN
			: statuses[i] == 'p' ? UPSTREAM_AUTHORIZATION_PENDING
			: statuses[i] == 'v' ? UPSTREAM_AUTHORIZATION_VALID
			: statuses[i] == 'd'
			? UPSTREAM_AUTHORIZATION_DEACTIVATED
			: UPSTREAM_AUTHORIZATION_INVALID};
}

static struct orderstep
step(void)
{
	const struct orderstep_view view = {.order = &order,
	    .authorizations = &list,
	    .shared = shared,
	    .keeps_pending = keeps_pending,
	    .now = NOW};

	return orderstep_next(&view);
}

/* The next step is this, of this authorization (-1: of the order). */
static void
is_next(enum orderstep_kind kind, int authorization)
{
	struct orderstep s = step();

	assert_string_equal(orderstep_name(s.kind), orderstep_name(kind));
	assert_int_equal(s.authorization,
	    authorization < 0 ? ORDERSTEP_NONE : (size_t)authorization);
}

static void
waits_until(int64_t until)
{
	struct orderstep s = step();

	assert_int_equal(s.kind, ORDERSTEP_WAIT);
	assert_int_equal(s.until, until);
}

static void
test_new(void **state)
{
	(void)state;
	given(UPSTREAM_ORDER_NEW, "");
	is_next(ORDERSTEP_NEW_ORDER, -1);
	order.retry_at = NOW;
	is_next(ORDERSTEP_NEW_ORDER, -1);
	order.retry_at = NOW + 1;
	waits_until(NOW + 1);
}

/* All are fetched, then all are put in place, then the CA is told. */
static void
test_challenges(void **state)
{
	(void)state;
	given(UPSTREAM_ORDER_PENDING, "puv");
	is_next(ORDERSTEP_FETCH_AUTHORIZATION, 1);
	v[1].retry_at = NOW + 9;
	is_next(ORDERSTEP_PLACE, 0);
	v[1].retry_at = 0;
	v[1].status = UPSTREAM_AUTHORIZATION_PENDING;
	challenges[0][1].place = UPSTREAM_PLACE_PLACING;
	is_next(ORDERSTEP_PLACE, 0);
	assert_int_equal(step().challenge, 1);
	challenges[0][1].place = UPSTREAM_PLACE_PLACED;
	is_next(ORDERSTEP_PLACE, 1);
	challenges[1][0].place = UPSTREAM_PLACE_CHECKED;
	is_next(ORDERSTEP_CHECK, 0);
	challenges[0][1].place = UPSTREAM_PLACE_TRIGGERED;
	is_next(ORDERSTEP_TRIGGER, 1);
	challenges[1][0].place = UPSTREAM_PLACE_TRIGGERED;
	is_next(ORDERSTEP_POLL_AUTHORIZATION, 0);
	v[0].retry_at = NOW + 5;
	is_next(ORDERSTEP_POLL_AUTHORIZATION, 1);
	v[1].retry_at = NOW + 3;
	waits_until(NOW + 3);
	order.retry_at = NOW + 30;
	v[1].retry_at = 0;
	waits_until(NOW + 30);
	v[0].status = UPSTREAM_AUTHORIZATION_VALID;
	is_next(ORDERSTEP_CLEANUP, 0);
	assert_int_equal(step().challenge, 1);
}

static void
test_lost(void **state)
{
	(void)state;
	given(UPSTREAM_ORDER_PENDING, "pi");
	is_next(ORDERSTEP_FAIL, 1);
	given(UPSTREAM_ORDER_PENDING, "dv");
	is_next(ORDERSTEP_FAIL, 0);
	given(UPSTREAM_ORDER_PENDING, "p");
	order.expires = NOW;
	is_next(ORDERSTEP_FAIL, -1);
	order.expires = NOW + 1;
	is_next(ORDERSTEP_PLACE, 0);
	given(UPSTREAM_ORDER_READY, "v");
	order.expires = NOW;
	is_next(ORDERSTEP_FAIL, -1);
}

static void
test_finalize(void **state)
{
	(void)state;
	given(UPSTREAM_ORDER_PENDING, "vv");
	is_next(ORDERSTEP_MAKE_REQUEST, -1);
	order.certificate_request_id = 1;
	is_next(ORDERSTEP_FINALIZE, -1);
	order.attempts = 1; /* it was refused: the order is looked at */
	is_next(ORDERSTEP_POLL_ORDER, -1);
	order.attempts = 2;
	is_next(ORDERSTEP_FINALIZE, -1);
	order.retry_at = NOW + 2;
	waits_until(NOW + 2);
	given(UPSTREAM_ORDER_READY, "u"); /* as the CA says */
	is_next(ORDERSTEP_MAKE_REQUEST, -1);
	given(UPSTREAM_ORDER_READY, "v");
	order.certificate_request_id = 1;
	challenges[0][0].place = UPSTREAM_PLACE_TRIGGERED;
	is_next(ORDERSTEP_CLEANUP, 0);
}

static void
test_certificate(void **state)
{
	(void)state;
	given(UPSTREAM_ORDER_PROCESSING, "v");
	is_next(ORDERSTEP_POLL_ORDER, -1);
	given(UPSTREAM_ORDER_ISSUED, "v");
	is_next(ORDERSTEP_DOWNLOAD, -1);
	order.retry_at = NOW + 7;
	waits_until(NOW + 7);
	given(UPSTREAM_ORDER_VALID, "v");
	is_next(ORDERSTEP_DONE, -1);
	order.alternates = (char *)(uintptr_t) "https://ca.example/c/1";
	is_next(ORDERSTEP_ALTERNATE, -1);
	challenges[0][0].place = UPSTREAM_PLACE_PLACED;
	is_next(ORDERSTEP_CLEANUP, 0);
	shared[0] = true; /* another order is at it */
	is_next(ORDERSTEP_ALTERNATE, -1);
}

/* What has failed is cleaned up and given up, but for what others need. */
static void
test_failed(void **state)
{
	static const enum upstream_order_status ends[] = {
	    UPSTREAM_ORDER_INVALID, UPSTREAM_ORDER_CANCELLED};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		given(ends[i], "vpu");
		challenges[1][1].place = UPSTREAM_PLACE_PLACED;
		is_next(ORDERSTEP_CLEANUP, 1);
		challenges[1][1].place = UPSTREAM_PLACE_NONE;
		is_next(ORDERSTEP_DEACTIVATE, 1);
		shared[1] = true;
		is_next(ORDERSTEP_FETCH_AUTHORIZATION, 2);
		v[2].retry_at = NOW + 4;
		waits_until(NOW + 4);
		v[2].attempts = ORDERSTEP_DEACTIVATE_MAX;
		is_next(ORDERSTEP_DONE, -1);
		given(ends[i], "p");
		keeps_pending = true;
		is_next(ORDERSTEP_DONE, -1);
	}
	given(UPSTREAM_ORDER_GONE, "p");
	is_next(ORDERSTEP_DONE, -1);
	challenges[0][0].place = UPSTREAM_PLACE_TRIGGERED;
	is_next(ORDERSTEP_CLEANUP, 0);
}

static void
test_pause(void **state)
{
	(void)state;
	assert_int_equal(orderstep_pause(0), 1);
	assert_int_equal(orderstep_pause(3), 8);
	assert_int_equal(orderstep_pause(6), 60);
	assert_int_equal(orderstep_pause(INT64_MAX), 60);
}

static void
test_policy(void **state)
{
	static const char text[] =
	    "{\"challenges\":[{\"name\":\"*.a.example\",\"solver\":\"hook:/"
	    "x=y\""
	    "},{\"name\":\"2001:db8::1\",\"solver\":\"listen:80\"},"
	    "{\"solver\":\"webroot:/w=x\"}],\"key_type\":\"p384\","
	    "\"auto_renew\":true}";
	struct orderpolicy p = {.auto_renew = true}, again;
	struct strv words = {0};
	struct buf out;

	(void)state;
	buf_init(&out, ORDERPOLICY_MAX);
	strv_add(&words, "webroot:/w=x");
	strv_add(&words, "*.A.example=hook:/x=y");
	strv_add(&words, "2001:DB8:0::1=listen:80");
	assert_ok(orderpolicy_set_rules(&p, &words, NULL, &e), &e);
	assert_ok(orderpolicy_set_rules(&p, &words, NULL, &e), &e);
	assert_int_equal(p.rules_len, 3);
	p.key_type = xstrdup("p384");
	assert_int_equal(orderpolicy_write(&p, &out), 0);
	assert_string_equal(out.data, text);
	assert_ok(orderpolicy_read(&again, out.data, &e), &e);
	buf_clear(&out);
	assert_int_equal(orderpolicy_write(&again, &out), 0);
	assert_string_equal(out.data, text);
	assert_true(orderpolicy_matches(&p.rules[0], "*.a.example"));
	assert_false(orderpolicy_matches(&p.rules[0], "a.example"));
	assert_true(orderpolicy_matches(&p.rules[2], "anything"));
	orderpolicy_release(&p);
	orderpolicy_release(&again);
	assert_kind(orderpolicy_read(&p, "[]", &e), KIND_BUG, &e);
	strv_add(&words, "a.example=carrier-pigeon");
	assert_kind(
	    orderpolicy_set_rules(&p, &words, NULL, &e), KIND_USAGE, &e);
	orderpolicy_release(&p);
	strv_release(&words);
	buf_release(&out);
}

static void
add_names(struct strv *l, const char *names)
{
	for (; *names; names += strspn(names, " ")) {
		strv_addn(l, names, strcspn(names, " "));
		names += strcspn(names, " ");
	}
}

static void
test_names(void **state)
{
	struct strv typed = {0}, dns = {0}, ip = {0};
	char name[32];

	(void)state;
	add_names(
	    &typed, "B.example b.example a.example. 192.0.2.1 *.b.example");
	assert_ok(ordercheck_names(&typed, &dns, &ip, &e), &e);
	assert_int_equal(dns.len, 3);
	assert_string_equal(dns.v[0], "*.b.example");
	assert_string_equal(dns.v[1], "a.example");
	assert_int_equal(ip.len, 1);
	strv_release(&typed);
	strv_release(&dns);
	strv_release(&ip);
	assert_kind(ordercheck_names(&typed, &dns, &ip, &e), KIND_INPUT, &e);
	add_names(&typed, "a.example b_c.example");
	assert_kind(ordercheck_names(&typed, &dns, &ip, &e), KIND_INPUT, &e);
	strv_release(&typed);
	for (int i = 0; i <= ORDERCHECK_NAMES_MAX; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		strv_add(&typed, name);
	}
	strv_release(&dns);
	assert_kind(ordercheck_names(&typed, &dns, &ip, &e), KIND_INPUT, &e);
	strv_release(&typed);
	strv_release(&dns);
}

static void
test_csr(void **state)
{
	struct key *k = key_generate(KEY_P256, 0, &e);
	struct strv dns = {0}, ip = {0};
	struct csr *c;

	(void)state;
	assert_null(csr_build(k, &dns, &ip, &e));
	err_clear(&e);
	add_names(&dns, "b.example a.example *.a.example");
	add_names(&ip, "192.0.2.1 2001:db8::1");
	c = csr_build(k, &dns, &ip, &e);
	assert_non_null(c);
	assert_ok(csr_verify(c, &e), &e);
	assert_int_equal(csr_cn(c)->len, 0);
	assert_true(key_equal(csr_key(c), k));
	strv_sort_unique(&dns);
	assert_true(strv_equal(csr_dns(c), &dns));
	assert_true(strv_equal(csr_ip(c), &ip));
	csr_free(c);
	strv_release(&dns);
	strv_release(&ip);
	key_free(k);
}

/* Looks at all that is in place and due are one step. */
static void
test_also(void **state)
{
	const struct orderstep_view view = {.order = &order,
	    .authorizations = &list,
	    .shared = shared,
	    .now = NOW};
	struct orderstep s;

	(void)state;
	given(UPSTREAM_ORDER_PENDING, "ppp");
	for (size_t i = 0; i < 3; i++)
		challenges[i][i % 2].place = UPSTREAM_PLACE_PLACED;
	v[1].retry_at = NOW + 1;
	s = orderstep_next(&view);
	assert_int_equal(s.kind, ORDERSTEP_CHECK);
	assert_int_equal(s.authorization, 0);
	assert_true(orderstep_also(&view, &s));
	assert_int_equal(s.kind, ORDERSTEP_CHECK);
	assert_int_equal(s.authorization, 2);
	assert_int_equal(s.challenge, 0);
	assert_false(orderstep_also(&view, &s));

	v[1].retry_at = NOW;
	s = orderstep_next(&view);
	assert_true(orderstep_also(&view, &s));
	assert_int_equal(s.authorization, 1);
	assert_int_equal(s.challenge, 1);
	v[2].status = UPSTREAM_AUTHORIZATION_VALID;
	assert_false(orderstep_also(&view, &s));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_new),
    cmocka_unit_test(test_challenges),
    cmocka_unit_test(test_also),
    cmocka_unit_test(test_lost),
    cmocka_unit_test(test_finalize),
    cmocka_unit_test(test_certificate),
    cmocka_unit_test(test_failed),
    cmocka_unit_test(test_pause),
    cmocka_unit_test(test_policy),
    cmocka_unit_test(test_names),
    cmocka_unit_test(test_csr),
};

UNIT_MAIN(tests)
