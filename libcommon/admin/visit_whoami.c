#include "admin/visit.h"

#include "conf/scope.h"
#include "http/host.h"
#include "wrap/js.h"

int
visit_whoami(struct visit *v, struct err *e)
{
	char host[HOST_SIZE];

	return host_read(v->request, host, e) < 0 ? -1 : visit_text(v, host);
}

int
visit_whoami_json(struct visit *v, struct err *e)
{
	struct js *body, *scopes;
	char host[HOST_SIZE];

	if (host_read(v->request, host, e) < 0)
		return -1;
	body = js_object();
	scopes = js_array();
	for (unsigned scope = 1; scope & SCOPE_ALL; scope <<= 1)
		if (v->caller.scopes & scope)
			js_add_text(scopes, scope_name(scope));
	js_put_text(body, "result", "success");
	js_put_text(body, "host", host);
	js_put_text(body, "caller", v->caller.name);
	js_put(body, "scopes", scopes);
	return visit_json(v, body);
}
