#include "server/peer.h"

#include "base/str.h"
#include "conf/conf.h"
#include "http/proxy.h"
#include "http/request.h"
#include "policy/address.h"
#include "server/responder.h"
#include "sys/conn.h"
#include "sys/sock.h"

#define UNKNOWN "unknown"
_Static_assert((int)SOCK_ADDR_SIZE >= (int)ADDRESS_TEXT_SIZE, "one text fits");

/* Takes an address in one spelling of it. Returns whether it is one. */
static bool
take_text(struct responder *r, const char *text)
{
	struct address a;
	bool good = text && address_parse(text, &a);

	if (good)
		address_format(&a, r->client.peer);
	return good;
}

static int
take_header(
    struct responder *r, struct conn *plain, int64_t deadline, struct err *e)
{
	struct proxy header;
	struct address a;

	if (proxy_read(plain, deadline, &header, e) < 0)
		return -1;
	if (address_from_bytes(header.address, header.len, &a))
		address_format(&a, r->client.peer);
	return 0;
}

int
peer_meet(
    struct responder *r, struct conn *plain, int64_t deadline, struct err *e)
{
	const char *from = r->conf->peer_from;

	r->client.told = r->client.far = false;
	r->client.uid = r->client.sender = -1;
	snprintf(r->client.peer, sizeof(r->client.peer), UNKNOWN);
	if (sock_peer(plain->in, r->client.peer) == 0) {
		r->client.far = !str_starts(r->client.peer, "127.") &&
		    strcmp(r->client.peer, "::1") != 0;
		return 0;
	}
	r->client.sender = sock_peer_uid(plain->in);
	if (!from || strcmp(from, "socket") == 0) {
		r->client.uid = r->client.sender;
		return 0;
	}
	if (strcmp(from, "proxy") == 0)
		return take_header(r, plain, deadline, e);
	r->client.told =
	    strcmp(from, "x-real-ip") == 0 && sock_is_unix(plain->in);
	/* What workers have in the environment is of no connection. */
	if (str_starts(from, "env:") && !r->workers)
		take_text(r, getenv(from + strlen("env:")));
	return 0;
}

void
peer_forget(struct responder *r)
{
	if (r->client.told)
		snprintf(r->client.peer, sizeof(r->client.peer), UNKNOWN);
}

int
peer_tell(struct responder *r, const struct request *req, struct err *e)
{
	if (!r->client.told || take_text(r, request_field(req, "x-real-ip")))
		return 0;
	return err_set(e, KIND_CONF,
	    "the front sends no X-Real-IP, or more than one, or no address");
}
