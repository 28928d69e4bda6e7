#ifndef STORE_RENEWAL_QUEUE_PART_H
#define STORE_RENEWAL_QUEUE_PART_H

#include "store/renewal_queue.h"
#include "store/stmt.h"

/* What the files of the queue of renewals share. */
#define RENEWAL_QUEUE_COLUMNS                                                  \
	"id, renewal_configuration_id, upstream_account_id, why, status,"      \
	" added, window_end, retry_at, attempts, failing_since, away_since,"   \
	" lease_until, upstream_order_id, cause, error"

/* The row at hand of such a statement. */
void renewal_item_read(struct db_stmt *s, struct renewal_item *i);

/* 1, 0: no row, -1. */
int renewal_item_read_one(
    struct db_stmt *s, struct renewal_item *i, struct err *e);

/* For the event log. */
int renewal_queue_note(struct store *st, const char *action,
    int64_t configuration, const char *detail, struct err *e);

#endif
