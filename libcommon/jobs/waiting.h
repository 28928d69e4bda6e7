#ifndef JOBS_WAITING_H
#define JOBS_WAITING_H

#include "client/cause.h"
#include "store/queue.h"

/*
 * What the queues say of an item that has not failed but waits for a limit of a
 * CA: which, of which CA, and until when.
 */
struct store;
struct upstream_account;

/*
 * `error` is the limit in words.  For another cause than CAUSE_RATE_LIMITED
 * there is only the time.  The caller frees the text, which is `w->error`.
 */
char *waiting_for(struct store *st, const struct upstream_account *row,
    enum cause cause, const char *error, int64_t until, struct queue_wait *w);

#endif
