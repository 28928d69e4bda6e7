#ifndef CLI_BACKUPS_H
#define CLI_BACKUPS_H

#include "base/err.h"

/*
 * Spares of renewal configurations (store/renewal_backup.h): making them, and
 * having them serve.  The commands need CONF_STORE.
 */
struct prog;

/* Makes one at `account` for each that the operands mean. */
int backups_add(struct prog *p, const char *account, struct err *e);

/*
 * Of the operands, or of all without any, those that serve by this account or
 * CA; both NULL: all of the operands.
 */
struct backups_which {
	const char *account, *ca;
};

/*
 * Has the backups serve, some hundreds in a transaction: each is done or not at
 * all, and with an account or CA the next run goes on where one was cut short.
 * KIND_USAGE: both of them, or neither them nor operands.
 */
int backups_failover(
    struct prog *p, const struct backups_which *which, struct err *e);

#endif
