#include "csr_make.h"
#include "import/bundle.h"
#include "unit.h"
#include "wrap/p12.h"
#include "wrap/p7.h"
#include "wrap/pem.h"

/* Two leaves under a root and an intermediate, with their keys. */
static struct key *root_key, *middle_key, *leaf_key[2];
static struct cert *root, *middle, *leaf[2];

static struct cert *
sign(enum cert_kind kind, const char *name, const struct key *key,
    const struct cert *issuer, const struct key *issuer_key)
{
	struct err e = {0};
	struct strv dns = {0};
	struct cert_template t = {.kind = kind,
	    .subject = kind == CERT_LEAF ? NULL : name,
	    .dns = &dns,
	    .key = key,
	    .issuer_cert = issuer,
	    .issuer_key = issuer_key,
	    .not_before = 1700000000,
	    .not_after = 1900000000};
	struct cert *c;

	if (kind == CERT_LEAF)
		strv_add(&dns, name);
	c = cert_build(&t, &e);
	assert_non_null(c);
	strv_release(&dns);
	return c;
}

static int
setup(void **state)
{
	struct err e = {0};

	(void)state;
	root_key = key_generate(KEY_P256, 0, &e);
	middle_key = key_generate(KEY_P256, 0, &e);
	leaf_key[0] = key_generate(KEY_P256, 0, &e);
	leaf_key[1] = key_generate(KEY_RSA, 2048, &e);
	root = sign(CERT_ROOT, "CN=root", root_key, NULL, root_key);
	middle =
	    sign(CERT_INTERMEDIATE, "CN=middle", middle_key, root, root_key);
	for (int i = 0; i < 2; i++)
		leaf[i] = sign(CERT_LEAF, i == 0 ? "a.example" : "b.example",
		    leaf_key[i], middle, middle_key);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	key_free(root_key);
	key_free(middle_key);
	cert_free(root);
	cert_free(middle);
	for (int i = 0; i < 2; i++) {
		key_free(leaf_key[i]);
		cert_free(leaf[i]);
	}
	return 0;
}

static bool
same(const struct cert *a, const struct cert *b)
{
	return strcmp(cert_serial_hex(a), cert_serial_hex(b)) == 0;
}

/* The set of this leaf is complete but for what `has_key` says. */
static void
check_set(const struct bundle *b, const struct cert *c, bool has_key,
    size_t chain_len)
{
	size_t len, found = 0;
	struct bundle_set *sets = bundle_sets(b, &len);

	for (size_t i = 0; i < len; i++) {
		if (!same(sets[i].cert, c))
			continue;
		found++;
		assert_int_equal(sets[i].key != NULL, has_key);
		assert_true(!has_key || cert_has_key(c, sets[i].key));
		assert_int_equal(sets[i].chains[0].len, chain_len);
		if (chain_len > 0)
			assert_true(same(sets[i].chains[0].certs[0], middle));
		if (chain_len > 1)
			assert_true(same(sets[i].chains[0].certs[1], root));
	}
	assert_int_equal(found, 1);
	bundle_sets_free(sets, len);
}

static void
add_key_pem(struct buf *out, const struct key *k)
{
	struct err e = {0};

	assert_ok(key_to_pem(k, out, &e), &e);
}

/* Everything in one text, in an order that helps nobody, and twice. */
static void
test_any_order(void **state)
{
	struct bundle b = {0};
	struct bundle_set *sets;
	struct buf text;
	size_t len;

	(void)state;
	buf_init(&text, BUNDLE_MAX);
	for (int i = 0; i < 2; i++) {
		buf_adds(&text, "# a comment\n");
		cert_to_pem(root, &text);
		add_key_pem(&text, leaf_key[1]);
		cert_to_pem(leaf[0], &text);
		pem_encode(&text, "X509 CRL", "xx", 2);
		cert_to_pem(middle, &text);
		add_key_pem(&text, leaf_key[0]);
		cert_to_pem(leaf[1], &text);
	}
	bundle_add(&b, "text", text.data, text.len, NULL);
	assert_int_equal(b.problems.len, 0);
	assert_int_equal(b.certs.len, 4);
	assert_int_equal(b.keys.len, 2);
	check_set(&b, leaf[0], true, 2);
	check_set(&b, leaf[1], true, 2);
	sets = bundle_sets(&b, &len);
	assert_int_equal(len, 2); /* CAs are no sets of their own */
	bundle_sets_free(sets, len);
	buf_wipe(&text);
	bundle_release(&b);
}

/* One after the other, each in DER. */
static void
test_der(void **state)
{
	struct bundle b = {0};
	struct err e = {0};
	struct buf der;
	struct cert *all[] = {middle, leaf[0]};
	const uint8_t *p;
	size_t len;

	(void)state;
	buf_init(&der, BUNDLE_MAX);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		p = cert_der(all[i], &len);
		bundle_add(&b, "cert", p, len, NULL);
	}
	check_set(&b, leaf[0], false, 1);
	for (int i = 0; i < 2; i++) {
		buf_clear(&der);
		assert_ok(key_to_der(leaf_key[i], &der, &e), &e);
		bundle_add(&b, "key", der.data, der.len, NULL);
	}
	check_set(&b, leaf[0], true, 1);
	assert_int_equal(b.keys.len, 2);
	assert_int_equal(b.problems.len, 0);
	buf_wipe(&der);
	bundle_release(&b);
}

/* The same PKCS#12 with an outer length that is not told, as NSS writes it. */
static void
check_without_length(const struct buf *p12)
{
	struct bundle b = {0};
	struct buf ber;

	buf_init(&ber, BUNDLE_MAX);
	assert_true((uint8_t)p12->data[1] == 0x82);
	buf_add(&ber, "\x30\x80", 2);
	buf_add(&ber, p12->data + 4, p12->len - 4);
	buf_add(&ber, "\0\0", 2);
	bundle_add(&b, "p12", ber.data, ber.len, "secret");
	assert_int_equal(b.problems.len, 0);
	check_set(&b, leaf[0], true, 1);
	bundle_release(&b);
	buf_wipe(&ber);
}

static void
test_containers(void **state)
{
	struct bundle b = {0};
	struct err e = {0};
	struct cert_list list = {0};
	struct buf der;
	const uint8_t *p;
	size_t len;

	(void)state;
	buf_init(&der, BUNDLE_MAX);
	p = cert_der(leaf[0], &len);
	cert_list_take(&list, cert_from_der(p, len, &e));
	p = cert_der(middle, &len);
	cert_list_take(&list, cert_from_der(p, len, &e));
	assert_ok(
	    p12_write(P12_MODERN, "secret", NULL, leaf_key[0], &list, &der, &e),
	    &e);
	bundle_add(&b, "p12", der.data, der.len, NULL);
	bundle_add(&b, "p12", der.data, der.len, "wrong");
	assert_int_equal(b.problems.len, 2);
	assert_string_equal(b.problems.v[0], "p12: PKCS#12 needs a password");
	bundle_add(&b, "p12", der.data, der.len, "secret");
	assert_int_equal(b.problems.len, 2);
	check_set(&b, leaf[0], true, 1);
	bundle_release(&b);
	check_without_length(&der);
	buf_clear(&der);
	assert_ok(p7_write(&list, &der, &e), &e);
	bundle_add(&b, "p7", der.data, der.len, NULL);
	assert_int_equal(b.problems.len, 0);
	check_set(&b, leaf[0], false, 1);
	bundle_release(&b);
	buf_wipe(&der);
	cert_list_release(&list);
}

static void
test_requests(void **state)
{
	static const struct csr_make plain = {.dns = {"a.example"}};
	static const struct csr_make named = {.cn = "a.example"};
	struct bundle b = {0};
	struct bundle_set *sets;
	struct buf der, text;
	const uint8_t *p;
	size_t len;

	(void)state;
	buf_init(&der, BUNDLE_MAX);
	buf_init(&text, BUNDLE_MAX);
	p = cert_der(leaf[0], &len);
	bundle_add(&b, "cert", p, len, NULL);
	csr_make(&plain, leaf_key[0], &der);
	bundle_add(&b, "csr", der.data, der.len, NULL);
	buf_clear(&der);
	csr_make(&named, leaf_key[1], &der);
	pem_encode(&text, "NEW CERTIFICATE REQUEST", der.data, der.len);
	bundle_add(&b, "csr", text.data, text.len, NULL);
	bundle_add(&b, "csr", der.data, der.len, NULL);
	assert_int_equal(b.problems.len, 0);
	assert_int_equal(b.csrs_len, 2); /* one is there twice */
	sets = bundle_sets(&b, &len);
	assert_int_equal(len, 1);
	assert_ptr_equal(sets[0].csr, b.csrs[0]);
	bundle_sets_free(sets, len);
	buf_clear(&der);
	csr_make_for(&plain, leaf_key[0], leaf_key[1], &der);
	bundle_add(&b, "csr", der.data, der.len, NULL);
	assert_int_equal(b.problems.len, 1); /* signed by another key */
	buf_release(&der);
	buf_release(&text);
	bundle_release(&b);
}

/* What is bad is said, and what is good is taken. */
static void
test_bad(void **state)
{
	struct bundle b = {0};
	struct buf text;

	(void)state;
	buf_init(&text, BUNDLE_MAX);
	pem_encode(&text, "CERTIFICATE", "nonsense", 8);
	cert_to_pem(leaf[0], &text);
	pem_encode(&text, "PRIVATE KEY", "nonsense", 8);
	pem_encode(&text, "ENCRYPTED PRIVATE KEY", "nonsense", 8);
	buf_adds(&text,
	    "-----BEGIN RSA PRIVATE KEY-----\n"
	    "Proc-Type: 4,ENCRYPTED\n"
	    "DEK-Info: AES-128-CBC,00000000000000000000000000000000"
	    "\n\nAAAA\n-----END RSA PRIVATE KEY-----\n");
	bundle_add(&b, "file", text.data, text.len, NULL);
	assert_int_equal(b.certs.len, 1);
	assert_int_equal(b.keys.len, 0);
	assert_int_equal(b.problems.len, 4);
	assert_memory_equal(
	    b.problems.v[0], "file: block 1 (CERTIFICATE): ", 29);
	assert_memory_equal(
	    b.problems.v[1], "file: block 3 (PRIVATE KEY): ", 29);
	bundle_add(&b, "none", "", 0, NULL);
	bundle_add(&b, "none", "\x30\x03\x02\x01\x05", 5, NULL);
	bundle_add(&b, "none", "nothing of the kind", 19, NULL);
	assert_int_equal(b.problems.len, 7);
	buf_clear(&text);
	pem_encode(&text, "X509 CRL", "xx", 2);
	bundle_add(&b, "crl", text.data, text.len, NULL);
	assert_string_equal(
	    b.problems.v[7], "crl: no certificate, key or request in it");
	buf_release(&text);
	bundle_release(&b);
}

/* Two CAs that have signed each other: a chain ends. */
static void
test_loop(void **state)
{
	struct bundle b = {0};
	struct cert *other =
	    sign(CERT_INTERMEDIATE, "CN=root", root_key, middle, middle_key);
	struct cert *all[] = {leaf[0], middle, other, root};
	const uint8_t *p;
	size_t len;
	struct bundle_set *sets;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		p = cert_der(all[i], &len);
		bundle_add(&b, "cert", p, len, NULL);
	}
	sets = bundle_sets(&b, &len);
	assert_int_equal(len, 1);
	assert_true(sets[0].chains[0].len >= 2 && sets[0].chains[0].len <= 3);
	bundle_sets_free(sets, len);
	bundle_release(&b);
	cert_free(other);
}

static void
assert_place(
    const struct bundle *b, enum bundle_kind kind, size_t i, const char *want)
{
	char *place = bundle_place(b, kind, i);

	assert_string_equal(place, want);
	free(place);
}

/* Each thing is from the first file that had it. */
static void
test_places(void **state)
{
	struct bundle b = {0};
	struct err e = {0};
	struct buf der;
	const uint8_t *p;
	size_t len;

	(void)state;
	buf_init(&der, KEY_DER_MAX);
	assert_ok(key_to_der(leaf_key[0], &der, &e), &e);
	bundle_add(&b, "bad", "x", 1, NULL);
	p = cert_der(leaf[0], &len);
	bundle_add(&b, "one", p, len, NULL);
	bundle_add(&b, "copy", p, len, NULL);
	bundle_add(&b, "key", der.data, der.len, NULL);
	p = cert_der(middle, &len);
	bundle_add(&b, "two", p, len, NULL);
	bundle_add_line(&b, "worse", "worse: a line");
	bundle_add(&b, "copy", p, len, NULL);
	assert_int_equal(b.sources_len, 5);
	assert_place(&b, BUNDLE_CERT, 0, "one");
	assert_place(&b, BUNDLE_CERT, 1, "two");
	assert_place(&b, BUNDLE_KEY, 0, "key");
	assert_place(&b, BUNDLE_PROBLEM, 0, "bad");
	assert_place(&b, BUNDLE_PROBLEM, 1, "worse");
	b.root = xstrdup("tree/");
	assert_place(&b, BUNDLE_CERT, 1, "tree/two");
	bundle_release(&b);
	buf_wipe(&der);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_any_order),
    cmocka_unit_test(test_der),
    cmocka_unit_test(test_containers),
    cmocka_unit_test(test_requests),
    cmocka_unit_test(test_bad),
    cmocka_unit_test(test_loop),
    cmocka_unit_test(test_places),
};

int
main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
