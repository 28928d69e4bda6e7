#include "base/hex.h"
#include "unit.h"
#include "wrap/digest.h"

static void
test_vectors(void **state)
{
	uint8_t hash[32];
	char hex[65];

	(void)state;
	digest_sha256(hash, "abc", 3);
	hex_encode(hex, hash, 32);
	assert_string_equal(hex,
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_sha256(hash, "", 0);
	hex_encode(hex, hash, 32);
	assert_string_equal(hex,
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_sha1(hash, "abc", 3);
	hex_encode(hex, hash, 20);
	assert_string_equal(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

/* RFC 4231 4.3 and 4.7 (a key longer than a block), and the empty key. */
static void
test_hmac(void **state)
{
	uint8_t mac[32], key[131];
	char hex[65];

	(void)state;
	memset(key, 0xaa, sizeof(key));
	digest_hmac_sha256(mac, "Jefe", 4, "what do ya want for nothing?", 28);
	hex_encode(hex, mac, 32);
	assert_string_equal(hex,
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	digest_hmac_sha256(mac, key, sizeof(key),
	    "Test Using Larger Than Block-Size Key - Hash Key First", 54);
	hex_encode(hex, mac, 32);
	assert_string_equal(hex,
	    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	digest_hmac_sha256(mac, "", 0, "", 0);
	hex_encode(hex, mac, 32);
	assert_string_equal(hex,
	    "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* RFC 4231 4.3. */
static void
test_hmac_family(void **state)
{
	static const char *const want[] = {
	    [DIGEST_SHA256] = "5bdcc146bf60754e6a042426089575c7"
			      "5a003f089d2739839dec58b964ec3843",
	    [DIGEST_SHA384] = "af45d2e376484031617f78d2b58a6b1b"
			      "9c7ef464f5a01b47e42ec3736322445e"
			      "8e2240ca5e69e2c78b3239ecfab21649",
	    [DIGEST_SHA512] = "164b7a7bfcf819e2e395fbe73b56e0a3"
			      "87bd64222e831fd610270cd7ea250554"
			      "9758bf75c05a994a6d034f65f8f0e6fd"
			      "caeab1a34d4a6b4b636e070a38bce737",
	};
	uint8_t mac[DIGEST_SIZE_MAX];
	char hex[2 * DIGEST_SIZE_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		size_t n = digest_hmac((enum digest_hash)i, mac, "Jefe", 4,
		    "what do ya want for nothing?", 28);

		assert_int_equal(2 * n, strlen(want[i]));
		hex_encode(hex, mac, n);
		assert_string_equal(hex, want[i]);
	}
}

static void
test_equal_and_random(void **state)
{
	uint8_t a[1000] = {0}, b[1000] = {0};

	(void)state;
	assert_true(digest_equal(a, b, sizeof(a)));
	digest_random(a, sizeof(a));
	assert_false(digest_equal(a, b, sizeof(a)));
	digest_random(b, sizeof(b));
	assert_memory_not_equal(a + 968, b + 968, 32);
	digest_random(a, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_vectors),
    cmocka_unit_test(test_hmac),
    cmocka_unit_test(test_hmac_family),
    cmocka_unit_test(test_equal_and_random),
};

UNIT_MAIN(tests)
