#include "store/store.h"

#include <errno.h>
#include <libgen.h>

#include "store/schema.h"
#include "store/stmt.h"
#include "sys/file.h"

#define DIRECTORY_MODE 02770

static int
check_version(struct db *db, const char *url, struct err *e)
{
	int have = db_version(db, e), want = schema_version();

	if (have < 0)
		return -1;
	if (have > want)
		return err_set(e, KIND_CONF,
		    "%s: the store has version %d, made by a newer acmed; this "
		    "one knows %d and leaves it alone",
		    url, have, want);
	if (have == 0)
		return err_set(e, KIND_CONF,
		    "%s: the store is not complete; run acmed-store init", url);
	if (have < want)
		return err_set(e, KIND_CONF,
		    "%s: the store has version %d, this acmed needs %d; run "
		    "acmed-store migrate",
		    url, have, want);
	return 0;
}

/* For a program a store that is not there is a wrong configuration. */
static struct db *
open_existing(const char *url, enum db_mode mode, struct err *e)
{
	struct err first = {0};
	struct db *db = db_open(url, mode, &first);

	if (db)
		return db;
	if (first.kind == KIND_NOTFOUND)
		err_set(e, KIND_CONF, "%s; run acmed-store init", first.text);
	else if (!err_is_set(e))
		*e = first;
	return NULL;
}

struct store *
store_open(const char *url, enum store_mode mode, struct err *e)
{
	struct db *db =
	    open_existing(url, mode == STORE_READ ? DB_READ : DB_WRITE, e);
	struct store *st;

	if (!db)
		return NULL;
	if (check_version(db, url, e) < 0) {
		db_close(db);
		return NULL;
	}
	st = xcalloc(1, sizeof(*st));
	st->db = db;
	st->actor = xstrdup(program_invocation_short_name);
	return st;
}

void
store_close(struct store *st)
{
	if (!st)
		return;
	stmt_cache_release(&st->stmts);
	db_close(st->db);
	free(st->actor);
	free(st);
}

static int
make_directory(const char *url, struct err *e)
{
	char *path = db_path(url, e);
	int rc = path ? file_mkdir(dirname(path), DIRECTORY_MODE, e) : -1;

	free(path);
	return rc;
}

/* A file of version 0 is what an interrupted run leaves; it is taken over. */
static struct db *
create_or_resume(const char *url, struct err *e)
{
	struct err first = {0};
	struct db *db = db_open(url, DB_CREATE, &first);

	if (db)
		return db;
	if (first.kind != KIND_CONFLICT) {
		*e = first;
		return NULL;
	}
	db = db_open(url, DB_WRITE, e);
	if (db && db_version(db, e) != 0) {
		err_set(e, KIND_CONFLICT, "%s", first.text);
		db_close(db);
		db = NULL;
	}
	return db;
}

/* Another process may take some of the steps at the same time. */
static int
run_steps(struct db *db, struct err *e)
{
	size_t i;

	for (i = 0; i < schema_steps_len; i++) {
		const struct schema_step *s = &schema_steps[i];
		int have = db_version(db, e);

		if (have < 0)
			return -1;
		if (s->version <= have ||
		    db_migrate(db, s->sql, s->version, e) == 0)
			continue;
		if (e->kind != KIND_CONFLICT || db_version(db, e) < s->version)
			return -1;
		err_clear(e);
	}
	return 0;
}

int
store_create(const char *url, struct err *e)
{
	struct db *db;
	int rc;

	if (make_directory(url, e) < 0)
		return -1;
	db = create_or_resume(url, e);
	if (!db)
		return -1;
	rc = run_steps(db, e);
	db_close(db);
	return rc;
}

int
store_migrate(const char *url, int *from, int *to, struct err *e)
{
	struct db *db = open_existing(url, DB_WRITE, e);
	int have, rc = -1;

	if (!db)
		return -1;
	have = db_version(db, e);
	if (have < 0)
		goto out;
	if (have == 0 || have > schema_version()) {
		check_version(db, url, e);
		goto out;
	}
	rc = run_steps(db, e);
	*from = have;
	*to = schema_version();
out:
	db_close(db);
	return rc;
}

void
store_set_actor(struct store *st, const char *actor)
{
	free(st->actor);
	st->actor = xstrdup(actor);
}

char *
store_file(const char *url, const char *name, struct err *e)
{
	char *path = db_path(url, e);
	char *real = path ? realpath(path, NULL) : NULL;
	char *result = NULL;

	if (path)
		result = xasprintf("%s/%s", dirname(real ? real : path), name);
	free(real);
	free(path);
	return result;
}

int
store_backup(struct store *st, const char *path, struct err *e)
{
	return db_backup(st->db, path, e);
}

int
store_checkpoint(struct store *st, struct err *e)
{
	return db_checkpoint(st->db, e);
}
