#include "conf/pattern.h"

#include <strings.h>

bool
pattern_is(const char *text)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";

	if (strcmp(text, "*") == 0)
		return true;
	text += text[0] == '*';
	return text[text[0] == '.'] != '\0' && !strstr(text, "..") &&
	    text[strlen(text) - 1] != '.' && text[strspn(text, good)] == '\0';
}

static bool
matches(const char *pattern, const char *name)
{
	size_t len, all = strlen(name);

	if (name[0] == '*')
		return false;
	if (strcmp(pattern, "*") == 0)
		return true;
	pattern += pattern[0] == '*';
	if (pattern[0] != '.')
		return strcasecmp(pattern, name) == 0;
	len = strlen(pattern);
	return all > len && strcasecmp(pattern, name + all - len) == 0;
}

bool
pattern_has(const struct strv *patterns, const char *name)
{
	for (size_t i = 0; i < patterns->len; i++)
		if (matches(patterns->v[i], name))
			return true;
	return false;
}
