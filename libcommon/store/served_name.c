#include "store/served_name.h"

#include "base/str.h"
#include "store/certificate.h"
#include "store/stmt.h"
#include "sys/clock.h"

enum {
	SERVED_ADD,
	SERVED_PART,
	SERVED_ARRIVED,
	SERVED_EACH_OF
};

static const char *const sql[] = {
    [SERVED_ADD] = "INSERT INTO served_names (id, certificate_id)"
		   " VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
    [SERVED_PART] =
	"INSERT INTO served_names (id, certificate_id, told, told_at)"
	" SELECT q.id, r.certificate_id, CASE WHEN CAST(?3 AS BIGINT) = 1"
	" THEN 'ok' ELSE r.told END, r.told_at"
	" FROM domain_queue q JOIN renewal_configurations r ON r.id = ?2"
	" WHERE q.name = ?1 AND r.certificate_id IS NOT NULL"
	" ON CONFLICT (id) DO NOTHING",
    [SERVED_ARRIVED] =
	"UPDATE renewal_configurations SET told = 'failing', told_at = ?2"
	" WHERE id = ?1 AND told = 'ok' AND backup_of_id IS NULL AND EXISTS"
	" (SELECT 1 FROM fqdn_set_members m"
	" JOIN domains d ON d.id = m.domain_id"
	" JOIN domain_queue q ON q.name = d.value"
	" JOIN served_names s ON s.id = q.id"
	" WHERE m.fqdn_set_id = renewal_configurations.fqdn_set_id"
	" AND s.told <> 'ok')",
    [SERVED_EACH_OF] = "SELECT q.name FROM served_names s"
		       " JOIN domain_queue q ON q.id = s.id"
		       " WHERE s.certificate_id = ?1 ORDER BY s.id",
};

const struct stmt_table served_name_stmts = {
    "served_name", sql, ARRAY_LEN(sql)};

#define M STMT_SERVED_NAME

/* ---- reading ------------------------------------------------------------- */

int
served_name_life(struct store *st, const char *name, int64_t certificate_id,
    struct served_life *out, struct err *e)
{
	struct certificate c;
	int rc = certificate_serving(st, name, clock_now(), &c, e);

	*out = (struct served_life){0};
	if (rc < 0 &&
	    (err_forgive(e, KIND_NOTFOUND) < 0 ||
		certificate_by_id(st, certificate_id, &c, e) < 0))
		return -1;
	*out = (struct served_life){c.not_before, c.not_after};
	certificate_release(&c);
	return 0;
}

int
served_name_each_of(struct store *st, int64_t certificate_id,
    int (*fn)(void *arg, const char *name, struct err *e), void *arg,
    struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, M, SERVED_EACH_OF, e, "i", certificate_id);
	struct strv names = {0};
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0)
		strv_add(&names, db_text(s, 0));
	for (size_t i = 0; rc == 0 && i < names.len; i++)
		rc = fn(arg, names.v[i], e);
	strv_release(&names);
	return rc;
}

/* ---- changing ------------------------------------------------------------ */

int
served_name_note(struct store *st, int64_t id, const char *name, struct err *e)
{
	struct certificate c;
	int64_t now = clock_now();
	int rc = 0;

	if (certificate_serving(st, name, now, &c, e) < 0)
		return err_forgive(e, KIND_NOTFOUND);
	if (c.not_after >= now &&
	    (strcmp(c.source, "order") == 0 || strcmp(c.source, "import") == 0))
		rc =
		    stmt_run(st, M, SERVED_ADD, e, "ii", id, c.id) < 0 ? -1 : 0;
	certificate_release(&c);
	return rc;
}

int
served_name_note_parted(struct store *st, const char *name,
    int64_t configuration, bool is_to_blame, struct err *e)
{
	return stmt_run(st, M, SERVED_PART, e, "tii", name, configuration,
		   (int64_t)is_to_blame) < 0
	    ? -1
	    : 0;
}

int
served_name_arrived(struct store *st, int64_t configuration, struct err *e)
{
	return stmt_run(st, M, SERVED_ARRIVED, e, "ii", configuration,
		   clock_now()) < 0
	    ? -1
	    : 0;
}
