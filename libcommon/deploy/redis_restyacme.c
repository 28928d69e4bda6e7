#include "deploy/format.h"
#include "deploy/redis_format.h"

/* lua-resty-acme, its autossl: `prefix` is its namespace, as it stands. */
int
redis_restyacme(const struct redis_item *it, const struct redis_options *o,
    struct redis_entries *out, struct err *e)
{
	const char *type = it->is_rsa ? "rsa" : "ecc";
	struct redis_entry *r = redis_entry_add(out, REDIS_DOMAIN,
	    "%sdomain:%s:%s", o->prefix ? o->prefix : "", type, it->name);

	if (redis_entry_json_text(r, "domain", it->name, e) < 0 ||
	    redis_entry_json_pem(r, "pkey", it->m, FORMAT_KEY, e) < 0 ||
	    redis_entry_json_pem(r, "cert", it->m, FORMAT_FULLCHAIN, e) < 0 ||
	    redis_entry_json_text(r, "type", type, e) < 0 ||
	    redis_entry_json_int(r, "updated", it->created, e) < 0)
		return -1;
	return redis_entry_json_end(r, e);
}
