#ifndef ORDER_ORDERNEW_H
#define ORDER_ORDERNEW_H

#include "base/err.h"
#include "base/str.h"
#include "store/upstream_order.h"

/*
 * An order that is to be made: {.row = what the caller knows}, then
 * ordernew_set_names or ordernew_again, what ordercheck says, and
 * upstream_order_create or another function of store/ that takes the row.
 * ordernew_release in any case.
 */
struct suffix_list;

struct ordernew {
	struct upstream_order_new row; /* its names are the lists below */
	struct strv dns, ip, registered;
};

/*
 * For these names, typed or stored.  `l` may be NULL: registered domains are
 * not counted.  Fails as ordercheck_names.
 */
int ordernew_set_names(struct ordernew *n, const struct strv *names,
    const struct suffix_list *l, struct err *e);

/*
 * All that an order which is over was for, anew; the row points into `o`.
 * KIND_CONFLICT: it is open or valid.
 */
int ordernew_again(struct ordernew *n, struct store *st,
    const struct upstream_order *o, const struct suffix_list *l, struct err *e);

/* NULL-safe; also for {0}. */
void ordernew_release(struct ordernew *n);

#endif
