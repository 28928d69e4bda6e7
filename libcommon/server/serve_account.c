#include "server/serve.h"

#include "acme/contact.h"
#include "base/log.h"
#include "base/str.h"
#include "conf/conf.h"
#include "http/request.h"
#include "server/eab.h"
#include "server/show.h"
#include "store/order.h"
#include "sys/clock.h"
#include "wrap/js.h"

#define PAGE 100 /* orders on one page of the list */

static int
answer(struct call *c, int status, const struct account *a)
{
	call_location(c, call_url(c, "/account/%s", a->url_id));
	return call_json(c, status, show_account(c, a));
}

/* A member that is true or false; absent is false. */
static int
read_flag(const struct js *o, const char *member, bool *out, struct err *e)
{
	const struct js *v = js_get(o, member);

	*out = js_is_true(v);
	if (v && js_type(v) != JS_BOOL)
		return err_set(e, KIND_INPUT,
		    "newAccount: \"%s\" is not true or false (RFC 8555 7.3)",
		    member);
	return 0;
}

/* RFC 8555 7.3: the client must say that it agrees. */
static int
check_terms(struct call *c, bool agreed, struct err *e)
{
	const char *terms = c->server->conf->server.terms_of_service;

	if (!terms || agreed)
		return 0;
	c->problem.instance = terms;
	call_link(c, xstrdup(terms), "terms-of-service");
	return err_acme(e, KIND_DENIED, "userActionRequired",
	    "newAccount: the terms of service must be agreed to "
	    "(RFC 8555 7.3)");
}

static int
create(struct call *c, bool agreed, struct err *e)
{
	struct account a = {0};
	const struct js *contact = js_get(c->payload, "contact");
	struct buf jwk;
	bool created;
	int rc = -1;

	buf_init(&jwk, 8192);
	if (check_terms(c, agreed, e) < 0 || eab_check(c, &a, e) < 0)
		goto out;
	if (contact &&
	    contact_parse(contact, (size_t)c->server->conf->server.contacts_max,
		&a.contacts, e) < 0)
		goto out;
	jwk_write(c->key, &jwk);
	a.jwk = buf_detach(&jwk);
	memcpy(a.thumbprint, c->thumbprint, sizeof(a.thumbprint));
	a.terms_agreed_at = agreed ? clock_now() : 0;
	if (account_create(c->server->store, &a, &created, e) < 0) {
		eab_refused(&a, e);
		goto out;
	}
	if (call_account_valid(&a, e) < 0)
		goto out;
	if (created)
		log_event(LOG_LEVEL_INFO, "account.created", "account",
		    a.url_id, NULL);
	rc = answer(c, created ? 201 : 200, &a);
out:
	buf_release(&jwk);
	account_release(&a);
	return rc;
}

int
serve_account_new(struct call *c, struct err *e)
{
	struct account a;
	bool only_existing, agreed;
	int rc;

	if (read_flag(c->payload, "onlyReturnExisting", &only_existing, e) <
		0 ||
	    read_flag(c->payload, "termsOfServiceAgreed", &agreed, e) < 0)
		return -1;
	if (account_by_thumbprint(c->server->store, c->thumbprint, &a, e) ==
	    0) {
		rc = call_account_valid(&a, e) < 0 ? -1 : answer(c, 200, &a);
		account_release(&a);
		return rc;
	}
	if (err_forgive(e, KIND_NOTFOUND) < 0)
		return -1;
	if (only_existing) /* RFC 8555 7.3.1 */
		return err_acme(e, KIND_INPUT, "accountDoesNotExist",
		    "newAccount: no account has this key");
	return create(c, agreed, e);
}

static int
set_contacts(struct call *c, const struct js *contact, struct err *e)
{
	struct strv contacts = {0};
	int rc = -1;

	if (contact_parse(contact, (size_t)c->server->conf->server.contacts_max,
		&contacts, e) < 0)
		goto out;
	rc =
	    account_set_contacts(c->server->store, c->account.id, &contacts, e);
	if (rc < 0) {
		call_refused(e);
		goto out;
	}
	strv_release(&c->account.contacts);
	c->account.contacts = contacts;
	contacts = (struct strv){0}; /* transferred */
	log_event(LOG_LEVEL_INFO, "account.updated", "account",
	    c->account.url_id, NULL);
out:
	strv_release(&contacts);
	return rc;
}

static int
deactivate(struct call *c, struct err *e)
{
	if (account_deactivate(c->server->store, c->account.id, e) < 0)
		return call_refused(e);
	c->account.status = ACCOUNT_DEACTIVATED;
	log_event(LOG_LEVEL_INFO, "account.deactivated", "account",
	    c->account.url_id, NULL);
	return 0;
}

/* RFC 8555 7.3.2 and 7.3.6; what is not understood is ignored. */
static int
update(struct call *c, struct err *e)
{
	const char *status = js_get_text(c->payload, "status");
	const struct js *contact = js_get(c->payload, "contact");

	if (str_same(status, "deactivated"))
		return deactivate(c, e);
	return contact ? set_contacts(c, contact, e) : 0;
}

static int
check_own(const struct call *c, struct err *e)
{
	if (strcmp(c->parts.id[0], c->account.url_id) == 0)
		return 0;
	return err_set(e, KIND_DENIED, "the account is not that of the kid");
}

int
serve_account(struct call *c, struct err *e)
{
	if (check_own(c, e) < 0)
		return -1;
	if (c->payload && update(c, e) < 0)
		return -1;
	return answer(c, 200, &c->account);
}

/* "cursor=N" and nothing else. */
static int
read_cursor(const char *query, int64_t *cursor, struct err *e)
{
	uint64_t n = 0;

	if (query &&
	    (!str_starts(query, "cursor=") ||
		!str_to_u64(query + 7, INT64_MAX, &n)))
		return err_set(e, KIND_NOTFOUND, "no such page of orders");
	*cursor = (int64_t)n;
	return 0;
}

int
serve_account_orders(struct call *c, struct err *e)
{
	struct strv ids = {0};
	int64_t cursor, next;
	struct js *o, *list;
	int rc = -1;

	if (check_own(c, e) < 0 ||
	    read_cursor(c->request->query, &cursor, e) < 0 ||
	    order_list(c->server->store, c->account.id, cursor, PAGE, &ids,
		&next, e) < 0)
		goto out;
	list = js_array();
	for (size_t i = 0; i < ids.len; i++) {
		char *url = call_url(c, "/order/%s", ids.v[i]);

		js_add_text(list, url);
		free(url);
	}
	o = js_object();
	js_put(o, "orders", list);
	if (next != 0)
		call_link(c,
		    call_url(c, "/account/%s/orders?cursor=%lld",
			c->parts.id[0], (long long)next),
		    "next");
	rc = call_json(c, 200, o);
out:
	strv_release(&ids);
	return rc;
}
