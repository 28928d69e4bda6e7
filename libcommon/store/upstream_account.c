#include "store/upstream_account.h"

#include "store/event.h"
#include "store/sealed.h"
#include "store/stmt.h"
#include "sys/clock.h"
#include "wrap/js.h"

#define CONTACTS_MAX ((size_t)64 * 1024)

enum {
	UPSTREAM_ACCOUNT_ADD,
	UPSTREAM_ACCOUNT_LEARN,
	UPSTREAM_ACCOUNT_BY_ID,
	UPSTREAM_ACCOUNT_BY_KEY,
	UPSTREAM_ACCOUNT_EACH,
	UPSTREAM_ACCOUNT_KEY
};

#define COLUMNS                                                                \
	"id, directory_url, url, contacts, status, source, created, data,"     \
	" spki_sha256, type, sealed"

static const char *const sql[] = {
    [UPSTREAM_ACCOUNT_ADD] =
	"INSERT INTO upstream_accounts (directory_url, url, contacts, status,"
	" source, created, data, spki_sha256, type, sealed, der)"
	" VALUES (?1, ?2, ?3, ?11, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
	" ON CONFLICT (spki_sha256) DO NOTHING RETURNING id",
    [UPSTREAM_ACCOUNT_LEARN] =
	"UPDATE upstream_accounts SET directory_url = CASE directory_url"
	" WHEN '' THEN ?2 ELSE directory_url END, url = COALESCE(url, ?3),"
	" data = COALESCE(data, ?4) WHERE id = ?1"
	" AND (directory_url = '' OR ?2 = '' OR directory_url = ?2)"
	" AND (url IS NULL OR CAST(?3 AS TEXT) IS NULL OR url = ?3)",
    [UPSTREAM_ACCOUNT_BY_ID] =
	"SELECT " COLUMNS " FROM upstream_accounts WHERE id = ?1",
    [UPSTREAM_ACCOUNT_BY_KEY] =
	"SELECT id FROM upstream_accounts WHERE spki_sha256 = ?1",
    [UPSTREAM_ACCOUNT_EACH] =
	"SELECT " COLUMNS " FROM upstream_accounts WHERE id > 0 ORDER BY id",
    [UPSTREAM_ACCOUNT_KEY] =
	"SELECT spki_sha256, sealed, der FROM upstream_accounts WHERE id = ?1",
};

const struct stmt_table upstream_account_stmts = {
    "upstream_account", sql, ARRAY_LEN(sql)};

static const char *const statuses[] = {
    [UPSTREAM_ACCOUNT_VALID] = "valid",
    [UPSTREAM_ACCOUNT_DEACTIVATED] = "deactivated",
};
_Static_assert(ARRAY_LEN(statuses) == UPSTREAM_ACCOUNT__MAX, "one per status");

const char *
upstream_account_status_name(enum upstream_account_status status)
{
	return statuses[status];
}

/* ---- adding -------------------------------------------------------------- */

struct addition {
	struct store *st;
	const struct upstream_account_new *new;
	const char *directory_url; /* "" when it is not known */
	const char *contacts;
	const struct sealed *key;
	int64_t id;
	bool created;
};

/* What is known already gains what it did not have. */
static int
learn(struct addition *a, struct err *e)
{
	int64_t n;
	int rc = stmt_int(a->st, STMT_UPSTREAM_ACCOUNT, UPSTREAM_ACCOUNT_BY_KEY,
	    &a->id, e, "b", a->key->spki_sha256, sizeof(a->key->spki_sha256));

	if (rc == 0)
		return err_set(e, KIND_BUG, "an account has come and gone");
	if (rc < 0)
		return -1;
	n = stmt_run(a->st, STMT_UPSTREAM_ACCOUNT, UPSTREAM_ACCOUNT_LEARN, e,
	    "ittt", a->id, a->directory_url, a->new->url, a->new->data);
	if (n == 0)
		return err_set(e, KIND_CONFLICT,
		    "the key is that of upstream_account/%lld, which is "
		    "another account",
		    (long long)a->id);
	return n < 0 ? -1 : 0;
}

static int
add(void *arg, struct err *e)
{
	struct addition *a = arg;
	const struct upstream_account_new *n = a->new;
	int rc = stmt_int(a->st, STMT_UPSTREAM_ACCOUNT, UPSTREAM_ACCOUNT_ADD,
	    &a->id, e, "ttttitbtibt", a->directory_url, n->url, a->contacts,
	    n->source, clock_now(), n->data, a->key->spki_sha256,
	    sizeof(a->key->spki_sha256), a->key->type,
	    (int64_t)a->key->is_sealed, a->key->der.data, a->key->der.len,
	    statuses[n->deactivated ? UPSTREAM_ACCOUNT_DEACTIVATED
				    : UPSTREAM_ACCOUNT_VALID]);

	a->created = rc > 0;
	if (rc == 0)
		return learn(a, e);
	return rc < 0 ? -1
		      : event_add(a->st, "upstream_account.add",
			    EVENT_UPSTREAM_ACCOUNT, a->id, n->source, e);
}

static int
write_contacts(const struct strv *contacts, struct buf *out, struct err *e)
{
	struct js *array = js_array();

	for (size_t i = 0; contacts && i < contacts->len; i++)
		js_add_text(array, contacts->v[i]);
	js_write(array, out);
	js_free(array);
	return out->full
	    ? err_set(e, KIND_INPUT, "the account has too many contacts")
	    : 0;
}

int
upstream_account_add(struct store *st, const struct upstream_account_new *n,
    const struct seal_key *seal_key, int64_t *id, bool *created, struct err *e)
{
	struct addition a = {.st = st,
	    .new = n,
	    .directory_url = n->directory_url ? n->directory_url : ""};
	struct sealed key;
	struct buf contacts;
	int rc;

	buf_init(&contacts, CONTACTS_MAX);
	rc = sealed_make(n->key, seal_key, &key, e);
	if (rc == 0)
		rc = write_contacts(n->contacts, &contacts, e);
	a.key = &key;
	a.contacts = contacts.data;
	if (rc == 0)
		rc = db_transaction(st->db, DB_DURABLE, add, &a, e);
	*id = a.id;
	*created = a.created;
	buf_release(&contacts);
	sealed_release(&key);
	return rc;
}

/* ---- reading ------------------------------------------------------------- */

void
upstream_account_release(struct upstream_account *a)
{
	if (!a)
		return;
	free(a->directory_url);
	free(a->url);
	free(a->contacts);
	free(a->source);
	free(a->data);
	*a = (struct upstream_account){0};
}

static void
read_row(struct db_stmt *s, struct upstream_account *a)
{
	*a = (struct upstream_account){.id = db_int(s, 0)};
	a->directory_url = stmt_text_dup(s, 1);
	a->url = stmt_text_dup(s, 2);
	a->contacts = stmt_text_dup(s, 3);
	a->status = (enum upstream_account_status)stmt_word(
	    s, 4, statuses, UPSTREAM_ACCOUNT__MAX);
	a->source = stmt_text_dup(s, 5);
	a->created = db_int(s, 6);
	a->data = stmt_text_dup(s, 7);
	stmt_digest(s, 8, a->spki_sha256);
	stmt_text_to(s, 9, a->type, sizeof(a->type));
	a->sealed = db_int(s, 10) != 0;
}

int
upstream_account_by_id(
    struct store *st, int64_t id, struct upstream_account *a, struct err *e)
{
	struct db_stmt *s = stmt_query(
	    st, STMT_UPSTREAM_ACCOUNT, UPSTREAM_ACCOUNT_BY_ID, e, "i", id);
	int rc = s ? db_step(s, e) : -1;

	*a = (struct upstream_account){0};
	if (rc == 0)
		return err_set(e, KIND_NOTFOUND, "no such upstream account");
	if (rc < 0)
		return -1;
	read_row(s, a);
	db_reset(s);
	return 0;
}

int
upstream_account_each(struct store *st,
    int (*fn)(void *arg, const struct upstream_account *a, struct err *e),
    void *arg, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, STMT_UPSTREAM_ACCOUNT, UPSTREAM_ACCOUNT_EACH, e, "");
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		struct upstream_account a;
		int result;

		read_row(s, &a);
		result = fn(arg, &a, e);
		upstream_account_release(&a);
		if (result < 0) {
			db_reset(s);
			return -1;
		}
	}
	return rc;
}

struct key *
upstream_account_key(struct store *st, int64_t id,
    const struct seal_key *seal_key, struct err *e)
{
	struct db_stmt *s = stmt_query(
	    st, STMT_UPSTREAM_ACCOUNT, UPSTREAM_ACCOUNT_KEY, e, "i", id);
	int rc = s ? db_step(s, e) : -1;
	struct sealed sealed;
	struct key *k;

	if (rc == 0)
		err_set(e, KIND_NOTFOUND, "no such upstream account");
	if (rc <= 0)
		return NULL;
	sealed_read(s, 0, &sealed);
	db_reset(s);
	k = sealed_key(&sealed, seal_key, "account_key_file", e);
	sealed_release(&sealed);
	return k;
}
