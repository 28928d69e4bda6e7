/* Every statement of store/: does it prepare, is it answered by an index? */
#include <sys/stat.h>

#include "store.h"
#include "store/schema.h"

/*
 * What may be read whole: a table that stays small whatever the number of
 * certificates.
 */
static const char *const small[] = {"SCAN chains", "SCAN ca_preferences"};

/*
 * What may be sorted: the challenges of one authorization; where an index does
 * not end with the row's id, also the names of an order, the events of an
 * object; the chains of a certificate, the certificates of a name; the policies
 * of what is queued.
 */
static const char *const sorted[] = {"FROM authorizations a JOIN challenges",
    "cc.is_default DESC, cc.chain_id", "WHERE d.value IN (?1, ?2)",
    "WHERE m.domain_id = domains.id", "WHERE m.domain_id = d.id",
    "ORDER BY +c.not_after, +c.id", " WHERE o.url_id = ?1 ORDER BY i.position",
    "WHERE object_type = ?2 AND object_id = ?3", "SELECT DISTINCT r.policy"};

/* What PostgreSQL 15 does not understand in the same way, or at all. */
static const char *const foreign[] = {" OR IGNORE", " OR REPLACE", "rowid",
    "strftime", "GLOB", "INDEXED BY", "REPLACE INTO", "IFNULL", "datetime(",
    "\"", "`", " IS ?", "max(?", "min(?", "total("};

static bool
contains_one(const char *text, const char *const *list, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (strstr(text, list[i]))
			return true;
	return false;
}

static void
test_all_prepare(void **state)
{
	size_t m, i, n = 0;

	(void)state;
	for (m = 0; m < STMT__MAX; m++) {
		assert_true(stmt_tables[m]->len > 0);
		for (i = 0; i < stmt_tables[m]->len; i++) {
			struct db_stmt *s;

			assert_non_null(stmt_tables[m]->sql[i]);
			s = db_prepare(st->db, stmt_tables[m]->sql[i], &e);
			if (!s)
				fail_msg("%s %zu: %s", stmt_tables[m]->module,
				    i, e.detail);
			db_finalize(s);
			n++;
		}
	}
	assert_true(n > 70);
}

static void
check_plan(const char *module, const char *sql)
{
	struct buf plan;
	char *line, *end;

	buf_init(&plan, 10000);
	assert_ok(db_plan(st->db, sql, &plan, &e), &e);
	for (line = plan.data; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		if (str_starts(line, "SCAN ") &&
		    !contains_one(line, small, ARRAY_LEN(small)))
			fail_msg("%s: %s: %s", module, sql, line);
		if (str_starts(line, "SORT") &&
		    !contains_one(sql, sorted, ARRAY_LEN(sorted)))
			fail_msg("%s: %s: %s", module, sql, line);
	}
	buf_release(&plan);
}

/*
 * check*.c read the whole store, as it says; nothing else does.  The look for
 * children of a row is in plans of inserts too, where it is skipped at run
 * time: it is left out here, and test_children_are_found has the deletes.
 */
static void
test_no_scans(void **state)
{
	size_t m, i;

	(void)state;
	if (!engine_is_other())
		run_sql("PRAGMA foreign_keys = OFF");
	for (m = 0; m < STMT__MAX; m++)
		for (i = 0; !str_starts(stmt_tables[m]->module, "check") &&
		     i < stmt_tables[m]->len;
		     i++)
			check_plan(
			    stmt_tables[m]->module, stmt_tables[m]->sql[i]);
}

static void
test_subset(void **state)
{
	size_t m, i;

	(void)state;
	for (m = 0; m < STMT__MAX; m++)
		for (i = 0; i < stmt_tables[m]->len; i++)
			if (contains_one(stmt_tables[m]->sql[i], foreign,
				ARRAY_LEN(foreign)))
				fail_msg("%s: %s", stmt_tables[m]->module,
				    stmt_tables[m]->sql[i]);
	for (i = 0; i < schema_steps_len; i++)
		assert_null(strstr(schema_steps[i].sql, "AUTOINCREMENT"));
}

/* A foreign key whose rows are ever deleted needs an index on its child. */
static void
test_children_are_found(void **state)
{
	static const char *const lookups[] = {
	    "SELECT 1 FROM identifiers WHERE order_id = ?1",
	    "SELECT 1 FROM identifiers WHERE authorization_id = ?1",
	    "SELECT 1 FROM challenges WHERE authorization_id = ?1",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(lookups); i++)
		check_plan("foreign key", lookups[i]);
}

static void
test_versions(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < schema_steps_len; i++)
		assert_int_equal(schema_steps[i].version, (int)i + 1);
	assert_int_equal(schema_version(), (int)schema_steps_len);
	assert_int_equal(db_version(st->db, &e), schema_version());
}

static void
set_version(int version)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "%s = %d",
	    engine_is_other() ? "UPDATE acmed_version SET version"
			      : "PRAGMA user_version",
	    version);
	run_sql(sql);
}

static void
test_other_versions(void **state)
{
	int from, to;

	(void)state;
	assert_kind(store_create(test_url, test_dir, &e), KIND_CONFLICT, &e);
	assert_ok(store_migrate(test_url, &from, &to, &e), &e);
	assert_int_equal(from, to);

	set_version(schema_version() + 1);
	assert_null(store_open(test_url, STORE_READ, &e));
	assert_int_equal(e.kind, KIND_CONF);
	assert_non_null(strstr(e.text, "made by a newer acmed"));
	err_clear(&e);
	assert_kind(store_migrate(test_url, &from, &to, &e), KIND_CONF, &e);
	assert_int_equal(db_version(st->db, &e), schema_version() + 1);

	assert_null(store_open("/nowhere/acmed.sqlite", STORE_READ, &e));
	assert_int_equal(e.kind, KIND_CONF);
	assert_non_null(strstr(e.text, "acmed-store init"));
	err_clear(&e);
}

/* What an interrupted init leaves: an empty file, or a version alone. */
static void
test_resumes(void **state)
{
	char *dir = xasprintf("%s/second", test_dir);
	char url[ENGINE_URL_SIZE];
	struct store *s;

	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	if (engine_is_other()) {
		engine_url(url, sizeof(url));
		db_close(db_open(url, DB_CREATE, &e));
	} else {
		snprintf(url, sizeof(url), "%s/acmed.sqlite", dir);
		fclose(fopen(url, "w"));
	}
	assert_null(store_open(url, STORE_WRITE, &e));
	assert_non_null(strstr(e.text, "acmed-store init"));
	err_clear(&e);
	assert_ok(store_create(url, dir, &e), &e);
	s = store_open(url, STORE_WRITE, &e);
	assert_non_null(s);
	store_close(s);
	free(dir);
}

static void
test_paths(void **state)
{
	char *p = store_file("sqlite:/a/b.sqlite", NULL, "lock", &e);

	(void)state;
	assert_string_equal(p, "/a/lock");
	free(p);
	p = store_file("postgresql:///acmed", "/c", "lock", &e);
	assert_string_equal(p, "/c/lock");
	free(p);
	assert_null(store_file("b.sqlite", NULL, "lock", &e));
	assert_int_equal(e.kind, KIND_CONF);
	err_clear(&e);
	assert_null(store_file("postgresql:///acmed", NULL, "lock", &e));
	assert_int_equal(e.kind, KIND_CONF);
	err_clear(&e);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(
	test_all_prepare, store_setup, store_teardown),
    cmocka_unit_test_setup_teardown(test_no_scans, store_setup, store_teardown),
    cmocka_unit_test_setup_teardown(test_subset, store_setup, store_teardown),
    cmocka_unit_test_setup_teardown(
	test_children_are_found, store_setup, store_teardown),
    cmocka_unit_test_setup_teardown(test_versions, store_setup, store_teardown),
    cmocka_unit_test_setup_teardown(
	test_other_versions, store_setup, store_teardown),
    cmocka_unit_test_setup_teardown(test_resumes, store_setup, store_teardown),
    cmocka_unit_test_setup_teardown(test_paths, store_setup, store_teardown),
};

UNIT_MAIN(tests)
