#include "store/store.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/ca_certificate.h"
#include "store/certificate.h"
#include "store/schema.h"
#include "store/stmt.h"
#include "sys/file.h"

#define DIRECTORY_MODE 02770
#define SCHEMA_MAX ((size_t)1024 * 1024) /* bytes of all steps */

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

int
store_load(
    const char *url, struct strv *files, struct strv *ports, struct err *e)
{
	return db_load(url, files, ports, e);
}

bool
store_is_lost(const struct store *st)
{
	return db_is_lost(st->db);
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

/* As it is written; the caller frees. */
static char *
directory_of(const char *url, const char *directory, struct err *e)
{
	char *path, *result = NULL;

	if (!db_is_file(url)) {
		if (directory)
			return xstrdup(directory);
		err_set(e, KIND_CONF, "the store has no directory here");
		return NULL;
	}
	path = db_path(url, e);
	if (path)
		result = xstrdup(dirname(path));
	free(path);
	return result;
}

static int
make_directory(const char *url, const char *directory, struct err *e)
{
	char *path = directory_of(url, directory, e);
	int rc = path ? file_mkdir(path, DIRECTORY_MODE, e) : -1;

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
		    db_migrate(db, s->sql, have, s->version, e) == 0)
			continue;
		if (e->kind != KIND_CONFLICT || db_version(db, e) < s->version)
			return -1;
		err_clear(e);
	}
	return 0;
}

/* All steps at once: what is not complete is nothing. */
static int
make_schema(struct db *db, struct err *e)
{
	struct buf sql;
	int rc;

	buf_init(&sql, SCHEMA_MAX);
	for (size_t i = 0; i < schema_steps_len; i++)
		buf_adds(&sql, schema_steps[i].sql);
	rc = sql.full ? err_set(e, KIND_BUG, "the schema is too long")
		      : db_migrate(db, sql.data, 0, schema_version(), e);
	buf_release(&sql);
	/* Another process may be making the same. */
	if (rc < 0 && e->kind == KIND_CONFLICT &&
	    db_version(db, e) == schema_version()) {
		err_clear(e);
		rc = 0;
	}
	return rc;
}

int
store_create(const char *url, const char *directory, struct err *e)
{
	struct db *db;
	int rc;

	if (make_directory(url, directory, e) < 0)
		return -1;
	db = create_or_resume(url, e);
	if (!db)
		return -1;
	rc = make_schema(db, e);
	db_close(db);
	return rc;
}

/* Whether the directory is one that we make, and not yet of the group. */
static bool
is_to_share(const char *directory, gid_t gid)
{
	struct stat st;

	return stat(directory, &st) == 0 &&
	    (st.st_mode & 07777) == DIRECTORY_MODE && st.st_gid != gid;
}

static int
give_to_group(struct db *db, const char *directory, gid_t gid, struct err *e)
{
	const uid_t same = (uid_t)-1;
	struct strv paths = {0};
	int rc = db_files(db, &paths, e);

	for (size_t i = 0; rc == 0 && i < paths.len; i++)
		if (lchown(paths.v[i], same, gid) < 0)
			rc = err_sys(
			    e, "%s: cannot change its group", paths.v[i]);
	/* Its group may write to it from now on; a chown clears the bits. */
	if (rc == 0 &&
	    (chown(directory, same, gid) < 0 ||
		chmod(directory, DIRECTORY_MODE) < 0))
		rc = err_sys(e, "%s: cannot change its group", directory);
	strv_release(&paths);
	return rc;
}

int
store_share(
    const char *url, const char *directory, const char *group, struct err *e)
{
	const struct group *gr = getgrnam(group);
	char *real;
	struct db *db;
	int rc = 0;

	if (!gr)
		return err_set(
		    e, KIND_CONF, "[store] group %s: no such group", group);
	real = store_file(url, directory, ".", e);
	if (!real)
		return -1;
	if (is_to_share(real, gr->gr_gid)) {
		db = open_existing(url, DB_WRITE, e);
		rc = db ? give_to_group(db, real, gr->gr_gid, e) : -1;
		db_close(db);
	}
	free(real);
	return rc;
}

/* What new columns hold of what is there. */
static int
fill(const char *url, struct err *e)
{
	struct store *st = store_open(url, STORE_WRITE, e);
	int rc = -1;

	if (st && certificate_fill(st, e) == 0 &&
	    ca_certificate_fill(st, e) == 0)
		rc = 0;
	store_close(st);
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
	return rc == 0 ? fill(url, e) : -1;
}

int
store_transaction(struct store *st, int (*fn)(void *arg, struct err *e),
    void *arg, struct err *e)
{
	return db_transaction(st->db, DB_DURABLE, fn, arg, e);
}

int
store_snapshot(struct store *st, int (*fn)(void *arg, struct err *e), void *arg,
    struct err *e)
{
	return db_snapshot(st->db, fn, arg, e);
}

void
store_set_actor(struct store *st, const char *actor)
{
	free(st->actor);
	st->actor = xstrdup(actor);
	st->last_event = 0;
}

char *
store_file(
    const char *url, const char *directory, const char *name, struct err *e)
{
	char *path, *real, *result = NULL;

	if (!db_is_file(url)) {
		path = directory_of(url, directory, e);
		if (path)
			result = xasprintf("%s/%s", path, name);
		free(path);
		return result;
	}
	path = db_path(url, e);
	real = path ? realpath(path, NULL) : NULL;

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

void
store_set_cache(struct store *st, int64_t bytes)
{
	db_set_cache(st->db, bytes);
}

int
store_checkpoint(struct store *st, struct err *e)
{
	return db_checkpoint(st->db, e);
}
