#include "jobs/waiting.h"

#include "base/rfc3339.h"
#include "base/str.h"
#include "store/upstream_account.h"
#include "store/upstream_ca.h"

char *
waiting_for(struct store *st, const struct upstream_account *row,
    enum cause cause, const char *error, int64_t until, struct queue_wait *w)
{
	char time[RFC3339_SIZE], *text;
	struct upstream_ca ca = {0};
	struct err ignored = {0};

	*w = (struct queue_wait){.retry_at = until};
	if (cause != CAUSE_RATE_LIMITED)
		return NULL;
	upstream_ca_by_url(st, row->directory_url, &ca, &ignored);
	rfc3339_format(time, until);
	text = xasprintf("waits until %s for a limit of %s: %s", time,
	    ca.name ? ca.name : row->directory_url, error);
	upstream_ca_release(&ca);
	w->cause = cause_name(cause);
	w->error = text;
	return text;
}
