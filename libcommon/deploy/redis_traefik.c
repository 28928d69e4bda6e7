#include "deploy/format.h"
#include "deploy/redis_format.h"

/*
 * The provider of Traefik: certificates, each under its number, which never
 * means another one, so that its two keys always agree.  `prefix` is the root.
 */
int
redis_traefik(const struct redis_item *it, const struct redis_options *o,
    struct redis_entries *out, struct err *e)
{
	const char *root = o->prefix ? o->prefix : "traefik";
	long long id = it->certificate_id;
	struct redis_entry *r;

	r = redis_entry_add(
	    out, REDIS_PKEY, "%s/tls/certificates/%lld/keyFile", root, id);
	if (redis_entry_put_pem(r, NULL, it->m, FORMAT_KEY, e) < 0)
		return -1;
	r = redis_entry_add(
	    out, REDIS_CERT, "%s/tls/certificates/%lld/stores/0", root, id);
	r->len = 1;
	buf_init(&r->value[0], FORMAT_MAX);
	buf_adds(&r->value[0], "default");
	r = redis_entry_add(
	    out, REDIS_DOMAIN, "%s/tls/certificates/%lld/certFile", root, id);
	return redis_entry_put_pem(r, NULL, it->m, FORMAT_FULLCHAIN, e);
}
