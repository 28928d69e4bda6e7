#include "store/check_part.h"

/* Each gives a row per violation: the number of the object. */
enum {
	CHECK_DEPLOY_NOTHING,
	CHECK_DEPLOY_MISSED,
	CHECK_DEPLOY_SERVED,
	CHECK_DEPLOY_DONE,
	CHECK_DEPLOY__MAX
};

static const char *const sql[] = {
    [CHECK_DEPLOY_NOTHING] =
	"SELECT d.id FROM deployments d WHERE NOT EXISTS"
	" (SELECT 1 FROM domains n"
	" WHERE n.served_certificate_id = d.certificate_id)",
    [CHECK_DEPLOY_MISSED] =
	"SELECT t.id FROM deploy_targets t WHERE t.scope = 'all' AND EXISTS"
	" (SELECT 1 FROM domains n WHERE n.served_certificate_id IS NOT NULL"
	" AND NOT EXISTS (SELECT 1 FROM deployments d"
	" WHERE d.deploy_target_id = t.id"
	" AND d.certificate_id = n.served_certificate_id))",
    [CHECK_DEPLOY_SERVED] =
	"SELECT n.id FROM domains n WHERE n.served_certificate_id IS NOT NULL"
	" AND NOT EXISTS (SELECT 1 FROM certificates c"
	" WHERE c.id = n.served_certificate_id)",
    [CHECK_DEPLOY_DONE] =
	"SELECT d.id FROM deployments d WHERE d.status = 'done' AND d.id IN"
	" (SELECT x.id FROM deployments x WHERE x.attempts > 0"
	" OR x.error IS NOT NULL)",
};
_Static_assert(ARRAY_LEN(sql) == CHECK_DEPLOY__MAX, "a statement per check");

const struct stmt_table check_deploy_stmts = {
    "check_deploy", sql, ARRAY_LEN(sql)};

static const struct check_text texts[] = {
    [CHECK_DEPLOY_NOTHING] = {"deployment",
	"of a certificate that serves no name"},
    [CHECK_DEPLOY_MISSED] = {"deploy_target",
	"a certificate that serves is none of its own"},
    [CHECK_DEPLOY_SERVED] = {"domain",
	"served by a certificate that is not there"},
    [CHECK_DEPLOY_DONE] = {"deployment", "done, but with a failure"},
};
_Static_assert(ARRAY_LEN(texts) == CHECK_DEPLOY__MAX, "a text per check");

int
check_deploy(struct checking *c, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < CHECK_DEPLOY__MAX; i++)
		rc = check_rows(c,
		    stmt_query(c->st, STMT_CHECK_DEPLOY, i, e, ""), &texts[i],
		    e);
	return rc;
}
