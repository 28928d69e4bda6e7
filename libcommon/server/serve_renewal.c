#include "server/serve.h"

#include "acme/certid.h"
#include "conf/conf.h"
#include "http/response.h"
#include "store/renewal.h"
#include "wrap/js.h"

#define CHECKS 360 /* that a client makes in the life of a certificate */
#define PAUSE_MIN 60
#define PAUSE_MAX 86400

/* Six hours for 90 days, and in proportion (RFC 9773 4.3). */
static int64_t
pause_of(const struct renewal *r)
{
	int64_t pause = r->lifetime / CHECKS;

	if (pause < PAUSE_MIN)
		return PAUSE_MIN;
	return pause > PAUSE_MAX ? PAUSE_MAX : pause;
}

int
serve_renewal(struct call *c, struct err *e)
{
	struct js *o, *window;
	struct certid id;
	struct renewal r;

	if (certid_parse(c->parts.rest, &id, e) < 0 ||
	    renewal_find(
		c->server->store, id.aki, id.aki_len, id.serial_hex, &r, e) < 0)
		return -1;
	o = js_object();
	window = js_object();
	js_put_time(window, "start", r.start);
	js_put_time(window, "end", r.end);
	js_put(o, "suggestedWindow", window);
	if (!r.is_usual)
		js_put_text(o, "explanationURL",
		    c->server->conf->server.renewal_explanation_url);
	response_field(
	    c->response, "Retry-After", "%lld", (long long)pause_of(&r));
	return call_json(c, 200, o);
}
