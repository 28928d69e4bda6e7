#include "deploy/format.h"
#include "deploy/redis_format.h"

/*
 * The ACME plugin of Kong: `prefix` is its namespace, as it stands.  Without a
 * renew_config it does not renew.
 */
int
redis_kong(const struct redis_item *it, const struct redis_options *o,
    struct redis_entries *out, struct err *e)
{
	struct redis_entry *r = redis_entry_add(out, REDIS_DOMAIN,
	    "%skong_acme:cert_key:%s", o->prefix ? o->prefix : "", it->name);

	if (redis_entry_json_pem(r, "key", it->m, FORMAT_KEY, e) < 0 ||
	    redis_entry_json_pem(r, "cert", it->m, FORMAT_FULLCHAIN, e) < 0)
		return -1;
	return redis_entry_json_end(r, e);
}
