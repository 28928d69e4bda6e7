#include "policy/names.h"

#include "conf/conf.h"
#include "policy/address.h"

int
names_permitted(const struct conf_policy *conf,
    const struct address_policy *ranges, const struct identifier *id,
    struct err *e)
{
	const char *value = id->value;
	struct address a;

	if (id->type == IDENTIFIER_IP) {
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
	if (identifier_is_wildcard(id) && !conf->allow_wildcards)
		return err_acme(e, KIND_DENIED, "rejectedIdentifier",
		    "%s: this server issues for no wildcard names", value);
	return 0;
}
