#ifndef CLI_ORDERGIVEN_H
#define CLI_ORDERGIVEN_H

#include "cli/orderrun.h"

/*
 * acme-order next, finalize, download, cancel, retry, sync, status: the orders
 * that are operands of `p`.
 */

/* Goes on with each until `is_enough`, or as far as it goes: NULL. */
int ordergiven_run(struct prog *p, const struct orderrun_options *how,
    orderrun_enough *is_enough, struct err *e);

int ordergiven_cancel(
    struct prog *p, const struct orderrun_options *how, struct err *e);

/* Orders again what they were for. */
int ordergiven_retry(
    struct prog *p, const struct orderrun_options *how, struct err *e);

int ordergiven_sync(
    struct prog *p, const struct orderrun_options *how, struct err *e);

/* Without a CA. */
int ordergiven_status(struct prog *p, struct err *e);

#endif
