#include "admin/caller.h"

#include <strings.h>

#include "admin/admin.h"
#include "conf/scope.h"
#include "http/request.h"
#include "store/admin_token.h"

#define SCHEME "Bearer " /* RFC 6750 2.1 */

static int
unknown(struct err *e, const char *text)
{
	err_set(e, KIND_DENIED, "%s", text);
	e->http_status = 401;
	return -1;
}

static int
by_token(
    const struct admin *a, const char *field, struct caller *c, struct err *e)
{
	struct admin_token t;

	if (strncasecmp(field, SCHEME, strlen(SCHEME)) != 0)
		return unknown(e, "Authorization is not Bearer TOKEN");
	field += strlen(SCHEME);
	field += strspn(field, " ");
	if (admin_token_check(a->store, field, a->front.client.peer, &t, e) < 0)
		return -1;
	snprintf(c->name, sizeof(c->name), "token/%s", t.token_id);
	c->scopes = t.scopes;
	return 0;
}

int
caller_meet(const struct admin *a, const struct request *req, struct caller *c,
    struct err *e)
{
	const struct client *client = &a->front.client;
	const char *field = request_field(req, "authorization");

	*c = (struct caller){0};
	if (client->far)
		return err_set(e, KIND_DENIED,
		    "only this machine is answered, by loopback or a unix "
		    "socket");
	if (request_count(req, "authorization") > 1)
		return unknown(e, "Authorization stands twice");
	if (field)
		return by_token(a, field, c, e);
	if (client->uid < 0)
		return unknown(e, "a token is needed");
	snprintf(c->name, sizeof(c->name), "user/%lld", (long long)client->uid);
	c->scopes = admin_grants_of(a->setup->grants, client->uid);
	return c->scopes ? 0 : unknown(e, "a token is needed");
}

int
caller_check(const struct caller *c, unsigned scopes, struct err *e)
{
	unsigned missing = scopes & ~c->scopes;

	return missing ? err_set(e, KIND_DENIED, "the scope %s is needed",
			     scope_name(missing & -missing))
		       : 0;
}
