#ifndef STORE_QUEUE_PART_H
#define STORE_QUEUE_PART_H

#include "store/queue.h"
#include "store/stmt.h"

/*
 * For the modules of queues: columns of the same names, and the statements that
 * are the same but for the table.  They stand first in the table of a module.
 */
enum queue_stmt {
	QUEUE_HELD,
	QUEUE_SET_ORDER,
	QUEUE_DONE,
	QUEUE_PUT_BACK,
	QUEUE_FAIL,
	QUEUE_PUT_OFF,
	QUEUE_WAKE_BLOCKED,
	QUEUE__MAX
};

/* Nobody has it; a lease that no process can have is of another clock. */
#define QUEUE_IS_FREE(now, max)                                                \
	"(lease_until <= " now " OR lease_until > " max ")"

/*
 * What is behind an item (enum queue_state).  Only tables of queues have these
 * columns.
 */
#define QUEUE_HAS_FAILED "attempts > 0"
#define QUEUE_IS_AWAY "away_since IS NOT NULL"
#define QUEUE_FAILS "failing_since IS NOT NULL" /* either of them */
#define QUEUE_IS_LIMITED "COALESCE(cause, '') = 'rate-limited'"
/* Until somebody asks for it, it is not tried soon, or not at all. */
#define QUEUE_IS_STUCK "(status = 'parked' OR " QUEUE_FAILS ")"

/* All that is behind it is forgotten, so that it is fresh. */
#define QUEUE_FORGET                                                           \
	"attempts = 0, failing_since = NULL, away_since = NULL,"               \
	" cause = NULL, error = NULL"
/*
 * Since when it fails, if it goes on: while the CA was away, until ?4, was no
 * time of that.
 */
#define QUEUE_FAILING_SINCE                                                    \
	"failing_since + CAST(?4 AS BIGINT) - COALESCE(away_since,"            \
	" CAST(?4 AS BIGINT))"

/* `object` is the column whose number QUEUE_HELD gives. */
#define QUEUE_STATEMENTS(table, object)                                        \
	[QUEUE_HELD] =                                                         \
	    "SELECT " object " FROM " table " WHERE id = ?1 AND lease = ?2",   \
	[QUEUE_SET_ORDER] = "UPDATE " table " SET upstream_order_id = ?3"      \
			    " WHERE id = ?1 AND lease = ?2",                   \
	[QUEUE_DONE] = "DELETE FROM " table " WHERE id = ?1 AND lease = ?2",   \
	[QUEUE_PUT_BACK] =                                                     \
	    "UPDATE " table " SET lease_until = 0, retry_at = ?3,"             \
	    " failing_since = CASE WHEN " QUEUE_HAS_FAILED                     \
	    " THEN " QUEUE_FAILING_SINCE " END, away_since = NULL,"            \
	    " cause = COALESCE(?5,"                                            \
	    " CASE WHEN " QUEUE_HAS_FAILED " THEN cause END),"                 \
	    " error = COALESCE(?6,"                                            \
	    " CASE WHEN " QUEUE_HAS_FAILED " THEN error END)"                  \
	    " WHERE id = ?1 AND lease = ?2",                                   \
	[QUEUE_FAIL] =                                                         \
	    "UPDATE " table " SET lease_until = 0, retry_at = ?3,"             \
	    " attempts = attempts + 1, away_since = NULL, failing_since ="     \
	    " COALESCE(" QUEUE_FAILING_SINCE ", CAST(?4 AS BIGINT)),"          \
	    " cause = ?5, error = ?6,"                                         \
	    " upstream_order_id = CASE WHEN CAST(?7 AS BIGINT) = 1"            \
	    " THEN NULL ELSE upstream_order_id END,"                           \
	    " status = CASE WHEN CAST(?8 AS BIGINT) = 1"                       \
	    " THEN 'parked' ELSE status END WHERE id = ?1 AND lease = ?2",     \
	[QUEUE_PUT_OFF] =                                                      \
	    "UPDATE " table " SET lease_until = 0, retry_at = ?3,"             \
	    " failing_since = COALESCE(failing_since, CAST(?4 AS BIGINT)),"    \
	    " away_since = COALESCE(away_since, CAST(?4 AS BIGINT)),"          \
	    " cause = ?5, error = ?6, upstream_order_id ="                     \
	    " CASE WHEN CAST(?7 AS BIGINT) = 1 THEN NULL"                      \
	    " ELSE upstream_order_id END WHERE id = ?1 AND lease = ?2",        \
	[QUEUE_WAKE_BLOCKED] = "UPDATE " table " SET retry_at = ?1"            \
			       " WHERE cause = 'blocked'"                      \
			       " AND status = 'parked' AND retry_at > ?1"

/* Whether it is held still, and its object.  KIND_BUSY: by another. */
int queue_held(struct store *st, enum stmt_module m,
    const struct queue_hold *hold, int64_t *object, struct err *e);

int queue_set_order(struct store *st, enum stmt_module m,
    const struct queue_hold *hold, int64_t upstream_order_id, struct err *e);

/* These two do nothing when the hold is lost. */
int queue_done(struct store *st, enum stmt_module m,
    const struct queue_hold *hold, struct err *e);
int queue_put_back(struct store *st, enum stmt_module m,
    const struct queue_hold *hold, const struct queue_wait *w, struct err *e);

/*
 * A name is blocked or disabled no more: what is parked for that, in all
 * queues, is looked at at once.
 */
int queue_wake_blocked(struct store *st, struct err *e);

int queue_fail(struct store *st, enum stmt_module m,
    const struct queue_hold *hold, const struct queue_failure *f,
    struct err *e);

#endif
