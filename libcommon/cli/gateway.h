#ifndef CLI_GATEWAY_H
#define CLI_GATEWAY_H

#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"
#include "wrap/kv.h"

/*
 * The Redis that gateways read (wrap/kv.h), by its settings: passwords are read
 * from their files.  To be opened before rights are given up.
 */

/* How to get in, and what that takes: read once, for connections of later. */
struct gateway {
	struct kv_access access; /* but the database, when the URL names none */
	struct buf secret;
};

/*
 * Fails as secret_password; KIND_CONF as well when there is no URL, or it
 * is none.  `c` must stay.  Release in any case.
 */
int gateway_read(struct gateway *g, const struct conf_redis *c, struct err *e);
void gateway_release(struct gateway *g);

/*
 * Connects to it; `database` is the one to take when the URL names none.  NULL
 * as kv_open and gateway_read.
 */
struct kv *gateway_open(
    const struct conf_redis *c, int64_t database, struct err *e);

#endif
