#include "unit.h"
#include "wrap/cert.h"
#include "wrap/key.h"
#include "wrap/p7.h"

/* Two certificates that sign themselves. */
static void
make(struct cert_list *list)
{
	struct err e = {0};

	for (int i = 0; i < 2; i++) {
		struct key *k = key_generate(KEY_P256, 0, &e);
		struct cert_template t = {.kind = CERT_ROOT,
		    .subject = i == 0 ? "CN=z" : "CN=a",
		    .key = k,
		    .issuer_key = k,
		    .not_before = 1700000000,
		    .not_after = 1800000000};
		struct cert *c = cert_build(&t, &e);

		assert_non_null(c);
		cert_list_take(list, c);
		key_free(k);
	}
}

static bool
same(const struct cert *a, const struct cert *b)
{
	size_t a_len, b_len;
	const uint8_t *x = cert_der(a, &a_len), *y = cert_der(b, &b_len);

	return a_len == b_len && memcmp(x, y, a_len) == 0;
}

static void
test_both_ways(void **state)
{
	struct cert_list in = {0}, out = {0};
	struct err e = {0};
	struct buf der;

	(void)state;
	make(&in);
	buf_init(&der, P7_MAX);
	assert_ok(p7_write(&in, &der, &e), &e);
	assert_ok(p7_read(der.data, der.len, &out, &e), &e);
	assert_int_equal(out.len, 2);
	for (size_t i = 0; i < 2; i++)
		assert_true(same(in.v[i], out.v[i]));
	/* appended, and nothing when there is something wrong */
	assert_ok(p7_read(der.data, der.len, &out, &e), &e);
	assert_int_equal(out.len, 4);
	for (size_t len = 0; len < der.len; len += 7)
		assert_kind(p7_read(der.data, len, &out, &e), KIND_INPUT, &e);
	buf_addc(&der, '\0');
	assert_kind(p7_read(der.data, der.len, &out, &e), KIND_INPUT, &e);
	assert_int_equal(out.len, 4);
	buf_release(&der);
	buf_init(&der, 100);
	assert_kind(p7_write(&in, &der, &e), KIND_BUG, &e);
	buf_release(&der);
	cert_list_release(&in);
	cert_list_release(&out);
}

static void
test_refused(void **state)
{
	struct cert_list none = {0}, out = {0};
	struct err e = {0};
	struct buf der;

	(void)state;
	buf_init(&der, 1000);
	assert_ok(p7_write(&none, &der, &e), &e);
	assert_kind(p7_read(der.data, der.len, &out, &e), KIND_INPUT, &e);
	/* ContentInfo of plain data */
	assert_kind(p7_read("\x30\x0f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07"
			    "\x01\xa0\x02\x04\x00",
			17, &out, &e),
	    KIND_INPUT, &e);
	assert_kind(p7_read("", 0, &out, &e), KIND_INPUT, &e);
	assert_int_equal(out.len, 0);
	buf_release(&der);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_both_ways),
    cmocka_unit_test(test_refused),
};

UNIT_MAIN(tests)
