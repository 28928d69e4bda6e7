#include "conf/scope.h"

static const char *const words[] = {"read", "keys", "write", "order"};
_Static_assert((1U << ARRAY_LEN(words)) - 1 == SCOPE_ALL, "a word per scope");

/* The scope of the word, 0 for none. */
static unsigned
scope_of(const char *word, size_t len)
{
	for (unsigned i = 0; i < ARRAY_LEN(words); i++)
		if (strlen(words[i]) == len &&
		    strncmp(words[i], word, len) == 0)
			return 1U << i;
	return 0;
}

int
scope_parse(const char *text, unsigned *scopes, struct err *e)
{
	size_t len;

	*scopes = 0;
	for (;; text += len + 1) {
		unsigned scope = scope_of(text, len = strcspn(text, "+"));

		if (scope == 0)
			return err_set(e, KIND_INPUT,
			    "%.20s: scopes are read, keys, write and order, "
			    "with + between them",
			    text);
		*scopes |= scope;
		if (text[len] == '\0')
			return 0;
	}
}

void
scope_print(unsigned scopes, char out[SCOPE_TEXT_SIZE])
{
	size_t len = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < ARRAY_LEN(words); i++)
		if (scopes & (1U << i))
			len +=
			    (size_t)snprintf(out + len, SCOPE_TEXT_SIZE - len,
				"%s%s", len > 0 ? "+" : "", words[i]);
}

const char *
scope_name(unsigned scope)
{
	for (unsigned i = 0; i < ARRAY_LEN(words); i++)
		if (scope == 1U << i)
			return words[i];
	return "?";
}
