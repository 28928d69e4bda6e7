#include "cli/out.h"

#include <errno.h>
#include <inttypes.h>

#include "base/rfc3339.h"
#include "wrap/js.h"

#define FIELD_MAX ((size_t)4 * 1024 * 1024)

void
out_init(struct out *o, bool json, bool header, const char *const *columns)
{
	memset(o, 0, sizeof(*o));
	o->json = json;
	o->header = header && !json;
	o->columns = columns;
}

static void
write_header(struct out *o)
{
	if (!o->header)
		return;
	o->header = false;
	for (size_t i = 0; o->columns[i]; i++)
		printf("%s%s", i > 0 ? "\t" : "", o->columns[i]);
	putchar('\n');
}

/* The name of the column in turn; writes what stands before its field. */
static const char *
next(struct out *o)
{
	const char *column = o->columns[o->at];

	if (!column)
		abort();
	if (o->at++ == 0 && o->json)
		o->record = js_object();
	if (o->at == 1)
		write_header(o);
	else if (!o->json)
		putchar('\t');
	return column;
}

static void
put_escaped(const char *s)
{
	size_t len = strlen(s);
	size_t size = 4 * len + 1;
	char *clean = xmalloc(size);

	str_escape(clean, size, s, len);
	fputs(clean, stdout);
	free(clean);
}

void
out_text(struct out *o, const char *s)
{
	const char *column = next(o);

	if (!o->json)
		put_escaped(s ? s : "");
	else if (s)
		js_put_text(o->record, column, s);
	else
		js_put(o->record, column, js_null());
}

void
out_int(struct out *o, int64_t n)
{
	const char *column = next(o);

	if (o->json)
		js_put_int(o->record, column, n);
	else
		printf("%" PRId64, n);
}

void
out_count(struct out *o, int64_t n)
{
	if (n >= 0)
		out_int(o, n);
	else
		out_text(o, NULL);
}

void
out_id(struct out *o, int64_t id)
{
	out_count(o, id != 0 ? id : -1);
}

void
out_time(struct out *o, int64_t t)
{
	char text[RFC3339_SIZE];

	if (t != 0)
		rfc3339_format(text, t);
	out_text(o, t != 0 ? text : NULL);
}

void
out_yes(struct out *o, bool yes)
{
	const char *column = next(o);

	if (o->json)
		js_put_bool(o->record, column, yes);
	else
		fputs(yes ? "yes" : "no", stdout);
}

void
out_list(struct out *o, const struct strv *l)
{
	const char *column = next(o);

	if (o->json) {
		js_put(o->record, column, js_array_of(l));
		return;
	}
	for (size_t i = 0; i < l->len; i++) {
		if (i > 0)
			putchar(' ');
		put_escaped(l->v[i]);
	}
}

void
out_end(struct out *o)
{
	struct buf line;

	if (o->at == 0 || o->columns[o->at])
		abort();
	o->at = 0;
	if (o->json) {
		buf_init(&line, FIELD_MAX);
		if (js_write(o->record, &line) < 0)
			abort();
		fwrite(line.data, 1, line.len, stdout);
		buf_release(&line);
		js_free(o->record);
		o->record = NULL;
	}
	putchar('\n');
}

void
out_finish(struct out *o)
{
	write_header(o);
}

int
out_check(struct err *e)
{
	return ferror(stdout) ? err_sys(e, "cannot write to stdout") : 0;
}

int
out_close(struct err *e)
{
	bool failed = ferror(stdout) != 0;

	/* A program that talks on descriptor 1 may have closed it itself. */
	if (fclose(stdout) != 0 && errno != EBADF)
		return err_sys(e, "standard output: cannot write");
	if (failed)
		return err_set(e, KIND_SYS, "standard output: cannot write");
	return 0;
}
