#include "admin/visit.h"

#include "admin/admin.h"
#include "base/str.h"
#include "conf/scope.h"
#include "deploy/configjson.h"
#include "http/percent.h"
#include "store/domain.h"
#include "store/private_key.h"
#include "sys/clock.h"
#include "wrap/js.h"
#include "wrap/name.h"

/*
 * Without keys there is nothing that a gateway could use, and an object whose
 * private_key is null breaks some: so it is refused, unless ids will do.
 */
static int
prepare(struct visit *v, struct configjson *c, struct err *e)
{
	c->seal = v->admin->setup->seal;
	/* Two spellings of one thing, any value. */
	c->id_only =
	    form_text(&v->form, "idonly") || form_text(&v->form, "id_only");
	return c->id_only ? 0 : caller_check(&v->caller, SCOPE_KEYS, e);
}

/* ---- of a domain --------------------------------------------------------- */

/* One that is not in the store has no number; it may be a wildcard's. */
static int
find_name(struct store *st, const char *name, struct domain *d, struct err *e)
{
	if (domain_by_value(st, name, d, e) == 0)
		return 0;
	if (!name_is_sni(name) || err_forgive(e, KIND_NOTFOUND) < 0)
		return -1;
	*d = (struct domain){.active = true};
	snprintf(d->value, sizeof(d->value), "%s", name);
	return 0;
}

int
visit_domain(struct visit *v, struct domain *d, struct err *e)
{
	char *text = xstrndup(v->parts.rest, v->parts.rest_len), *name = NULL;
	ssize_t len = percent_decode(text, v->parts.rest_len);
	uint64_t id;
	int rc;

	if (len < 0 || strlen(text) != (size_t)len) {
		rc = err_set(e, KIND_NOTFOUND, "no such domain");
		goto out;
	}
	if (str_to_u64(text, INT64_MAX, &id)) {
		rc = domain_by_id(v->admin->store, (int64_t)id, d, e);
		goto out;
	}
	name = name_spell(text);
	if (!name || strlen(name) > DOMAIN_VALUE_MAX) {
		rc = err_set(e, KIND_NOTFOUND, "no such domain");
		goto out;
	}
	rc = find_name(v->admin->store, name, d, e);
out:
	free(name);
	free(text);
	return rc;
}

/* For gateways of later versions, which know it by another name. */
static void
put_later_names(struct js *object)
{
	static const char *const names[][2] = {
	    {"x509_certificate__latest_single",
		"certificate_signed__latest_single"},
	    {"x509_certificate__latest_multi",
		"certificate_signed__latest_multi"}};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		js_put(
		    object, names[i][0], js_share(js_get(object, names[i][1])));
}

/* What a response is made of; owns `object`. */
struct config {
	struct visit *visit;
	struct configjson how;
	bool is_via; /* another chain of the certificate */
	struct js *object;
	char name[DOMAIN_VALUE_MAX + 1]; /* of a domain */
	bool by_name; /* not what the path says */
};

static int
drop_useless(struct store *st, int64_t *id, int64_t now, struct err *e)
{
	struct certificate c;
	int has_key;

	if (*id == 0)
		return 0;
	if (certificate_by_id(st, *id, &c, e) < 0)
		return -1;
	has_key = private_key_is_there(st, c.spki_sha256, e);
	if (has_key == 0 || c.not_after < now)
		*id = 0;
	certificate_release(&c);
	return has_key < 0 ? -1 : 0;
}

/*
 * A gateway takes what is named here as it is: one that has ended is only named
 * when that is what is served; and without its key it is of no use.
 */
static int
choose(struct store *st, struct domain *d, int64_t now, struct err *e)
{
	const int64_t single = d->latest_single_id, multi = d->latest_multi_id;
	struct certificate c;

	if (drop_useless(st, &d->latest_single_id, now, e) < 0 ||
	    drop_useless(st, &d->latest_multi_id, now, e) < 0)
		return -1;
	if (d->latest_single_id || d->latest_multi_id || (!single && !multi))
		return 0;
	if (certificate_serving(st, d->value, now, &c, e) < 0)
		return -1;
	if (c.id == single)
		d->latest_single_id = single;
	else if (c.id == multi)
		d->latest_multi_id = multi;
	certificate_release(&c);
	return 0;
}

/* As of one moment; may be run again. */
static int
read_domain(void *arg, struct err *e)
{
	struct config *c = arg;
	struct store *st = c->visit->admin->store;
	struct domain d;
	int64_t now = clock_now();

	js_free(c->object);
	c->object = js_object();
	if ((c->by_name ? find_name(st, c->name, &d, e)
			: visit_domain(c->visit, &d, e)) < 0 ||
	    choose(st, &d, now, e) < 0)
		return -1;
	snprintf(c->name, sizeof(c->name), "%s", d.value);
	return d.latest_single_id || d.latest_multi_id
	    ? configjson_put_domain(st, &c->how, &d, c->object, e)
	    : configjson_put_covered(st, &c->how, &d, now, c->object, e);
}

static bool
has_any(const struct js *object)
{
	return js_get(
		   js_get(object, "certificate_signed__latest_single"), "id") ||
	    js_get(js_get(object, "certificate_signed__latest_multi"), "id");
}

/* All that `read` reads is of one moment.  On failure there is no object. */
static int
make(struct config *c, int (*read)(void *config, struct err *e), struct err *e)
{
	struct visit *v = c->visit;

	if (prepare(v, &c->how, e) == 0 &&
	    store_snapshot(v->admin->store, read, c, e) == 0)
		return 0;
	js_free(c->object);
	c->object = NULL;
	return -1;
}

int
visit_config_domain(struct visit *v, struct err *e)
{
	struct config c = {.visit = v};

	if (make(&c, read_domain, e) < 0)
		return -1;
	put_later_names(c.object);
	if (!c.how.id_only && has_any(c.object))
		visit_prime(v, c.name);
	return visit_json(v, c.object);
}

struct js *
visit_config_of(struct visit *v, const char *name, struct err *e)
{
	struct config c = {.visit = v, .by_name = true};

	snprintf(c.name, sizeof(c.name), "%s", name);
	if (make(&c, read_domain, e) < 0)
		return NULL;
	put_later_names(c.object);
	return c.object;
}

/* ---- of a certificate ---------------------------------------------------- */

static int
read_certificate(void *arg, struct err *e)
{
	static const struct chainpick pick = {.by = CHAINPICK_DEFAULT};
	struct config *c = arg;
	struct store *st = c->visit->admin->store;
	struct material m;
	int64_t id, chain;

	if (visit_number(c->visit, 0, &id, e) < 0 ||
	    (c->is_via && visit_number(c->visit, 1, &chain, e) < 0))
		return -1;
	js_free(c->object);
	c->object = NULL;
	material_init(&m);
	if (certificate_by_id(st, id, &m.cert, e) == 0 &&
	    (c->is_via ? material_take_chain(st, &m, chain, e)
		       : material_add_chain(st, &m, &pick, true, e)) == 0)
		c->object = configjson_certificate(st, &c->how, &m, e);
	material_release(&m);
	return c->object ? 0 : -1;
}

static int
serve_certificate(struct visit *v, bool is_via, struct err *e)
{
	struct config c = {.visit = v, .is_via = is_via};

	return make(&c, read_certificate, e) < 0 ? -1 : visit_json(v, c.object);
}

int
visit_config_certificate(struct visit *v, struct err *e)
{
	return serve_certificate(v, false, e);
}

int
visit_config_certificate_via(struct visit *v, struct err *e)
{
	return serve_certificate(v, true, e);
}
