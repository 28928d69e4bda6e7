#include "deploy/chainpick.h"

#include <ctype.h>

#include "base/hex.h"
#include "base/str.h"
#include "store/certificate.h"
#include "wrap/cert.h"

bool
chainpick_is_wish(const struct chainpick *p)
{
	return p->by != CHAINPICK_DEFAULT && p->by != CHAINPICK_SHORTEST;
}

/* Whether it is bytes in hex, colons left out, at least one. */
static bool
is_bytes(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		if (isxdigit((unsigned char)*text))
			n++;
		else if (*text != ':')
			return false;
	return n > 0 && n % 2 == 0;
}

int
chainpick_check(const struct chainpick *p, struct err *e)
{
	uint8_t fingerprint[32];

	if (p->by == CHAINPICK_FINGERPRINT &&
	    certificate_fingerprint(p->text, fingerprint) == 0)
		return err_set(e, KIND_INPUT, "neither a SHA-256 nor a SHA-1");
	if (p->by == CHAINPICK_KEY_ID && !is_bytes(p->text))
		return err_set(
		    e, KIND_INPUT, "not the hexadecimal digits of bytes");
	return 0;
}

/* Whether it is the whole name, or its commonName. */
static bool
is_name(const char *dn, const char *text)
{
	size_t len = strlen(text);

	if (strcmp(dn, text) == 0)
		return true;
	for (const char *p = dn; (p = strstr(p, "CN=")); p += 3)
		if ((p == dn || p[-1] == ',' || p[-1] == '+') &&
		    strncmp(p + 3, text, len) == 0 &&
		    (p[3 + len] == '\0' || p[3 + len] == ',' ||
			p[3 + len] == '+'))
			return true;
	return false;
}

static bool
has_issuer(const struct cert *last, const char *text)
{
	char *issuer = cert_issuer(last);
	bool is = is_name(issuer, text);

	free(issuer);
	return is;
}

/* Whether the digits of `text`, colons left out, are these bytes. */
static bool
is_hex(const uint8_t *p, size_t len, const char *text)
{
	size_t i = 0;

	for (; p && *text; text++) {
		char digits[3] = "";

		if (*text == ':')
			continue;
		if (i == len)
			return false;
		hex_encode(digits, p + i, 1);
		if (text[1] == '\0' || strncasecmp(digits, text, 2) != 0)
			return false;
		text++;
		i++;
	}
	return p && i == len;
}

static bool
has_fingerprint(const struct cert *c, const char *text)
{
	uint8_t want[32], is[32];
	size_t len = certificate_fingerprint(text, want);

	if (len == 20)
		cert_sha1(c, is);
	else
		cert_sha256(c, is);
	return len > 0 && memcmp(is, want, len) == 0;
}

static bool
has_key_id(const struct cert *c, bool is_last, const char *text)
{
	size_t len;
	const uint8_t *id = cert_ski(c, &len);

	if (id && is_hex(id, len, text))
		return true;
	id = is_last ? cert_aki(c, &len) : NULL;
	return id && is_hex(id, len, text);
}

static bool
fits_at(const struct chainpick *p, const struct chain *c, size_t i)
{
	bool is_last = i == c->len - 1, fits = false;
	struct err why = {0};
	struct cert *ca = cert_from_der(c->certs[i].der, c->certs[i].len, &why);

	if (ca && p->by == CHAINPICK_ISSUER)
		fits = is_last && has_issuer(ca, p->text);
	else if (ca && p->by == CHAINPICK_FINGERPRINT)
		fits = has_fingerprint(ca, p->text);
	else if (ca && p->by == CHAINPICK_KEY_ID)
		fits = has_key_id(ca, is_last, p->text);
	cert_free(ca);
	return fits;
}

static bool
fits(const struct chainpick *p, const struct chain *c)
{
	if (p->by == CHAINPICK_DEFAULT)
		return true;
	for (size_t i = 0; i < c->len; i++)
		if (fits_at(p, c, i))
			return true;
	return false;
}

static const struct chain *
shortest(const struct chain *chains, size_t len)
{
	const struct chain *best = NULL;

	for (size_t i = 0; i < len; i++)
		if (!best || chains[i].len < best->len)
			best = &chains[i];
	return best;
}

const struct chain *
chainpick_choose(
    const struct chainpick *p, const struct chain *chains, size_t len)
{
	if (p->by == CHAINPICK_SHORTEST)
		return shortest(chains, len);
	for (size_t i = 0; i < len; i++)
		if (fits(p, &chains[i]))
			return &chains[i];
	return NULL;
}
