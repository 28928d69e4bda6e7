#include "cli/sheet.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/hex.h"
#include "base/rfc3339.h"
#include "wrap/js.h"

#define OBJECT_MAX ((size_t)64 * 1024 * 1024)
#define NAME_WIDTH 20

void
sheet_init(struct sheet *s, enum sheet_form form)
{
	s->form = form;
	s->object = form == SHEET_JSON ? js_object() : NULL;
}

static void
write_line(const struct sheet *s, const char *name, const char *value)
{
	size_t len = strlen(value), size = 4 * len + 1;
	char *clean = xmalloc(size);

	str_escape(clean, size, value, len);
	if (s->form == SHEET_TSV)
		printf("%s\t%s\n", name, clean);
	else
		printf("%s:%*s%s\n", name,
		    strlen(name) + 2 > NAME_WIDTH
			? 1
			: NAME_WIDTH - 1 - (int)strlen(name),
		    "", clean);
	free(clean);
}

void
sheet_text(struct sheet *s, const char *name, const char *value)
{
	if (s->object)
		js_put_text(s->object, name, value);
	else if (value)
		write_line(s, name, value);
}

void
sheet_int(struct sheet *s, const char *name, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, n);
	if (s->object)
		js_put_int(s->object, name, n);
	else
		write_line(s, name, text);
}

void
sheet_time(struct sheet *s, const char *name, int64_t t)
{
	char text[RFC3339_SIZE];

	if (t == 0)
		return;
	rfc3339_format(text, t);
	sheet_text(s, name, text);
}

void
sheet_yes(struct sheet *s, const char *name, bool yes)
{
	if (s->object)
		js_put_bool(s->object, name, yes);
	else
		write_line(s, name, yes ? "yes" : "no");
}

void
sheet_hex(struct sheet *s, const char *name, const void *p, size_t len)
{
	char *hex = xmalloc(2 * len + 1);

	hex_encode(hex, p, len);
	sheet_text(s, name, hex);
	free(hex);
}

void
sheet_list(struct sheet *s, const char *name, const struct strv *values)
{
	if (s->object)
		js_put(s->object, name, js_array_of(values));
	else
		for (size_t i = 0; i < values->len; i++)
			write_line(s, name, values->v[i]);
}

void
sheet_end(struct sheet *s)
{
	struct buf line;

	if (!s->object)
		return;
	buf_init(&line, OBJECT_MAX);
	if (js_write(s->object, &line) < 0)
		abort();
	printf("%s\n", line.data);
	buf_release(&line);
	js_free(s->object);
	s->object = NULL;
}
