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
add_grant(struct admin_grants *g, struct admin_grant grant)
{
	g->v = xreallocarray(g->v, g->len + 1, sizeof(*g->v));
	g->v[g->len++] = grant;
}

/* The user of USER=..., as conf/value.c has checked, and what is behind "=". */
static const char *
read_user(const char *text, int64_t *uid, struct err *e)
{
	const char *equals = strchr(text, '=');
	char *user = xstrndup(text, (size_t)(equals - text));
	int rc = proc_uid(user, uid, e);

	free(user);
	return rc == 0 ? equals + 1 : NULL;
}

static int
read_grant(struct admin_grants *g, const char *text, struct err *e)
{
	struct admin_grant grant = {0};
	const char *scopes = read_user(text, &grant.uid, e);

	if (!scopes || scope_parse(scopes, &grant.scopes, e) < 0)
		return err_object(e, "[admin] users");
	add_grant(g, grant);
	return 0;
}

static bool
has_grant(const struct admin_grants *g, int64_t uid)
{
	for (size_t i = 0; i < g->len; i++)
		if (g->v[i].uid == uid)
			return true;
	return false;
}

static int
read_front(struct admin_grants *g, const char *text, struct err *e)
{
	struct admin_grant grant = {0};
	int rc = 0;

	grant.field = read_user(text, &grant.uid, e);
	if (!grant.field)
		rc = -1;
	else if (has_grant(g, grant.uid))
		rc = err_set(
		    e, KIND_CONF, "%.100s: is there twice, or in users", text);
	if (rc < 0)
		return err_object(e, "[admin] fronts");
	add_grant(g, grant);
	return 0;
}

int
admin_grants_read(
    struct admin_grants *g, const struct conf *conf, struct err *e)
{
	const struct strv *users = &conf->admin.users;
	const struct strv *fronts = &conf->admin.fronts;

	*g = (struct admin_grants){0};
	for (size_t i = 0; i < users->len; i++)
		if (read_grant(g, users->v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < fronts->len; i++)
		if (read_front(g, fronts->v[i], e) < 0)
			return -1;
	add_grant(g, (struct admin_grant){.scopes = SCOPE_ALL});
	add_grant(
	    g, (struct admin_grant){.uid = geteuid(), .scopes = SCOPE_ALL});
	return 0;
}

unsigned
admin_grants_of(const struct admin_grants *g, int64_t uid)
{
	unsigned scopes = 0;

	for (size_t i = 0; i < g->len; i++)
		if (g->v[i].uid == uid)
			scopes |= g->v[i].scopes;
	return admin_grants_field(g, uid) ? 0 : scopes;
}

const char *
admin_grants_field(const struct admin_grants *g, int64_t uid)
{
	for (size_t i = 0; i < g->len; i++)
		if (g->v[i].uid == uid && g->v[i].field)
			return g->v[i].field;
	return NULL;
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
	    .responder = {.conf = &conf->admin.listener,
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
