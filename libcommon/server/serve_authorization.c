#include "server/serve.h"

#include "base/log.h"
#include "conf/conf.h"
#include "http/response.h"
#include "server/show.h"
#include "store/authorization.h"
#include "sys/sock.h"
#include "wrap/js.h"

static int
load_own(struct call *c, struct authorization *a, struct err *e)
{
	if (authorization_by_url_id(c->server->store, c->parts.id[0], a, e) < 0)
		return -1;
	return call_owns(c, a->account_id, "authorization", e);
}

static int
reload(struct call *c, struct authorization *a, struct err *e)
{
	authorization_release(a);
	return authorization_by_url_id(c->server->store, c->parts.id[0], a, e);
}

/* Only "deactivated" can be asked for; `{}` reads as POST-as-GET. */
static int
update(struct call *c, struct authorization *a, struct err *e)
{
	const char *status = js_get_text(c->payload, "status");
	struct err why = {0};

	if (js_len(c->payload) == 0)
		return 0;
	if (!status || strcmp(status, "deactivated") != 0)
		return err_set(e, KIND_INPUT,
		    "authorization: \"status\" can only become "
		    "\"deactivated\" (RFC 8555 7.5.2)");
	if (a->status == AUTHORIZATION_DEACTIVATED)
		return 0;
	if (authorization_deactivate(c->server->store, a->id, &why) == 0) {
		log_event(LOG_LEVEL_INFO, "authorization.deactivated",
		    "authorization", a->url_id, NULL);
		return reload(c, a, e);
	}
	if (why.kind == KIND_CONFLICT)
		return err_set(e, KIND_INPUT,
		    "authorization: it is neither pending nor valid "
		    "(RFC 8555 7.1.6)");
	*e = why;
	return -1;
}

int
serve_authorization(struct call *c, struct err *e)
{
	struct authorization a = {0};
	int rc = -1;

	if (load_own(c, &a, e) < 0)
		goto out;
	if (c->payload && update(c, &a, e) < 0)
		goto out;
	if (show_is_processing(&a))
		response_field(c->response, "Retry-After", "1");
	rc = call_json(c, 200, show_authorization(c, &a));
out:
	authorization_release(&a);
	return rc;
}

/* The challenge that the path names, or NULL. */
static const struct challenge *
find_challenge(const struct call *c, const struct authorization *a)
{
	enum challenge_type type;

	if (challenge_type_by_name(c->parts.id[1], &type) < 0)
		return NULL;
	for (size_t i = 0; i < a->challenges_len; i++)
		if (a->challenges[i].type == type)
			return &a->challenges[i];
	return NULL;
}

static void
wake_validator(const struct call *c)
{
	struct err why = {0};

	if (sock_poke(c->server->conf->validate.socket, &why) < 0)
		log_err("validator.asleep", &why); /* the sweep will do it */
}

/*
 * RFC 8555 7.5.1: the client is ready.  Asked again, a challenge that is being
 * validated or is final is shown as it is; never is a second validation begun.
 */
static int
respond(struct call *c, struct authorization *a, const struct challenge *ch,
    struct err *e)
{
	struct err why = {0};

	if (a->status == AUTHORIZATION_VALID ||
	    a->status == AUTHORIZATION_INVALID)
		return 0;
	if (a->status != AUTHORIZATION_PENDING)
		return err_set(e, KIND_INPUT,
		    "challenge: its authorization is %s (RFC 8555 7.1.6)",
		    authorization_status_name(a->status));
	if (ch->status == CHALLENGE_PENDING &&
	    challenge_start(c->server->store, ch->id, &why) < 0 &&
	    why.kind != KIND_CONFLICT) {
		*e = why;
		return -1;
	}
	if (ch->status == CHALLENGE_PENDING && why.kind == KIND_NONE)
		log_event(LOG_LEVEL_INFO, "challenge.started", "authorization",
		    a->url_id, "type", challenge_type_name(ch->type), "name",
		    a->identifier.value, NULL);
	if (ch->status == CHALLENGE_PENDING ||
	    ch->status == CHALLENGE_PROCESSING)
		wake_validator(c);
	return reload(c, a, e);
}

int
serve_authorization_challenge(struct call *c, struct err *e)
{
	struct authorization a = {0};
	const struct challenge *ch;
	int rc = -1;

	if (load_own(c, &a, e) < 0)
		goto out;
	ch = find_challenge(c, &a);
	if (!ch) {
		err_set(e, KIND_NOTFOUND, "no such challenge");
		goto out;
	}
	if (c->payload && respond(c, &a, ch, e) < 0)
		goto out;
	ch = find_challenge(c, &a);
	call_link(c, call_url(c, "/authorization/%s", a.url_id), "up");
	call_location(
	    c, call_url(c, "/challenge/%s/%s", a.url_id, c->parts.id[1]));
	if (ch->status == CHALLENGE_PROCESSING)
		response_field(c->response, "Retry-After", "1");
	rc = call_json(c, 200, show_challenge(c, &a, ch));
out:
	authorization_release(&a);
	return rc;
}
