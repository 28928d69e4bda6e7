#include "admin/caller.h"

#include <strings.h>

#include "admin/admin.h"
#include "conf/scope.h"
#include "http/clientcert.h"
#include "http/request.h"
#include "store/admin_token.h"
#include "wrap/cert.h"

#define SCHEME "Bearer " /* RFC 6750 2.1 */

static int
unknown(struct err *e, const char *text)
{
	return err_http(e, KIND_DENIED, 401, "%s", text);
}

static void
set_token(struct caller *c, const struct admin_token *t)
{
	snprintf(c->name, sizeof(c->name), "%s/%s",
	    admin_token_kind_name(t->kind), t->token_id);
	c->scopes = t->scopes;
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
	if (admin_token_check(
		a->store, field, a->responder.client.peer, &t, e) < 0)
		return -1;
	set_token(c, &t);
	return 0;
}

/* Of a front: `field` is where it says what its client has shown. */
static int
by_certificate(const struct admin *a, const struct request *req,
    const char *field, struct caller *c, struct err *e)
{
	struct admin_token t;
	struct cert *cert;
	int rc = clientcert_read(req, field, &cert, e);

	if (rc < 0)
		e->http_status = 401;
	else if (!cert)
		rc = unknown(e, "a token or a client certificate is needed");
	else
		rc = admin_token_of_certificate(a->store, cert, &t, e);
	if (rc == 0)
		set_token(c, &t);
	cert_free(cert);
	return rc;
}

int
caller_meet(const struct admin *a, const struct request *req, struct caller *c,
    struct err *e)
{
	const struct client *client = &a->responder.client;
	const char *token = request_field(req, "authorization");
	const char *field =
	    admin_grants_field(a->setup->grants, client->sender);

	*c = (struct caller){0};
	if (client->far)
		return err_set(e, KIND_DENIED,
		    "only this machine is answered, by loopback or a unix "
		    "socket");
	if (request_count(req, "authorization") > 1)
		return unknown(e, "Authorization stands twice");
	if (token)
		return by_token(a, token, c, e);
	if (field)
		return by_certificate(a, req, field, c, e);
	if (clientcert_is_there(req))
		return unknown(e,
		    "a client certificate is believed of [admin] fronts only");
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
