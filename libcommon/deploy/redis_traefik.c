#include "deploy/format.h"
#include "deploy/redis_format.h"

/*
 * The provider of Traefik: certificates, each under its number, which never
 * means another one, so that its two keys always agree.  `prefix` is the root.
 */
char *
redis_traefik_before(const struct redis_options *o)
{
	return xasprintf(
	    "%s/tls/certificates/", o->prefix ? o->prefix : "traefik");
}

static struct redis_entry *
add(const char *before, const struct redis_item *it, enum redis_kind kind,
    const char *end, struct redis_entries *out)
{
	return redis_entry_add(
	    out, kind, "%s%lld/%s", before, (long long)it->certificate_id, end);
}

int
redis_traefik(const struct redis_item *it, const struct redis_options *o,
    struct redis_entries *out, struct err *e)
{
	char *before = redis_traefik_before(o);
	struct redis_entry *r = add(before, it, REDIS_PKEY, "keyFile", out);
	int rc = redis_entry_put_pem(r, NULL, it->m, FORMAT_KEY, e);

	r = add(before, it, REDIS_CERT, "stores/0", out);
	r->len = 1;
	buf_init(&r->value[0], FORMAT_MAX);
	buf_adds(&r->value[0], "default");
	r = add(before, it, REDIS_DOMAIN, "certFile", out);
	if (rc == 0)
		rc = redis_entry_put_pem(r, NULL, it->m, FORMAT_FULLCHAIN, e);
	free(before);
	return rc;
}
