#include "base/der.h"

#include <string.h>

#include "base/date.h"

/* Reads tag and length at the front; -1 unless all of it is there. */
static int
read_header(const struct der *in, uint8_t *tag, size_t *header, size_t *len)
{
	size_t n;

	if (in->len < 2 || (in->p[0] & 0x1f) == 0x1f)
		return -1;
	*tag = in->p[0];
	*header = 2;
	*len = in->p[1];
	if (*len >= 0x80) {
		n = *len & 0x7f;
		if (n == 0 || n > 4 || in->len < 2 + n || in->p[2] == 0)
			return -1;
		*len = 0;
		for (size_t i = 0; i < n; i++)
			*len = *len << 8 | in->p[2 + i];
		if (*len < 0x80)
			return -1;
		*header += n;
	}
	return *len <= in->len - *header ? 0 : -1;
}

int
der_next(struct der *in, uint8_t *tag, struct der *content, struct der *whole)
{
	size_t header, len;

	if (read_header(in, tag, &header, &len) == -1)
		return -1;
	if (whole != NULL)
		*whole = (struct der){in->p, header + len};
	*content = (struct der){in->p + header, len};
	in->p += header + len;
	in->len -= header + len;
	return 0;
}

bool
der_is_next(const struct der *in, uint8_t tag)
{
	return in->len > 0 && in->p[0] == tag;
}

int
der_get(struct der *in, uint8_t tag, struct der *content)
{
	uint8_t found;

	if (!der_is_next(in, tag))
		return -1;
	return der_next(in, &found, content, NULL);
}

int
der_get_whole(struct der *in, uint8_t tag, struct der *whole)
{
	uint8_t found;
	struct der content;

	if (!der_is_next(in, tag))
		return -1;
	return der_next(in, &found, &content, whole);
}

int
der_get_bool(struct der *in, bool def, bool *out)
{
	struct der c;

	*out = def;
	if (!der_is_next(in, DER_BOOLEAN))
		return 0;
	if (der_get(in, DER_BOOLEAN, &c) == -1 || c.len != 1 ||
	    (c.p[0] != 0 && c.p[0] != 0xff))
		return -1;
	*out = c.p[0] != 0;
	return 0;
}

int
der_get_bits(struct der *in, struct der *bits)
{
	struct der c;

	if (der_get(in, DER_BIT_STRING, &c) == -1 || c.len < 1 || c.p[0] != 0)
		return -1;
	*bits = (struct der){c.p + 1, c.len - 1};
	return 0;
}

int
der_get_uint(struct der *in, struct der *out)
{
	struct der c;

	if (der_get(in, DER_INTEGER, &c) == -1 || c.len < 1 || c.p[0] >= 0x80)
		return -1;
	if (c.len > 1 && c.p[0] == 0 && c.p[1] < 0x80)
		return -1;
	if (c.p[0] == 0) {
		c.p++;
		c.len--;
	}
	*out = c;
	return 0;
}

static bool
two_digits(const uint8_t *p, int *out)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return false;
	*out = (p[0] - '0') * 10 + (p[1] - '0');
	return true;
}

/* MMDDhhmmssZ after the year. */
static int
read_rest(const uint8_t *p, int year, int64_t *t)
{
	int f[5];

	for (size_t i = 0; i < 5; i++)
		if (!two_digits(p + 2 * i, &f[i]))
			return -1;
	if (p[10] != 'Z')
		return -1;
	return date_to_time(year, f[0], f[1], f[2], f[3], f[4], t);
}

int
der_get_time(struct der *in, int64_t *t)
{
	struct der c;
	uint8_t tag;
	int hi, lo;

	if (der_next(in, &tag, &c, NULL) == -1)
		return -1;
	if (tag == DER_UTC_TIME && c.len == 13 && two_digits(c.p, &lo))
		return read_rest(c.p + 2, lo < 50 ? 2000 + lo : 1900 + lo, t);
	if (tag == DER_GENERALIZED_TIME && c.len == 15 &&
	    two_digits(c.p, &hi) && two_digits(c.p + 2, &lo))
		return read_rest(c.p + 4, hi * 100 + lo, t);
	return -1;
}

bool
der_is(const struct der *d, const void *p, size_t len)
{
	return d->len == len && memcmp(d->p, p, len) == 0;
}

size_t
der_begin(struct buf *out, uint8_t tag)
{
	buf_addc(out, (char)tag);
	buf_addc(out, 0);
	return out->len;
}

void
der_end(struct buf *out, size_t mark)
{
	size_t len, more = 0;
	uint8_t *at;

	if (out->full)
		return;
	len = out->len - mark;
	if (len >= 0x80)
		for (size_t n = len; n > 0; n >>= 8)
			more++;
	if (buf_add(out, "\0\0\0\0\0\0\0", more) == -1)
		return;
	at = (uint8_t *)out->data + mark;
	if (more > 0)
		memmove(at + more, at, len);
	at[-1] = more > 0 ? (uint8_t)(0x80 | more) : (uint8_t)len;
	for (size_t i = 0; i < more; i++)
		at[i] = (uint8_t)(len >> 8 * (more - 1 - i));
}

void
der_add(struct buf *out, uint8_t tag, const void *p, size_t len)
{
	size_t mark = der_begin(out, tag);

	buf_add(out, p, len);
	der_end(out, mark);
}

void
der_add_uint(struct buf *out, const void *p, size_t len)
{
	const uint8_t *b = p;
	size_t mark = der_begin(out, DER_INTEGER);

	while (len > 0 && b[0] == 0) {
		b++;
		len--;
	}
	if (len == 0 || b[0] >= 0x80)
		buf_addc(out, 0);
	buf_add(out, b, len);
	der_end(out, mark);
}

void
der_add_small(struct buf *out, uint64_t v)
{
	uint8_t b[8];

	for (size_t i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)(v >> 8 * (sizeof(b) - 1 - i));
	der_add_uint(out, b, sizeof(b));
}

void
der_add_true(struct buf *out)
{
	der_add(out, DER_BOOLEAN, "\xff", 1);
}

void
der_add_time(struct buf *out, int64_t t)
{
	struct tm tm = {0};
	time_t when = (time_t)t;
	char text[16];

	/* Beyond the year 9999: RFC 5280 4.1.2.5, "no expiration". */
	if (gmtime_r(&when, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm) != 15)
		memcpy(text, "99991231235959Z", sizeof(text));
	if (tm.tm_year >= 50 && tm.tm_year < 150)
		der_add(out, DER_UTC_TIME, text + 2, 13);
	else
		der_add(out, DER_GENERALIZED_TIME, text, 15);
}
