#include "store/renewal_info.h"

#include "store/renewal_configuration.h"
#include "store/stmt.h"
#include "sys/clock.h"

enum {
	RENEWAL_INFO_KEEP,
	RENEWAL_INFO_POSTPONE,
	RENEWAL_INFO_LOAD,
	RENEWAL_INFO_DUE
};

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
    [RENEWAL_INFO_DUE] = "SELECT certificate_id FROM renewal_infos"
			 " WHERE retry_at <= ?1 ORDER BY retry_at LIMIT ?2",
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
renewal_info_due(struct store *st, int64_t now, int64_t *certificate_ids,
    size_t max, size_t *len, struct err *e)
{
	struct db_stmt *s = stmt_query(st, STMT_RENEWAL_INFO, RENEWAL_INFO_DUE,
	    e, "ii", now, (int64_t)max);
	int rc = -1;

	*len = 0;
	while (s && (rc = db_step(s, e)) > 0)
		certificate_ids[(*len)++] = db_int(s, 0);
	return rc;
}

void
renewal_info_release(struct renewal_info *r)
{
	if (!r)
		return;
	free(r->explanation_url);
	*r = (struct renewal_info){0};
}
