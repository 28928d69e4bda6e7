#ifndef CLI_GATEWAY_H
#define CLI_GATEWAY_H

#include "base/err.h"
#include "conf/conf.h"

/*
 * The Redis that gateways read (wrap/kv.h), by its settings: passwords are read
 * from their files.  To be opened before rights are given up.
 */
struct kv;

/*
 * Connects to it; `database` is the one to take when the URL names none.  NULL
 * as kv_open and secret_password; KIND_CONF as well when there is no URL.
 */
struct kv *gateway_open(
    const struct conf_redis *c, int64_t database, struct err *e);

#endif
