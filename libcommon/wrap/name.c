#include "wrap/name.h"

#include <idn2.h>

#include "base/str.h"

bool
name_is_a_label(const char *label, size_t len)
{
	char text[64], *unicode = NULL, *back = NULL;
	bool good = false;

	if (len >= sizeof(text))
		return false;
	memcpy(text, label, len);
	text[len] = '\0';
	if (idn2_to_unicode_8z8z(text, &unicode, 0) == IDN2_OK &&
	    strcmp(unicode, text) != 0 &&
	    idn2_to_ascii_8z(unicode, &back, IDN2_NFC_INPUT) == IDN2_OK)
		good = strcmp(back, text) == 0;
	idn2_free(unicode);
	idn2_free(back);
	return good;
}

char *
name_to_ascii(const char *name)
{
	const char *star = str_starts(name, "*.") ? "*." : "";
	char *ascii = NULL, *out = NULL;

	if (idn2_to_ascii_8z(name + strlen(star), &ascii,
		IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK)
		out = xasprintf("%s%s", star, ascii);
	idn2_free(ascii);
	if (out)
		str_lower(out);
	return out;
}
