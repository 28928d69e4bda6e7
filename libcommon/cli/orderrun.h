#ifndef CLI_ORDERRUN_H
#define CLI_ORDERRUN_H

#include "cli/orderwork.h"
#include "cli/progress.h"

struct orders_result;

/* Runs orders for a command, prints what became of each, and tells of waits. */
struct orderrun_options {
	int64_t jobs; /* orders in flight */
	int64_t timeout; /* seconds; who waits for longer is left */
	bool traces;
};

typedef bool orderrun_enough(
    void *arg, const struct upstream_order *o, int64_t steps);
typedef int orderrun_next(void *arg, int64_t *id, struct err *e);

struct orderrun {
	struct orderwork w;
	const struct orderrun_options *how;
	orderrun_enough *is_enough; /* NULL: as far as it goes */
	bool is_cancelling; /* an order that is over is no failure */
	orderrun_next *next;
	void *arg; /* of `next` */
	struct progress progress;
	char *waits_for; /* as was told last, or NULL */
};

/* After orderwork_start: the columns, and how far it is. */
void orderrun_begin(struct orderrun *r, const struct prog *p);

/* With the account that is open.  As orders_run. */
int orderrun_all(struct orderrun *r, struct err *e);

/* One order has failed, and the others go on. */
void orderrun_fail_one(struct orderrun *r, const struct err *e);

/* KIND_BUSY: of an order something is left, here or at the CA. */
int orderrun_check_left(
    struct store *st, const struct upstream_order *o, struct err *e);

void orderrun_close(struct orderrun *r);

#endif
