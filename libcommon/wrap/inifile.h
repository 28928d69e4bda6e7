#ifndef WRAP_INIFILE_H
#define WRAP_INIFILE_H

#include "base/err.h"

/*
 * Lines of `[section]` and `key = value`, read by inih, but strictly: `#` makes
 * a comment at the start of a line only, nothing else does; there are no
 * continuation lines, no `key: value`, no byte order mark, no control bytes
 * and, outside comments, nothing but ASCII.
 */
#define INIFILE_LINE_MAX 1024 /* bytes of a line without its end */
#define INIFILE_NAME_MAX 48 /* of a section's or key's name */

/* A line that says something; valid during the call. */
struct inifile_line {
	size_t number; /* from 1 */
	const char *section; /* [a-z0-9-] */
	const char *key; /* [a-z0-9_]; NULL for the line that opens a section */
	const char *value; /* without blanks around it; NULL with key */
};

/*
 * Calls `each` for every section line and every pair in `text`, in order, until
 * it returns -1.  `name` stands for the file in errors.
 * Returns 0, or -1 with the text `NAME:LINE: rule`: KIND_CONF for a line that
 * is too long or none of the above, a key before any section; or what `each`
 * has set, with the place put in front.
 * Not for two threads at once (inih's switches are global).
 */
int inifile_read(const char *name, const char *text, size_t len,
    int (*each)(const struct inifile_line *line, void *arg, struct err *e),
    void *arg, struct err *e);

#endif
