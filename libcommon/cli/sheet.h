#ifndef CLI_SHEET_H
#define CLI_SHEET_H

#include "base/err.h"
#include "base/str.h"

/*
 * One thing in full on stdout: names and their values, of which a name may have
 * several.  For a person `name: value`, with --tsv a name, a tab and a value
 * per line, with --json one object, in which what was given as a list is an
 * array.  What a value may hold is as in cli/out.h.
 */
struct js;

enum sheet_form {
	SHEET_TEXT,
	SHEET_TSV,
	SHEET_JSON
};

struct sheet {
	enum sheet_form form;
	struct js *object; /* with SHEET_JSON */
};

void sheet_init(struct sheet *s, enum sheet_form form);

/* A NULL text and a time of 0 are left out. */
void sheet_text(struct sheet *s, const char *name, const char *value);
void sheet_int(struct sheet *s, const char *name, int64_t n);
void sheet_time(struct sheet *s, const char *name, int64_t t);
void sheet_yes(struct sheet *s, const char *name, bool yes);
void sheet_hex(struct sheet *s, const char *name, const void *p, size_t len);
void sheet_list(struct sheet *s, const char *name, const struct strv *values);

/* Ends the sheet, and writes what is not written yet. */
void sheet_end(struct sheet *s);

#endif
