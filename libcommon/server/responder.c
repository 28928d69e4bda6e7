#include "server/responder.h"

#include "base/err.h"
#include "base/log.h"
#include "http/response.h"
#include "server/peer.h"

void
responder_begin(struct responder *r)
{
	char id[LOG_ID_SIZE];

	peer_forget(r);
	snprintf(id, sizeof(id), "%s-%llu", r->client.id,
	    (unsigned long long)++r->client.requests);
	log_set_id(id);
}

void
responder_sign(struct response *res)
{
	response_private(res);
	response_field(res, "X-Peter-SSLers", "production");
}

void
responder_log_refused(const struct responder *r, enum log_level level,
    const struct err *e, int status)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", status);
	log_event(level, "request.refused", "status", text, "peer",
	    r->client.peer, "reason", e->text, NULL);
}
