#include "server/show.h"

#include "store/authorization.h"
#include "store/order.h"
#include "wrap/js.h"

static void
put_url(struct js *o, const char *member, char *url)
{
	js_put_text(o, member, url);
	free(url);
}

static struct js *
identifier_js(const struct identifier *id)
{
	struct js *o = js_object();

	js_put_text(o, "type", identifier_type_name(id->type));
	js_put_text(o, "value", id->value);
	return o;
}

/* An object that the store kept as text; broken text is left out. */
static void
put_object(struct js *o, const char *member, const char *text)
{
	struct err ignored = {0};

	if (text)
		js_put(o, member, js_parse(text, strlen(text), &ignored));
}

struct js *
show_account(const struct call *c, const struct account *a)
{
	struct js *o = js_object();

	js_put_text(o, "status", account_status_name(a->status));
	if (a->contacts.len > 0)
		js_put(o, "contact", js_array_of(&a->contacts));
	if (a->terms_agreed_at != 0)
		js_put_bool(o, "termsOfServiceAgreed", true);
	put_object(o, "externalAccountBinding", a->eab);
	put_url(o, "orders", call_url(c, "/account/%s/orders", a->url_id));
	return o;
}

struct js *
show_order(const struct call *c, const struct order *o)
{
	struct js *v = js_object(), *names = js_array(), *urls = js_array();

	js_put_text(v, "status", order_status_name(o->status));
	js_put_time(v, "expires", o->expires);
	for (size_t i = 0; i < o->names_len; i++) {
		char *url = call_url(
		    c, "/authorization/%s", o->names[i].authorization_url_id);

		js_add(names, identifier_js(&o->names[i].identifier));
		js_add_text(urls, url);
		free(url);
	}
	js_put(v, "identifiers", names);
	js_put_time(v, "notBefore", o->not_before);
	js_put_time(v, "notAfter", o->not_after);
	js_put_text(v, "replaces", o->replaces);
	if (o->status == ORDER_INVALID)
		put_object(v, "error", o->error);
	js_put(v, "authorizations", urls);
	put_url(v, "finalize", call_url(c, "/order/%s/finalize", o->url_id));
	if (o->status == ORDER_VALID)
		put_url(v, "certificate",
		    call_url(c, "/certificate/%s", o->url_id));
	return v;
}

struct js *
show_challenge(const struct call *c, const struct authorization *a,
    const struct challenge *ch)
{
	const char *type = challenge_type_name(ch->type);
	struct js *o = js_object();

	js_put_text(o, "type", type);
	put_url(o, "url", call_url(c, "/challenge/%s/%s", a->url_id, type));
	js_put_text(o, "status", challenge_status_name(ch->status));
	js_put_time(o, "validated", ch->validated);
	/* RFC 8555 8.2: also while it is going to be tried again */
	if (ch->status == CHALLENGE_INVALID ||
	    ch->status == CHALLENGE_PROCESSING)
		put_object(o, "error", ch->error);
	js_put_text(o, "token", ch->token);
	return o;
}

static bool
is_shown(const struct authorization *a, const struct challenge *ch)
{
	if (a->status == AUTHORIZATION_VALID)
		return ch->status == CHALLENGE_VALID;
	if (a->status == AUTHORIZATION_INVALID)
		return ch->status == CHALLENGE_INVALID && ch->error;
	/* acme.sh takes the word in any authorization for a failure */
	return ch->status != CHALLENGE_INVALID;
}

struct js *
show_authorization(const struct call *c, const struct authorization *a)
{
	struct js *o = js_object(), *list = js_array();

	js_put(o, "identifier", identifier_js(&a->identifier));
	js_put_text(o, "status", authorization_status_name(a->status));
	js_put_time(o, "expires", a->expires);
	for (size_t i = 0; i < a->challenges_len; i++)
		if (is_shown(a, &a->challenges[i]))
			js_add(list, show_challenge(c, a, &a->challenges[i]));
	js_put(o, "challenges", list);
	if (a->wildcard)
		js_put_bool(o, "wildcard", true);
	return o;
}

bool
show_is_processing(const struct authorization *a)
{
	if (a->status != AUTHORIZATION_PENDING)
		return false;
	for (size_t i = 0; i < a->challenges_len; i++)
		if (a->challenges[i].status == CHALLENGE_PROCESSING)
			return true;
	return false;
}
