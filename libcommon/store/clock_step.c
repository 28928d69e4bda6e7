#include "store/clock_step.h"

#include "store/queue_part.h"
#include "store/renewal_info.h"
#include "store/stmt.h"
#include "sys/clock.h"

enum {
	CLOCK_STEP_RENEWALS,
	CLOCK_STEP_NAMES,
	CLOCK_STEP_DEPLOYMENTS,
	CLOCK_STEP_INFOS, /* of the CA ?4; ?3 is never */
	CLOCK_STEP_NEXT_CA,
	CLOCK_STEP_ORDERS,
	CLOCK_STEP_RESTS,
	CLOCK_STEP_AUTHORIZATIONS,
	CLOCK_STEP_CAS,
	CLOCK_STEP_ACCOUNTS
};

/* ?1 is now, ?2 the most of our own, ?3 the most of a CA, but in the last. */
#define NOW "CAST(?1 AS BIGINT)"
/* Not what a CA put off that is away, which has its own time (upstream_cas). */
#define IS_LIMIT QUEUE_IS_LIMITED
#define IS_LIMIT_OF_QUEUE "NOT " QUEUE_FAILS " OR " IS_LIMIT
#define IS_TOO_LATE(of_ca)                                                     \
	"retry_at > ?2 AND (retry_at > ?3 OR NOT (" of_ca "))"
#define NO_FAILURE_AHEAD                                                       \
	"failing_since = CASE WHEN failing_since > ?1 THEN " NOW               \
	" ELSE failing_since END"
#define NO_ABSENCE_AHEAD                                                       \
	"away_since = CASE WHEN away_since > ?1 THEN " NOW                     \
	" ELSE away_since END"
#define NO_ADDITION_AHEAD                                                      \
	"added = CASE WHEN added > ?1 THEN " NOW " ELSE added END"
#define OPEN "('new', 'pending', 'ready', 'processing', 'issued')"

static const char *const sql[] = {
    [CLOCK_STEP_RENEWALS] =
	"UPDATE renewal_queue SET retry_at = " NOW ", " NO_FAILURE_AHEAD
	", " NO_ABSENCE_AHEAD ", " NO_ADDITION_AHEAD
	" WHERE id > 0 AND " IS_TOO_LATE(
	    "status = 'parked' OR " IS_LIMIT_OF_QUEUE),
    [CLOCK_STEP_NAMES] =
	"UPDATE domain_queue SET retry_at = " NOW ", " NO_FAILURE_AHEAD
	", " NO_ABSENCE_AHEAD ", " NO_ADDITION_AHEAD
	" WHERE domain_template_id IN"
	" (SELECT t.id FROM domain_templates t WHERE t.id > 0)"
	" AND status = 'waiting' AND " IS_TOO_LATE(IS_LIMIT_OF_QUEUE),
    [CLOCK_STEP_DEPLOYMENTS] =
	"UPDATE deployments SET retry_at = " NOW ", " NO_FAILURE_AHEAD
	" WHERE deploy_target_id IN"
	" (SELECT t.id FROM deploy_targets t WHERE t.id > 0)"
	" AND status <> 'done' AND retry_at > ?2",
    [CLOCK_STEP_INFOS] =
	"UPDATE renewal_infos SET retry_at = " NOW
	" WHERE upstream_ca_id = ?4 AND retry_at > ?2 AND retry_at < ?3",
    [CLOCK_STEP_NEXT_CA] =
	"SELECT id FROM upstream_cas WHERE id > ?1 ORDER BY id LIMIT 1",
    [CLOCK_STEP_ORDERS] =
	"UPDATE upstream_orders SET retry_at = " NOW " WHERE status IN " OPEN
	" AND " IS_TOO_LATE(IS_LIMIT),
    [CLOCK_STEP_RESTS] =
	"UPDATE upstream_orders SET retry_at = " NOW
	" WHERE upstream_account_id > 0 AND alternates IS NOT NULL"
	" AND " IS_TOO_LATE(IS_LIMIT),
    [CLOCK_STEP_AUTHORIZATIONS] =
	"UPDATE upstream_authorizations SET retry_at = " NOW
	" WHERE status = 'pending' AND retry_at > ?2",
    [CLOCK_STEP_CAS] =
	"UPDATE upstream_cas SET retry_at = CASE WHEN retry_at > ?1 THEN 0"
	" ELSE retry_at END, register_at = CASE WHEN register_at > ?1 THEN 0"
	" ELSE register_at END, away_until = CASE WHEN away_until > ?2 THEN 0"
	" ELSE away_until END WHERE id > 0"
	" AND (retry_at > ?1 OR register_at > ?1 OR away_until > ?2)",
    [CLOCK_STEP_ACCOUNTS] = ("UPDATE upstream_accounts SET retry_at = 0"
			     " WHERE id > 0 AND retry_at > ?1"),
};

const struct stmt_table clock_step_stmts = {"clock_step", sql, ARRAY_LEN(sql)};

#define M STMT_CLOCK_STEP

static int
forget_infos(struct store *st, int64_t now, struct err *e)
{
	int64_t ca = 0;
	int rc;

	while ((rc = stmt_int(st, M, CLOCK_STEP_NEXT_CA, &ca, e, "i", ca)) > 0)
		if (stmt_run(st, M, CLOCK_STEP_INFOS, e, "iiii", now,
			now + CLOCK_STEP_INFO, RENEWAL_INFO_NEVER, ca) < 0)
			return -1;
	return rc;
}

static int
forget(void *arg, struct err *e)
{
	static const size_t of_both[] = {CLOCK_STEP_RENEWALS, CLOCK_STEP_NAMES,
	    CLOCK_STEP_ORDERS, CLOCK_STEP_RESTS};
	struct store *st = arg;
	int64_t now = clock_now(), own = now + CLOCK_STEP_OWN;
	int64_t ca = now + CLOCK_STEP_CA;

	for (size_t i = 0; i < ARRAY_LEN(of_both); i++)
		if (stmt_run(st, M, of_both[i], e, "iii", now, own, ca) < 0)
			return -1;
	if (stmt_run(st, M, CLOCK_STEP_AUTHORIZATIONS, e, "ii", now, own) < 0 ||
	    stmt_run(st, M, CLOCK_STEP_DEPLOYMENTS, e, "ii", now, own) < 0 ||
	    forget_infos(st, now, e) < 0 ||
	    stmt_run(st, M, CLOCK_STEP_CAS, e, "ii", ca, own) < 0 ||
	    stmt_run(st, M, CLOCK_STEP_ACCOUNTS, e, "i", ca) < 0)
		return -1;
	return 0;
}

int
clock_step_forget(struct store *st, struct err *e)
{
	return db_transaction(st->db, DB_QUICK, forget, st, e);
}
