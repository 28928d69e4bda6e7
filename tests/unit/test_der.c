#include "base/der.h"
#include "unit.h"

static struct der
bytes(const char *p, size_t len)
{
	return (struct der){(const uint8_t *)p, len};
}

#define BYTES(s) bytes(s, sizeof(s) - 1)

static void
test_next(void **state)
{
	struct der in = BYTES("\x30\x03\x02\x01\x05\x05\x00"), seq, n, whole;
	uint8_t tag;

	(void)state;
	assert_true(der_is_next(&in, DER_SEQUENCE));
	assert_int_equal(der_next(&in, &tag, &seq, &whole), 0);
	assert_int_equal(tag, DER_SEQUENCE);
	assert_int_equal(whole.len, 5);
	assert_int_equal(der_get_uint(&seq, &n), 0);
	assert_true(der_is(&n, "\x05", 1));
	assert_int_equal(seq.len, 0);
	assert_int_equal(der_get(&in, DER_INTEGER, &n), -1);
	assert_int_equal(in.len, 2);
	assert_int_equal(der_get(&in, DER_NULL, &n), 0);
	assert_int_equal(der_next(&in, &tag, &seq, NULL), -1);
}

#define X16 "xxxxxxxxxxxxxxxx"
#define X128 X16 X16 X16 X16 X16 X16 X16 X16

/* What BER would take and DER does not. */
static void
test_strict(void **state)
{
	const struct der bad[] = {
	    BYTES(""),
	    BYTES("\x30"),
	    BYTES("\x30\x01"), /* shorter than it says */
	    BYTES("\x30\x80\x00\x00"), /* indefinite */
	    BYTES("\x04\x81\x01\x00"), /* long form for a short length */
	    BYTES("\x04\x82\x00\x80"), /* leading zero */
	    BYTES("\x04\x85\x01\x00\x00\x00\x00"), /* more than four bytes */
	    BYTES("\x04\x84\xff\xff\xff\xff"),
	    BYTES("\x1f\x81\x01\x00"), /* long tag */
	    BYTES("\x1f\x01\x00"),
	    BYTES("\x04\x81"), /* cut within the length */
	    BYTES("\x04\x82\x01"),
	    BYTES("\x04\x82\x00\x80" X128), /* leading zero, and all there */
	    BYTES("\x04\x89\x01\x00\x00\x00\x00\x00\x00\x00\x80" X128),
	};
	struct der content;
	uint8_t tag;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct der in = bad[i];

		if (der_next(&in, &tag, &content, NULL) != -1)
			fail_msg("case %zu was taken", i);
		assert_int_equal(in.len, bad[i].len);
	}
}

static void
test_values(void **state)
{
	const struct der bad_uints[] = {BYTES("\x02\x00"),
	    BYTES("\x02\x01\x80"), BYTES("\x02\x02\x00\x7f")};
	struct der in, out;
	bool b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_uints); i++) {
		in = bad_uints[i];
		assert_int_equal(der_get_uint(&in, &out), -1);
	}
	in = BYTES("\x02\x02\x00\x80");
	assert_int_equal(der_get_uint(&in, &out), 0);
	assert_true(der_is(&out, "\x80", 1));
	in = BYTES("\x02\x01\x00");
	assert_int_equal(der_get_uint(&in, &out), 0);
	assert_int_equal(out.len, 0);
	in = BYTES("\x01\x01\xff");
	assert_int_equal(der_get_bool(&in, false, &b), 0);
	assert_true(b);
	assert_int_equal(der_get_bool(&in, true, &b), 0); /* absent */
	assert_true(b);
	in = BYTES("\x01\x01\x01");
	assert_int_equal(der_get_bool(&in, false, &b), -1);
	in = BYTES("\x03\x02\x00\x41");
	assert_int_equal(der_get_bits(&in, &out), 0);
	assert_true(der_is(&out, "A", 1));
	in = BYTES("\x03\x02\x01\x40"); /* unused bits */
	assert_int_equal(der_get_bits(&in, &out), -1);
}

static void
test_times(void **state)
{
	static const struct {
		uint8_t tag;
		const char *text;
		int64_t t; /* -1: refused */
	} cases[] = {
	    {DER_UTC_TIME, "700101000000Z", 0},
	    {DER_UTC_TIME, "491231235959Z", 2524607999},
	    {DER_UTC_TIME, "500101000000Z", -631152000},
	    {DER_GENERALIZED_TIME, "20500101000000Z", 2524608000},
	    {DER_GENERALIZED_TIME, "20240229120000Z", 1709208000},
	    {DER_GENERALIZED_TIME, "20230229120000Z", -1},
	    {DER_GENERALIZED_TIME, "20231301000000Z", -1},
	    {DER_GENERALIZED_TIME, "20230101240000Z", -1},
	    {DER_GENERALIZED_TIME, "20230101000060Z", -1},
	    {DER_GENERALIZED_TIME, "20230101000000+", -1},
	    {DER_UTC_TIME, "7001010000Z", -1},
	    {DER_UTC_TIME, "70010100000aZ", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct der in;
		struct buf b;
		int64_t t = -1;
		int rc;

		buf_init(&b, 100);
		der_add(&b, cases[i].tag, cases[i].text, strlen(cases[i].text));
		in = bytes(b.data, b.len);
		rc = der_get_time(&in, &t);
		if (t != cases[i].t || (rc == 0) != (cases[i].t != -1))
			fail_msg("%s: %lld", cases[i].text, (long long)t);
		if (rc == 0) {
			buf_clear(&b);
			der_add_time(&b, t);
			in = bytes(b.data, b.len);
			assert_int_equal(der_get_time(&in, &t), 0);
			assert_true(t == cases[i].t);
			assert_int_equal(b.data[0],
			    t >= -631152000 && t < 2524608000
				? DER_UTC_TIME
				: DER_GENERALIZED_TIME);
		}
		buf_release(&b);
	}
}

/* Lengths around each change of form come back as they were. */
static void
test_nested(void **state)
{
	static const size_t sizes[] = {0, 1, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f, 0x80,
	    0xfb, 0xfc, 0xff, 0x100, 0xffff, 0x10000};
	char *data = xcalloc(1, 0x10000);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct der in, outer, inner;
		struct buf b;
		size_t one, two;

		buf_init(&b, 0x20000);
		one = der_begin(&b, DER_SEQUENCE);
		two = der_begin(&b, DER_OCTET_STRING);
		buf_add(&b, data, sizes[i]);
		der_end(&b, two);
		der_end(&b, one);
		assert_false(b.full);
		in = bytes(b.data, b.len);
		assert_int_equal(der_get(&in, DER_SEQUENCE, &outer), 0);
		assert_int_equal(in.len, 0);
		assert_int_equal(der_get(&outer, DER_OCTET_STRING, &inner), 0);
		assert_int_equal(inner.len, sizes[i]);
		buf_release(&b);
	}
	free(data);
}

static void
test_full(void **state)
{
	struct buf b;
	size_t mark;

	(void)state;
	for (size_t max = 0; max < 140; max++) {
		buf_init(&b, max);
		mark = der_begin(&b, DER_SEQUENCE);
		for (int i = 0; i < 140; i++)
			buf_addc(&b, 'x');
		der_end(&b, mark);
		assert_true(b.full);
		buf_release(&b);
	}
}

static void
test_numbers(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	der_add_small(&b, 0);
	der_add_small(&b, 127);
	der_add_small(&b, 128);
	der_add_small(&b, 65537);
	assert_int_equal(b.len, 3 + 3 + 4 + 5);
	assert_memory_equal(b.data,
	    "\x02\x01\x00\x02\x01\x7f\x02\x02\x00\x80\x02\x03\x01\x00\x01", 15);
	buf_release(&b);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_next),
    cmocka_unit_test(test_strict),
    cmocka_unit_test(test_values),
    cmocka_unit_test(test_times),
    cmocka_unit_test(test_nested),
    cmocka_unit_test(test_full),
    cmocka_unit_test(test_numbers),
};

UNIT_MAIN(tests)
