#ifndef CLI_POOL_H
#define CLI_POOL_H

#include "base/err.h"
#include "sys/sandbox.h"

/*
 * The life of a program that answers on connections it is given: one, on
 * descriptors 0 and 1, or those of a listening descriptor 0, by workers
 * (sys/workers.h) that live on.
 */
struct conf_listener;
struct responder;
struct prog;
struct tls_server;

struct pool_service {
	/*
	 * Opens all that is needed, as what is left to `role`; the result,
	 * of which `close` frees what there is also when this fails, is the
	 * process's own.  `responder` is part of it.
	 */
	int (*open)(void *self, const struct prog *p, struct err *e);
	void (*close)(void *self);
	/* Whether a worker is of no more use; or NULL. */
	bool (*is_lost)(void *self);
	/*
	 * Whether what was read before rights were given up is another now,
	 * besides `tls`: only a new process can read it; or NULL.
	 */
	bool (*is_stale)(void *self);
	void *self;
	struct responder *responder;
	const struct conf_listener *conf;
	enum sandbox_role role; /* of who serves */
	enum sandbox_role master; /* of who starts workers, who can open all */
	struct tls_server *tls; /* or NULL */
};

/*
 * Serves until the connection is over, or the workers have ended as they
 * should.  What an open listening socket needs of rights is the caller's, and
 * so is proc_drop.  -1 as `open`, rights_enter and workers_run; a worker: that
 * is lost.
 */
int pool_run(const struct prog *p, const struct pool_service *s, struct err *e);

#endif
