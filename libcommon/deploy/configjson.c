#include "deploy/configjson.h"

#include "deploy/format.h"
#include "store/domain.h"
#include "store/serving.h"
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

	if (rc < 0 && err_forgive(e, KIND_NOTFOUND) == 0) {
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

#define SINGLE "certificate_signed__latest_single"
#define MULTI "certificate_signed__latest_multi"

/* What has no key is no use to a gateway: null. */
static int
put_found(struct store *st, const struct configjson *c, const char *key,
    struct material *m, struct js *object, struct err *e)
{
	static const struct chainpick pick = {.by = CHAINPICK_DEFAULT};
	struct js *value;

	if (material_add_chain(st, m, &pick, true, e) < 0)
		return -1;
	value = configjson_certificate(st, c, m, e);
	if (!value)
		return -1;
	if (m->key_id == 0) {
		js_free(value);
		value = js_null();
	}
	js_put(object, key, value);
	return 0;
}

static int
put_latest(struct store *st, const struct configjson *c, const char *key,
    int64_t id, struct js *object, struct err *e)
{
	struct material m;
	int rc;

	if (id == 0) {
		js_put(object, key, js_null());
		return 0;
	}
	material_init(&m);
	rc = certificate_by_id(st, id, &m.cert, e);
	if (rc == 0)
		rc = put_found(st, c, key, &m, object, e);
	material_release(&m);
	return rc;
}

static void
put_name(const struct domain *d, struct js *object)
{
	struct js *domain = js_object();

	if (d->id != 0)
		put_id(domain, d->id);
	else
		js_put(domain, "id", js_null());
	js_put_text(domain, "domain_name", d->value);
	js_put_bool(domain, "is_active", d->active);
	js_put(object, "domain", domain);
}

int
configjson_put_domain(struct store *st, const struct configjson *c,
    const struct domain *d, struct js *object, struct err *e)
{
	put_name(d, object);
	if (put_latest(st, c, SINGLE, d->active ? d->latest_single_id : 0,
		object, e) < 0)
		return -1;
	return put_latest(
	    st, c, MULTI, d->active ? d->latest_multi_id : 0, object, e);
}

/* When it is the wildcard's, gateways keep it once, for all names below. */
static int
put_covered_by(struct store *st, const struct domain *d, int64_t id,
    int64_t now, struct js *object, struct err *e)
{
	char *wildcard = certificate_wildcard_of(d->value);
	struct certificate c = {0};
	int rc = 0;

	if (wildcard && js_get(js_get(object, MULTI), "id"))
		rc = certificate_serving(st, wildcard, now, &c, e);
	if (rc == 0 && c.id == id)
		js_put_text(object, "covered_by", wildcard);
	if (rc < 0)
		rc = err_forgive(e, KIND_NOTFOUND);
	certificate_release(&c);
	free(wildcard);
	return rc;
}

int
configjson_put_covered(struct store *st, const struct configjson *c,
    const struct domain *d, int64_t now, struct js *object, struct err *e)
{
	struct material m;
	struct serving s;
	int rc;

	put_name(d, object);
	js_put(object, SINGLE, js_null());
	js_put(object, MULTI, js_null());
	material_init(&m);
	rc = serving_by_name(st, d->value, now, &s, e);
	if (rc == 0 && (s.certificate_id == 0 || s.disabled))
		rc = err_set(e, KIND_NOTFOUND, "disabled, or none");
	if (rc == 0)
		rc = certificate_by_id(st, s.certificate_id, &m.cert, e);
	if (rc == 0) {
		rc = put_found(st, c, MULTI, &m, object, e);
		if (rc == 0)
			rc = put_covered_by(st, d, m.cert.id, now, object, e);
	} else if (err_forgive(e, KIND_NOTFOUND) == 0) {
		rc = d->id != 0 ? 0
				: err_set(e, KIND_NOTFOUND, "no such domain");
	}
	material_release(&m);
	return rc;
}
