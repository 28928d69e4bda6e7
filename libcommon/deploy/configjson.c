#include "deploy/configjson.h"

#include "deploy/format.h"
#include "store/domain.h"
#include "wrap/js.h"

static void
put_id(struct js *object, int64_t id)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)id);
	js_put_text(object, "id", text);
}

/* {"id":ID,"pem":PEM}; `parts` 0 leaves the PEM out. */
static int
put_part(struct js *object, const char *key, const char *id,
    const struct material *m, unsigned parts, struct err *e)
{
	struct js *part = js_object();
	struct buf pem;
	int rc;

	buf_init(&pem, FORMAT_MAX);
	rc = format_pem(m, parts, &pem, e);
	js_put_text(part, "id", id);
	if (parts)
		js_put_text(part, "pem", pem.data);
	js_put(object, key, part);
	buf_wipe(&pem);
	return rc;
}

/* A key that is not there is null. */
static int
put_key(struct store *st, const struct configjson *c, struct material *m,
    struct js *object, struct err *e)
{
	char id[32];
	int rc = c->id_only ? material_key_id(st, m, &m->key_id, e)
			    : material_add_key(st, m, c->seal, e);

	if (rc < 0 && e->kind == KIND_NOTFOUND) {
		err_clear(e);
		js_put(object, "private_key", js_null());
		return 0;
	}
	if (rc < 0)
		return -1;
	snprintf(id, sizeof(id), "%lld", (long long)m->key_id);
	return put_part(
	    object, "private_key", id, m, c->id_only ? 0 : FORMAT_KEY, e);
}

static int
put_certificates(const struct configjson *c, const struct material *m,
    struct js *object, struct err *e)
{
	unsigned mask = c->id_only ? 0 : FORMAT_FULLCHAIN;
	char id[32], chain[32], both[72];

	snprintf(id, sizeof(id), "%lld", (long long)m->cert.id);
	snprintf(chain, sizeof(chain), "%lld", (long long)m->chain.id);
	snprintf(both, sizeof(both), "%s%s%s", id, m->chain.id ? "," : "",
	    m->chain.id ? chain : "");
	if (put_part(object, "certificate", id, m, mask & FORMAT_LEAF, e) < 0)
		return -1;
	if (m->chain.id == 0)
		js_put(object, "chain", js_null());
	else if (put_part(object, "chain", chain, m, mask & FORMAT_CHAIN, e) <
	    0)
		return -1;
	return put_part(object, "fullchain", both, m, mask, e);
}

struct js *
configjson_certificate(struct store *st, const struct configjson *c,
    struct material *m, struct err *e)
{
	struct js *object = js_object();

	put_id(object, m->cert.id);
	if (put_key(st, c, m, object, e) == 0 &&
	    put_certificates(c, m, object, e) == 0)
		return object;
	js_free(object);
	return NULL;
}

/* What has no key is no use to a gateway: null. */
static int
put_latest(struct store *st, const struct configjson *c, const char *key,
    int64_t id, struct js *object, struct err *e)
{
	static const struct chainpick pick = {.by = CHAINPICK_DEFAULT};
	struct js *value = NULL;
	struct material m;
	int rc = 0;

	material_init(&m);
	if (id != 0)
		rc = certificate_by_id(st, id, &m.cert, e) < 0 ||
			material_add_chain(st, &m, &pick, true, e) < 0 ||
			!(value = configjson_certificate(st, c, &m, e))
		    ? -1
		    : 0;
	if (rc == 0 && (!value || m.key_id == 0)) {
		js_free(value);
		value = js_null();
	}
	if (rc == 0)
		js_put(object, key, value);
	material_release(&m);
	return rc;
}

int
configjson_put_domain(struct store *st, const struct configjson *c,
    const struct domain *d, struct js *object, struct err *e)
{
	struct js *domain = js_object();

	put_id(domain, d->id);
	js_put_text(domain, "domain_name", d->value);
	js_put_bool(domain, "is_active", d->active);
	js_put(object, "domain", domain);
	if (put_latest(st, c, "certificate_signed__latest_single",
		d->active ? d->latest_single_id : 0, object, e) < 0)
		return -1;
	return put_latest(st, c, "certificate_signed__latest_multi",
	    d->active ? d->latest_multi_id : 0, object, e);
}
