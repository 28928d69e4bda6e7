#include "server/peer.h"

#include "base/str.h"
#include "conf/conf.h"
#include "http/proxy.h"
#include "http/request.h"
#include "policy/address.h"
#include "server/server.h"
#include "sys/conn.h"
#include "sys/sock.h"

#define UNKNOWN "unknown"
_Static_assert((int)SOCK_ADDR_SIZE >= (int)ADDRESS_TEXT_SIZE, "one text fits");

/* Takes an address in one spelling of it. Returns whether it is one. */
static bool
take_text(struct server *s, const char *text)
{
	struct address a;
	bool good = text && address_parse(text, &a);

	if (good)
		address_format(&a, s->client.peer);
	return good;
}

static int
take_header(
    struct server *s, struct conn *plain, int64_t deadline, struct err *e)
{
	struct proxy header;
	struct address a;

	if (proxy_read(plain, deadline, &header, e) < 0)
		return -1;
	if (address_from_bytes(header.address, header.len, &a))
		address_format(&a, s->client.peer);
	return 0;
}

int
peer_meet(struct server *s, struct conn *plain, int64_t deadline, struct err *e)
{
	const char *from = s->conf->server.peer_from;

	s->client.told = false;
	snprintf(s->client.peer, sizeof(s->client.peer), UNKNOWN);
	if (sock_peer(plain->in, s->client.peer) == 0 || !from)
		return 0;
	if (strcmp(from, "proxy") == 0)
		return take_header(s, plain, deadline, e);
	s->client.told =
	    strcmp(from, "x-real-ip") == 0 && sock_is_unix(plain->in);
	/* What workers have in the environment is of no connection. */
	if (str_starts(from, "env:") && !s->workers)
		take_text(s, getenv(from + strlen("env:")));
	return 0;
}

void
peer_forget(struct server *s)
{
	if (s->client.told)
		snprintf(s->client.peer, sizeof(s->client.peer), UNKNOWN);
}

int
peer_tell(struct server *s, const struct request *req, struct err *e)
{
	if (!s->client.told || take_text(s, request_field(req, "x-real-ip")))
		return 0;
	return err_set(e, KIND_CONF,
	    "the front sends no X-Real-IP, or more than one, or no address");
}
