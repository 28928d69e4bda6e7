#include "wrap/name.h"

#include <arpa/inet.h>
#include <idn2.h>

#include "base/str.h"

#define LABEL_MAX 63
#define SNI_MAX 253

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

static bool
is_label_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* One label, lower case (RFC 1123 2.1, RFC 5890 2.3.1). */
static int
check_label(const char *label, size_t len, struct err *e)
{
	if (len == 0)
		return err_set(e, KIND_INPUT, "empty label, or final dot");
	if (len > LABEL_MAX)
		return err_set(e, KIND_INPUT, "label longer than 63 bytes");
	for (size_t i = 0; i < len; i++)
		if (!is_label_byte(label[i]))
			return err_set(e, KIND_INPUT,
			    "a byte that is no letter, digit or hyphen "
			    "(RFC 1123 2.1)");
	if (label[0] == '-' || label[len - 1] == '-')
		return err_set(
		    e, KIND_INPUT, "label begins or ends with a hyphen");
	if (len > 4 && memcmp(label, "xn--", 4) == 0 &&
	    !name_is_a_label(label, len))
		return err_set(e, KIND_INPUT,
		    "label is not an A-label (RFC 5890 2.3.2.1)");
	return 0;
}

/* What inet_aton(3) and browsers take for the end of an IPv4 address. */
static bool
is_number(const char *label)
{
	if (str_starts(label, "0x"))
		return label[2 + strspn(label + 2, "0123456789abcdef")] == '\0';
	return label[strspn(label, "0123456789-")] == '\0';
}

int
name_check(const char *name, struct err *e)
{
	const char *label = name, *dot;

	for (;;) {
		dot = strchrnul(label, '.');
		if (check_label(label, (size_t)(dot - label), e) < 0)
			return -1;
		if (*dot == '\0')
			break;
		label = dot + 1;
	}
	if (is_number(label))
		return err_set(e, KIND_INPUT,
		    "the last label is a number; an address is of type ip");
	return 0;
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

void
name_fold(char *name)
{
	size_t len = strlen(name);

	str_lower(name);
	if (len > 1 && name[len - 1] == '.')
		name[len - 1] = '\0';
}

bool
name_is_sni(const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	const char *rest = str_starts(name, "*.") ? name + 2 : name;
	size_t len = strlen(rest);

	return len > 0 && len <= SNI_MAX && *rest != '-' && *rest != '.' &&
	    rest[len - 1] != '.' && !strstr(rest, "..") &&
	    strspn(rest, good) == len;
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

bool
name_is_address(const char *text)
{
	char *address = spell_address(text);
	bool is = address != NULL;

	free(address);
	return is;
}

char *
name_spell(const char *text)
{
	char *name = spell_address(text);

	if (name)
		return name;
	for (const char *p = text; *p && !name; p++)
		if ((unsigned char)*p >= 0x80)
			name = name_to_ascii(text);
	if (!name)
		name = xstrdup(text);
	name_fold(name);
	return name;
}
