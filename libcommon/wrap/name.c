#include "wrap/name.h"

#include <arpa/inet.h>
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

static char *
spell_address(const char *text)
{
	static const int families[] = {AF_INET, AF_INET6};
	char out[INET6_ADDRSTRLEN];
	uint8_t bytes[sizeof(struct in6_addr)];

	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (inet_pton(families[i], text, bytes) == 1 &&
		    inet_ntop(families[i], bytes, out, sizeof(out)))
			return xstrdup(out);
	return NULL;
}

char *
name_spell(const char *text)
{
	char *name = spell_address(text);
	size_t len;

	if (name)
		return name;
	for (const char *p = text; *p && !name; p++)
		if ((unsigned char)*p >= 0x80)
			name = name_to_ascii(text);
	if (!name) {
		name = xstrdup(text);
		str_lower(name);
	}
	len = strlen(name);
	if (len > 1 && name[len - 1] == '.')
		name[len - 1] = '\0';
	return name;
}
