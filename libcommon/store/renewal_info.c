#include "store/renewal_info.h"

#include "store/renewal_configuration.h"
#include "store/stmt.h"
#include "sys/clock.h"

#define PAGE 1000
#define DAY 86400

enum {
	RENEWAL_INFO_KEEP,
	RENEWAL_INFO_POSTPONE,
	RENEWAL_INFO_LOAD,
	RENEWAL_INFO_DIRECTORY,
	RENEWAL_INFO_SETTLE,
	RENEWAL_INFO_DUE,
	RENEWAL_INFO_BEGIN
};

#define IS_OF_USE "c.status = 'valid' AND c.not_after > CAST(?2 AS BIGINT)"

/* Nothing is ordered before somebody is back. */
#define IS_PARKED                                                              \
	"EXISTS (SELECT 1 FROM renewal_configurations r JOIN renewal_queue q"  \
	" ON q.renewal_configuration_id = r.id"                                \
	" WHERE r.certificate_id = c.id AND q.status = 'parked')"

static const char *const sql[] = {
    [RENEWAL_INFO_KEEP] =
	"INSERT INTO renewal_infos (certificate_id, upstream_ca_id,"
	" window_start, window_end, chosen, explanation_url, fetched, retry_at)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
	" ON CONFLICT (certificate_id) DO UPDATE SET"
	" upstream_ca_id = excluded.upstream_ca_id,"
	" window_start = excluded.window_start,"
	" window_end = excluded.window_end,"
	" chosen = CASE WHEN renewal_infos.chosen >= excluded.window_start"
	" AND renewal_infos.chosen < excluded.window_end"
	" THEN renewal_infos.chosen ELSE excluded.chosen END,"
	" explanation_url = excluded.explanation_url,"
	" fetched = excluded.fetched, retry_at = excluded.retry_at",
    [RENEWAL_INFO_POSTPONE] =
	"INSERT INTO renewal_infos (certificate_id, upstream_ca_id,"
	" window_start, window_end, chosen, fetched, retry_at)"
	" VALUES (?1, ?2, 0, 0, 0, 0, ?3)"
	" ON CONFLICT (certificate_id) DO UPDATE SET"
	" retry_at = excluded.retry_at",
    [RENEWAL_INFO_LOAD] =
	("SELECT certificate_id, upstream_ca_id, window_start, window_end,"
	 " chosen, explanation_url, fetched, retry_at FROM renewal_infos"
	 " WHERE certificate_id = ?1"),
    [RENEWAL_INFO_DIRECTORY] =
	"SELECT directory_url FROM upstream_accounts WHERE id = COALESCE("
	"(SELECT o.upstream_account_id FROM upstream_orders o"
	" WHERE o.certificate_id = ?1 ORDER BY o.id DESC LIMIT 1),"
	" (SELECT l.upstream_account_id FROM lineages l"
	" WHERE l.fqdn_set_id = (SELECT c.fqdn_set_id FROM certificates c"
	" WHERE c.id = ?1 AND c.source = 'import')"
	" AND COALESCE(l.upstream_account_id, 0) <> 0"
	" ORDER BY l.id DESC LIMIT 1))",
    [RENEWAL_INFO_SETTLE] =
	"UPDATE renewal_infos SET retry_at = CASE WHEN EXISTS"
	" (SELECT 1 FROM certificates c WHERE c.id = certificate_id"
	" AND " IS_OF_USE " AND (c.active = 0 OR " IS_PARKED
	")) THEN CAST(?3 AS BIGINT)"
	" ELSE CAST(?4 AS BIGINT) END"
	" WHERE upstream_ca_id = ?1 AND retry_at <= ?2 AND NOT EXISTS"
	" (SELECT 1 FROM certificates c WHERE c.id = certificate_id"
	" AND c.active = 1 AND " IS_OF_USE " AND NOT " IS_PARKED
	" AND NOT EXISTS"
	" (SELECT 1 FROM upstream_orders o WHERE o.replaces_id = c.id"
	" AND o.status = 'valid'))",
    [RENEWAL_INFO_DUE] = "SELECT certificate_id, retry_at FROM renewal_infos"
			 " WHERE upstream_ca_id = ?1 AND retry_at <= ?2"
			 " AND (retry_at, certificate_id) > (?3, ?4)"
			 " ORDER BY retry_at, certificate_id LIMIT ?5",
    [RENEWAL_INFO_BEGIN] =
	"INSERT INTO renewal_infos (certificate_id, upstream_ca_id,"
	" window_start, window_end, chosen, fetched, retry_at)"
	" SELECT CAST(?1 AS BIGINT), u.id, 0, 0, 0, 0, 0"
	" FROM upstream_orders o"
	" JOIN upstream_accounts a ON a.id = o.upstream_account_id"
	" JOIN upstream_cas u ON u.directory_url = a.directory_url"
	" WHERE o.id = ?2"
	" ON CONFLICT (certificate_id) DO NOTHING",
};

const struct stmt_table renewal_info_stmts = {
    "renewal_info", sql, ARRAY_LEN(sql)};

struct change {
	struct store *st;
	const struct renewal_info *r;
};

static int
keep(void *arg, struct err *e)
{
	const struct change *c = arg;
	const struct renewal_info *r = c->r;

	if (stmt_run(c->st, STMT_RENEWAL_INFO, RENEWAL_INFO_KEEP, e, "iiiiitii",
		r->certificate_id, r->upstream_ca_id, r->window_start,
		r->window_end, r->chosen, r->explanation_url, clock_now(),
		r->retry_at) < 0)
		return -1;
	return renewal_configuration_refresh(c->st, r->certificate_id, e);
}

int
renewal_info_keep(struct store *st, const struct renewal_info *r, struct err *e)
{
	struct change c = {.st = st, .r = r};

	return db_transaction(st->db, DB_QUICK, keep, &c, e);
}

static int
postpone(void *arg, struct err *e)
{
	const struct change *c = arg;

	return stmt_run(c->st, STMT_RENEWAL_INFO, RENEWAL_INFO_POSTPONE, e,
		   "iii", c->r->certificate_id, c->r->upstream_ca_id,
		   c->r->retry_at) < 0
	    ? -1
	    : 0;
}

int
renewal_info_postpone(struct store *st, int64_t certificate_id,
    int64_t upstream_ca_id, int64_t retry_at, struct err *e)
{
	const struct renewal_info r = {.certificate_id = certificate_id,
	    .upstream_ca_id = upstream_ca_id,
	    .retry_at = retry_at};
	struct change c = {.st = st, .r = &r};

	return db_transaction(st->db, DB_QUICK, postpone, &c, e);
}

int
renewal_info_load(struct store *st, int64_t certificate_id,
    struct renewal_info *r, struct err *e)
{
	struct db_stmt *s = stmt_query(
	    st, STMT_RENEWAL_INFO, RENEWAL_INFO_LOAD, e, "i", certificate_id);
	int rc = s ? db_step(s, e) : -1;

	*r = (struct renewal_info){0};
	if (rc == 0)
		return err_set(e, KIND_NOTFOUND, "no renewal information");
	if (rc < 0)
		return -1;
	r->certificate_id = db_int(s, 0);
	r->upstream_ca_id = db_int(s, 1);
	r->window_start = db_int(s, 2);
	r->window_end = db_int(s, 3);
	r->chosen = db_int(s, 4);
	r->explanation_url = stmt_text_dup(s, 5);
	r->fetched = db_int(s, 6);
	r->retry_at = db_int(s, 7);
	db_reset(s);
	return 0;
}

int
renewal_info_directory(struct store *st, int64_t certificate_id,
    char **directory_url, struct err *e)
{
	struct db_stmt *s = stmt_query(st, STMT_RENEWAL_INFO,
	    RENEWAL_INFO_DIRECTORY, e, "i", certificate_id);
	int rc = s ? db_step(s, e) : -1;

	*directory_url = NULL;
	if (rc < 0)
		return -1;
	if (rc > 0) {
		*directory_url = stmt_text_dup(s, 0);
		db_reset(s);
	}
	if (rc > 0 && (*directory_url)[0])
		return 0;
	free(*directory_url);
	*directory_url = NULL;
	return err_set(e, KIND_DENIED,
	    "certificate/%lld: no account of ours has got it from a CA",
	    (long long)certificate_id);
}

/* ---- what is due --------------------------------------------------------- */

struct settling {
	struct store *st;
	int64_t upstream_ca_id, now;
};

static int
settle(void *arg, struct err *e)
{
	const struct settling *x = arg;

	return stmt_run(x->st, STMT_RENEWAL_INFO, RENEWAL_INFO_SETTLE, e,
		   "iiii", x->upstream_ca_id, x->now, x->now + DAY,
		   RENEWAL_INFO_NEVER) < 0
	    ? -1
	    : 0;
}

int
renewal_info_settle(
    struct store *st, int64_t upstream_ca_id, int64_t now, struct err *e)
{
	struct settling x = {st, upstream_ca_id, now};

	return db_transaction(st->db, DB_QUICK, settle, &x, e);
}

int
renewal_info_due(struct store *st, int64_t upstream_ca_id, int64_t now,
    size_t max, int64_t **certificate_ids, size_t *len, struct err *e)
{
	int64_t retry_at = -1, id = 0;
	size_t page;
	int rc;

	*certificate_ids = NULL;
	*len = 0;
	do {
		size_t want = max - *len < PAGE ? max - *len : PAGE;
		struct db_stmt *s = stmt_query(st, STMT_RENEWAL_INFO,
		    RENEWAL_INFO_DUE, e, "iiiii", upstream_ca_id, now, retry_at,
		    id, (int64_t)want);

		*certificate_ids = xreallocarray(*certificate_ids,
		    *len + want + 1, sizeof(**certificate_ids));
		rc = -1;
		for (page = 0; s && (rc = db_step(s, e)) > 0; page++) {
			id = db_int(s, 0);
			retry_at = db_int(s, 1);
			(*certificate_ids)[(*len)++] = id;
		}
	} while (rc == 0 && page == PAGE && *len < max);
	return rc;
}

int
renewal_info_begin(struct store *st, int64_t certificate_id,
    int64_t upstream_order_id, struct err *e)
{
	return stmt_run(st, STMT_RENEWAL_INFO, RENEWAL_INFO_BEGIN, e, "ii",
		   certificate_id, upstream_order_id) < 0
	    ? -1
	    : 0;
}

void
renewal_info_release(struct renewal_info *r)
{
	if (!r)
		return;
	free(r->explanation_url);
	*r = (struct renewal_info){0};
}
