#include "base/str.h"

bool
str_starts(const char *s, const char *part)
{
	return strncmp(s, part, strlen(part)) == 0;
}

bool
str_ends(const char *s, const char *part)
{
	size_t n = strlen(s), m = strlen(part);

	return n >= m && memcmp(s + n - m, part, m) == 0;
}

bool
str_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

char *
str_dup(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

void
str_lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

bool
str_is_printable(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			return false;
	return true;
}

/* The length of the character there, 0: it is none. */
static size_t
character(const unsigned char *s, size_t len)
{
	static const struct {
		unsigned char mask, is;
		uint32_t least; /* shorter ones are written shorter */
	} forms[] = {{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800},
	    {0xf8, 0xf0, 0x10000}};
	uint32_t c;
	size_t n = 0;

	while (n < ARRAY_LEN(forms) && (*s & forms[n].mask) != forms[n].is)
		n++;
	if (n == ARRAY_LEN(forms) || n >= len)
		return 0;
	c = *s & (unsigned char)~forms[n].mask;
	for (size_t i = 1; i <= n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < forms[n].least || c > 0x10ffff ||
		(c >= 0xd800 && c <= 0xdfff) || c < 0x20 ||
		(c >= 0x7f && c < 0xa0)
	    ? 0
	    : n + 1;
}

bool
str_is_text(const char *s, size_t len)
{
	size_t n;

	for (; len > 0; s += n, len -= n) {
		n = character((const unsigned char *)s, len);
		if (n == 0)
			return false;
	}
	return true;
}

bool
str_to_u64(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (*s == '\0')
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		unsigned digit = (unsigned)(*s - '0');
		if (n > (max - digit) / 10 || digit > max)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return true;
}

void
str_escape(char *out, size_t size, const char *s, size_t len)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		bool plain = c >= 0x20 && c <= 0x7e && c != '\\';

		if (used + (plain ? 1 : 4) >= size)
			break;
		if (plain)
			out[used++] = (char)c;
		else
			used += (size_t)snprintf(
			    out + used, size - used, "\\x%02x", c);
	}
	if (size > 0)
		out[used] = '\0';
}

void
strv_add(struct strv *l, const char *s)
{
	strv_addn(l, s, strlen(s));
}

void
strv_addn(struct strv *l, const char *s, size_t len)
{
	if (l->len == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 8;
		l->v = xreallocarray(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->len++] = xstrndup(s, len);
}

void
strv_add_lower(struct strv *l, const char *s)
{
	strv_add(l, s);
	str_lower(l->v[l->len - 1]);
}

bool
strv_has(const struct strv *l, const char *s)
{
	for (size_t i = 0; i < l->len; i++)
		if (strcmp(l->v[i], s) == 0)
			return true;
	return false;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
strv_sort_unique(struct strv *l)
{
	size_t kept = 0;

	if (l->len == 0)
		return;
	qsort(l->v, l->len, sizeof(*l->v), compare);
	for (size_t i = 1; i < l->len; i++) {
		if (strcmp(l->v[kept], l->v[i]) == 0)
			free(l->v[i]);
		else
			l->v[++kept] = l->v[i];
	}
	l->len = kept + 1;
}

bool
strv_equal(const struct strv *a, const struct strv *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

static void
copy_names(const struct strv *from, struct strv *to)
{
	for (size_t i = 0; i < from->len; i++)
		strv_add_lower(to, from->v[i]);
	strv_sort_unique(to);
}

bool
strv_same_names(const struct strv *a, const struct strv *b)
{
	struct strv x = {0}, y = {0};
	bool same;

	copy_names(a, &x);
	copy_names(b, &y);
	same = strv_equal(&x, &y);
	strv_release(&x);
	strv_release(&y);
	return same;
}

void
strv_release(struct strv *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->len; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct strv){0};
}
