#include "acme/certid.h"
#include "unit.h"
#include "wrap/cert.h"
#include "wrap/key.h"

static void
check_bad(const char *text)
{
	struct certid id;
	struct err e = {0};

	if (certid_parse(text, &id, &e) == 0)
		fail_msg("taken: %s", text);
	assert_int_equal(e.kind, KIND_INPUT);
	assert_null(e.acme_type);
}

/* The example of RFC 9773 4.1: the serial number begins with a zero. */
static void
test_example(void **state)
{
	static const uint8_t aki[] = {0x69, 0x88, 0x5b, 0x6b, 0x87, 0x46, 0x40,
	    0x41, 0xe1, 0xb3, 0x7b, 0x84, 0x7b, 0xa0, 0xae, 0x2c, 0xde, 0x01,
	    0xc8, 0xd4};
	struct certid id;
	struct err e = {0};

	(void)state;
	assert_ok(
	    certid_parse("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE", &id, &e), &e);
	assert_int_equal(id.aki_len, sizeof(aki));
	assert_memory_equal(id.aki, aki, sizeof(aki));
	assert_string_equal(id.serial_hex, "87654321");
}

static void
test_bad(void **state)
{
	static const char *const texts[] = {"", ".", "AQ", "AQ.", ".AQ",
	    "AQ.AQ.", "AQ.AQ.AQ", "AQ==.AQ", "AQ.AQ==", " AQ.AQ", "AQ.AQ\n",
	    "AR.AQ", /* bits beyond the last byte */
	    "A+.AQ", "AQ.AA", /* zero */
	    "AQ.AAE", /* a zero in front that DER does not have */
	    "AQ.gA", /* negative */
	    "AQ.AQEBAQEBAQEBAQEBAQEBAQEBAQEB", /* 21 bytes */
	    /* 65 bytes of key identifier */
	    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
	    "AQEBAQEBAQEBAQEBAQEBAQEBAQE.AQ"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		check_bad(texts[i]);
}

/* What is written of a certificate is read back as its parts. */
static void
test_round_trip(void **state)
{
	struct err e = {0};
	struct key *key = key_generate(KEY_P256, 0, &e);
	struct cert_template root = {.kind = CERT_ROOT,
	    .subject = "CN=unit",
	    .key = key,
	    .issuer_key = key,
	    .not_after = 2000000000};
	struct strv dns = {0};
	struct cert *ca = cert_build(&root, &e);
	struct cert_template leaf = {.kind = CERT_LEAF,
	    .dns = &dns,
	    .key = key,
	    .issuer_key = key,
	    .issuer_cert = ca,
	    .not_after = 2000000000};
	struct buf text;

	(void)state;
	strv_add(&dns, "a.example");
	buf_init(&text, 200);
	assert_int_equal(certid_write(ca, &text, &e), -1); /* no AKI */
	err_clear(&e);
	for (int i = 0; i < 16; i++) {
		struct cert *c = cert_build(&leaf, &e);
		size_t aki_len;
		const uint8_t *aki = cert_aki(c, &aki_len);
		struct certid id;

		buf_clear(&text);
		assert_ok(certid_write(c, &text, &e), &e);
		assert_ok(certid_parse(text.data, &id, &e), &e);
		assert_int_equal(id.aki_len, aki_len);
		assert_memory_equal(id.aki, aki, aki_len);
		assert_string_equal(id.serial_hex, cert_serial_hex(c));
		cert_free(c);
	}
	buf_release(&text);
	strv_release(&dns);
	cert_free(ca);
	key_free(key);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_example),
    cmocka_unit_test(test_bad),
    cmocka_unit_test(test_round_trip),
};

UNIT_MAIN(tests)
