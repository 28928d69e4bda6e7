#include "import/shellvars.h"

#include "base/b64.h"
#include "wrap/js.h"

#define WRAP_BEGIN "__ACME_BASE64__START_"
#define WRAP_END "__ACME_BASE64__END_"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define DIGITS "0123456789"

/* What a shell takes as it is, without quotes. */
#define PLAIN LETTERS DIGITS "%+,-./:=@^"

/* Whether `s` is a value, and then without its quotes, in place. */
static bool
strip_value(char **s)
{
	size_t len = strlen(*s);
	char quote = **s;

	if (quote != '\'' && quote != '"')
		return strspn(*s, PLAIN) == len;
	if (len < 2 || (*s)[len - 1] != quote)
		return false;
	(*s)[len - 1] = '\0';
	(*s)++;
	return !strchr(*s, quote) &&
	    (quote == '\'' || strcspn(*s, "$`\\") == strlen(*s));
}

/* The text within acme.sh's wrapping; NULL when there is none. */
static char *
unwrap(const char *value)
{
	size_t begin = strlen(WRAP_BEGIN), end = strlen(WRAP_END);
	struct buf text;

	if (!str_starts(value, WRAP_BEGIN) || !str_ends(value, WRAP_END) ||
	    strlen(value) < begin + end)
		return NULL;
	buf_init(&text, SHELLVARS_LINE_MAX);
	if (b64_decode(&text, value + begin, strlen(value) - begin - end) < 0 ||
	    memchr(text.data, '\0', text.len)) {
		buf_release(&text);
		return NULL;
	}
	return buf_detach(&text);
}

static void
put_value(struct js *vars, const char *name, const char *value)
{
	char *unwrapped = unwrap(value);

	js_put_text(vars, name, unwrapped ? unwrapped : value);
	free(unwrapped);
}

static char *
trim(char *line)
{
	size_t len = strlen(line);

	while (len > 0 && strchr(" \t\r", line[len - 1]))
		line[--len] = '\0';
	return line + strspn(line, " \t");
}

/*
 * What authenticates somebody is not kept: these values would lie unsealed
 * beside the keys that are sealed.
 */
static bool
is_secret(const char *name)
{
	static const char *const words[] = {
	    "HMAC", "PASSWORD", "PASSPHRASE", "SECRET", "TOKEN"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcasestr(name, words[i]))
			return true;
	return false;
}

static bool
read_line(struct js *vars, char *line)
{
	char *eq, *value;

	line = trim(line);
	if (*line == '\0' || *line == '#')
		return true;
	if (str_starts(line, "export "))
		line = trim(line + strlen("export "));
	eq = line + strspn(line, LETTERS DIGITS);
	if (*eq != '=' || eq == line || strchr(DIGITS, *line))
		return false;
	*eq = '\0';
	value = eq + 1;
	if (!strip_value(&value))
		return false;
	if (!is_secret(line))
		put_value(vars, line, value);
	return true;
}

struct js *
shellvars_read(const char *text, size_t len, struct strv *skipped)
{
	struct js *vars = js_object();
	const char *end = text + len;
	size_t number = 0;

	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t size = (size_t)((nl ? nl : end) - text);
		char *line = xstrndup(text, size);
		char why[64];

		number++;
		if (size > SHELLVARS_LINE_MAX || strlen(line) != size ||
		    !read_line(vars, line)) {
			snprintf(why, sizeof(why),
			    "line %zu: no plain NAME='value', left out",
			    number);
			strv_add(skipped, why);
		}
		explicit_bzero(line, strlen(line));
		free(line);
		text += size + (nl ? 1 : 0);
	}
	return vars;
}
