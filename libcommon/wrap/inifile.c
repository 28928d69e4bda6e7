#include "wrap/inifile.h"

#include <ini.h>

#include "base/str.h"

#define BLANKS " \t"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

struct reader {
	const char *name;
	const char *rest;
	size_t left;
	size_t number;
	char section[INIFILE_NAME_MAX + 1];
	int (*each)(const struct inifile_line *line, void *arg, struct err *e);
	void *arg;
	struct err *e;
};

/* Whether text[0..len) is a name of 1 to INIFILE_NAME_MAX of these bytes. */
static bool
is_name(const char *text, size_t len, const char *bytes)
{
	return len > 0 && len <= INIFILE_NAME_MAX && strspn(text, bytes) >= len;
}

static int
open_section(struct reader *r, const char *line)
{
	const char *end = strchr(line, ']');
	struct inifile_line l = {.number = r->number, .section = r->section};

	if (!end || end[1 + strspn(end + 1, BLANKS)] != '\0' ||
	    !is_name(line + 1, (size_t)(end - line - 1), LOWER DIGITS "-"))
		return err_set(r->e, KIND_CONF,
		    "a section is [name] alone on its line, in lower case");
	snprintf(r->section, sizeof(r->section), "%.*s", (int)(end - line - 1),
	    line + 1);
	return r->each(&l, r->arg, r->e);
}

static int
check_pair(struct reader *r, const char *line)
{
	const char *equals = strchr(line, '=');
	size_t len;

	if (!equals)
		return err_set(r->e, KIND_CONF,
		    "neither [section] nor key = value nor # comment");
	for (len = (size_t)(equals - line); len > 0; len--)
		if (!strchr(BLANKS, line[len - 1]))
			break;
	if (!is_name(line, len, LOWER DIGITS "_"))
		return err_set(r->e, KIND_CONF,
		    "a key has 1 to %d of the characters a-z 0-9 _",
		    INIFILE_NAME_MAX);
	if (r->section[0] == '\0')
		return err_set(
		    r->e, KIND_CONF, "a key before the first [section]");
	return 0;
}

/* All that inih would let pass, or take for something else, stops here. */
static int
check_line(struct reader *r, const char *line, size_t len)
{
	bool comment = line[0] == '#';

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return err_set(r->e, KIND_CONF,
			    "control byte 0x%02x (lines end with a line feed "
			    "alone)",
			    c);
		if (c > 0x7f && !comment)
			return err_set(
			    r->e, KIND_CONF, "byte 0x%02x is not ASCII", c);
	}
	if (comment || line[strspn(line, BLANKS)] == '\0')
		return 0;
	if (strchr(BLANKS, line[0]))
		return err_set(r->e, KIND_CONF,
		    "begins with a blank (lines cannot be continued)");
	return line[0] == '[' ? open_section(r, line) : check_pair(r, line);
}

/* For inih: the next line into `out`, NULL at the end or after an error. */
static char *
next_line(char *out, int size, void *arg)
{
	struct reader *r = arg;
	const char *end;
	size_t len;

	if (r->left == 0 || err_is_set(r->e))
		return NULL;
	end = memchr(r->rest, '\n', r->left);
	len = end ? (size_t)(end - r->rest) : r->left;
	r->number++;
	if (len > INIFILE_LINE_MAX || len >= (size_t)size) {
		err_set(
		    r->e, KIND_CONF, "longer than %d bytes", INIFILE_LINE_MAX);
	} else {
		memcpy(out, r->rest, len);
		out[len] = '\0';
		r->rest += end ? len + 1 : len;
		r->left -= end ? len + 1 : len;
		if (check_line(r, out, len) == 0)
			return out;
	}
	err_object(r->e, "%s:%zu", r->name, r->number);
	return NULL;
}

/* For inih: one pair; 1 goes on, 0 is an error. */
static int
take_pair(void *arg, const char *section, const char *key, const char *value)
{
	struct reader *r = arg;
	struct inifile_line l = {.number = r->number,
	    .section = section,
	    .key = key,
	    .value = value};

	if (r->each(&l, r->arg, r->e) == 0)
		return 1;
	err_object(r->e, "%s:%zu", r->name, r->number);
	return 0;
}

int
inifile_read(const char *name, const char *text, size_t len,
    int (*each)(const struct inifile_line *line, void *arg, struct err *e),
    void *arg, struct err *e)
{
	struct reader r = {.name = name,
	    .rest = text,
	    .left = len,
	    .each = each,
	    .arg = arg,
	    .e = e};
	char comment[] = "#"; /* inih's variable is not const */
	int rc;

	ini_allow_multiline = false;
	ini_allow_bom = false;
	ini_start_comment_prefixes = comment;
	ini_allow_inline_comments = false;
	ini_allow_no_value = false;
	ini_stop_on_first_error = true;
	ini_use_stack = false;
	ini_allow_realloc = false;
	ini_max_line = INIFILE_LINE_MAX + 3;
	ini_initial_alloc = INIFILE_LINE_MAX + 3;
	rc = ini_parse_stream(next_line, &r, take_pair, &r);
	ini_start_comment_prefixes = NULL;
	if (rc != 0 && !err_is_set(e))
		return err_set(e, KIND_BUG,
		    "%s:%d: inih refuses what was checked", name, rc);
	return err_is_set(e) ? -1 : 0;
}
