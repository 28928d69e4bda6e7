#include "policy/names.h"

#include "conf/conf.h"
#include "policy/address.h"

#define NAME_MAX_LEN 253
#define LABEL_MAX_LEN 63

int
names_permitted(const struct conf_policy *conf,
    const struct address_policy *ranges, enum identifier_type type,
    const char *value, struct err *e)
{
	struct address a;

	if (type == IDENTIFIER_IP) {
		if (!conf->allow_ip_identifiers)
			return err_acme(e, KIND_INPUT, "unsupportedIdentifier",
			    "%s: RFC 8738: this server issues for no "
			    "identifiers of type ip",
			    value);
		if (!address_parse(value, &a))
			return err_set(e, KIND_INPUT,
			    "%s: RFC 8738 3: not an address", value);
		if (address_policy_check(ranges, &a, e) < 0)
			return err_object(e, "%s", value);
		return 0;
	}
	if (strncmp(value, "*.", 2) == 0 && !conf->allow_wildcards)
		return err_acme(e, KIND_DENIED, "rejectedIdentifier",
		    "%s: this server issues for no wildcard names", value);
	return 0;
}

static bool
is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_label(const char *s, size_t len, bool last)
{
	bool has_alpha = false;

	if (len == 0 || len > LABEL_MAX_LEN || s[0] == '-' || s[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (is_alpha(s[i]))
			has_alpha = true;
		else if (s[i] != '-' && (s[i] < '0' || s[i] > '9'))
			return false;
	}
	return !last || has_alpha;
}

bool
names_is_host(const char *name)
{
	const char *dot;

	if (strlen(name) > NAME_MAX_LEN)
		return false;
	for (; (dot = strchr(name, '.')) != NULL; name = dot + 1)
		if (!is_label(name, (size_t)(dot - name), false))
			return false;
	return is_label(name, strlen(name), true);
}
