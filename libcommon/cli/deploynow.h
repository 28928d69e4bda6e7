#ifndef CLI_DEPLOYNOW_H
#define CLI_DEPLOYNOW_H

#include "base/err.h"

/*
 * For commands that bring what comes to serve: they do their work, and then
 * deploy it to those targets that are to have it immediately.
 */
struct prog;

/*
 * In the table of commands: `fn` is the work, which sets `brings` of struct
 * prog when something else may have come to serve.
 */
#define DEPLOYNOW(fn) .run = deploynow_run, .work = (fn)

/*
 * Does the work of the command; in a process of its own if there is such a
 * target, as what it gives up is gone for good.  Nothing is deployed when that
 * is killed, or by --dry-run.  What fails is told of; what is not deployed
 * stays pending for renew-queue(1), and does not change the exit code: the work
 * is done, and who calls a failure again would order again.
 */
int deploynow_run(struct prog *p, struct err *e);

#endif
