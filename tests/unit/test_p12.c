#include <openssl/pkcs12.h>

#include "unit.h"
#include "wrap/p12.h"

/* A key and a chain of two that ends in it, the leaf first. */
struct thing {
	struct key *key;
	struct cert_list chain;
};

static void
make(struct thing *t, enum key_type type)
{
	struct err e = {0};
	struct strv dns = {0};
	struct key *ca_key = key_generate(KEY_P256, 0, &e);
	struct cert_template root = {.kind = CERT_ROOT,
	    .subject = "CN=root",
	    .key = ca_key,
	    .issuer_key = ca_key,
	    .not_before = 1700000000,
	    .not_after = 1900000000};
	struct cert *ca = cert_build(&root, &e);
	struct cert_template leaf = {.kind = CERT_LEAF,
	    .dns = &dns,
	    .issuer_key = ca_key,
	    .issuer_cert = ca,
	    .not_before = 1700000000,
	    .not_after = 1800000000};

	*t = (struct thing){.key = key_generate(type, 2048, &e)};
	strv_add(&dns, "a.example");
	leaf.key = t->key;
	cert_list_take(&t->chain, cert_build(&leaf, &e));
	assert_non_null(t->chain.v[0]);
	cert_list_take(&t->chain, ca);
	key_free(ca_key);
	strv_release(&dns);
}

static void
thing_release(struct thing *t)
{
	key_free(t->key);
	cert_list_release(&t->chain);
}

static void
check_both_ways(enum p12_style style, enum key_type type, const char *password)
{
	struct cert_list certs = {0};
	struct key_list keys = {0};
	struct err e = {0};
	struct thing t;
	struct buf der;

	make(&t, type);
	buf_init(&der, P12_MAX);
	assert_ok(
	    p12_write(style, password, "name", t.key, &t.chain, &der, &e), &e);
	assert_ok(p12_read(der.data, der.len, password, &keys, &certs, &e), &e);
	assert_int_equal(keys.len, 1);
	assert_true(key_equal(keys.v[0], t.key));
	assert_true(key_is_private(keys.v[0]));
	assert_int_equal(certs.len, 2);
	assert_string_equal(
	    cert_serial_hex(certs.v[0]), cert_serial_hex(t.chain.v[0]));
	assert_string_equal(
	    cert_serial_hex(certs.v[1]), cert_serial_hex(t.chain.v[1]));
	assert_kind(p12_read(der.data, der.len, "wrong", &keys, &certs, &e),
	    KIND_DENIED, &e);
	for (size_t len = 0; len < der.len; len += 31)
		assert_kind(
		    p12_read(der.data, len, password, &keys, &certs, &e),
		    KIND_INPUT, &e);
	assert_int_equal(keys.len, 1);
	assert_int_equal(certs.len, 2);
	buf_wipe(&der);
	key_list_release(&keys);
	cert_list_release(&certs);
	thing_release(&t);
}

static void
test_both_ways(void **state)
{
	(void)state;
	for (int type = 0; type < KEY_TYPE__MAX; type++)
		check_both_ways(
		    P12_MODERN, (enum key_type)type, "p\xc3\xa4ssword");
	check_both_ways(P12_LEGACY, KEY_RSA, "password");
	check_both_ways(P12_MODERN, KEY_P256, "");
}

/* A changed byte is noticed, and nothing is taken. */
static void
test_changed(void **state)
{
	struct cert_list certs = {0};
	struct key_list keys = {0};
	struct err e = {0};
	struct thing t;
	struct buf der;

	(void)state;
	make(&t, KEY_P256);
	buf_init(&der, P12_MAX);
	assert_ok(
	    p12_write(P12_MODERN, "x", NULL, t.key, &t.chain, &der, &e), &e);
	for (size_t i = 0; i < der.len; i += 13) {
		err_clear(&e);
		der.data[i] ^= 0x10;
		assert_int_equal(
		    p12_read(der.data, der.len, "x", &keys, &certs, &e), -1);
		der.data[i] ^= 0x10;
		assert_int_equal(keys.len + certs.len, 0);
	}
	buf_wipe(&der);
	thing_release(&t);
}

/*
 * The number of rounds that the MAC asks for is one that cannot be: refused
 * before any is done.
 */
static void
test_bomb(void **state)
{
	static const uint8_t rounds[] = {0x02, 0x02, 0x08, 0x00};
	struct cert_list certs = {0};
	struct key_list keys = {0};
	struct err e = {0};
	struct thing t;
	struct buf der;
	char *last = NULL;

	(void)state;
	make(&t, KEY_P256);
	buf_init(&der, P12_MAX);
	assert_ok(
	    p12_write(P12_MODERN, "x", NULL, t.key, &t.chain, &der, &e), &e);
	/* INTEGER 2048 is the end of the file */
	last = der.data + der.len - sizeof(rounds);
	assert_memory_equal(last, rounds, sizeof(rounds));
	memcpy(last, "\x02\x02\x00\x00", 4);
	assert_kind(p12_read(der.data, der.len, "x", &keys, &certs, &e),
	    KIND_INPUT, &e);
	memcpy(last, "\x02\x02\xff\xff", 4); /* negative */
	assert_kind(p12_read(der.data, der.len, "x", &keys, &certs, &e),
	    KIND_INPUT, &e);
	buf_wipe(&der);
	thing_release(&t);
}

/* The same in a part that is encrypted, by somebody who knows the password. */
static void
test_inner_bomb(void **state)
{
	struct cert_list certs = {0};
	struct key_list keys = {0};
	struct err e = {0};
	struct thing t;
	const uint8_t *p;
	unsigned char *der = NULL;
	size_t len;
	X509 *x;
	PKCS12 *p12;
	int n;

	(void)state;
	make(&t, KEY_P256);
	p = cert_der(t.chain.v[0], &len);
	x = d2i_X509(NULL, &p, (long)len);
	p12 = PKCS12_create("x", NULL, NULL, x, NULL, 0, NID_aes_256_cbc,
	    KEY_ITERATIONS_MAX, 1, 0);
	assert_non_null(p12);
	n = i2d_PKCS12(p12, &der);
	assert_true(n > 0);
	assert_kind(
	    p12_read(der, (size_t)n, "x", &keys, &certs, &e), KIND_INPUT, &e);
	OPENSSL_free(der);
	PKCS12_free(p12);
	X509_free(x);
	thing_release(&t);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_both_ways),
    cmocka_unit_test(test_changed),
    cmocka_unit_test(test_bomb),
    cmocka_unit_test(test_inner_bomb),
};

UNIT_MAIN(tests)
