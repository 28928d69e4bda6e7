#include "deploy/format.h"
#include "deploy/redis_format.h"

/*
 * peter_sslers, prime_style 1 and 2: the keys that its Lua module reads, and if
 * wanted also those of its README, which have no number in front or no colon.
 */

static int
add_value(const struct redis_item *it, struct redis_entry *r, unsigned parts,
    struct err *e)
{
	return redis_entry_put_pem(
	    r, NULL, it->known[r->kind] ? NULL : it->m, parts, e);
}

static int
add_values(const struct redis_item *it, const char *colon,
    struct redis_entries *out, struct err *e)
{
	long long cert = it->certificate_id, key = it->key_id,
		  chain = it->chain_id;

	if (add_value(it,
		redis_entry_add(out, REDIS_CERT, "c%s%lld", colon, cert),
		FORMAT_LEAF, e) < 0 ||
	    add_value(it,
		redis_entry_add(out, REDIS_PKEY, "p%s%lld", colon, key),
		FORMAT_KEY, e) < 0)
		return -1;
	/* A certificate without a chain has the empty one. */
	return add_value(it,
	    redis_entry_add(out, REDIS_CERTCA, "i%s%lld", colon, chain),
	    FORMAT_CHAIN, e);
}

static void
add_numbers(
    const struct redis_item *it, const char *prefix, struct redis_entries *out)
{
	struct redis_entry *r =
	    redis_entry_add(out, REDIS_DOMAIN, "%s%s", prefix, it->name);

	redis_entry_put_int(r, "c", it->certificate_id);
	redis_entry_put_int(r, "p", it->key_id);
	redis_entry_put_int(r, "i", it->chain_id);
}

int
redis_peter_1(const struct redis_item *it, const struct redis_options *o,
    struct redis_entries *out, struct err *e)
{
	if (add_values(it, ":", out, e) < 0 ||
	    (o->readme_keys && add_values(it, "", out, e) < 0))
		return -1;
	add_numbers(it, "d1:", out);
	if (o->readme_keys)
		add_numbers(it, "d:", out);
	return 0;
}

static int
add_pems(const struct redis_item *it, const char *prefix,
    struct redis_entries *out, struct err *e)
{
	struct redis_entry *r =
	    redis_entry_add(out, REDIS_DOMAIN, "%s%s", prefix, it->name);

	return redis_entry_put_pem(r, "f", it->m, FORMAT_FULLCHAIN, e) < 0
	    ? -1
	    : redis_entry_put_pem(r, "p", it->m, FORMAT_KEY, e);
}

/* With style 1 such a key is a value. */
static bool
is_value(const char *name)
{
	return name[0] != '\0' && strchr("cpi", name[0]) && name[1] != '\0' &&
	    name[1 + strspn(name + 1, "0123456789")] == '\0';
}

int
redis_peter_2(const struct redis_item *it, const struct redis_options *o,
    struct redis_entries *out, struct err *e)
{
	if (add_pems(it, "d2:", out, e) < 0)
		return -1;
	return o->readme_keys && !is_value(it->name) ? add_pems(it, "", out, e)
						     : 0;
}
