#include "base/zip.h"

#include <time.h>

#define DIRECTORY_MAX ((size_t)64 * 1024)
#define VERSION 20 /* the least that a reader must know */
#define UNIX (3U << 8) /* whose modes the attributes are */
#define UTF8 0x0800U /* names */

static void
put16(struct buf *out, unsigned n)
{
	buf_addc(out, (char)(n & 0xff));
	buf_addc(out, (char)(n >> 8 & 0xff));
}

static void
put32(struct buf *out, uint32_t n)
{
	put16(out, n & 0xffff);
	put16(out, n >> 16);
}

static uint32_t
crc32(const uint8_t *p, size_t len)
{
	uint32_t crc = 0xffffffff;

	for (; len > 0; len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

void
zip_begin(struct zip *z, struct buf *out, int64_t at)
{
	time_t t = (time_t)at;
	struct tm tm = {.tm_year = 80, .tm_mday = 1};

	*z = (struct zip){.out = out, .start = out->len};
	buf_init(&z->directory, DIRECTORY_MAX);
	gmtime_r(&t, &tm);
	z->date = (uint16_t)((tm.tm_year - 80) << 9 | (tm.tm_mon + 1) << 5 |
	    tm.tm_mday);
	z->time = (uint16_t)(tm.tm_hour << 11 | tm.tm_min << 5 | tm.tm_sec / 2);
}

/* What both headers of a file have in common. */
static void
put_common(const struct zip *z, struct buf *out, const char *name, uint32_t crc,
    size_t len)
{
	put16(out, VERSION);
	put16(out, UTF8);
	put16(out, 0); /* stored */
	put16(out, z->time);
	put16(out, z->date);
	put32(out, crc);
	put32(out, (uint32_t)len); /* compressed, which it is not */
	put32(out, (uint32_t)len);
	put16(out, (unsigned)strlen(name));
	put16(out, 0); /* extra field */
}

void
zip_add(
    struct zip *z, const char *name, bool is_secret, const void *p, size_t len)
{
	uint32_t crc = crc32(p, len);
	size_t at = z->out->len - z->start;

	buf_adds(z->out, "PK\3\4");
	put_common(z, z->out, name, crc, len);
	buf_adds(z->out, name);
	buf_add(z->out, p, len);

	buf_adds(&z->directory, "PK\1\2");
	put16(&z->directory, UNIX | VERSION);
	put_common(z, &z->directory, name, crc, len);
	put16(&z->directory, 0); /* comment */
	put16(&z->directory, 0); /* disk */
	put16(&z->directory, 0); /* internal attributes */
	put32(&z->directory, (is_secret ? 0100600U : 0100644U) << 16);
	put32(&z->directory, (uint32_t)at);
	buf_adds(&z->directory, name);
	z->files++;
}

void
zip_end(struct zip *z)
{
	size_t at = z->out->len - z->start;

	buf_add(z->out, z->directory.data, z->directory.len);
	buf_adds(z->out, "PK\5\6");
	put16(z->out, 0); /* this disk, */
	put16(z->out, 0); /* and that of the directory */
	put16(z->out, z->files);
	put16(z->out, z->files);
	put32(z->out, (uint32_t)z->directory.len);
	put32(z->out, (uint32_t)at);
	put16(z->out, 0); /* comment */
	z->out->full = z->out->full || z->directory.full;
	buf_release(&z->directory);
}
