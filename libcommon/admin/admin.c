#include "admin/admin.h"

#include <unistd.h>

#include "admin/reply.h"
#include "conf/conf.h"
#include "conf/scope.h"
#include "store/sealing_key.h"
#include "store/store.h"
#include "sys/proc.h"
#include "wrap/kv.h"

#define BODY_MAX ((size_t)1024 * 1024)

/* ---- users --------------------------------------------------------------- */

static void
add_grant(struct admin_grants *g, int64_t uid, unsigned scopes)
{
	g->v = xreallocarray(g->v, g->len + 1, sizeof(*g->v));
	g->v[g->len++] = (struct admin_grant){uid, scopes};
}

/* USER=SCOPES, as conf/value.c has checked. */
static int
read_grant(struct admin_grants *g, const char *text, struct err *e)
{
	const char *equals = strchr(text, '=');
	char *user = xstrndup(text, (size_t)(equals - text));
	unsigned scopes;
	int64_t uid;
	int rc = proc_uid(user, &uid, e);

	if (rc == 0)
		rc = scope_parse(equals + 1, &scopes, e);
	if (rc == 0)
		add_grant(g, uid, scopes);
	free(user);
	return rc < 0 ? err_object(e, "[admin] users") : 0;
}

int
admin_grants_read(
    struct admin_grants *g, const struct conf *conf, struct err *e)
{
	const struct strv *users = &conf->admin.users;

	*g = (struct admin_grants){0};
	add_grant(g, 0, SCOPE_ALL);
	add_grant(g, geteuid(), SCOPE_ALL);
	for (size_t i = 0; i < users->len; i++)
		if (read_grant(g, users->v[i], e) < 0)
			return -1;
	return 0;
}

unsigned
admin_grants_of(const struct admin_grants *g, int64_t uid)
{
	unsigned scopes = 0;

	for (size_t i = 0; i < g->len; i++)
		if (g->v[i].uid == uid)
			scopes |= g->v[i].scopes;
	return scopes;
}

void
admin_grants_release(struct admin_grants *g)
{
	free(g->v);
	*g = (struct admin_grants){0};
}

/* ---- opening ------------------------------------------------------------- */

int
admin_open(struct admin *a, const struct admin_setup *setup, struct err *e)
{
	const struct conf *conf = setup->conf;

	*a = (struct admin){.setup = setup,
	    .prefix =
		strcmp(conf->admin.prefix, "/") == 0 ? "" : conf->admin.prefix,
	    .front = {.conf = &conf->admin.listener,
		.answer = reply_answer,
		.refuse = reply_refuse,
		.arg = a,
		.body_max = BODY_MAX}};
	a->store = store_open(conf->store.url, STORE_WRITE, e);
	return a->store ? sealing_key_check(
			      a->store, "certificate_key_file", setup->seal, e)
			: -1;
}

void
admin_release(struct admin *a)
{
	if (!a)
		return;
	kv_close(a->redis);
	store_close(a->store);
	*a = (struct admin){0};
}
