#include "acme/contact.h"

#include "wrap/js.h"

static int
bad(struct err *e, const char *text)
{
	return err_acme(e, KIND_INPUT, "invalidContact", "contact: %s", text);
}

/* RFC 6068 as RFC 8555 7.3 narrows it. */
static int
check_mailto(const char *address, struct err *e)
{
	const char *at = strchr(address, '@');

	for (const char *p = address; *p; p++)
		if (*p <= ' ' || *p > '~')
			return bad(e, "address is not printable ASCII");
	if (strchr(address, '?'))
		return bad(e, "mailto with header fields (RFC 8555 7.3)");
	if (strchr(address, ',') || (at && strchr(at + 1, '@')))
		return bad(e, "more than one address (RFC 8555 7.3)");
	if (!at || at == address || at[1] == '\0')
		return bad(e, "not LOCAL-PART@DOMAIN");
	if (strpbrk(address, "\"()<>[]\\;%"))
		return bad(e, "address with quoting");
	for (const char *p = at + 1; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX"
			    "YZ0123456789.-",
			*p))
			return bad(e, "bad domain");
	return 0;
}

static int
check_one(const char *url, struct err *e)
{
	if (strlen(url) > CONTACT_LEN_MAX)
		return bad(e, "longer than 320 bytes");
	if (strncasecmp(url, "mailto:", 7) == 0)
		return check_mailto(url + 7, e);
	if (!strchr(url, ':'))
		return bad(e, "not a URL");
	return err_acme(e, KIND_INPUT, "unsupportedContact",
	    "contact: only mailto is supported (RFC 8555 7.3)");
}

int
contact_parse(
    const struct js *array, size_t max, struct strv *out, struct err *e)
{
	if (js_type(array) != JS_ARRAY)
		return err_set(e, KIND_INPUT,
		    "contact: not an array of strings (RFC 8555 7.1.2)");
	if (js_len(array) > max)
		return err_acme(e, KIND_INPUT, "invalidContact",
		    "contact: more than %zu of them", max);
	for (size_t i = 0; i < js_len(array); i++) {
		const char *url = js_text(js_at(array, i));

		if (!url)
			return err_set(e, KIND_INPUT,
			    "contact: not an array of strings "
			    "(RFC 8555 7.1.2)");
		if (check_one(url, e) < 0)
			return -1;
		strv_add(out, url);
	}
	return 0;
}
