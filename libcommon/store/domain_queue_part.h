#ifndef STORE_DOMAIN_QUEUE_PART_H
#define STORE_DOMAIN_QUEUE_PART_H

#include "store/domain_queue.h"
#include "store/stmt.h"

/* What the files of the queue of domains share. */
#define DOMAIN_QUEUE_SELECT                                                    \
	"SELECT id, name, registered, domain_template_id, status, alone,"      \
	" added, retry_at, attempts, failing_since, away_since, was_parked,"   \
	" lease_until,"                                                        \
	" upstream_order_id, cause, error, (SELECT s.certificate_id FROM"      \
	" served_names s WHERE s.id = domain_queue.id) FROM domain_queue"      \
	" WHERE "

/* The row at hand of such a statement. */
void domain_item_read(struct db_stmt *s, struct domain_item *i);

/* 1, 0: no row, -1. */
int domain_item_read_one(
    struct db_stmt *s, struct domain_item *i, struct err *e);

#endif
