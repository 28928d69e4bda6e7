#ifndef JOBS_WAITING_H
#define JOBS_WAITING_H

#include "client/cause.h"
#include "store/queue.h"

/*
 * What the queues say of an item that has not failed but waits: for a limit of
 * a CA, which, of which CA, and until when; or for a CA that is away.
 */
struct domain_item;
struct domain_template;
struct store;
struct upstream_account;
struct upstream_held;

/*
 * `error` is the limit in words.  For another cause than CAUSE_RATE_LIMITED
 * there is only the time.  The caller frees the text, which is `w->error`.
 */
char *waiting_for(struct store *st, const struct upstream_account *row,
    enum cause cause, const char *error, int64_t until, struct queue_wait *w);

/* Why nothing is tried at a CA that is left alone, for it is away. */
void waiting_say_away(const struct upstream_held *held, struct err *why);

/* Whether the CA of an account is away now: then it is left alone. */
bool waiting_ca_is_away(
    struct store *st, int64_t upstream_account_id, struct upstream_held *held);

/*
 * Whether the CA of a template is away now, which is `ca` ([client] ca) if it
 * says nothing: then none of its names is tried.
 */
bool waiting_is_away(struct store *st, const struct domain_template *t,
    const char *ca, struct upstream_held *held);

/* So nothing is stored for a fresh name: its item gets what is to be said. */
void waiting_note_away(struct domain_item *i, const struct upstream_held *held);

#endif
