/* What CAs say of orders, and what they give: taken, or told what is wrong. */
#include "store.h"

#include "order/orderanswer.h"
#include "order/orderchain.h"
#include "order/orderkey.h"
#include "store/certificate_request.h"
#include "wrap/csr.h"
#include "wrap/js.h"

/* ---- answers ------------------------------------------------------------- */

static int
read_order(const char *text, bool is_new, struct orderanswer *a)
{
	static struct js *js;

	js_free(js);
	js = js_parse(text, strlen(text), &e);
	err_clear(&e);
	return orderanswer_read(js, is_new, a, &e);
}

static void
test_order(void **state)
{
	struct orderanswer a;

	(void)state;
	assert_ok(read_order("{\"status\":\"pending\",\"expires\":"
			     "\"2026-11-27T00:00:00Z\",\"finalize\":\"f\","
			     "\"authorizations\":[\"a\",\"b\",\"a\",7]}",
		      true, &a),
	    &e);
	assert_int_equal(a.order.status, UPSTREAM_ORDER_PENDING);
	assert_int_equal(a.order.expires, 1795737600);
	assert_int_equal(a.order.authorizations->len, 2);
	orderanswer_release(&a);
	assert_ok(read_order("{\"status\":\"valid\",\"certificate\":\"c\"}",
		      false, &a),
	    &e);
	assert_int_equal(a.order.status, UPSTREAM_ORDER_ISSUED);
	assert_string_equal(a.order.certificate_url, "c");
	orderanswer_release(&a);
	assert_ok(
	    read_order("{\"status\":\"invalid\",\"error\":{\"type\":"
		       "\"urn:ietf:params:acme:error:compound\",\"subproblems\""
		       ":[{\"type\":\"urn:ietf:params:acme:error:caa\","
		       "\"detail\":\"a\\nb\"}]}}",
		false, &a),
	    &e);
	assert_true(a.is_invalid);
	assert_int_equal(a.problem.cause, CAUSE_CAA);
	assert_string_equal(a.problem.text, "caa: a\\x0ab");
	orderanswer_release(&a);
}

static void
test_order_broken(void **state)
{
	static const char *const texts[] = {"{}", "{\"status\":7}",
	    "{\"status\":\"deactivated\"}", "{\"status\":\"valid\"}",
	    "{\"status\":\"pending\",\"expires\":\"tomorrow\"}"};
	static const char *const not_new[] = {
	    "{\"status\":\"pending\",\"finalize\":\"f\"}",
	    "{\"status\":\"pending\",\"finalize\":\"f\",\"authorizations\":7}",
	    "{\"status\":\"pending\",\"authorizations\":[\"a\"]}"};
	struct orderanswer a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_kind(read_order(texts[i], false, &a), KIND_SYS, &e);
		orderanswer_release(&a);
	}
	for (size_t i = 0; i < ARRAY_LEN(not_new); i++) {
		assert_kind(read_order(not_new[i], true, &a), KIND_SYS, &e);
		orderanswer_release(&a);
	}
	assert_kind(orderanswer_read(NULL, false, &a, &e), KIND_SYS, &e);
}

static int
read_authorization(const char *text, struct orderanswer_authorization *a)
{
	static struct js *js;

	js_free(js);
	js = js_parse(text, strlen(text), &e);
	err_clear(&e);
	return orderanswer_read_authorization(js, a, &e);
}

#define ID "\"identifier\":{\"type\":\"dns\",\"value\":\"A.example\"}"

static void
test_authorization(void **state)
{
	static const char *const broken[] = {"{}", "{" ID "}",
	    "{\"status\":\"gone\"," ID "}", "{\"status\":\"unknown\"," ID "}",
	    "{\"status\":\"valid\"}",
	    ("{\"status\":\"valid\",\"identifier\":{\"type\":\"dns\","
	     "\"value\":\"../x\"}}")};
	struct orderanswer_authorization a;

	(void)state;
	assert_ok(
	    read_authorization(
		"{\"status\":\"invalid\",\"wildcard\":true," ID
		",\"challenges\":[{\"type\":\"dns-01\",\"url\":\"u\",\"token\":"
		"\"t\",\"status\":\"invalid\",\"error\":{\"type\":"
		"\"urn:ietf:params:acme:error:unauthorized\",\"detail\":\"d\"}}"
		",{\"type\":\"x\",\"status\":\"pending\"},7]}",
		&a),
	    &e);
	assert_string_equal(a.authorization.value, "*.a.example");
	assert_int_equal(a.authorization.challenges_len, 1);
	assert_string_equal(
	    a.authorization.challenges[0].error, "unauthorized: d");
	assert_int_equal(orderanswer_cause("unauthorized: d"), CAUSE_CHALLENGE);
	orderanswer_authorization_release(&a);
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		assert_kind(read_authorization(broken[i], &a), KIND_SYS, &e);
		orderanswer_authorization_release(&a);
	}
}

/* ---- certificates -------------------------------------------------------- */

static struct key *key, *other;
static struct upstream_order order;
static struct strv dns, ip;

static int
setup(void **state)
{
	struct csr *csr;
	bool created;
	int rc = store_setup(state);

	if (rc < 0)
		return rc;
	key = key_generate(KEY_P256, 0, &e);
	other = key_generate(KEY_P256, 0, &e);
	strv_add(&dns, "a.example");
	csr = csr_build(key, &dns, &ip, &e);
	order = (struct upstream_order){.id = 1};
	assert_ok(certificate_request_add(st, csr, "order",
		      &order.certificate_request_id, &created, &e),
	    &e);
	csr_free(csr);
	return 0;
}

static int
teardown(void **state)
{
	key_free(key);
	key_free(other);
	strv_release(&dns);
	return store_teardown(state);
}

/* A chain of a leaf for `k`, valid from then, and its CA, if wanted, in PEM. */
static void
make_pem(const struct key *k, const char *name, int64_t from, bool with_ca,
    struct buf *out)
{
	struct strv names = {0};
	struct cert_template t = {.kind = CERT_ROOT,
	    .key = other,
	    .issuer_key = other,
	    .subject = "CN=unit root",
	    .not_before = test_now - 86400,
	    .not_after = test_now + 400 * 86400};
	struct cert *root = cert_build(&t, &e), *leaf;

	strv_add(&names, name);
	t.kind = CERT_LEAF;
	t.key = k;
	t.subject = NULL;
	t.dns = &names;
	t.issuer_cert = root;
	t.not_before = from;
	t.not_after = from + 86400;
	leaf = cert_build(&t, &e);
	assert_non_null(leaf);
	buf_init(out, 65536);
	cert_to_pem(leaf, out);
	if (with_ca)
		cert_to_pem(root, out);
	cert_free(leaf);
	cert_free(root);
	strv_release(&names);
}

static void
takes(const struct key *k, const char *name, int64_t from, bool with_ca,
    enum cause wanted)
{
	struct cert_list list = {0};
	enum cause cause;
	struct buf pem;
	int rc;

	make_pem(k, name, from, with_ca, &pem);
	err_clear(&e);
	rc = orderchain_read(
	    st, &order, pem.data, pem.len, &dns, &ip, &list, &cause, &e);
	if (wanted == CAUSE_NONE) {
		assert_ok(rc, &e);
		assert_true(orderchain_leads_to(&list, "unit root"));
		assert_false(orderchain_leads_to(&list, "unit"));
	} else {
		assert_int_equal(rc, -1);
		assert_int_equal(cause, wanted);
	}
	err_clear(&e);
	cert_list_release(&list);
	buf_release(&pem);
}

static void
test_chain(void **state)
{
	struct cert_list list = {0};
	enum cause cause;

	(void)state;
	takes(key, "a.example", test_now - 60, true, CAUSE_NONE);
	takes(key, "a.example", test_now - 60, false, CAUSE_NONE);
	takes(other, "a.example", test_now - 60, true, CAUSE_CERTIFICATE);
	takes(key, "b.example", test_now - 60, true, CAUSE_CERTIFICATE);
	takes(key, "a.example", test_now + 3600, true, CAUSE_CLOCK);
	takes(key, "a.example", test_now - 2 * 86400, true, CAUSE_CLOCK);
	assert_int_equal(orderchain_read(st, &order, "<html>", 6, &dns, &ip,
			     &list, &cause, &e),
	    -1);
	assert_int_equal(cause, CAUSE_CA_BROKEN);
	err_clear(&e);
}

#define WITH_STORE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_order),
    cmocka_unit_test(test_order_broken),
    cmocka_unit_test(test_authorization),
    WITH_STORE(test_chain),
};

UNIT_MAIN(tests)
