#include "server/server.h"

#include "conf/conf.h"
#include "http/response.h"
#include "policy/keys.h"
#include "server/dispatch.h"
#include "server/nonce.h"
#include "store/store.h"
#include "wrap/js.h"
#include "wrap/key.h"

char *
server_nonce_file(const struct conf *conf, struct err *e)
{
	return conf->server.nonce_file
	    ? xstrdup(conf->server.nonce_file)
	    : store_file(conf->store.url, conf->store.directory, "nonces", e);
}

static int
open_nonces(struct server *s, struct err *e)
{
	const struct conf *conf = s->conf;
	char *path = server_nonce_file(conf, e);

	if (!path)
		return -1;
	s->nonce = nonce_open(path, (uint64_t)conf->server.nonce_window, e);
	free(path);
	return s->nonce ? 0 : -1;
}

/* "/acme" of "https://ca.example:14000/acme". */
static const char *
path_of(const char *url)
{
	const char *host = strstr(url, "://");

	return strchrnul(host ? host + 3 : url, '/');
}

int
server_open(struct server *s, const struct conf *conf, struct err *e)
{
	*s = (struct server){.conf = conf,
	    .base_url = conf->server.base_url,
	    .responder = {.conf = &conf->server.listener,
		.answer = dispatch_answer,
		.refuse = dispatch_refuse,
		.arg = s,
		.body_max = JWS_MAX}};
	s->base_path = path_of(s->base_url);
	signmsg_client_init(&s->signer, conf->signer.socket);
	if (address_policy_init(&s->ranges,
		&conf->policy.allowed_server_ip_ranges,
		&conf->policy.exclude_server_ip_ranges, e) < 0)
		return -1;
	s->blocked = keys_blocklist_load(conf->policy.key_blocklist_file, e);
	if (!s->blocked)
		return -1;
	s->store = store_open(conf->store.url, STORE_WRITE, e);
	if (!s->store)
		return -1;
	return open_nonces(s, e);
}

void
server_release(struct server *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < SERVER_KEYS; i++)
		key_free(s->keys[i].key);
	nonce_close(s->nonce);
	store_close(s->store);
	keys_blocklist_free(s->blocked);
	address_policy_release(&s->ranges);
	signmsg_client_release(&s->signer);
	*s = (struct server){0};
}

/*
 * Making a key of its JSON costs as much as a small transaction, and the next
 * request mostly has one that was seen lately.
 */
const struct key *
server_account_key(struct server *s, const struct account *a, struct err *e)
{
	struct account_key *k;

	for (size_t i = 0; i < SERVER_KEYS; i++)
		if (s->keys[i].key &&
		    strcmp(s->keys[i].thumbprint, a->thumbprint) == 0)
			return s->keys[i].key;
	k = &s->keys[s->next_key++ % SERVER_KEYS];
	key_free(k->key);
	k->key = jwk_load(a->jwk, e);
	memcpy(k->thumbprint, a->thumbprint, sizeof(k->thumbprint));
	return k->key;
}

char *
call_url(const struct call *c, const char *fmt, ...)
{
	struct buf url;
	char *path;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&path, fmt, ap);
	va_end(ap);
	buf_init(&url, 4096);
	buf_adds(&url, c->server->base_url);
	if (len >= 0) {
		buf_adds(&url, path);
		free(path);
	}
	return buf_detach(&url);
}

int
call_json(struct call *c, int status, struct js *body)
{
	c->response->status = status;
	response_field(c->response, "Content-Type", "application/json");
	js_write(body, &c->response->body);
	buf_addc(&c->response->body, '\n');
	js_free(body);
	return 0;
}

void
call_link(struct call *c, char *url, const char *rel)
{
	response_field(c->response, "Link", "<%s>;rel=\"%s\"", url, rel);
	free(url);
}

void
call_location(struct call *c, char *url)
{
	response_field(c->response, "Location", "%s", url);
	free(url);
}

int
call_account_valid(const struct account *a, struct err *e)
{
	if (a->status == ACCOUNT_VALID)
		return 0;
	return err_http(e, KIND_DENIED, 401, "the account is %s",
	    account_status_name(a->status));
}

int
call_owns(
    const struct call *c, int64_t account_id, const char *what, struct err *e)
{
	if (account_id == c->account.id && account_id != 0)
		return 0;
	return err_set(
	    e, KIND_DENIED, "the %s belongs to another account", what);
}

int
call_refused(struct err *e)
{
	if (e->kind == KIND_CONFLICT) {
		e->http_status = 401;
		e->acme_type = "unauthorized";
	}
	return -1;
}
