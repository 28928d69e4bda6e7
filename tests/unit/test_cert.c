#include "base/hex.h"
#include "base/str.h"
#include "unit.h"
#include "wrap/cert.h"
#include "wrap/crl.h"
#include "wrap/key.h"

#define NOW INT64_C(1800000000)
#define DAY INT64_C(86400)

/* A small CA that all tests share. */
static struct {
	struct key *root_key, *ca_key, *key;
	struct cert *root, *ca;
	struct strv dns, ip;
} f;

static struct cert *
build(struct cert_template t)
{
	struct err e = {0};
	struct cert *c = cert_build(&t, &e);

	if (c == NULL)
		fail_msg("%s", e.text);
	return c;
}

static int
setup(void **state)
{
	struct err e = {0};

	(void)state;
	f.root_key = key_generate(KEY_P256, 0, &e);
	f.ca_key = key_generate(KEY_RSA, 2048, &e);
	f.key = key_generate(KEY_P384, 0, &e);
	f.root = build((struct cert_template){.kind = CERT_ROOT,
	    .key = f.root_key,
	    .issuer_key = f.root_key,
	    .subject = "CN=Root",
	    .not_before = NOW,
	    .not_after = NOW + 1000 * DAY});
	f.ca = build((struct cert_template){.kind = CERT_INTERMEDIATE,
	    .key = f.ca_key,
	    .issuer_key = f.root_key,
	    .issuer_cert = f.root,
	    .subject = "O=Acme\\, Inc.,CN=CA",
	    .not_before = NOW,
	    .not_after = NOW + 500 * DAY});
	strv_add(&f.dns, "a.example");
	strv_add(&f.dns, "*.b.example");
	strv_add(&f.ip, "192.0.2.1");
	strv_add(&f.ip, "2001:db8::1");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	key_free(f.root_key);
	key_free(f.ca_key);
	key_free(f.key);
	cert_free(f.root);
	cert_free(f.ca);
	strv_release(&f.dns);
	strv_release(&f.ip);
	return 0;
}

static struct cert_template
leaf(const char *subject)
{
	return (struct cert_template){.kind = CERT_LEAF,
	    .key = f.key,
	    .dns = &f.dns,
	    .ip = &f.ip,
	    .subject = subject,
	    .issuer_cert = f.ca,
	    .issuer_key = f.ca_key,
	    .not_before = NOW + DAY,
	    .not_after = NOW + 91 * DAY - 1};
}

static void
test_leaf(void **state)
{
	struct err e = {0};
	struct cert *c = build(leaf("CN=a.example"));
	char *subject = cert_subject(c), *issuer = cert_issuer(c);
	size_t len, ski_len;
	const uint8_t *aki, *ski;
	struct key *k;

	(void)state;
	assert_string_equal(subject, "CN=a.example");
	assert_string_equal(issuer, "O=Acme\\, Inc.,CN=CA");
	assert_true(strv_equal(cert_dns(c), &f.dns));
	assert_true(strv_equal(cert_ip(c), &f.ip));
	assert_false(cert_has_other_san(c));
	assert_false(cert_is_ca(c));
	assert_true(cert_is_ca(f.ca));
	assert_true(cert_not_before(c) == NOW + DAY);
	assert_true(cert_not_after(c) == NOW + 91 * DAY - 1);
	assert_true(cert_has_key(c, f.key));
	assert_false(cert_has_key(c, f.ca_key));
	k = cert_key(c, &e);
	assert_true(key_equal(k, f.key));
	key_free(k);
	aki = cert_aki(c, &len);
	ski = cert_ski(f.ca, &ski_len);
	assert_int_equal(len, 20);
	assert_int_equal(ski_len, 20);
	assert_memory_equal(aki, ski, 20);
	assert_ok(cert_is_issued_by(c, f.ca, &e), &e);
	assert_ok(cert_is_issued_by(f.ca, f.root, &e), &e);
	assert_ok(cert_is_issued_by(f.root, f.root, &e), &e);
	assert_kind(cert_is_issued_by(c, f.root, &e), KIND_INPUT, &e);
	free(subject);
	free(issuer);
	cert_free(c);
	cert_free(NULL);
}

static void
check_names(const struct cert *c, const char *a, const char *b)
{
	struct strv names = {0}, want = {0};

	if (a)
		strv_add(&want, a);
	if (b)
		strv_add(&want, b);
	cert_names(c, &names);
	assert_true(strv_equal(&names, &want));
	strv_release(&names);
	strv_release(&want);
}

/* What has no alternative name has its commonNames, those that are names. */
static void
test_names(void **state)
{
	static const struct {
		const char *subject, *name, *other;
	} cases[] = {
	    {"CN=A.Example.,CN=*.b.example", "*.b.example", "a.example"},
	    {"CN=B\\C3\\BCcher.example", "xn--bcher-kva.example", NULL},
	    {"CN=Root", NULL, NULL}, {"CN=192.0.2.1", NULL, NULL},
	    {"CN=Alice B. Example", NULL, NULL}, {"CN=*.", NULL, NULL},
	    {"CN=*.example", NULL, NULL}, {"CN=a..example", NULL, NULL},
	    {"CN=alice@a.example", NULL, NULL}, {"O=a.example", NULL, NULL}};
	struct cert_template t = leaf("CN=c.example");
	struct strv dns = {0};
	struct cert *c;

	(void)state;
	strv_add(&dns, "B.Example.");
	strv_add(&dns, "a.example");
	t.dns = &dns;
	c = build(t);
	check_names(c, "b.example", "a.example");
	assert_null(cert_bad_san(c));
	cert_free(c);
	strv_release(&dns);
	c = build(t); /* an address is a name */
	check_names(c, NULL, NULL);
	cert_free(c);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		c = build((struct cert_template){.kind = CERT_ROOT,
		    .key = f.root_key,
		    .issuer_key = f.root_key,
		    .subject = cases[i].subject,
		    .not_before = NOW,
		    .not_after = NOW + DAY});
		check_names(c, cases[i].name, cases[i].other);
		cert_free(c);
	}
}

/* Positive, at most 20 octets, never twice (RFC 5280 4.1.2.2). */
static void
test_serials(void **state)
{
	struct strv seen = {0};
	const uint8_t *serial;
	char hex[41];
	size_t len;

	(void)state;
	for (int i = 0; i < 64; i++) {
		struct cert *c = build(leaf(NULL));

		serial = cert_serial(c, &len);
		assert_true(len >= 14 && len <= 17);
		assert_true(serial[0] < 0x80);
		hex_encode(hex, serial, len);
		assert_string_equal(
		    cert_serial_hex(c), serial[0] == 0 ? hex + 2 : hex);
		assert_false(strv_has(&seen, hex));
		strv_add(&seen, hex);
		cert_free(c);
	}
	strv_release(&seen);
}

static void
check_extension(
    const struct cert *c, const char *oid, const char *hex, bool critical)
{
	uint8_t id[16], want[64];
	size_t len;
	bool is_critical;
	const uint8_t *got;

	assert_int_equal(hex_decode(id, strlen(oid) / 2, oid), 0);
	assert_int_equal(hex_decode(want, strlen(hex) / 2, hex), 0);
	got = cert_extension(c, id, strlen(oid) / 2, &len, &is_critical);
	assert_non_null(got);
	assert_int_equal(len, strlen(hex) / 2);
	assert_memory_equal(got, want, len);
	assert_int_equal(is_critical, critical);
}

static void
check_words(void read(const struct cert *c, struct strv *out),
    const struct cert *c, const char *want)
{
	struct strv words = {0};
	char text[200] = "";
	size_t n = 0;

	read(c, &words);
	for (size_t i = 0; i < words.len; i++)
		n += (size_t)snprintf(
		    text + n, sizeof(text) - n, "%s ", words.v[i]);
	assert_string_equal(text, want);
	strv_release(&words);
}

static void
test_extension_words(void **state)
{
	struct cert_template t = leaf("CN=a.example");
	struct cert *c = build(t);
	char word[KEY_WORD_SIZE];

	(void)state;
	check_words(cert_key_usage, c, "digitalSignature ");
	check_words(cert_key_purposes, c, "serverAuth ");
	check_words(cert_ca_issuers, c, "");
	cert_free(c);
	t.key = f.ca_key; /* RSA */
	t.issuer_url = "http://i/";
	c = build(t);
	check_words(cert_key_usage, c, "digitalSignature keyEncipherment ");
	check_words(cert_ca_issuers, c, "http://i/ ");
	cert_key_word(c, word);
	assert_string_equal(word, "rsa2048");
	cert_free(c);
	check_words(cert_key_usage, f.ca, "keyCertSign cRLSign ");
	check_words(cert_key_purposes, f.ca, "");
	key_spki_word("\x30\x00", 2, word);
	assert_string_equal(word, "other");
}

static void
test_extensions(void **state)
{
	struct cert_template t = leaf("");
	struct cert *c = build(t);
	size_t len;
	bool critical;

	(void)state;
	check_extension(c, "551d0f", "03020780", true); /* keyUsage */
	check_extension(c, "551d13", "3000", true); /* basicConstraints */
	check_extension(c, "551d25", "300a06082b06010505070301", false);
	check_extension(c, "551d11",
	    "30308209612e6578616d706c65820b2a2e622e6578616d706c65"
	    "8704c0000201871020010db8000000000000000000000001",
	    true); /* no subject: critical */
	assert_null(cert_extension(c, "\x55\x1d\x1f", 3, &len, NULL));
	cert_free(c);
	t = leaf("CN=a.example");
	t.key = f.ca_key; /* RSA */
	t.crl_url = "http://c/";
	t.issuer_url = "http://i/";
	c = build(t);
	check_extension(c, "551d0f", "030205a0", true);
	check_extension(
	    c, "551d1f", "3011300fa00da00b8609687474703a2f2f632f", false);
	cert_free(c);
	c = build(leaf("CN=a.example"));
	assert_non_null(cert_extension(c, "\x55\x1d\x11", 3, &len, &critical));
	assert_false(critical);
	cert_free(c);
	check_extension(f.ca, "551d13", "30060101ff020100", true);
	check_extension(f.root, "551d13", "30030101ff", true);
	check_extension(f.ca, "551d0f", "03020106", true);
}

static void
test_lifetimes(void **state)
{
	struct cert_template t = leaf(NULL);
	struct err e = {0};
	struct cert *c;

	(void)state;
	t.not_before = NOW - 10 * DAY;
	t.not_after = NOW + 10000 * DAY;
	c = build(t);
	assert_true(cert_not_before(c) == cert_not_before(f.ca));
	assert_true(cert_not_after(c) == cert_not_after(f.ca));
	cert_free(c);
	t.not_before = NOW + 501 * DAY;
	assert_null(cert_build(&t, &e));
	assert_int_equal(e.kind, KIND_CONF);
}

static void
test_cannot_build(void **state)
{
	static const char *const subjects[] = {"a.example", "CN=", "CN", "XX=a",
	    "CN=a,", "CN=a+O=b", "CN=\"a\"", "CN=#0402", "CN=a\\", "CN=a\\zz",
	    "CN=a\\00", "C=ZZZ",
	    "CN="
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "a"};
	struct strv bad = {0}, none = {0};
	struct cert_template t;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(subjects); i++) {
		t = leaf(subjects[i]);
		err_clear(&e);
		if (cert_build(&t, &e) != NULL)
			fail_msg("subject %s was taken", subjects[i]);
		assert_int_equal(e.kind, KIND_INPUT);
	}
	t = leaf(NULL);
	t.dns = t.ip = &none;
	err_clear(&e);
	assert_null(cert_build(&t, &e));
	strv_add(&bad, "not an address");
	t = leaf(NULL);
	t.ip = &bad;
	err_clear(&e);
	assert_null(cert_build(&t, &e));
	t = leaf(NULL);
	t.dns = &bad;
	err_clear(&e);
	assert_null(cert_build(&t, &e));
	strv_release(&bad);
}

static void
test_subjects(void **state)
{
	static const char *const same[] = {"CN=a,O=b,C=DE", "CN=a\\, b",
	    "CN=\\ a", "emailAddress=a@b,serialNumber=1,DC=example", "CN=\\#1"};
	char *text;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		struct cert *c = build(leaf(same[i]));

		text = cert_subject(c);
		assert_string_equal(text, same[i]);
		free(text);
		cert_free(c);
	}
}

/* Two certificates are the same bytes. */
static void
assert_same(const struct cert *a, const struct cert *b)
{
	size_t a_len, b_len;
	const uint8_t *x = cert_der(a, &a_len), *y = cert_der(b, &b_len);

	assert_int_equal(a_len, b_len);
	assert_memory_equal(x, y, a_len);
}

/* One, in whichever form, and no more than that. */
static void
test_any(void **state)
{
	struct err e = {0};
	struct buf text;
	const uint8_t *der;
	struct cert *c;
	size_t len;

	(void)state;
	buf_init(&text, 100000);
	der = cert_der(f.ca, &len);
	c = cert_from_any(der, len, &e);
	assert_same(c, f.ca);
	cert_free(c);
	cert_to_pem(f.ca, &text);
	c = cert_from_any(text.data, text.len, &e);
	assert_same(c, f.ca);
	cert_free(c);
	cert_to_pem(f.root, &text);
	assert_null(cert_from_any(text.data, text.len, &e));
	assert_int_equal(e.kind, KIND_INPUT);
	err_clear(&e);
	assert_null(cert_from_any(der, len - 1, &e));
	assert_int_equal(e.kind, KIND_INPUT);
	err_clear(&e);
	assert_null(cert_from_any("", 0, &e));
	assert_int_equal(e.kind, KIND_INPUT);
	buf_release(&text);
}

static void
test_pem(void **state)
{
	struct cert *c = build(leaf(NULL));
	struct cert_list list = {0};
	struct err e = {0};
	struct buf pem;

	(void)state;
	buf_init(&pem, 1 << 20);
	buf_adds(&pem, "# a bundle\n");
	cert_to_pem(c, &pem);
	buf_adds(&pem, "Bag Attributes\n    friendlyName: x\n\n");
	buf_adds(&pem,
	    "-----BEGIN PUBLIC KEY-----\nMAA=\n"
	    "-----END PUBLIC KEY-----\n");
	cert_to_pem(f.ca, &pem);
	assert_ok(cert_list_from_pem(pem.data, pem.len, &list, &e), &e);
	assert_int_equal(list.len, 2);
	assert_same(list.v[0], c);
	assert_same(list.v[1], f.ca);
	buf_adds(&pem, "-----BEGIN CERTIFICATE-----\nAAAA\n");
	assert_kind(
	    cert_list_from_pem(pem.data, pem.len, &list, &e), KIND_INPUT, &e);
	assert_int_equal(list.len, 2);
	assert_kind(cert_list_from_pem("x", 1, &list, &e), KIND_INPUT, &e);
	buf_release(&pem);
	cert_list_release(&list);
	cert_free(c);
}

static void
test_chain_check(void **state)
{
	struct cert_list chain = {0};
	struct strv other = {0}, none = {0}, upper = {0};
	struct cert_template t = leaf("CN=b.example");
	struct err e = {0};

	(void)state;
	assert_kind(
	    cert_chain_check(&chain, f.key, &f.dns, &f.ip, &e), KIND_SYS, &e);
	cert_list_take(&chain, build(leaf("CN=a.example")));
	assert_ok(cert_chain_check(&chain, f.key, &f.dns, &f.ip, &e), &e);
	cert_list_take(&chain,
	    build((struct cert_template){.kind = CERT_INTERMEDIATE,
		.key = f.ca_key,
		.issuer_key = f.root_key,
		.issuer_cert = f.root,
		.subject = "O=Acme\\, Inc.,CN=CA",
		.not_before = NOW,
		.not_after = NOW + 500 * DAY}));
	assert_ok(cert_chain_check(&chain, f.key, &f.dns, &f.ip, &e), &e);
	assert_kind(cert_chain_check(&chain, f.ca_key, &f.dns, &f.ip, &e),
	    KIND_SYS, &e);
	assert_kind(
	    cert_chain_check(&chain, f.key, &f.dns, &none, &e), KIND_SYS, &e);
	strv_add(&other, "a.example");
	assert_kind(
	    cert_chain_check(&chain, f.key, &other, &f.ip, &e), KIND_SYS, &e);
	strv_add(&upper, "A.example");
	strv_add(&upper, "*.b.example");
	assert_ok(cert_chain_check(&chain, f.key, &upper, &f.ip, &e), &e);
	/* The next certificate has the right name, and another key. */
	cert_free(chain.v[1]);
	chain.v[1] = build((struct cert_template){.kind = CERT_ROOT,
	    .key = f.root_key,
	    .issuer_key = f.root_key,
	    .subject = "O=Acme\\, Inc.,CN=CA",
	    .not_before = NOW,
	    .not_after = NOW + DAY});
	assert_kind(
	    cert_chain_check(&chain, f.key, &f.dns, &f.ip, &e), KIND_SYS, &e);
	cert_list_release(&chain);
	/* A commonName that is none of the names. */
	cert_list_take(&chain, build(t));
	assert_kind(
	    cert_chain_check(&chain, f.key, &f.dns, &f.ip, &e), KIND_SYS, &e);
	cert_list_release(&chain);
	strv_release(&other);
	strv_release(&upper);
}

/* Cuts are refused; no changed bit leaves the signature good. */
static void
test_broken_bytes(void **state)
{
	struct cert *c = build(leaf("CN=a.example")), *d;
	struct err e = {0};
	size_t len;
	const uint8_t *der = cert_der(c, &len);
	uint8_t *copy = xmalloc(len + 1);

	(void)state;
	memcpy(copy, der, len);
	copy[len] = 0;
	assert_null(cert_from_der(copy, len + 1, &e));
	for (size_t n = 0; n < len; n++)
		assert_null(cert_from_der(copy, n, &e));
	for (size_t i = 0; i < len * 8; i += 3) {
		copy[i / 8] = (uint8_t)(copy[i / 8] ^ 1 << i % 8);
		err_clear(&e);
		d = cert_from_der(copy, len, &e);
		if (d != NULL && cert_is_issued_by(d, f.ca, &e) == 0)
			fail_msg("bit %zu does not matter", i);
		cert_free(d);
		copy[i / 8] = (uint8_t)(copy[i / 8] ^ 1 << i % 8);
	}
	free(copy);
	cert_free(c);
}

static void
test_crl(void **state)
{
	struct crl *crl = crl_new(f.ca, 4711, NOW, NOW + DAY);
	struct err e = {0};
	struct buf der;
	uint64_t number = 0;

	(void)state;
	buf_init(&der, CRL_MAX);
	crl_add(crl, "\x00\x80", 2, NOW, 1);
	crl_add(crl, "\x01", 1, NOW, 0);
	assert_ok(crl_sign(crl, f.ca_key, &der, &e), &e);
	assert_ok(crl_number(der.data, der.len, &number, &e), &e);
	assert_true(number == 4711);
	assert_kind(crl_number("x", 1, &number, &e), KIND_INPUT, &e);
	buf_release(&der);
	crl_free(crl);
	crl_free(NULL);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_leaf),
    cmocka_unit_test(test_names),
    cmocka_unit_test(test_serials),
    cmocka_unit_test(test_extensions),
    cmocka_unit_test(test_extension_words),
    cmocka_unit_test(test_lifetimes),
    cmocka_unit_test(test_cannot_build),
    cmocka_unit_test(test_subjects),
    cmocka_unit_test(test_pem),
    cmocka_unit_test(test_any),
    cmocka_unit_test(test_chain_check),
    cmocka_unit_test(test_broken_bytes),
    cmocka_unit_test(test_crl),
};

int
main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
