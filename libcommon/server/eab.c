#include "server/eab.h"

#include "base/log.h"
#include "conf/conf.h"
#include "server/server.h"
#include "store/eab_key.h"
#include "wrap/js.h"
#include "wrap/key.h"

#define MEMBER "externalAccountBinding"
#define TEXT_MAX 16384

static int
bad(struct err *e, const char *why)
{
	return err_set(e, KIND_INPUT, MEMBER ": %s (RFC 8555 7.3.4)", why);
}

/*
 * Whoever has no key learns nothing about keys; the log has the reason.  What
 * `e` says is replaced.
 */
static int
refuse(struct err *e, const char *key_id, const char *reason)
{
	log_event(LOG_LEVEL_WARN, "eab.refused", "key", key_id, "reason",
	    reason, NULL);
	err_clear(e);
	return err_set(e, KIND_DENIED,
	    MEMBER ": the key is none of this server, is good for no more "
		   "accounts, or has not made it (RFC 8555 7.3.4)");
}

/* That whoever has the secret means the key which signs the request. */
static int
check_payload(const struct call *c, const struct jws *binding, struct err *e)
{
	struct js *jwk =
	    js_parse(binding->payload.data, binding->payload.len, e);
	struct key *key = jwk ? jwk_parse(jwk, e) : NULL;
	char thumbprint[JWK_THUMBPRINT_SIZE] = "";

	if (key)
		jwk_thumbprint(key, thumbprint);
	key_free(key);
	js_free(jwk);
	if (strcmp(thumbprint, c->thumbprint) == 0)
		return 0;
	err_clear(e);
	return bad(e, "the payload is not the key of the account");
}

static int
check_form(const struct call *c, const struct jws *binding, struct err *e)
{
	if (strcmp(binding->url, c->jws.url) != 0)
		return bad(e, "its URL is not that of the request");
	return check_payload(c, binding, e);
}

static int
check_secret(
    const struct call *c, const struct jws *binding, int64_t *id, struct err *e)
{
	struct buf secret;
	int rc;

	buf_init(&secret, EAB_KEY_SECRET_SIZE);
	rc = eab_key_secret(c->server->store, binding->kid, c->server->eab_seal,
	    id, &secret, e);
	if (rc < 0 && e->kind == KIND_NOTFOUND)
		rc = refuse(e, binding->kid, "there is no such key");
	else if (rc == 0 && !jws_is_made_with(binding, secret.data, secret.len))
		rc = refuse(e, binding->kid, "the MAC is not the key's");
	buf_wipe(&secret);
	return rc;
}

/* As the client sent it (RFC 8555 7.1.2). */
static int
note(const struct js *object, int64_t id, struct account *a, struct err *e)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	if (js_write(object, &text) < 0) {
		buf_release(&text);
		return bad(e, "it is too long");
	}
	a->eab_key_id = id;
	a->eab = buf_detach(&text);
	return 0;
}

static int
verify(const struct call *c, const struct js *object, struct account *a,
    struct err *e)
{
	struct jws binding = {0};
	int64_t id;
	int rc = -1;

	if (js_type(object) != JS_OBJECT)
		return bad(e, "it is no object");
	if (jws_read_mac(object, &binding, e) < 0)
		err_object(e, MEMBER);
	else if (check_form(c, &binding, e) == 0 &&
	    check_secret(c, &binding, &id, e) == 0)
		rc = note(object, id, a, e);
	jws_release(&binding);
	return rc;
}

int
eab_check(struct call *c, struct account *a, struct err *e)
{
	const char *how = c->server->conf->server.external_account_binding;
	const struct js *object = js_get(c->payload, MEMBER);

	if (strcmp(how, "off") == 0)
		return 0;
	if (object)
		return verify(c, object, a, e);
	if (strcmp(how, "required") != 0)
		return 0;
	return err_acme(e, KIND_DENIED, "externalAccountRequired",
	    "newAccount: " MEMBER " is missing; ask the operator of this "
	    "server for a key (RFC 8555 7.3.4)");
}

int
eab_refused(const struct account *a, struct err *e)
{
	struct err why = *e;
	char id[32];

	if (e->kind != KIND_DENIED || a->eab_key_id == 0)
		return -1;
	snprintf(id, sizeof(id), "eab_key/%lld", (long long)a->eab_key_id);
	return refuse(e, id, why.text);
}
