#include "server/serve.h"

#include "acme/certid.h"
#include "acme/ident.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "base/str.h"
#include "conf/conf.h"
#include "http/response.h"
#include "policy/names.h"
#include "server/show.h"
#include "store/order.h"
#include "store/renewal.h"
#include "sys/clock.h"
#include "wrap/js.h"

/* The names of one newOrder. */
struct wanted {
	struct identifier *v;
	size_t len;
};

static void
wanted_release(struct wanted *w)
{
	for (size_t i = 0; i < w->len; i++)
		identifier_release(&w->v[i]);
	free(w->v);
}

/* Takes `id` over, unless it is there already. */
static void
wanted_take(struct wanted *w, struct identifier *id)
{
	for (size_t i = 0; i < w->len; i++)
		if (w->v[i].type == id->type &&
		    strcmp(w->v[i].value, id->value) == 0) {
			identifier_release(id);
			return;
		}
	w->v[w->len++] = *id; /* transferred */
}

/* Grammar first, policy second. */
static int
read_name(struct call *c, const char *type, const char *value,
    struct identifier *out, struct err *e)
{
	const struct server *s = c->server;

	if (ident_parse(type, value, out, e) < 0)
		return -1;
	if (names_permitted(&s->conf->policy, &s->ranges, out, e) == 0)
		return 0;
	identifier_release(out);
	return -1;
}

/*
 * A name that cannot be ordered becomes a subproblem, so that the client hears
 * of all at once (RFC 8555 6.7.1); what is no identifier at all ends it.
 */
static int
read_names(
    struct call *c, const struct js *list, struct wanted *w, struct err *e)
{
	for (size_t i = 0; i < js_len(list); i++) {
		const char *type = js_get_text(js_at(list, i), "type");
		const char *value = js_get_text(js_at(list, i), "value");
		struct identifier id = {0};
		struct err why = {0};

		if (!type || !value)
			return err_set(e, KIND_INPUT,
			    "newOrder: an identifier without the strings "
			    "\"type\" and \"value\" (RFC 8555 7.4)");
		if (read_name(c, type, value, &id, &why) == 0) {
			wanted_take(w, &id);
		} else if (js_len(list) == 1 ||
		    !err_row(why.kind)->text_is_public) {
			*e = why;
			return -1;
		} else {
			problem_add(&c->problem, type, value, &why);
		}
	}
	return problem_sum_up(&c->problem, e);
}

static int
read_list(struct call *c, struct wanted *w, struct err *e)
{
	const struct js *list = js_get(c->payload, "identifiers");
	int64_t max = c->server->conf->server.max_identifiers;

	if (js_type(list) != JS_ARRAY || js_len(list) == 0)
		return err_set(e, KIND_INPUT,
		    "newOrder: \"identifiers\" is no list with at least one "
		    "(RFC 8555 7.4)");
	if (js_len(list) > (size_t)max)
		return err_set(e, KIND_INPUT,
		    "newOrder: more than %lld identifiers", (long long)max);
	w->v = xcalloc(js_len(list), sizeof(*w->v));
	return read_names(c, list, w, e);
}

static int
read_time(const struct js *o, const char *member, int64_t *t, struct err *e)
{
	const struct js *v = js_get(o, member);

	*t = 0;
	if (v && (!js_text(v) || rfc3339_parse(js_text(v), t) < 0 || *t <= 0))
		return err_set(e, KIND_INPUT,
		    "newOrder: \"%s\" is no date of RFC 3339 (RFC 8555 7.4)",
		    member);
	return 0;
}

/* What a client may ask for lies inside what it would get anyway. */
static int
read_lifetime(const struct call *c, struct order_new *new, struct err *e)
{
	const struct conf_local_ca *ca = &c->server->conf->local_ca;
	int64_t now = clock_now(), begin;
	char latest[RFC3339_SIZE];

	if (read_time(c->payload, "notBefore", &new->not_before, e) < 0 ||
	    read_time(c->payload, "notAfter", &new->not_after, e) < 0)
		return -1;
	begin = new->not_before ? new->not_before : now;
	if (begin < now - ca->backdate || begin > now + ca->lifetime)
		return err_set(
		    e, KIND_INPUT, "newOrder: \"notBefore\" is too far away");
	rfc3339_format(latest, begin + ca->lifetime);
	if (new->not_after &&
	    (new->not_after <= begin || new->not_after <= now ||
		new->not_after > begin + ca->lifetime))
		return err_set(e, KIND_INPUT,
		    "newOrder: \"notAfter\" is past, or later than %s, the end "
		    "of "
		    "a certificate that begins then",
		    latest);
	return 0;
}

/*
 * RFC 9773 5.  Whatever is wrong with it is told in the same words, so that
 * nobody learns of others' certificates.
 */
static int
read_replaces(struct call *c, struct order_new *new, struct err *e)
{
	const struct js *v = js_get(c->payload, "replaces");
	struct err why = {0};
	struct renewal r;
	struct certid id;

	if (!v)
		return 0;
	new->replaces = js_text(v);
	if (!new->replaces || certid_parse(new->replaces, &id, &why) < 0)
		return order_not_replaceable(e);
	if (renewal_find(c->server->store, id.aki, id.aki_len, id.serial_hex,
		&r, &why) == 0) {
		new->replaces_id = r.certificate_id;
		return 0;
	}
	if (why.kind == KIND_NOTFOUND)
		return order_not_replaceable(e);
	*e = why;
	return -1;
}

int
serve_order_answer(struct call *c, int status, const struct order *o)
{
	call_location(c, call_url(c, "/order/%s", o->url_id));
	if (o->status == ORDER_PROCESSING)
		response_field(c->response, "Retry-After", "1");
	return call_json(c, status, show_order(c, o));
}

int
serve_order_new(struct call *c, struct err *e)
{
	struct order_new new = {.account_id = c->account.id};
	struct wanted names = {0};
	struct order o = {0};
	int rc = -1;

	if (read_list(c, &names, e) < 0 || read_lifetime(c, &new, e) < 0 ||
	    read_replaces(c, &new, e) < 0)
		goto out;
	new.identifiers = names.v;
	new.identifiers_len = names.len;
	new.expires = clock_now() + c->server->conf->server.order_lifetime;
	if (order_create(c->server->store, &new, &o, e) < 0) {
		if (!e->acme_type)
			call_refused(e);
		goto out;
	}
	log_event(LOG_LEVEL_INFO, "order.created", "order", o.url_id, "account",
	    c->account.url_id, "name", names.v[0].value, NULL);
	rc = serve_order_answer(c, 201, &o);
out:
	wanted_release(&names);
	order_release(&o);
	return rc;
}

int
serve_order(struct call *c, struct err *e)
{
	struct order o;
	int rc;

	if (order_by_url_id(c->server->store, c->parts.id[0], &o, e) < 0)
		return -1;
	rc = call_owns(c, o.account_id, "order", e);
	if (rc == 0)
		rc = serve_order_answer(c, 200, &o);
	order_release(&o);
	return rc;
}
