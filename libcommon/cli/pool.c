#include "cli/pool.h"

#include <unistd.h>

#include "base/log.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "server/connection.h"
#include "server/responder.h"
#include "sys/fd.h"
#include "sys/workers.h"
#include "wrap/tls.h"

/* After this nothing can be opened any more. */
static int
open_all(const struct prog *p, const struct pool_service *s, struct err *e)
{
	if (s->open(s->self, p, e) < 0)
		return -1;
	return rights_enter(p, s->role, e);
}

/* One connection after the other. */
static int
work(struct workers *workers, const struct prog *p,
    const struct pool_service *s, struct err *e)
{
	const struct client *client = &s->responder->client;
	int rc = open_all(p, s, e), fd = -1;
	uint64_t left = 0;

	s->responder->workers = workers;
	if (rc == 0)
		left = (uint64_t)s->conf->requests_per_worker;
	while (rc == 0 && left > 0 && (fd = workers_accept(workers, e)) >= 0) {
		connection_serve(s->responder, s->tls, fd, fd);
		fd_close(&fd);
		left -= client->requests < left ? client->requests : left;
		/* It has no more rights to connect anew; another one has. */
		if (s->is_lost && s->is_lost(s->self))
			rc = err_set(e, KIND_BUSY,
			    "the connection to the store was lost");
	}
	s->close(s->self);
	return err_is_set(e) ? -1 : 0;
}

static bool
is_stale(void *arg)
{
	const struct pool_service *s = arg;
	struct err why = {0};
	bool stale = s->tls && tls_server_is_stale(s->tls, &why);

	if (err_is_set(&why))
		log_err("tls.unusable", &why);
	return stale || (s->is_stale && s->is_stale(s->self));
}

static int
run_many(const struct prog *p, const struct pool_service *s, struct err *e)
{
	const struct conf_listener *conf = s->conf;
	const struct workers_options options = {.listener = STDIN_FILENO,
	    .max = conf->workers,
	    .linger = conf->linger * 1000,
	    .is_stale = is_stale,
	    .arg = (void *)(uintptr_t)s};
	struct workers *workers;
	int rc;

	if (rights_enter(p, s->master, e) < 0)
		return -1;
	workers = workers_run(&options, e);
	if (!workers) /* the master, and all workers have ended */
		return err_is_set(e) ? -1 : 0;
	rc = work(workers, p, s, e);
	workers_leave(workers);
	return rc;
}

static int
run_one(const struct prog *p, const struct pool_service *s, struct err *e)
{
	int rc = open_all(p, s, e);

	if (rc == 0)
		connection_serve(
		    s->responder, s->tls, STDIN_FILENO, STDOUT_FILENO);
	s->close(s->self);
	return rc;
}

int
pool_run(const struct prog *p, const struct pool_service *s, struct err *e)
{
	return fd_is_listening(STDIN_FILENO) ? run_many(p, s, e)
					     : run_one(p, s, e);
}
