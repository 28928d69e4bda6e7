#include "server/serve.h"

#include "conf/conf.h"
#include "http/request.h"
#include "http/response.h"
#include "wrap/js.h"

static const struct {
	const char *name, *path;
} resources[] = {
    {"newNonce", "/new-nonce"},
    {"newAccount", "/new-account"},
    {"newOrder", "/new-order"},
    {"revokeCert", "/revoke-cert"},
    {"keyChange", "/key-change"},
    {"renewalInfo", "/renewal-info"},
};

static struct js *
meta(const struct conf_server *conf)
{
	struct js *o = js_object();

	js_put_text(o, "termsOfService", conf->terms_of_service);
	js_put_text(o, "website", conf->website);
	if (conf->caa_identities.len > 0)
		js_put(o, "caaIdentities", js_array_of(&conf->caa_identities));
	if (strcmp(conf->external_account_binding, "required") == 0)
		js_put_bool(o, "externalAccountRequired", true);
	return o;
}

int
serve_directory(struct call *c, struct err *e)
{
	struct js *o = js_object(), *about;

	(void)e;
	for (size_t i = 0; i < ARRAY_LEN(resources); i++) {
		char *url = call_url(c, "%s", resources[i].path);

		js_put_text(o, resources[i].name, url);
		free(url);
	}
	about = meta(&c->server->conf->server);
	if (js_len(about) > 0)
		js_put(o, "meta", about);
	else
		js_free(about);
	return call_json(c, 200, o);
}

/* RFC 8555 7.2; the dispatcher adds the nonce. */
int
serve_directory_nonce(struct call *c, struct err *e)
{
	(void)e;
	c->response->status = c->request->method == REQUEST_HEAD ? 200 : 204;
	return 0;
}

int
serve_directory_root(struct call *c, struct err *e)
{
	(void)e;
	response_field(c->response, "Content-Type", "text/plain");
	buf_adds(&c->response->body, "acmed ACME server\n");
	return 0;
}
