#include "store/rekey.h"

#include <errno.h>
#include <unistd.h>

#include "base/hex.h"
#include "store/event.h"
#include "store/sealed.h"
#include "store/sealing_key.h"
#include "store/stmt.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "wrap/key.h"
#include "wrap/seal.h"

/* Where such keys are. */
enum column {
	COLUMN_CERTIFICATES,
	COLUMN_ACCOUNTS,
	COLUMN_ACCOUNTS_NEXT, /* of a change of keys that is not over */
	COLUMN_ACME_DNS,
	COLUMN_EAB,
	COLUMN__MAX
};

enum {
	REKEY_NEXT,
	REKEY_SET = REKEY_NEXT + COLUMN__MAX
};

static const char *const sql[] = {
    [REKEY_NEXT + COLUMN_CERTIFICATES] =
	"SELECT id, spki_sha256, sealed, der FROM private_keys"
	" WHERE id > ?1 ORDER BY id LIMIT 1",
    [REKEY_NEXT + COLUMN_ACCOUNTS] =
	"SELECT id, spki_sha256, sealed, der FROM upstream_accounts"
	" WHERE id > ?1 ORDER BY id LIMIT 1",
    [REKEY_NEXT + COLUMN_EAB] =
	"SELECT id, key_id, sealed, secret FROM eab_keys"
	" WHERE id > ?1 ORDER BY id LIMIT 1",
    [REKEY_NEXT + COLUMN_ACCOUNTS_NEXT] =
	"SELECT id, next_spki_sha256, next_sealed, next_der"
	" FROM upstream_accounts WHERE id > ?1 AND next_der IS NOT NULL"
	" ORDER BY id LIMIT 1",
    [REKEY_NEXT + COLUMN_ACME_DNS] =
	"SELECT id, username_sha256, sealed, password FROM acme_dns_accounts"
	" WHERE id > ?1 ORDER BY id LIMIT 1",
    [REKEY_SET + COLUMN_CERTIFICATES] =
	"UPDATE private_keys SET sealed = 1, der = ?2 WHERE id = ?1",
    [REKEY_SET + COLUMN_ACCOUNTS] =
	"UPDATE upstream_accounts SET sealed = 1, der = ?2 WHERE id = ?1",
    [REKEY_SET + COLUMN_EAB] =
	"UPDATE eab_keys SET sealed = 1, secret = ?2 WHERE id = ?1",
    [REKEY_SET + COLUMN_ACCOUNTS_NEXT] =
	"UPDATE upstream_accounts SET next_sealed = 1, next_der = ?2"
	" WHERE id = ?1",
    [REKEY_SET + COLUMN_ACME_DNS] =
	"UPDATE acme_dns_accounts SET sealed = 1, password = ?2 WHERE id = ?1",
};

const struct stmt_table rekey_stmts = {"rekey", sql, ARRAY_LEN(sql)};

static const enum rekey_kind kinds[] = {
    [COLUMN_CERTIFICATES] = REKEY_CERTIFICATES,
    [COLUMN_ACCOUNTS] = REKEY_ACCOUNTS,
    [COLUMN_ACCOUNTS_NEXT] = REKEY_ACCOUNTS,
    [COLUMN_ACME_DNS] = REKEY_ACCOUNTS,
    [COLUMN_EAB] = REKEY_EAB,
};
_Static_assert(ARRAY_LEN(kinds) == COLUMN__MAX, "one per column");

static const char *const settings[] = {
    [REKEY_CERTIFICATES] = "certificate_key_file",
    [REKEY_ACCOUNTS] = "account_key_file",
    [REKEY_EAB] = "eab_key_file",
};
_Static_assert(ARRAY_LEN(settings) == REKEY__MAX, "one per kind");

static const char *const objects[] = {
    [COLUMN_CERTIFICATES] = "private_key",
    [COLUMN_ACCOUNTS] = "upstream_account",
    [COLUMN_ACCOUNTS_NEXT] = "upstream_account",
    [COLUMN_ACME_DNS] = "acme_dns_account",
    [COLUMN_EAB] = "eab_key",
};
_Static_assert(ARRAY_LEN(objects) == COLUMN__MAX, "one per column");

/* A run; `old` is the key that was needed last. */
struct rekey {
	struct store *st;
	enum rekey_kind kind;
	enum column column; /* at hand */
	const char *path;
	struct seal_key new, old;
	bool leaves; /* what no key opens that is there */
	int64_t changed, left;
};

/* ---- rows ---------------------------------------------------------------- */

static char *
old_path(const char *path, const uint8_t id[SEAL_ID_SIZE])
{
	char hex[2 * SEAL_ID_SIZE + 1];

	hex_encode(hex, id, SEAL_ID_SIZE);
	return xasprintf("%s.old-%s", path, hex);
}

/* The key under which something is sealed: the last one, or an older one. */
static int
find_key(struct rekey *r, const uint8_t id[SEAL_ID_SIZE], struct err *e)
{
	struct err why = {0};
	char *path;
	int rc = 0;

	if (memcmp(r->old.id, id, SEAL_ID_SIZE) == 0)
		return 0;
	path = old_path(r->path, id);
	if (seal_key_read(path, &r->old, &why) < 0 ||
	    memcmp(r->old.id, id, SEAL_ID_SIZE) != 0)
		rc = err_set(e, KIND_CONF,
		    "[store] %s: what is sealed is so under another key; "
		    "it would be at %s",
		    settings[r->kind], path);
	free(path);
	return rc;
}

static int
seal_anew(struct rekey *r, int64_t row, struct sealed *s, struct err *e)
{
	const uint8_t *id =
	    s->is_sealed ? seal_id(s->der.data, s->der.len) : NULL;
	struct buf plain, sealed;
	struct err why = {0};
	int rc;

	if (id && memcmp(id, r->new.id, SEAL_ID_SIZE) == 0)
		return 0;
	if (id && find_key(r, id, &why) < 0) {
		if (r->leaves && why.kind == KIND_CONF) {
			r->left++;
			return 0;
		}
		*e = why;
		return -1;
	}
	buf_init(&plain, KEY_DER_MAX);
	buf_init(&sealed, KEY_DER_MAX + SEAL_OVERHEAD);
	rc = sealed_open(s, &r->old, settings[r->kind], &plain, e);
	if (rc == 0)
		rc = seal(&r->new, s->spki_sha256, sizeof(s->spki_sha256),
		    plain.data, plain.len, &sealed, e);
	if (rc == 0 &&
	    stmt_run(r->st, STMT_REKEY, REKEY_SET + r->column, e, "ib", row,
		sealed.data, sealed.len) < 0)
		rc = -1;
	r->changed++;
	buf_wipe(&plain);
	buf_release(&sealed);
	return rc;
}

/*
 * The row after `*row`, which the caller releases: 1, 0 when there is none, -1.
 */
static int
read_next(struct store *st, enum column column, int64_t *row,
    struct sealed *out, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, STMT_REKEY, REKEY_NEXT + column, e, "i", *row);
	int rc = s ? db_step(s, e) : -1;

	if (rc <= 0)
		return rc;
	*row = db_int(s, 0);
	if (kinds[column] == REKEY_EAB)
		sealed_read_named(s, 1, out);
	else
		sealed_read(s, 1, out);
	db_reset(s);
	return 1;
}

/* As read_next. */
static int
change_next(struct rekey *r, int64_t *row, struct err *e)
{
	struct sealed sealed;
	int rc = read_next(r->st, r->column, row, &sealed, e);

	if (rc <= 0)
		return rc;
	if (seal_anew(r, *row, &sealed, e) < 0)
		rc = err_object(
		    e, "%s/%lld", objects[r->column], (long long)*row);
	sealed_release(&sealed);
	return rc;
}

static int
change_column(struct rekey *r, enum column column, struct err *e)
{
	int64_t row = 0;
	int rc;

	r->column = column;
	while ((rc = change_next(r, &row, e)) > 0)
		continue;
	return rc;
}

static int
change_all(void *arg, struct err *e)
{
	struct rekey *r = arg;

	r->changed = 0;
	r->left = 0;
	for (enum column c = 0; c < COLUMN__MAX; c++)
		if (kinds[c] == r->kind && change_column(r, c, e) < 0)
			return -1;
	if (sealing_key_replace(r->st, settings[r->kind], &r->new, e) < 0)
		return -1;
	return event_add(
	    r->st, "store.rekey", EVENT_STORE, 0, settings[r->kind], e);
}

/* ---- looking ------------------------------------------------------------- */

/* What is no key cannot be decoded; it is only opened. */
static int
try_open(enum column column, const struct sealed *s, const struct seal_key *key,
    struct err *e)
{
	bool is_key = column != COLUMN_EAB && column != COLUMN_ACME_DNS;
	const char *setting = settings[kinds[column]];
	struct buf plain;
	int rc;

	buf_init(&plain, KEY_DER_MAX);
	rc = is_key ? sealed_pkcs8(s, key, setting, &plain, e)
		    : sealed_open(s, key, setting, &plain, e);
	buf_wipe(&plain);
	return rc;
}

static void
add_problem(
    struct strv *problems, enum column column, int64_t row, const struct err *e)
{
	char text[1024], *line;

	err_format(e, text, sizeof(text));
	line = xasprintf("%s/%lld: %s", objects[column], (long long)row, text);
	strv_add(problems, line);
	free(line);
}

/* Of those that are under another key only the first has a line. */
static int
check_column(struct store *st, enum column column, const struct seal_key *key,
    struct strv *problems, struct err *e)
{
	int64_t row = 0, foreign = 0;
	struct sealed sealed;
	int rc;

	while ((rc = read_next(st, column, &row, &sealed, e)) > 0) {
		struct err why = {0};

		if (try_open(column, &sealed, key, &why) < 0 &&
		    (why.kind != KIND_CONF || foreign++ == 0))
			add_problem(problems, column, row, &why);
		sealed_release(&sealed);
	}
	if (foreign > 1) {
		char *line = xasprintf("%s: %lld more are sealed so",
		    objects[column], (long long)foreign - 1);

		strv_add(problems, line);
		free(line);
	}
	return rc;
}

/* Where no row says so already. */
static int
check_key(struct store *st, enum rekey_kind kind, const struct seal_key *key,
    struct strv *problems, struct err *e)
{
	struct err why = {0};

	if (sealing_key_check(st, settings[kind], key, &why) == 0)
		return 0;
	if (why.kind == KIND_CONF) {
		strv_add(problems, why.text);
		return 0;
	}
	*e = why;
	return -1;
}

int
rekey_check(struct store *st, enum rekey_kind kind, const struct seal_key *key,
    struct strv *problems, struct err *e)
{
	size_t before = problems->len;

	for (enum column c = 0; c < COLUMN__MAX; c++)
		if (kinds[c] == kind &&
		    check_column(st, c, key, problems, e) < 0)
			return -1;
	return problems->len > before ? 0
				      : check_key(st, kind, key, problems, e);
}

int
rekey_check_missing(struct store *st, enum rekey_kind kind,
    const struct err *reason, struct strv *problems, struct err *e)
{
	char text[1024], *line;
	int rc = sealing_key_is_known(st, settings[kind], e);

	if (rc <= 0)
		return rc;
	err_format(reason, text, sizeof(text));
	line = xasprintf("[store] %s: %s, and what is sealed cannot be opened",
	    settings[kind], text);
	strv_add(problems, line);
	free(line);
	return 0;
}

/* ---- files --------------------------------------------------------------- */

/*
 * One at a time: what is kept and what is published must be what was sealed
 * with.
 */
static int
lock(const char *path, struct err *e)
{
	char *name = xasprintf("%s.lock", path);
	int fd = lock_try(name, e);

	if (fd < 0 && e->kind == KIND_BUSY)
		err_object(e, "another rekey is at work");
	else if (fd < 0)
		file_blame(e, KIND_CONF);
	free(name);
	return fd;
}

/* What is there by that name already must be it. */
static int
check_kept(const struct rekey *r, const char *path, struct err *e)
{
	struct seal_key kept = {0};
	struct err why = {0};
	bool is_it = seal_key_read(path, &kept, &why) == 0 &&
	    memcmp(kept.id, r->old.id, SEAL_ID_SIZE) == 0;

	seal_key_wipe(&kept);
	return is_it ? 0
		     : err_set(e, KIND_CONF,
			   "%s: the key of %s is to be kept there, but another "
			   "file is in its place",
			   path, r->path);
}

/* The key of before, if there is one, gets a second name, which stays. */
static int
keep_old(struct rekey *r, struct err *e)
{
	char *path;
	int rc = 0;

	if (seal_key_read(r->path, &r->old, e) < 0)
		return err_forgive(e, KIND_NOTFOUND);
	path = old_path(r->path, r->old.id);
	if (link(r->path, path) < 0)
		rc = errno == EEXIST ? check_kept(r, path, e)
				     : err_sys(e, "%s: cannot make", path);
	if (rc == 0)
		rc = file_sync_directory(path, e);
	free(path);
	return rc;
}

/* What a run that was killed has left is gone on with. */
static int
make_new(const char *path, struct seal_key *k, struct err *e)
{
	if (seal_key_create(path, e) < 0 && err_forgive(e, KIND_CONFLICT) < 0)
		return -1;
	return seal_key_read(path, k, e);
}

char *
rekey_next_path(const char *path)
{
	return xasprintf("%s.new", path);
}

int
rekey_run(struct store *st, enum rekey_kind kind, const char *path,
    int64_t *changed, int64_t *left, struct err *e)
{
	struct rekey r = {
	    .st = st, .kind = kind, .path = path, .leaves = left != NULL};
	char *next = rekey_next_path(path);
	int fd = lock(path, e);
	int rc = fd < 0 ? -1 : keep_old(&r, e);

	if (rc == 0)
		rc = make_new(next, &r.new, e);
	if (rc == 0)
		rc = file_give_as(next, path, e);
	if (rc == 0)
		rc = store_transaction(st, change_all, &r, e);
	if (rc == 0)
		rc = file_publish(next, path, true, e);
	/* What was in the clear is not to stay in the log. */
	if (rc == 0)
		rc = store_checkpoint(st, e);
	*changed = r.changed;
	if (left)
		*left = r.left;
	seal_key_wipe(&r.new);
	seal_key_wipe(&r.old);
	free(next);
	fd_close(&fd);
	return rc;
}
