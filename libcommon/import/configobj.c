#include "import/configobj.h"

#include "base/buf.h"
#include "base/str.h"
#include "wrap/js.h"

#define VALUE_MAX 65536

/* A place in the text. */
struct reader {
	const char *p, *end;
	size_t line;
	/* the sections that are open, the file itself first */
	struct js *open[CONFIGOBJ_DEPTH_MAX + 1];
	size_t depth;
};

/* A piece of text of somebody else. */
struct piece {
	const char *p;
	size_t len;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct piece
trim(struct piece s)
{
	while (s.len > 0 && is_blank(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

static int
refuse(const struct reader *r, const char *rule, struct err *e)
{
	return err_set(e, KIND_INPUT, "line %zu: %s", r->line, rule);
}

static struct piece
take_line(struct reader *r)
{
	const char *start = r->p;
	const char *nl = memchr(start, '\n', (size_t)(r->end - start));
	const char *stop = nl ? nl : r->end;

	r->p = nl ? nl + 1 : r->end;
	r->line++;
	return (struct piece){start, (size_t)(stop - start)};
}

/* The name that stands within quotes, if it does. */
static char *
name_of(struct piece s)
{
	s = trim(s);
	if (s.len >= 2 && (s.p[0] == '"' || s.p[0] == '\'') &&
	    s.p[s.len - 1] == s.p[0])
		return xstrndup(s.p + 1, s.len - 2);
	return xstrndup(s.p, s.len);
}

/* ---- sections ---------------------------------------------------------- */

static int
open_section(struct reader *r, struct piece line, struct err *e)
{
	struct js *section;
	size_t depth = 0;
	char *name;

	while (
	    line.len >= 2 && line.p[0] == '[' && line.p[line.len - 1] == ']') {
		line = (struct piece){line.p + 1, line.len - 2};
		depth++;
	}
	if (depth == 0 || trim(line).len == 0)
		return refuse(r, "a section without a name", e);
	if (depth > CONFIGOBJ_DEPTH_MAX || depth > r->depth + 1)
		return refuse(r, "a section too deep in others", e);
	name = name_of(line);
	if (js_get(r->open[depth - 1], name)) {
		free(name);
		return refuse(r, "a section that stands twice", e);
	}
	section = js_object();
	js_put(r->open[depth - 1], name, section); /* transferred */
	r->open[depth] = section;
	r->depth = depth;
	free(name);
	return 0;
}

/* ---- values ------------------------------------------------------------ */

/* One word of a list, up to the comma or the end or a comment. */
static int
take_word(const struct reader *r, struct piece *s, char **word, struct err *e)
{
	const char *end = s->p + s->len, *stop = s->p;

	if (s->len > 0 && (s->p[0] == '"' || s->p[0] == '\'')) {
		const char *close = memchr(s->p + 1, s->p[0], s->len - 1);

		if (!close)
			return refuse(r, "a quote that is not closed", e);
		*word = xstrndup(s->p + 1, (size_t)(close - s->p - 1));
		stop = close + 1;
	} else {
		while (stop < end && *stop != ',' && *stop != '#')
			stop++;
		*word = name_of((struct piece){s->p, (size_t)(stop - s->p)});
	}
	*s = trim((struct piece){stop, (size_t)(end - stop)});
	return 0;
}

/* What follows a word: a comma, or nothing but a comment. */
static int
take_comma(const struct reader *r, struct piece *s, bool *comma, struct err *e)
{
	*comma = s->len > 0 && s->p[0] == ',';
	if (*comma)
		*s = trim((struct piece){s->p + 1, s->len - 1});
	else if (s->len > 0 && s->p[0] != '#')
		return refuse(r, "something behind a value", e);
	return 0;
}

static bool
is_over(struct piece s)
{
	return s.len == 0 || s.p[0] == '#';
}

static int
read_value(
    const struct reader *r, const char *key, struct piece s, struct err *e)
{
	struct js *list = NULL, *into = r->open[r->depth];
	char *word = NULL;
	bool comma;
	int rc;

	do {
		free(word);
		word = NULL;
		if ((rc = take_word(r, &s, &word, e)) < 0 ||
		    (rc = take_comma(r, &s, &comma, e)) < 0)
			break;
		if (comma && !list)
			list = js_array();
		if (list && (*word || !is_over(s)))
			js_add_text(list, word);
	} while (comma && !is_over(s));
	if (rc < 0)
		js_free(list);
	else if (list)
		js_put(into, key, list); /* transferred */
	else
		js_put_text(into, key, word);
	free(word);
	return rc;
}

/* Three quotes: to the next three, over as many lines as it takes. */
static int
read_long(struct reader *r, const char *key, struct piece s, struct err *e)
{
	const char *from = s.p + 3;
	const char *close = memmem(from, (size_t)(r->end - from), s.p, 3);
	char *value;

	if (!close)
		return refuse(r, "three quotes that are not closed", e);
	if (close - from > VALUE_MAX)
		return refuse(r, "a value that is too long", e);
	value = xstrndup(from, (size_t)(close - from));
	js_put_text(r->open[r->depth], key, value);
	free(value);
	for (const char *p = from; p < close; p++)
		r->line += *p == '\n';
	r->line--; /* what is left of the last line is taken as one */
	r->p = close + 3;
	if (!is_over(trim(take_line(r))))
		return refuse(r, "something behind a value", e);
	return 0;
}

static bool
is_long(struct piece s)
{
	return s.len >= 3 &&
	    (memcmp(s.p, "'''", 3) == 0 || memcmp(s.p, "\"\"\"", 3) == 0);
}

static int
read_pair(struct reader *r, struct piece line, struct err *e)
{
	const char *eq = memchr(line.p, '=', line.len);
	char *key;
	int rc;

	if (!eq || eq == line.p)
		return refuse(r, "neither a section nor key = value", e);
	key = name_of((struct piece){line.p, (size_t)(eq - line.p)});
	struct piece value =
	    trim((struct piece){eq + 1, (size_t)(line.p + line.len - eq - 1)});
	if (js_get(r->open[r->depth], key))
		rc = refuse(r, "a key that stands twice", e);
	else if (is_long(value))
		rc = read_long(r, key, value, e);
	else if (value.len > VALUE_MAX)
		rc = refuse(r, "a value that is too long", e);
	else if (is_over(value))
		rc = read_value(r, key, (struct piece){value.p, 0}, e);
	else
		rc = read_value(r, key, value, e);
	free(key);
	return rc;
}

static int
read_line(struct reader *r, struct err *e)
{
	struct piece line = trim(take_line(r));

	if (is_over(line))
		return 0;
	if (line.p[0] == '[')
		return open_section(r, line, e);
	return read_pair(r, line, e);
}

struct js *
configobj_read(const char *text, size_t len, struct err *e)
{
	struct reader r = {.p = text, .end = text + len};
	int rc = 0;

	if (memchr(text, '\0', len)) {
		err_set(e, KIND_INPUT, "a NUL in it");
		return NULL;
	}
	r.open[0] = js_object();
	while (rc == 0 && r.p < r.end)
		rc = read_line(&r, e);
	if (rc < 0) {
		js_free(r.open[0]);
		return NULL;
	}
	return r.open[0];
}
