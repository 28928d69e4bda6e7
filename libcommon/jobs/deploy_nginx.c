#include "jobs/deploy_kind.h"
#include "jobs/expirer.h"
#include "store/serving.h"
#include "sys/clock.h"
#include "sys/sig.h"

#include <unistd.h>

/* A pool of nginx servers, which forget what they have of a certificate. */

#define WAIT_MAX 600 /* seconds; until a worker's own memory has expired */

int
deploy_nginx_check(const struct deploy_conf *c, struct err *e)
{
	return expirer_check(&c->nginx, e);
}

static int
add_name(void *arg, const struct serving *s, struct err *e)
{
	struct strv *names = arg;

	(void)e;
	if (names->len <= EXPIRER_NAMES_MAX) /* more is all of them */
		strv_add(names, s->name);
	return 0;
}

/* Whoever proves looks when the change can be seen. */
static int
await_effect(struct deploying *d, int64_t seconds, struct err *e)
{
	int64_t until =
	    clock_mono() + 1000 * (seconds < WAIT_MAX ? seconds + 1 : WAIT_MAX);

	if (!d->conf->prove || seconds <= 0)
		return 0;
	while (clock_mono() < until && !sig_term()) {
		if (deploying_keep(d, e) < 0)
			return -1;
		usleep(200000);
	}
	return 0;
}

/* The first that has failed, and how many. */
static int
judge(const struct expired *servers, size_t len, struct err *e)
{
	size_t failed = 0;

	for (size_t i = 0; i < len; i++)
		failed += err_is_set(&servers[i].why);
	for (size_t i = 0; i < len; i++)
		if (err_is_set(&servers[i].why))
			return err_set(e, servers[i].why.kind,
			    "%zu of %zu servers: %.200s: %s", failed, len,
			    servers[i].url, servers[i].why.text);
	return 0;
}

static int
expire(struct deploying *d, const struct strv *names, struct err *e)
{
	size_t len = d->conf->nginx.servers_pool.len;
	struct expired *servers;
	struct err why = {0};
	int rc;

	if (expirer_run(d->expirer,
		names->len > 0 ? EXPIRER_NAMES : EXPIRER_ALL, names, &servers,
		e) < 0)
		return -1;
	rc = judge(servers, len, e);
	if (expired_note(d->st, names, servers, len, &why) < 0 && rc == 0) {
		*e = why;
		rc = -1;
	}
	if (rc == 0)
		rc = await_effect(d, expired_effective(servers, len), e);
	expired_free(servers, len);
	return rc;
}

int
deploy_nginx_run(struct deploying *d, struct err *e)
{
	struct strv names = {0};
	int64_t *ids;
	size_t len;
	int rc = deploying_certificates(d, &ids, &len, e);

	if (rc == 0 && ids)
		rc = serving_each_of(
		    d->st, ids, len, clock_now(), add_name, &names, e);
	/* what serves nothing has been expired with what does now */
	if (rc == 0 && (!ids || names.len > 0))
		rc = expire(d, &names, e);
	free(ids);
	strv_release(&names);
	return rc;
}
