#include "deploy/format.h"
#include "deploy/redis_format.h"

/*
 * lua-resty-auto-ssl.  Its timer renews what `expiry` says, and looks at
 * nothing else: a time far ahead keeps it from that.
 */
#define NEVER INT64_C(253402300799) /* the end of the year 9999 */

int
redis_autossl(const struct redis_item *it, const struct redis_options *o,
    struct redis_entries *out, struct err *e)
{
	struct redis_entry *r =
	    redis_entry_add(out, REDIS_DOMAIN, "%s%s%s:latest",
		o->prefix ? o->prefix : "", o->prefix ? ":" : "", it->name);

	if (redis_entry_json_pem(
		r, "fullchain_pem", it->m, FORMAT_FULLCHAIN, e) < 0 ||
	    redis_entry_json_pem(r, "privkey_pem", it->m, FORMAT_KEY, e) < 0 ||
	    redis_entry_json_pem(r, "cert_pem", it->m, FORMAT_LEAF, e) < 0 ||
	    redis_entry_json_int(
		r, "expiry", o->own_renewal ? NEVER : it->not_after, e) < 0)
		return -1;
	return redis_entry_json_end(r, e);
}
