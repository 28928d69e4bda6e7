#include "jobs/waiting.h"

#include "base/rfc3339.h"
#include "base/str.h"
#include "client/ca.h"
#include "store/domain_queue.h"
#include "store/domain_template.h"
#include "store/upstream_account.h"
#include "store/upstream_ca.h"
#include "sys/clock.h"

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

/* ---- a CA that is away --------------------------------------------------- */

void
waiting_say_away(const struct upstream_held *held, struct err *why)
{
	err_set(why, KIND_BUSY,
	    "not tried: the CA does not answer, and is left alone for %lld "
	    "more seconds: %s",
	    (long long)(held->until - clock_now()), held->why);
}

bool
waiting_ca_is_away(
    struct store *st, int64_t upstream_account_id, struct upstream_held *held)
{
	struct err ignored = {0};

	return upstream_ca_away_until(st, upstream_account_id, held, &ignored) >
	    0 &&
	    held->until > clock_now();
}

/* 0: it has none. */
static int64_t
account_of(struct store *st, const struct domain_template *t, const char *ca)
{
	struct upstream_ca found = {0};
	struct upstream_account a = {0};
	struct err ignored = {0};
	int64_t id = t->upstream_account_id;

	if (id == 0 && ca_find(st, ca, &found, &ignored) == 0 &&
	    upstream_account_default(st, found.directory_url, &a, &ignored) ==
		0)
		id = a.id;
	upstream_account_release(&a);
	upstream_ca_release(&found);
	return id;
}

bool
waiting_is_away(struct store *st, const struct domain_template *t,
    const char *ca, struct upstream_held *held)
{
	return waiting_ca_is_away(st, account_of(st, t, ca), held);
}

void
waiting_note_away(struct domain_item *i, const struct upstream_held *held)
{
	struct err why = {0};

	if (i->is_parked || i->retry_at > held->until ||
	    i->lease_until > clock_now() ||
	    queue_state_of(&i->past, i->error) != QUEUE_FRESH)
		return;
	waiting_say_away(held, &why);
	i->past.away_since = clock_now();
	i->retry_at = held->until;
	free(i->cause);
	i->cause = xstrdup(cause_name(CAUSE_CA_UNREACHABLE));
	i->error = xstrdup(why.text);
}
