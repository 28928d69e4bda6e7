#include "wrap/name.h"

#include <idn2.h>

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
