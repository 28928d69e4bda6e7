#ifndef CLI_NGINXPOOL_H
#define CLI_NGINXPOOL_H

#include "base/buf.h"
#include "jobs/expirer.h"

/*
 * The nginx servers of a configuration, with the process that talks to them,
 * which is confined to their ports.
 */
struct prog;

struct nginxpool {
	struct expirer expirer;
	struct buf trust, fields;
};

/*
 * Starts the process, then reads the password and the roots; before the store
 * is open.  `c` must stay.  KIND_CONF, KIND_SYS.
 */
int nginxpool_start(struct nginxpool *n, struct prog *p,
    const struct conf_nginx *c, struct err *e);

void nginxpool_stop(struct nginxpool *n); /* also for {0} */

#endif
