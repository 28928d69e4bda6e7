#include "server/front.h"

#include "base/err.h"
#include "base/log.h"
#include "http/response.h"
#include "server/peer.h"

void
front_begin(struct front *f)
{
	char id[LOG_ID_SIZE];

	peer_forget(f);
	snprintf(id, sizeof(id), "%s-%llu", f->client.id,
	    (unsigned long long)++f->client.requests);
	log_set_id(id);
}

void
front_sign(struct response *res)
{
	response_private(res);
	response_field(res, "X-Peter-SSLers", "production");
}

void
front_log_refused(const struct front *f, enum log_level level,
    const struct err *e, int status)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", status);
	log_event(level, "request.refused", "status", text, "peer",
	    f->client.peer, "reason", e->text, NULL);
}
