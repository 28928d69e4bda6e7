#include "client/field.h"

#include "base/date.h"

#include <stdio.h>

/* ---- dates --------------------------------------------------------------- */

static int
month_of(const char *word)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (strncmp(word, months + (size_t)(3 * i), 3) == 0)
			return i + 1;
	return 0;
}

/* `len` digits at `p`; -1: not that. */
static int
digits(const char *p, size_t len)
{
	int n = 0;

	for (size_t i = 0; i < len; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		n = 10 * n + (p[i] - '0');
	}
	return n;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
bool
field_date(const char *text, int64_t *t)
{
	static const char shape[] = "...,|..|...|....|..:..:..|GMT";
	int part[6];

	if (strlen(text) != strlen(shape))
		return false;
	for (size_t i = 0; shape[i]; i++)
		if (shape[i] != '.' &&
		    text[i] != (shape[i] == '|' ? ' ' : shape[i]))
			return false;
	part[0] = digits(text + 12, 4);
	part[1] = month_of(text + 8);
	part[2] = digits(text + 5, 2);
	part[3] = digits(text + 17, 2);
	part[4] = digits(text + 20, 2);
	part[5] = digits(text + 23, 2);
	for (size_t i = 0; i < ARRAY_LEN(part); i++)
		if (part[i] < 0)
			return false;
	return date_to_time(part[0], part[1], part[2], part[3], part[4],
		   part[5], t) == 0;
}

static int64_t
in_seconds(int64_t now, int64_t wait)
{
	if (wait <= 0)
		return 0;
	return now + (wait > FIELD_RETRY_MAX ? FIELD_RETRY_MAX : wait);
}

int64_t
field_retry_at(const char *text, const char *date, int64_t now)
{
	int64_t then, theirs;
	uint64_t seconds;

	if (!text)
		return 0;
	if (strlen(text) > 18 && text[0] >= '0' && text[0] <= '9')
		return now + FIELD_RETRY_MAX; /* a number beyond all measure */
	if (str_to_u64(text, INT64_MAX, &seconds))
		return in_seconds(now, (int64_t)seconds);
	if (!field_date(text, &then))
		return 0;
	/* by the CA's clock, which need not be ours */
	if (!date || !field_date(date, &theirs))
		theirs = now;
	return in_seconds(now, then - theirs);
}

/* ---- links --------------------------------------------------------------- */

static const char *
skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* Past a token or quoted string; what it holds is between `*from`, `*len`. */
static const char *
take_value(const char *p, const char **from, size_t *len)
{
	const char *end;

	if (*p != '"') {
		*from = p;
		*len = strcspn(p, " \t;,");
		return p + *len;
	}
	*from = p + 1;
	for (end = p + 1; *end && *end != '"'; end++)
		if (*end == '\\' && end[1])
			end++;
	*len = (size_t)(end - *from);
	return *end ? end + 1 : end;
}

/* Whether `rel` is one of the words with blanks between. */
static bool
has_word(const char *words, size_t len, const char *rel)
{
	size_t rel_len = strlen(rel);

	for (size_t i = 0; i < len;) {
		size_t n = 0;

		while (i + n < len && words[i + n] != ' ')
			n++;
		if (n == rel_len && strncasecmp(words + i, rel, n) == 0)
			return true;
		i += n + 1;
	}
	return false;
}

/* Past the parameters of a link; whether it is one with this relation. */
static const char *
take_parameters(const char *p, const char *rel, bool *has)
{
	bool seen = false;

	*has = false;
	for (p = skip_blanks(p); *p == ';'; p = skip_blanks(p)) {
		const char *name, *value = NULL;
		size_t name_len, value_len = 0;

		name = p = skip_blanks(p + 1);
		name_len = strcspn(p, " \t;,=\"");
		p = skip_blanks(p + name_len);
		if (*p == '=')
			p = take_value(skip_blanks(p + 1), &value, &value_len);
		/* the first counts (RFC 8288 3.3) */
		if (!seen && name_len == 3 &&
		    strncasecmp(name, "rel", 3) == 0) {
			seen = true;
			*has = value && has_word(value, value_len, rel);
		}
	}
	return p;
}

void
field_links(const char *text, const char *rel, struct strv *out)
{
	const char *p = text ? text : "";

	while (*p && out->len < FIELD_LINKS_MAX) {
		const char *target, *end;
		bool has;

		p = skip_blanks(p);
		end = *p == '<' ? strchr(p, '>') : NULL;
		if (!end) {
			p += strcspn(p, ",");
			p += *p == ',';
			continue;
		}
		target = p + 1;
		p = take_parameters(end + 1, rel, &has);
		if (has)
			strv_addn(out, target, (size_t)(end - target));
		p += strcspn(p, ",");
		p += *p == ',';
	}
}
