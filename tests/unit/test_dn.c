/* Names of certificates, also those of which not all can be read. */
#include "unit.h"
#include "wrap/dn.h"

/* C=DE, and an O of this tag and value, and CN=b. */
static char *
lines_with(uint8_t tag, const void *value, uint8_t len)
{
	static const uint8_t country[] = {
	    0x31, 11, 0x30, 9, 6, 3, 0x55, 4, 6, 0x13, 2, 'D', 'E'};
	static const uint8_t name[] = {
	    0x31, 10, 0x30, 8, 6, 3, 0x55, 4, 3, 0x0c, 1, 'b'};
	const uint8_t organization[] = {0x31, (uint8_t)(len + 9), 0x30,
	    (uint8_t)(len + 7), 6, 3, 0x55, 4, 10, tag, len};
	uint8_t der[200] = {0x30,
	    (uint8_t)(sizeof(country) + sizeof(organization) + len +
		sizeof(name))};
	uint8_t *p = der + 2;

	memcpy(p, country, sizeof(country));
	p += sizeof(country);
	memcpy(p, organization, sizeof(organization));
	p += sizeof(organization);
	memcpy(p, value, len);
	p += len;
	memcpy(p, name, sizeof(name));
	p += sizeof(name);
	return dn_lines((struct der){der, (size_t)(p - der)});
}

static void
test_lines(void **state)
{
	static const struct {
		uint8_t tag;
		const char *value;
		uint8_t len;
		const char *shown;
	} rows[] = {
	    {0x0c, "a", 1, "a"},
	    {0x0c, "M\xc3\xbcller", 7, "M\xc3\xbcller"},
	    {0x1e, "\0a\0b", 4, "ab"},
	    {0x1e, "\0a\0", 3, "\\00a\\00"},
	    {0x0c, "M\xfcller", 6, "M\xc3\xbcller"},
	    {0x0c, "\xc3", 1, "\xc3\x83"},
	    {0x04, "a\nCN=c", 6, "a\\0ACN=c"},
	    {0x1c, "\0\0\0a\n", 5, "\\00\\00\\00a\\0A"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text =
		    lines_with(rows[i].tag, rows[i].value, rows[i].len);
		char want[100];

		snprintf(want, sizeof(want), "C=DE\nO=%s\nCN=b", rows[i].shown);
		assert_string_equal(text, want);
		free(text);
	}
}

static void
test_broken(void **state)
{
	static const uint8_t bad[] = {0x30, 4, 0x31, 2, 0x30, 1};

	(void)state;
	for (size_t len = 0; len <= sizeof(bad); len++) {
		char *text = dn_lines((struct der){bad, len});

		assert_string_equal(text, "");
		free(text);
	}
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_lines),
    cmocka_unit_test(test_broken),
};
UNIT_MAIN(tests)
