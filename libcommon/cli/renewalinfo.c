#include "cli/renewalinfo.h"

#include "client/client.h"
#include "store/renewal_info.h"
#include "sys/clock.h"

int
renewalinfo_due(struct upstream *u, int64_t **ids, size_t *len, struct err *e)
{
	int64_t id = u->ca.id, now = clock_now();
	int rc = renewal_info_due(u->st, id, now, 1, ids, len, e);

	if (rc < 0 || *len == 0)
		return rc;
	free(*ids);
	*ids = NULL;
	*len = 0;
	if (client_directory(u->client, e) < 0)
		return -1;
	if (!client_url(u->client, ENDPOINT_RENEWAL_INFO))
		return 0;
	return renewal_info_settle(u->st, id, now, e) < 0
	    ? -1
	    : renewal_info_due(u->st, id, now, SIZE_MAX, ids, len, e);
}

struct looking {
	struct store *st;
	bool is_due;
};

static int
look(void *arg, const struct upstream_ca *ca, struct err *e)
{
	struct looking *l = arg;
	int64_t *ids = NULL;
	size_t len = 0;
	int rc = l->is_due
	    ? 0
	    : renewal_info_due(l->st, ca->id, clock_now(), 1, &ids, &len, e);

	l->is_due |= len > 0;
	free(ids);
	return rc;
}

int
renewalinfo_is_due(struct store *st, bool *is_due, struct err *e)
{
	struct looking l = {.st = st};
	int rc = upstream_ca_each(st, look, &l, e);

	*is_due = l.is_due;
	return rc;
}
