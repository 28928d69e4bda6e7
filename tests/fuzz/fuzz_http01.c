/*
 * What a server may answer to http-01: the first byte says the status, the
 * rest is body and Location in turn.
 */
#include "conf/conf.h"
#include "store/identifier.h"
#include "validate/attempt.h"
#include "validate/http01.h"
#include "wrap/web.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const long statuses[] = {200, 301, 302, 303, 307, 308, 404, 0};

/* Whatever is let through must be what the rules allow. */
static void
redirect(const char *location, bool same_host)
{
	const struct conf_validate conf = {
	    .http_port = 80, .tls_port = 443, .redirect_same_host = same_host};
	const struct attempt_tools tools = {.conf = &conf};
	char name[] = "a.example.test";
	const struct identifier id = {IDENTIFIER_DNS, name};
	struct address literal;
	struct web_url u, again;
	struct err e = {0};
	char *text;

	if (http01_redirect(location, &id, &tools, &u, &e) < 0)
		return;
	text = web_url_format(&u);
	if ((u.port != 80 && u.port != 443) ||
	    address_parse(u.host, &literal) ||
	    (same_host && strcmp(u.host, name) != 0) ||
	    web_url_parse(text, &again, &e) < 0 ||
	    strcmp(again.host, u.host) != 0 || again.port != u.port)
		abort();
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct web_response r = {0};
	struct err e = {0};
	char *text;

	if (size == 0)
		return 0;
	text = xstrndup((const char *)data + 1, size - 1);
	r.status = statuses[data[0] % ARRAY_LEN(statuses)];
	r.redirect = data[0] & 0x80 ? NULL : text;
	r.body = (const char *)data + 1;
	r.body_len = size - 1 > WEB_BODY_MAX ? WEB_BODY_MAX : size - 1;
	r.is_cut = size - 1 > WEB_BODY_MAX;
	http01_judge(&r, "token.thumbprint", true, &e);
	redirect(text, true);
	redirect(text, false);
	free(text);
	return 0;
}
