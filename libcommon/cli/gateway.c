#include "cli/gateway.h"

#include "cli/secret.h"

/* USER:PASSWORD; the password may have colons. */
static int
split_user(struct buf *text, struct kv_access *a, struct err *e)
{
	char *colon = strchr(text->data, ':');

	if (!colon || colon == text->data)
		return err_set(
		    e, KIND_CONF, "[redis] userpass_file: not USER:PASSWORD");
	*colon = '\0';
	a->user = text->data;
	a->password = colon + 1;
	return 0;
}

static int
check_url(const char *url, struct err *e)
{
	struct kv_place place;

	if (!url)
		return err_set(e, KIND_CONF, "[redis] url: is not set");
	if (kv_place_parse(url, &place, e) < 0)
		return err_object(e, "[redis] url");
	kv_place_release(&place);
	return 0;
}

static int
read_access(const struct conf_redis *c, struct kv_access *a, struct buf *text,
    struct err *e)
{
	const char *file =
	    c->userpass_file ? c->userpass_file : c->password_file;

	if (check_url(c->url, e) < 0)
		return -1;
	if (c->userpass_file && c->password_file)
		return err_set(e, KIND_CONF,
		    "[redis] password_file: not with userpass_file");
	if (!file)
		return 0;
	if (secret_password(file, -1, text, e) < 0)
		return -1;
	if (c->userpass_file)
		return split_user(text, a, e);
	a->password = text->data;
	return 0;
}

int
gateway_read(struct gateway *g, const struct conf_redis *c, struct err *e)
{
	*g = (struct gateway){.access = {.url = c->url,
				  .connect_ms = c->connect_timeout * 1000,
				  .timeout_ms = c->timeout * 1000}};
	buf_init(&g->secret, SECRET_PASSWORD_MAX);
	return read_access(c, &g->access, &g->secret, e);
}

void
gateway_release(struct gateway *g)
{
	buf_wipe(&g->secret);
	*g = (struct gateway){0};
}

struct kv *
gateway_open(const struct conf_redis *c, int64_t database, struct err *e)
{
	struct gateway g;
	struct kv *k = NULL;

	if (gateway_read(&g, c, e) == 0) {
		g.access.database = database;
		k = kv_open(&g.access, e);
	}
	gateway_release(&g);
	return k;
}
