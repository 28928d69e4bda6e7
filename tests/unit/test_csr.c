#include "csr_make.h"
#include "wrap/csr.h"
#include "wrap/pem.h"

static struct key *key;

static int
setup(void **state)
{
	struct err e = {0};

	(void)state;
	key = key_generate(KEY_P256, 0, &e);
	return key != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	key_free(key);
	return 0;
}

static struct csr *
parse(const struct csr_make *m, struct err *e)
{
	struct buf der;
	struct csr *c;

	buf_init(&der, 65536);
	csr_make(m, key, &der);
	c = csr_from_der(der.data, der.len, e);
	buf_release(&der);
	return c;
}

static void
test_reads(void **state)
{
	struct err e = {0};
	struct csr *c =
	    parse(&(struct csr_make){.cn = "a.example",
		      .dns = {"a.example", "*.B.example"},
		      .ip = {"192.0.2.1", "2001:db8::0:1", "::ffff:192.0.2.7"}},
		&e);

	(void)state;
	assert_non_null(c);
	assert_true(key_equal(csr_key(c), key));
	assert_int_equal(csr_cn(c)->len, 1);
	assert_string_equal(csr_cn(c)->v[0], "a.example");
	assert_int_equal(csr_dns(c)->len, 2);
	assert_string_equal(csr_dns(c)->v[1], "*.B.example");
	assert_int_equal(csr_ip(c)->len, 3);
	assert_string_equal(csr_ip(c)->v[0], "192.0.2.1");
	assert_string_equal(csr_ip(c)->v[1], "2001:db8::1");
	assert_string_equal(csr_ip(c)->v[2], "::ffff:192.0.2.7");
	assert_null(csr_other_san(c));
	assert_false(csr_is_ca(c));
	assert_false(csr_is_weak(c));
	assert_string_equal(csr_signature(c), "ecdsa-with-SHA256");
	assert_ok(csr_verify(c, &e), &e);
	csr_free(c);
	c = parse(&(struct csr_make){.cn = "x", .no_attributes = true}, &e);
	assert_non_null(c);
	assert_int_equal(csr_dns(c)->len, 0);
	assert_ok(csr_verify(c, &e), &e);
	csr_free(c);
	c = parse(
	    &(struct csr_make){.dns = {"a"}, .email = "x@y", .ca = true}, &e);
	assert_non_null(c);
	assert_string_equal(csr_other_san(c), "rfc822Name");
	assert_true(csr_is_ca(c));
	csr_free(c);
	csr_free(NULL);
}

#define ATTRIBUTE(bytes)                                                       \
	.attribute = (bytes), .attribute_len = sizeof(bytes) - 1
#define PASSWORD "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07"
#define EXTENSIONS "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"

/* An attribute that asks for nothing, as some clients send it. */
static void
test_other_attribute(void **state)
{
	struct err e = {0};
	struct csr *c = parse(&(struct csr_make){.dns = {"a"},
				  ATTRIBUTE("\x30\x10" PASSWORD "\x31\x03"
					    "\x0c\x01x")},
	    &e);

	(void)state;
	assert_non_null(c);
	assert_int_equal(csr_dns(c)->len, 1);
	csr_free(c);
}

static void
test_refuses(void **state)
{
	const struct csr_make bad[] = {
	    {.raw_dns = "a\0b", .raw_len = 3},
	    {.raw_dns = "a b", .raw_len = 3},
	    {.raw_dns = "", .raw_len = 0},
	    {.raw_dns = "\xc3\xa4.example", .raw_len = 10},
	    {.raw_dns = "a\n", .raw_len = 2},
	    {.dns = {"a"}, .twice = true},
	    {.empty_san = true},
	    {.odd_ca = true},
	    {ATTRIBUTE("\x31\x00")},
	    {ATTRIBUTE("\x30\x02\x05\x00")},
	    {ATTRIBUTE("\x30\x0b" PASSWORD)},
	    {ATTRIBUTE("\x30\x0d" PASSWORD "\x30\x00")},
	    {ATTRIBUTE("\x30\x0f" PASSWORD "\x31\x00\x05\x00")},
	    {ATTRIBUTE("\x30\x0f" EXTENSIONS "\x31\x02\x30\x00")},
	    {ATTRIBUTE("\x30\x0d" EXTENSIONS "\x31\x00")},
	    {ATTRIBUTE("\x30\x11" PASSWORD "\x31\x03\x0c\x01x")},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = {0};

		if (parse(&bad[i], &e) != NULL)
			fail_msg("case %zu was taken", i);
		assert_int_equal(e.kind, KIND_INPUT);
		assert_string_equal(e.acme_type, "badCSR");
	}
}

/* A commonName is text of an ordinary type, or the request is none. */
static void
test_common_names(void **state)
{
#define CN "\x06\x03\x55\x04\x03"
#define NAME(text)                                                             \
	{                                                                      \
		(const uint8_t *)(text), sizeof(text) - 1                      \
	}
	static const struct der names[] = {
	    NAME("\x30\x0c\x31\x0a\x30\x08" CN "\x0c\x01x"), /* good */
	    NAME("\x30\x0c\x31\x0a\x30\x08" CN "\x1e\x01x"), /* BMPString */
	    NAME("\x30\x0c\x31\x0a\x30\x08" CN "\x14\x01x"), /* T61String */
	    NAME("\x30\x0b\x31\x09\x30\x07" CN "\x0c\x00"), /* empty */
	    NAME("\x30\x0c\x31\x0a\x30\x08" CN "\x0c\x01\x00"),
	    NAME("\x30\x0c\x31\x0a\x30\x08" CN "\x0c\x01\n"),
	    NAME("\x30\x0c\x31\x0a\x30\x08" CN "\x0c\x01\x7f"),
	    NAME("\x30\x0e\x31\x0c\x30\x0a" CN "\x0c\x01x\x05\x00"),
	    NAME("\x30\x0c\x31\x0a\x30\x08" CN "\x0c\x01x\x05\x00"),
	    NAME("\x30\x0c\x31\x0a\x31\x08" CN "\x0c\x01x"),
	    NAME("\x30\x09\x31\x07\x30\x05" CN), /* no value */
	    NAME("\x30\x07\x31\x05\x30\x03\x0c\x01x"), /* no type */
	    NAME("\x30\x0c\x30\x0a\x30\x08" CN "\x0c\x01x"),
	    NAME("\x31\x0c\x31\x0a\x30\x08" CN "\x0c\x01x"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct strv cn = {0};

		if (dn_common_names(names[i], &cn) != (i == 0 ? 0 : -1))
			fail_msg("case %zu", i);
		strv_release(&cn);
	}
}

/* RFC 2986 4.1: there is one version, 0. */
static void
test_version(void **state)
{
	struct err e = {0};
	struct buf der;
	char *version;

	(void)state;
	buf_init(&der, 65536);
	csr_make(&(struct csr_make){.dns = {"a"}}, key, &der);
	version = memmem(der.data, der.len, "\x02\x01\x00\x30", 4);
	assert_non_null(version);
	version[2] = 1;
	assert_null(csr_from_der(der.data, der.len, &e));
	assert_non_null(strstr(e.text, "RFC 2986 4.1"));
	buf_release(&der);
}

/* Every cut and every changed bit is refused or is another request. */
static void
test_broken_bytes(void **state)
{
	struct err e = {0};
	struct buf der;
	struct csr *c;

	(void)state;
	buf_init(&der, 65536);
	csr_make(&(struct csr_make){.cn = "a", .dns = {"a", "b"}}, key, &der);
	for (size_t n = 0; n < der.len; n++) {
		err_clear(&e);
		assert_null(csr_from_der(der.data, n, &e));
		assert_string_equal(e.acme_type, "badCSR");
	}
	for (size_t i = 0; i < der.len * 8; i++) {
		der.data[i / 8] = (char)(der.data[i / 8] ^ 1 << i % 8);
		err_clear(&e);
		c = csr_from_der(der.data, der.len, &e);
		if (c != NULL && csr_verify(c, &e) == 0)
			fail_msg("bit %zu does not matter", i);
		csr_free(c);
		der.data[i / 8] = (char)(der.data[i / 8] ^ 1 << i % 8);
	}
	err_clear(&e);
	buf_addc(&der, 0);
	assert_null(csr_from_der(der.data, der.len, &e));
	assert_non_null(strstr(e.text, "bytes after"));
	buf_release(&der);
}

static void
test_too_large(void **state)
{
	struct err e = {0};
	char *name = xcalloc(1, CSR_MAX + 1);

	(void)state;
	memset(name, 'a', CSR_MAX);
	assert_null(
	    parse(&(struct csr_make){.raw_dns = name, .raw_len = CSR_MAX}, &e));
	assert_string_equal(e.acme_type, "badCSR");
	free(name);
}

static void
test_other_signer(void **state)
{
	struct err e = {0};
	struct key *other = key_generate(KEY_P256, 0, &e);
	struct buf der;
	struct csr *c;

	(void)state;
	buf_init(&der, 65536);
	csr_make_for(&(struct csr_make){.dns = {"a"}}, key, other, &der);
	c = csr_from_der(der.data, der.len, &e);
	assert_non_null(c);
	assert_int_equal(csr_verify(c, &e), -1);
	assert_string_equal(e.acme_type, "badCSR");
	csr_free(c);
	buf_release(&der);
	key_free(other);
}

static void
test_all_keys(void **state)
{
	struct err e = {0};
	struct buf der;
	struct csr *c;

	(void)state;
	for (int type = 0; type < KEY_TYPE__MAX; type++) {
		struct key *k = key_generate((enum key_type)type, 2048, &e);

		buf_init(&der, 65536);
		csr_make(&(struct csr_make){.dns = {"a"}}, k, &der);
		c = csr_from_der(der.data, der.len, &e);
		assert_non_null(c);
		assert_ok(csr_verify(c, &e), &e);
		assert_true(key_equal(csr_key(c), k));
		csr_free(c);
		buf_release(&der);
		key_free(k);
	}
}

static void
test_pem(void **state)
{
	static const char *const labels[] = {
	    "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", "CERTIFICATE"};
	struct buf der, pem;
	struct csr *c;

	(void)state;
	buf_init(&der, 65536);
	buf_init(&pem, 65536);
	csr_make(&(struct csr_make){.dns = {"a"}}, key, &der);
	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		struct err e = {0};

		buf_clear(&pem);
		buf_adds(&pem, "some text\n");
		pem_encode(&pem, labels[i], der.data, der.len);
		buf_adds(&pem, "more text\n");
		c = csr_from_any(pem.data, pem.len, &e);
		assert_int_equal(c != NULL, i < 2);
		assert_int_equal(err_is_set(&e), i == 2);
		csr_free(c);
		err_clear(&e);
		c = csr_from_any(der.data, der.len, &e);
		assert_non_null(c);
		csr_free(c);
		assert_null(csr_from_any(pem.data, pem.len / 2, &e));
		assert_string_equal(e.acme_type, "badCSR");
	}
	buf_release(&der);
	buf_release(&pem);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_reads, setup, teardown),
    cmocka_unit_test_setup_teardown(test_other_attribute, setup, teardown),
    cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
    cmocka_unit_test(test_common_names),
    cmocka_unit_test_setup_teardown(test_version, setup, teardown),
    cmocka_unit_test_setup_teardown(test_broken_bytes, setup, teardown),
    cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
    cmocka_unit_test_setup_teardown(test_other_signer, setup, teardown),
    cmocka_unit_test(test_all_keys),
    cmocka_unit_test_setup_teardown(test_pem, setup, teardown),
};
UNIT_MAIN(tests)
