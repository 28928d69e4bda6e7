#include "server/serve.h"

#include "base/log.h"
#include "policy/keys.h"
#include "server/show.h"
#include "wrap/js.h"
#include "wrap/key.h"

static int
bad(struct err *e, const char *text)
{
	return err_set(e, KIND_INPUT, "keyChange: %s (RFC 8555 7.3.5)", text);
}

/* What the inner JWS must be, apart from its signature. */
static int
check_form(const struct call *c, const struct jws *inner, struct err *e)
{
	if (!inner->jwk)
		return bad(e, "the inner JWS has no jwk");
	if (inner->nonce)
		return bad(e, "the inner JWS has a nonce");
	if (strcmp(inner->url, c->jws.url) != 0)
		return bad(e, "the URLs of the two JWS differ");
	return 0;
}

/* That the new key's holder means this account and knows its key. */
static int
check_payload(const struct call *c, const struct jws *inner, struct err *e)
{
	struct js *o = js_parse(inner->payload.data, inner->payload.len, e);
	char old[JWK_THUMBPRINT_SIZE] = "";
	const char *account = js_get_text(o, "account");
	struct key *key = NULL;
	int rc = -1;

	if (!o) {
		err_object(e, "keyChange: inner payload");
		goto out;
	}
	if (!account || strcmp(account, c->jws.kid) != 0) {
		bad(e, "\"account\" is not the kid of the outer JWS");
		goto out;
	}
	if (js_type(js_get(o, "oldKey")) != JS_OBJECT) {
		bad(e, "\"oldKey\" is missing");
		goto out;
	}
	key = jwk_parse(js_get(o, "oldKey"), e);
	if (!key) {
		e->acme_type = NULL; /* malformed */
		goto out;
	}
	jwk_thumbprint(key, old);
	if (strcmp(old, c->account.thumbprint) != 0) {
		bad(e, "\"oldKey\" is not the account's key");
		goto out;
	}
	rc = 0;
out:
	key_free(key);
	js_free(o);
	return rc;
}

static int
change(struct call *c, const struct key *key, const char *thumbprint,
    struct err *e)
{
	char holder[STORE_URL_ID_SIZE];
	struct buf jwk;
	int rc;

	buf_init(&jwk, 8192);
	jwk_write(key, &jwk);
	rc = account_change_key(c->server->store, c->account.id,
	    c->account.thumbprint, thumbprint, jwk.data, holder, e);
	buf_release(&jwk);
	if (rc < 0 && e->kind == KIND_CONFLICT && holder[0] != '\0')
		call_location(c, call_url(c, "/account/%s", holder));
	if (rc < 0)
		return -1;
	log_event(LOG_LEVEL_INFO, "account.key_changed", "account",
	    c->account.url_id, NULL);
	return call_json(c, 200, show_account(c, &c->account));
}

int
serve_keychange(struct call *c, struct err *e)
{
	char thumbprint[JWK_THUMBPRINT_SIZE];
	struct jws inner = {0};
	struct key *key = NULL;
	int rc = -1;

	if (jws_read(c->payload, &inner, e) < 0) {
		err_object(e, "keyChange: inner");
		goto out;
	}
	if (check_form(c, &inner, e) < 0)
		goto out;
	key = jwk_parse(inner.jwk, e);
	if (!key || keys_check(key, c->server->blocked, "badPublicKey", e) < 0)
		goto out;
	if (jws_verify(&inner, key, e) < 0 || check_payload(c, &inner, e) < 0)
		goto out;
	jwk_thumbprint(key, thumbprint);
	if (strcmp(thumbprint, c->account.thumbprint) == 0) {
		bad(e, "the new key is the old one");
		goto out;
	}
	rc = change(c, key, thumbprint, e);
out:
	key_free(key);
	jws_release(&inner);
	return rc;
}
