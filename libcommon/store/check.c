#include "store/check.h"

#include <sys/stat.h>

#include "store/check_part.h"
#include "store/schema.h"

#define FILE_MODE 0660

void
check_add(struct checking *c, const char *object, int64_t id, const char *what)
{
	char *line = xasprintf("%s/%lld: %s", object, (long long)id, what);

	strv_add(c->problems, line);
	free(line);
}

int
check_rows(struct checking *c, struct db_stmt *s, const struct check_text *text,
    struct err *e)
{
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0)
		check_add(c, text->object, db_int(s, 0), text->problem);
	return rc;
}

static int
check_all(void *arg, struct err *e)
{
	struct checking *c = arg;

	if (check_states(c, e) < 0 || check_upstream(c, e) < 0 ||
	    check_deploy(c, e) < 0 || check_accounts(c, e) < 0 ||
	    check_certificates(c, e) < 0)
		return -1;
	return check_chains(c, e);
}

static int
check_schema(struct store *st, struct strv *problems, struct err *e)
{
	const char **steps = xcalloc(schema_steps_len, sizeof(*steps));
	size_t i;
	int rc;

	for (i = 0; i < schema_steps_len; i++)
		steps[i] = schema_steps[i].sql;
	rc = db_verify_schema(st->db, steps, schema_steps_len, problems, e);
	free(steps);
	return rc;
}

static int
check_modes(struct store *st, struct strv *problems, struct err *e)
{
	struct strv paths = {0};
	struct stat info;
	size_t i;
	int rc = db_files(st->db, &paths, e);

	for (i = 0; rc == 0 && i < paths.len; i++) {
		char *line;

		if (stat(paths.v[i], &info) < 0 ||
		    (info.st_mode & 0777) == FILE_MODE)
			continue;
		line = xasprintf("%s: mode %04o, not %04o", paths.v[i],
		    (unsigned)(info.st_mode & 07777), FILE_MODE);
		strv_add(problems, line);
		free(line);
	}
	strv_release(&paths);
	return rc;
}

/*
 * What is broken below may make the look stumble, and then explains it: the
 * problem is what was found, not that it could not be passed.
 */
static int
look(struct checking *c, bool broken, struct err *e)
{
	struct err why = {0};
	char text[1024], *line;

	if (db_snapshot(c->st->db, check_all, c, broken ? &why : e) == 0)
		return 0;
	if (!broken)
		return -1;
	err_format(&why, text, sizeof(text));
	line = xasprintf("the rest could not be looked at: %s", text);
	strv_add(c->problems, line);
	free(line);
	return 0;
}

int
check_run(struct store *st, struct strv *problems, struct err *e)
{
	struct checking c = {.st = st, .problems = problems};
	size_t before;

	if (check_modes(st, problems, e) < 0)
		return -1;
	before = problems->len;
	if (check_schema(st, problems, e) < 0 ||
	    db_verify(st->db, problems, e) < 0)
		return -1;
	return look(&c, problems->len > before, e);
}
