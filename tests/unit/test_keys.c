#include "base/hex.h"
#include "csr_make.h"
#include "policy/csrs.h"
#include "policy/keys.h"
#include "sys/file.h"
#include "wrap/csr.h"
#include "wrap/weak.h"

#include <unistd.h>

/* 2048-bit moduli made for this test: p and q close together; */
static const char fermat[] =
    "afdc5d6705b5b13ff3d78abbcf52c132ebc67c65fa129669fcfc608430506878"
    "bea4ac7d9621b994f31c905a98b000d5b5449b3ecd8dc185b009a4ea7fbe90ae"
    "13f3a8ac15825b6392ea280667a8dbdb14fec7f026eec19c1b16a853d7dcd8ed"
    "cf44c03305d0722e079fbff77b6d0aeaac8333655765695a20750163b6079fa1"
    "c7e474f1f33ff1072273f5b2d8bc2b8fd4b3d99f2053cdc1d9b4ac8700668066"
    "8750f6c01e977bc2b6cb6cf1db88a7fc92d4810e08a4a8b475df31fa8ab8289f"
    "cb7ad031e7a5d529610c46c18859d826fb996b933c48719884efc66c455f4db4"
    "59bd61402499c8479ec1ea193923dcea0b2b4e205a1a113a2e673465d47a9631";

/* divisible by 751; */
static const char small[] =
    "d1eb9e7c54a13c9572fd28a594391c38e57c63f30d9e49cb364d2b0542bc1f09"
    "d4cd5874dd678c043d9423a79396542073e0b63dc82460bbe805b4d9b8755e46"
    "f81c33934bc2b4ce0f7f8640d26748e3a3171a3484d40e47dba1629d5972b449"
    "c51af06fe9ccb2e6ee56e376b01ad11a58b11baf2f856a8ea263a95367e50cad"
    "6e0b3d2c4f13006c77d4a23eb0bbd8e2265801b9b40365a0eae2dfa1e4a95c7b"
    "c5fb2f9498ddd6858317d155f8c4047372cbbe07dfdb315e64a2f374682d2f12"
    "3de12e1c4d22938014c370ac5435a2377525127bfa465f3b442eb644d548c70d"
    "f7fa69875f30f6524225d5a7da191d521fbaafa0c70fec4e40789d567503c801";

/* two primes of the form that CVE-2017-15361 has. */
static const char roca[] =
    "fdfc5e456e3c1c777b90fc1ae805aac020772481573e434b17a7c86172f1ff17"
    "ba7467be397775d7182438f56de9bd85a2aee1de5442632d8ccf84372fe5c75e"
    "36b41ec6020eb673d7be9bd2f7f91076265eefd8c48d1268d09a844a020eaba5"
    "461d18c15b73907b98ced315901a0535bd4fa1435796589e9b275ac6e3f4107e"
    "19f4a757ee204e7b1a4d9d9888596623caa91bf1e10e138a1a47c613b9ec5724"
    "1d69c2b190b7669650ccfd8821d839c899e8f32fd22f8f84ae02bbb1ed9f3cb0"
    "0a2fed4f248456ffbb3e4e5f2f4888fabd921b9b4870fe7012ec7d85a39daa72"
    "3943c3ae29cb43354f565c2bf7fe314fef5c8e29b3fd1002cb83689d7f89b341";

/* An RSA key of this modulus (hex) and exponent (big-endian bytes). */
static struct key *
rsa(const char *n, const char *exponent, size_t len)
{
	struct key_parts p = {.type = KEY_RSA};
	struct err e = {0};
	struct key *k;

	p.a_len = strlen(n) / 2;
	assert_int_equal(hex_decode(p.a, p.a_len, n), 0);
	p.b_len = len;
	memcpy(p.b, exponent, len);
	k = key_from_parts(&p, &e);
	assert_non_null(k);
	return k;
}

/* Takes `k`. */
static void
refuse(struct key *k, const char *text)
{
	struct err e = {0};

	assert_int_equal(keys_check(k, NULL, "badPublicKey", &e), -1);
	assert_int_equal(e.kind, KIND_INPUT);
	assert_string_equal(e.acme_type, "badPublicKey");
	if (strstr(e.text, text) == NULL)
		fail_msg("%s", e.text);
	key_free(k);
}

static void
test_weak_keys(void **state)
{
	struct err e = {0};
	struct key *k = key_generate(KEY_RSA, 2048, &e);
	struct key_parts p;
	char n[2 * KEY_PART_MAX + 1], *long_n;

	(void)state;
	key_parts(k, &p);
	hex_encode(n, p.a, p.a_len);
	assert_ok(keys_check(k, NULL, "badCSR", &e), &e);
	refuse(rsa(fermat, "\x01\x00\x01", 3), "close");
	refuse(rsa(small, "\x01\x00\x01", 3), "divisible by 751");
	refuse(rsa(roca, "\x01\x00\x01", 3), "ROCA");
	refuse(rsa(n, "\x03", 1), "exponent");
	refuse(rsa(n, "\xff\xff", 2), "exponent");
	refuse(rsa(n, "\x01", 1), "exponent");
	long_n = xasprintf("0f%s", n);
	refuse(rsa(long_n, "\x01\x00\x01", 3), "2052 bits");
	free(long_n);
	long_n = xasprintf("ff%s%s%s%s", n, n, n, n);
	refuse(rsa(long_n, "\x01\x00\x01", 3), "8200 bits");
	free(long_n);
	n[2] = 'f';
	refuse(rsa(n + 2, "\x01\x00\x01", 3), "2040 bits");

	key_free(k);
	hex_encode(n, p.a, p.a_len);
	refuse(rsa(n, "\x01\x00\x00\x00\x01", 5), "exponent");
	k = rsa(n, "\xff\xff\xff\xff", 4);
	assert_ok(keys_check(k, NULL, "badCSR", &e), &e);
	key_free(k);
}

static void
test_good_keys(void **state)
{
	struct err e = {0};

	(void)state;
	for (int type = 0; type < KEY_TYPE__MAX; type++) {
		struct key *k = key_generate((enum key_type)type, 2048, &e);

		assert_ok(keys_check(k, NULL, "badCSR", &e), &e);
		key_free(k);
	}
}

static void
test_small_factors(void **state)
{
	(void)state;
	assert_int_equal(weak_small_factor((const uint8_t *)"\x09", 1), 3);
	assert_int_equal(
	    weak_small_factor((const uint8_t *)"\x02\xef", 2), 751);
	assert_int_equal(weak_small_factor((const uint8_t *)"\x02\xf5", 2), 0);
	/* 757 * 757, of which no part is below 752 */
	assert_int_equal(
	    weak_small_factor((const uint8_t *)"\x08\xbe\x79", 3), 0);
	assert_true(weak_is_fermat((const uint8_t *)"\x08\xbe\x79", 3, 1));
}

static void
test_blocklist(void **state)
{
	char path[] = "/tmp/acmed-keys-XXXXXX", hex[65];
	struct err e = {0};
	struct key *k = key_generate(KEY_P256, 0, &e);
	struct key *other = key_generate(KEY_P256, 0, &e);
	struct keys_blocklist *l;
	uint8_t hash[32];
	char *text;

	(void)state;
	close(mkstemp(path));
	key_spki_sha256(k, hash);
	hex_encode(hex, hash, 32);
	text = xasprintf("# blocked\n\n"
			 "0000000000000000000000000000000000000000000000000000"
			 "000000000000 zeros\n%s\n",
	    hex);
	assert_ok(file_replace(path, 0600, text, strlen(text), &e), &e);
	l = keys_blocklist_load(path, &e);
	assert_non_null(l);
	assert_true(keys_blocklist_has(l, k));
	assert_false(keys_blocklist_has(l, other));
	assert_int_equal(keys_check(k, l, "badCSR", &e), -1);
	assert_non_null(strstr(e.text, "blocked"));
	err_clear(&e);
	assert_ok(keys_check(other, l, "badCSR", &e), &e);
	keys_blocklist_free(l);
	assert_ok(file_replace(path, 0600, "#\nabc\n", 6, &e), &e);
	assert_null(keys_blocklist_load(path, &e));
	assert_int_equal(e.kind, KIND_CONF);
	assert_non_null(strstr(e.text, ":2: "));
	/* a line is 64 digits, not one more, not one less, and no others */
	for (size_t i = 0; i < 3; i++) {
		char line[70] = "";

		memset(line, '0', i == 0 ? 63 : i == 1 ? 66 : 64);
		if (i == 2)
			line[63] = 'g';
		err_clear(&e);
		assert_ok(file_replace(path, 0600, line, strlen(line), &e), &e);
		assert_null(keys_blocklist_load(path, &e));
		assert_int_equal(e.kind, KIND_CONF);
	}
	unlink(path);
	err_clear(&e);
	assert_null(keys_blocklist_load(path, &e));
	assert_int_equal(e.kind, KIND_CONF);
	err_clear(&e);
	l = keys_blocklist_load(NULL, &e);
	assert_non_null(l);
	assert_false(keys_blocklist_has(l, k));
	keys_blocklist_free(l);
	free(text);
	key_free(k);
	key_free(other);
}

/* Requests against the order a.example, *.b.example, 192.0.2.1. */
static void
test_csrs(void **state)
{
	static const struct {
		struct csr_make make;
		const char *text; /* NULL: good */
	} cases[] = {
	    {{.dns = {"a.example", "*.b.example"}, .ip = {"192.0.2.1"}}, NULL},
	    {{.dns = {"*.B.example", "A.EXAMPLE", "a.example"},
		 .ip = {"192.0.2.1", "192.0.2.1"}},
		NULL},
	    {{.cn = "A.example", .dns = {"*.b.example"}, .ip = {"192.0.2.1"}},
		NULL},
	    {{.cn = "192.0.2.1", .dns = {"a.example", "*.b.example"}}, NULL},
	    {{.dns = {"a.example"}, .ip = {"192.0.2.1"}},
		"the order names *.b.example which CSR does not"},
	    {{.dns = {"a.example", "*.b.example"}},
		"the order names 192.0.2.1 which CSR does not"},
	    {{.dns = {"a.example", "*.b.example", "c.example"},
		 .ip = {"192.0.2.1"}},
		"CSR names c.example which the order does not"},
	    {{.dns = {"a.example", "*.b.example"},
		 .ip = {"192.0.2.1", "192.0.2.2"}},
		"CSR names 192.0.2.2 which the order does not"},
	    {{.dns = {"a.example", "*.b.example", "192.0.2.1"}},
		"CSR names 192.0.2.1 which the order does not"},
	    {{.cn = "c.example",
		 .dns = {"a.example", "*.b.example"},
		 .ip = {"192.0.2.1"}},
		"CSR names c.example which the order does not"},
	    {{.dns = {"a.example", "*.b.example"},
		 .ip = {"192.0.2.1"},
		 .email = "x@a.example"},
		"kind rfc822Name"},
	    {{.dns = {"a.example", "*.b.example"},
		 .ip = {"192.0.2.1"},
		 .ca = true},
		"CA certificate"},
	    {{0}, "no names"},
	};
	struct strv dns = {0}, ip = {0};
	struct err e = {0};
	struct key *k = key_generate(KEY_P256, 0, &e);

	(void)state;
	strv_add(&dns, "a.example");
	strv_add(&dns, "*.b.example");
	strv_add(&ip, "192.0.2.1");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf der;
		struct csr *c;
		int rc;

		buf_init(&der, 65536);
		csr_make(&cases[i].make, k, &der);
		err_clear(&e);
		c = csr_from_der(der.data, der.len, &e);
		assert_non_null(c);
		rc = csrs_check(c, &dns, &ip, NULL, &e);
		if ((rc == 0) != (cases[i].text == NULL) ||
		    (rc == -1 && strstr(e.text, cases[i].text) == NULL))
			fail_msg("case %zu: %s", i, e.text);
		if (rc == -1)
			assert_string_equal(e.acme_type, "badCSR");
		csr_free(c);
		buf_release(&der);
	}
	strv_release(&dns);
	strv_release(&ip);
	key_free(k);
}

static void
test_csr_of_bad_key(void **state)
{
	struct strv dns = {0}, ip = {0};
	struct err e = {0};
	struct key *weak = rsa(roca, "\x01\x00\x01", 3);
	struct key *k = key_generate(KEY_RSA, 2048, &e);
	struct buf der;
	struct csr *c;

	(void)state;
	strv_add(&dns, "a");
	buf_init(&der, 65536);
	csr_make_for(&(struct csr_make){.dns = {"a"}}, weak, k, &der);
	c = csr_from_der(der.data, der.len, &e);
	assert_int_equal(csrs_check(c, &dns, &ip, NULL, &e), -1);
	assert_string_equal(e.acme_type, "badCSR");
	assert_non_null(strstr(e.text, "ROCA"));
	csr_free(c);
	strv_release(&dns);
	buf_release(&der);
	key_free(weak);
	key_free(k);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_weak_keys),
    cmocka_unit_test(test_good_keys),
    cmocka_unit_test(test_small_factors),
    cmocka_unit_test(test_blocklist),
    cmocka_unit_test(test_csrs),
    cmocka_unit_test(test_csr_of_bad_key),
};
UNIT_MAIN(tests)
