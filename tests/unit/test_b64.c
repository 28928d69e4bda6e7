#include "base/b64.h"
#include "base/hex.h"
#include "unit.h"

/* RFC 4648 10. */
static const struct {
	const char *plain, *padded;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static void
test_vectors(void **state)
{
	struct buf b;
	char out[16];

	(void)state;
	buf_init(&b, 100);
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		size_t len = strlen(vectors[i].plain);
		size_t bare = strcspn(vectors[i].padded, "=");

		buf_clear(&b);
		b64_encode(&b, vectors[i].plain, len);
		assert_string_equal(b.data, vectors[i].padded);
		buf_clear(&b);
		b64url_encode(&b, vectors[i].plain, len);
		assert_int_equal(b.len, bare);
		assert_int_equal(B64URL_LEN(len), bare);
		assert_memory_equal(b.data, vectors[i].padded, bare);
		b64url_encode_to(out, vectors[i].plain, len);
		assert_string_equal(out, b.data);
		buf_clear(&b);
		assert_int_equal(b64url_decode(&b, out, bare), 0);
		assert_string_equal(b.data, vectors[i].plain);
		buf_clear(&b);
		assert_int_equal(b64_decode(&b, vectors[i].padded,
				     strlen(vectors[i].padded)),
		    0);
		assert_string_equal(b.data, vectors[i].plain);
	}
	buf_clear(&b);
	assert_int_equal(b64_decode(&b, "Pz8/Pw==", 8), 0);
	assert_string_equal(b.data, "????");
	buf_clear(&b);
	assert_int_equal(b64url_decode(&b, "Pz8_Pw", 6), 0);
	assert_string_equal(b.data, "????");
	buf_release(&b);
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {"Zg==", "Zg=", "Z", "Zm9v=", "Zm9+",
	    "Zm9/", "Zm 9", "Zm9v\n", "Zh", "Zm9", "AAAAA"};
	static const char *const bad_padded[] = {"Zg",
	    "Zg=", "Zg===", "Zm9v=", "Zm9-", "Zm9_", "Zm 9",
	    "Zh==", "Zm9=", "====", "Z===", "Zg==Zg=="};
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(b64url_decode(&b, bad[i], strlen(bad[i])), -1);
	for (size_t i = 0; i < ARRAY_LEN(bad_padded); i++)
		assert_int_equal(
		    b64_decode(&b, bad_padded[i], strlen(bad_padded[i])), -1);
	buf_release(&b);
	buf_init(&b, 2);
	assert_int_equal(b64url_decode(&b, "Zm9v", 4), -1);
	buf_release(&b);
}

static void
test_hex(void **state)
{
	unsigned char raw[3];
	char out[7];

	(void)state;
	hex_encode(out, "\x00\xab\xff", 3);
	assert_string_equal(out, "00abff");
	assert_int_equal(hex_decode(raw, 3, "00ABff"), 0);
	assert_memory_equal(raw, "\x00\xab\xff", 3);
	assert_int_equal(hex_decode(raw, 3, "00abf"), -1);
	assert_int_equal(hex_decode(raw, 3, "00abff0"), -1);
	assert_int_equal(hex_decode(raw, 3, "00abfg"), -1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_vectors),
    cmocka_unit_test(test_refused),
    cmocka_unit_test(test_hex),
};
UNIT_MAIN(tests)
