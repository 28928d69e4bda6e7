#include "base/b64.h"

static const char url_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
    "uvwxyz0123456789-_";
static const char std_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
    "uvwxyz0123456789+/";

/* Writes the digits of up to three bytes; returns how many. */
static size_t
encode_group(char *out, const unsigned char *p, size_t len, const char *digits)
{
	uint32_t bits = (uint32_t)p[0] << 16;

	if (len > 1)
		bits |= (uint32_t)p[1] << 8;
	if (len > 2)
		bits |= p[2];
	for (size_t i = 0; i <= len; i++)
		out[i] = digits[bits >> (18 - 6 * i) & 63];
	return len + 1;
}

void
b64url_encode_to(char *out, const void *p, size_t len)
{
	const unsigned char *bytes = p;

	for (size_t i = 0; i < len; i += 3)
		out += encode_group(
		    out, bytes + i, len - i < 3 ? len - i : 3, url_digits);
	*out = '\0';
}

static int
encode(struct buf *out, const void *p, size_t len, const char *digits, bool pad)
{
	const unsigned char *bytes = p;
	char group[4];
	int rc = 0;

	for (size_t i = 0; i < len && rc == 0; i += 3) {
		size_t n = encode_group(
		    group, bytes + i, len - i < 3 ? len - i : 3, digits);

		while (pad && n < sizeof(group))
			group[n++] = '=';
		rc = buf_add(out, group, n);
	}
	return rc;
}

int
b64url_encode(struct buf *out, const void *p, size_t len)
{
	return encode(out, p, len, url_digits, false);
}

int
b64_encode(struct buf *out, const void *p, size_t len)
{
	return encode(out, p, len, std_digits, true);
}

/* `high` are the last two digits of the alphabet. */
static int
digit_value(char c, const char high[2])
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == high[0])
		return 62;
	return c == high[1] ? 63 : -1;
}

/* Up to four digits; returns how many bytes they were, -1 for what is none. */
static int
decode_group(
    unsigned char out[3], const char *text, size_t len, const char high[2])
{
	uint32_t bits = 0;
	unsigned spare;

	for (size_t i = 0; i < len; i++) {
		int value = digit_value(text[i], high);

		if (value < 0)
			return -1;
		bits |= (uint32_t)value << (18 - 6 * i);
	}
	out[0] = (unsigned char)(bits >> 16);
	out[1] = (unsigned char)(bits >> 8);
	out[2] = (unsigned char)bits;
	spare = len == 2 ? 0xffff : len == 3 ? 0xff : 0;
	return len == 1 || bits & spare ? -1 : (int)len - 1;
}

static int
decode(struct buf *out, const char *text, size_t len, const char high[2])
{
	unsigned char bytes[3];

	for (size_t i = 0; i < len; i += 4) {
		int n = decode_group(
		    bytes, text + i, len - i < 4 ? len - i : 4, high);

		if (n < 0 || buf_add(out, bytes, (size_t)n) < 0)
			return -1;
	}
	return 0;
}

int
b64url_decode(struct buf *out, const char *text, size_t len)
{
	return decode(out, text, len, "-_");
}

int
b64_decode(struct buf *out, const char *text, size_t len)
{
	if (len % 4 != 0)
		return -1;
	for (int i = 0; i < 2 && len > 0 && text[len - 1] == '='; i++)
		len--;
	return decode(out, text, len, "+/");
}
