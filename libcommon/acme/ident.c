#include "acme/ident.h"

#include <arpa/inet.h>

#include "base/str.h"
#include "store/identifier.h"
#include "wrap/name.h"

static int
parse_dns(const char *value, char *out, struct err *e)
{
	size_t len = strlen(value);

	if (len == 0 || len > IDENT_DNS_MAX)
		return err_set(e, KIND_INPUT, "not 1 to 253 bytes long");
	memcpy(out, value, len + 1);
	str_lower(out);
	return name_check(ident_is_wildcard(out) ? out + 2 : out, e);
}

/* RFC 8738 3: the text form of RFC 5952, or dotted decimal; one spelling. */
static int
parse_ip(const char *value, char *out, struct err *e)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, value, &four) == 1)
		inet_ntop(AF_INET, &four, out, INET6_ADDRSTRLEN);
	else if (inet_pton(AF_INET6, value, &six) != 1)
		return err_set(e, KIND_INPUT, "not an address (RFC 8738 3)");
	else if (IN6_IS_ADDR_V4MAPPED(&six))
		return err_set(
		    e, KIND_INPUT, "an IPv4-mapped address is written as IPv4");
	else
		inet_ntop(AF_INET6, &six, out, INET6_ADDRSTRLEN);
	if (strcmp(out, value) != 0)
		return err_set(e, KIND_INPUT,
		    "an address is written as RFC 5952 4 says: %s", out);
	return 0;
}

int
ident_parse(
    const char *type, const char *value, struct identifier *out, struct err *e)
{
	char text[IDENT_DNS_MAX + 1], safe[80];
	enum identifier_type t;
	int rc;

	if (identifier_type_by_name(type, &t) < 0)
		return err_acme(e, KIND_INPUT, "unsupportedIdentifier",
		    "identifier type is not dns or ip");
	rc = t == IDENTIFIER_IP ? parse_ip(value, text, e)
				: parse_dns(value, text, e);
	if (rc < 0) {
		str_escape(safe, sizeof(safe), value, strlen(value));
		return err_object(e, "identifier \"%s\"", safe);
	}
	*out = (struct identifier){.type = t, .value = xstrdup(text)};
	return 0;
}

char *
ident_host(const char *value)
{
	bool is_ipv6 = strchr(value, ':') != NULL;
	char *host =
	    xasprintf("%s%s%s", is_ipv6 ? "[" : "", value, is_ipv6 ? "]" : "");

	str_lower(host);
	return host;
}

bool
ident_is_wildcard(const char *value)
{
	return value[0] == '*' && value[1] == '.';
}
