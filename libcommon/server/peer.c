#include "server/peer.h"

#include "base/str.h"
#include "conf/conf.h"
#include "http/proxy.h"
#include "http/request.h"
#include "policy/address.h"
#include "server/front.h"
#include "sys/conn.h"
#include "sys/sock.h"

#define UNKNOWN "unknown"
_Static_assert((int)SOCK_ADDR_SIZE >= (int)ADDRESS_TEXT_SIZE, "one text fits");

/* Takes an address in one spelling of it. Returns whether it is one. */
static bool
take_text(struct front *f, const char *text)
{
	struct address a;
	bool good = text && address_parse(text, &a);

	if (good)
		address_format(&a, f->client.peer);
	return good;
}

static int
take_header(
    struct front *f, struct conn *plain, int64_t deadline, struct err *e)
{
	struct proxy header;
	struct address a;

	if (proxy_read(plain, deadline, &header, e) < 0)
		return -1;
	if (address_from_bytes(header.address, header.len, &a))
		address_format(&a, f->client.peer);
	return 0;
}

int
peer_meet(struct front *f, struct conn *plain, int64_t deadline, struct err *e)
{
	const char *from = f->conf->peer_from;

	f->client.told = f->client.far = false;
	f->client.uid = f->client.sender = -1;
	snprintf(f->client.peer, sizeof(f->client.peer), UNKNOWN);
	if (sock_peer(plain->in, f->client.peer) == 0) {
		f->client.far = !str_starts(f->client.peer, "127.") &&
		    strcmp(f->client.peer, "::1") != 0;
		return 0;
	}
	f->client.sender = sock_peer_uid(plain->in);
	if (!from || strcmp(from, "socket") == 0) {
		f->client.uid = f->client.sender;
		return 0;
	}
	if (strcmp(from, "proxy") == 0)
		return take_header(f, plain, deadline, e);
	f->client.told =
	    strcmp(from, "x-real-ip") == 0 && sock_is_unix(plain->in);
	/* What workers have in the environment is of no connection. */
	if (str_starts(from, "env:") && !f->workers)
		take_text(f, getenv(from + strlen("env:")));
	return 0;
}

void
peer_forget(struct front *f)
{
	if (f->client.told)
		snprintf(f->client.peer, sizeof(f->client.peer), UNKNOWN);
}

int
peer_tell(struct front *f, const struct request *req, struct err *e)
{
	if (!f->client.told || take_text(f, request_field(req, "x-real-ip")))
		return 0;
	return err_set(e, KIND_CONF,
	    "the front sends no X-Real-IP, or more than one, or no address");
}
