#include "base/hex.h"

void
hex_encode(char *out, const void *p, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = p;

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

static int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
hex_decode(void *out, size_t len, const char *hex)
{
	unsigned char *bytes = out;

	if (strnlen(hex, 2 * len + 1) != 2 * len)
		return -1;
	for (size_t i = 0; i < len; i++) {
		int hi = digit_value(hex[2 * i]);
		int lo = digit_value(hex[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return -1;
		bytes[i] = (unsigned char)(hi << 4 | lo);
	}
	return 0;
}

size_t
hex_range(uint8_t *first, uint8_t *last, size_t len, const char *digits)
{
	char low[2 * HEX_RANGE_MAX + 1], high[2 * HEX_RANGE_MAX + 1];
	size_t n = strlen(digits), all = 2 * len;

	if (n > all || len > HEX_RANGE_MAX)
		return 0;
	memset(low, '0', all);
	memset(high, 'f', all);
	low[all] = high[all] = '\0';
	memcpy(low, digits, n);
	memcpy(high, digits, n);
	return hex_decode(first, len, low) == 0 &&
		hex_decode(last, len, high) == 0
	    ? n
	    : 0;
}
