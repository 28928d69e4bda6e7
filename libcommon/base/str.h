#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/base.h"

/* Whether `s` begins, or ends, with `part`. */
bool str_starts(const char *s, const char *part);
bool str_ends(const char *s, const char *part);

/* Whether both are the same text, or both NULL. */
bool str_same(const char *a, const char *b);

/* A copy, which the caller frees; of NULL, NULL. */
char *str_dup(const char *s);

/* Makes the ASCII letters of `s` lower case, in place; locale-free. */
void str_lower(char *s);

/* Whether all of `s` is printable ASCII (0x20 to 0x7e). */
bool str_is_printable(const char *s, size_t len);

/* Whether all of `s` is UTF-8 (RFC 3629) without control characters. */
bool str_is_text(const char *s, size_t len);

/*
 * Parses a decimal number: digits only, no sign, no blank, at most `max`.
 * Returns false and leaves `*out` alone when `s` is not that.
 */
bool str_to_u64(const char *s, uint64_t max, uint64_t *out);

/*
 * Copies `s` to `out` (always terminated, cut at `size`) with every byte that
 * is not printable ASCII, and the backslash, as \xNN: text of a stranger made
 * fit for a log or an error text.
 */
void str_escape(char *out, size_t size, const char *s, size_t len);

/* A list of strings that owns them.  {0} is an empty list. */
struct strv {
	char **v;
	size_t len;
	size_t cap;
};

/* Adds a copy of `s` to the end. */
void strv_add(struct strv *l, const char *s);
void strv_addn(struct strv *l, const char *s, size_t len);

/* As strv_add, with its ASCII letters in lower case. */
void strv_add_lower(struct strv *l, const char *s);

/* Whether `s` is in the list, byte for byte. */
bool strv_has(const struct strv *l, const char *s);

/* Sorts by byte value, then drops what stands twice. */
void strv_sort_unique(struct strv *l);

/* Whether two lists are equal item by item (sort both to compare sets). */
bool strv_equal(const struct strv *a, const struct strv *b);

/* Whether two lists are the same set, without regard to case. */
bool strv_same_names(const struct strv *a, const struct strv *b);

/* Frees all; the list is empty again. NULL-safe. */
void strv_release(struct strv *l);

#endif
