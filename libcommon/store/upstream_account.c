#include "store/upstream_account.h"

#include "store/event.h"
#include "store/sealed.h"
#include "store/sealing_key.h"
#include "store/stmt.h"
#include "sys/clock.h"
#include "wrap/js.h"

#define CONTACTS_MAX ((size_t)64 * 1024)
#define SETTING "account_key_file"

enum {
	UPSTREAM_ACCOUNT_ADD,
	UPSTREAM_ACCOUNT_LEARN,
	UPSTREAM_ACCOUNT_BY_ID,
	UPSTREAM_ACCOUNT_ID,
	UPSTREAM_ACCOUNT_BY_KEY,
	UPSTREAM_ACCOUNT_BY_URL,
	UPSTREAM_ACCOUNT_DEFAULT,
	UPSTREAM_ACCOUNT_DEFAULT_ID,
	UPSTREAM_ACCOUNT_UNFINISHED,
	UPSTREAM_ACCOUNT_EACH,
	UPSTREAM_ACCOUNT_NEXT_DIRECTORY,
	UPSTREAM_ACCOUNT_KEY,
	UPSTREAM_ACCOUNT_NEXT_KEY,
	UPSTREAM_ACCOUNT_CHANGE,
	UPSTREAM_ACCOUNT_NO_DEFAULT,
	UPSTREAM_ACCOUNT_MAKE_DEFAULT,
	UPSTREAM_ACCOUNT_DEACTIVATE,
	UPSTREAM_ACCOUNT_DROP,
	UPSTREAM_ACCOUNT_ROLL_BEGIN,
	UPSTREAM_ACCOUNT_ROLL_TAKE,
	UPSTREAM_ACCOUNT_ROLL_END
};

#define COLUMNS                                                                \
	"id, directory_url, url, contacts, status, source, created, data,"     \
	" spki_sha256, type, sealed, terms_agreed, terms_agreed_at,"           \
	" eab_key_id, is_default, certificate_key_type,"                       \
	" certificate_key_cycle, retry_at, next_spki_sha256 IS NOT NULL"
#define NO_NEXT                                                                \
	"next_spki_sha256 = NULL, next_type = NULL, next_sealed = NULL,"       \
	" next_der = NULL"

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
	" AND (url = ?3 OR ((directory_url = '' OR ?2 = ''"
	" OR directory_url = ?2)"
	" AND (url IS NULL OR CAST(?3 AS TEXT) IS NULL)))",
    [UPSTREAM_ACCOUNT_BY_ID] =
	"SELECT " COLUMNS " FROM upstream_accounts WHERE id = ?1",
    [UPSTREAM_ACCOUNT_ID] =
	"SELECT id FROM upstream_accounts WHERE spki_sha256 = ?1",
    [UPSTREAM_ACCOUNT_BY_KEY] =
	"SELECT " COLUMNS " FROM upstream_accounts WHERE spki_sha256 = ?1",
    [UPSTREAM_ACCOUNT_BY_URL] =
	"SELECT " COLUMNS " FROM upstream_accounts WHERE url = ?1",
    [UPSTREAM_ACCOUNT_DEFAULT] =
	"SELECT " COLUMNS " FROM upstream_accounts"
	" WHERE directory_url = ?1 AND is_default = 1 AND status = 'valid'",
    [UPSTREAM_ACCOUNT_DEFAULT_ID] =
	"SELECT id FROM upstream_accounts"
	" WHERE directory_url = ?1 AND is_default = 1 AND status = 'valid'",
    [UPSTREAM_ACCOUNT_UNFINISHED] =
	"SELECT id FROM upstream_accounts"
	" WHERE directory_url = ?1 AND url IS NULL AND status = 'valid'"
	" AND source = 'register' ORDER BY id LIMIT 1",
    [UPSTREAM_ACCOUNT_EACH] =
	"SELECT " COLUMNS " FROM upstream_accounts WHERE id > 0 ORDER BY id",
    [UPSTREAM_ACCOUNT_NEXT_DIRECTORY] =
	"SELECT directory_url FROM upstream_accounts WHERE directory_url > ?1"
	" ORDER BY directory_url LIMIT 1",
    [UPSTREAM_ACCOUNT_KEY] =
	"SELECT spki_sha256, sealed, der FROM upstream_accounts WHERE id = ?1",
    [UPSTREAM_ACCOUNT_NEXT_KEY] =
	"SELECT next_spki_sha256, next_sealed, next_der FROM upstream_accounts"
	" WHERE id = ?1 AND next_der IS NOT NULL",
    [UPSTREAM_ACCOUNT_CHANGE] =
	"UPDATE upstream_accounts SET url = COALESCE(?2, url),"
	" contacts = COALESCE(?3, contacts),"
	" terms_agreed = COALESCE(?4, terms_agreed),"
	" terms_agreed_at = CASE WHEN CAST(?4 AS TEXT) IS NULL"
	" THEN terms_agreed_at ELSE ?5 END,"
	" eab_key_id = COALESCE(?6, eab_key_id),"
	" certificate_key_type = COALESCE(?7, certificate_key_type),"
	" certificate_key_cycle = COALESCE(?8, certificate_key_cycle),"
	" directory_url = CASE directory_url"
	" WHEN '' THEN COALESCE(?9, '') ELSE directory_url END"
	" WHERE id = ?1 AND status = 'valid'"
	" AND (url IS NULL OR CAST(?2 AS TEXT) IS NULL OR url = ?2)",
    [UPSTREAM_ACCOUNT_NO_DEFAULT] =
	"UPDATE upstream_accounts SET is_default = 0 WHERE is_default = 1"
	" AND directory_url = (SELECT a.directory_url FROM upstream_accounts a"
	" WHERE a.id = ?1)",
    [UPSTREAM_ACCOUNT_MAKE_DEFAULT] =
	"UPDATE upstream_accounts SET is_default = 1 WHERE id = ?1"
	" AND NOT EXISTS (SELECT 1 FROM upstream_accounts a"
	" WHERE a.directory_url = upstream_accounts.directory_url"
	" AND a.is_default = 1 AND a.status = 'valid')",
    [UPSTREAM_ACCOUNT_DEACTIVATE] =
	"UPDATE upstream_accounts SET status = 'deactivated', is_default = 0,"
	" " NO_NEXT " WHERE id = ?1 AND status = 'valid'",
    [UPSTREAM_ACCOUNT_DROP] =
	"DELETE FROM upstream_accounts WHERE id = ?1 AND url IS NULL"
	" AND source = 'register'",
    [UPSTREAM_ACCOUNT_ROLL_BEGIN] =
	"UPDATE upstream_accounts SET next_spki_sha256 = ?2, next_type = ?3,"
	" next_sealed = ?4, next_der = ?5 WHERE id = ?1 AND status = 'valid'"
	" AND next_spki_sha256 IS NULL AND NOT EXISTS"
	" (SELECT 1 FROM upstream_accounts a WHERE a.spki_sha256 = ?2)",
    [UPSTREAM_ACCOUNT_ROLL_TAKE] =
	"UPDATE upstream_accounts SET spki_sha256 = ?3, type = ?4, sealed = ?5,"
	" der = ?6 WHERE id = ?1 AND spki_sha256 = ?2 AND NOT EXISTS"
	" (SELECT 1 FROM upstream_accounts a WHERE a.spki_sha256 = ?3"
	" AND a.id <> ?1)",
    [UPSTREAM_ACCOUNT_ROLL_END] =
	"UPDATE upstream_accounts SET " NO_NEXT " WHERE id = ?1"
	" AND spki_sha256 = ?2 AND next_spki_sha256 = ?3",
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
	bool shared; /* what is there, or under way, at this CA will do */
	bool another; /* but not the default */
	int64_t id;
	bool created;
};

static int
note_seal(struct store *st, const struct sealed *s, struct err *e)
{
	return sealing_key_note(st, SETTING, s->is_sealed ? &s->der : NULL, e);
}

/* What is known already gains what it did not have. */
static int
learn(struct addition *a, struct err *e)
{
	int64_t n;
	int rc = stmt_int(a->st, STMT_UPSTREAM_ACCOUNT, UPSTREAM_ACCOUNT_ID,
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

/* 1: an account that will do is there; 0; -1. */
static int
find_there(struct addition *a, struct err *e)
{
	int rc = 0;

	a->created = false;
	if (!a->another)
		rc = stmt_int(a->st, STMT_UPSTREAM_ACCOUNT,
		    UPSTREAM_ACCOUNT_DEFAULT_ID, &a->id, e, "t",
		    a->directory_url);
	if (rc == 0)
		rc = stmt_int(a->st, STMT_UPSTREAM_ACCOUNT,
		    UPSTREAM_ACCOUNT_UNFINISHED, &a->id, e, "t",
		    a->directory_url);
	return rc;
}

static int
insert(struct addition *a, struct err *e)
{
	const struct upstream_account_new *n = a->new;
	int rc = note_seal(a->st, a->key, e);

	if (rc < 0)
		return -1;
	rc = stmt_int(a->st, STMT_UPSTREAM_ACCOUNT, UPSTREAM_ACCOUNT_ADD,
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
add(void *arg, struct err *e)
{
	struct addition *a = arg;
	int rc = a->shared ? find_there(a, e) : 0;

	return rc == 0 ? insert(a, e) : rc < 0 ? -1 : 0;
}

static int
write_contacts(const struct strv *contacts, struct buf *out, struct err *e)
{
	struct js *array = contacts ? js_array_of(contacts) : js_array();

	js_write(array, out);
	js_free(array);
	return out->full
	    ? err_set(e, KIND_INPUT, "the account has too many contacts")
	    : 0;
}

/* It may be made a link, and is where signed requests go. */
static int
check_url(const char *what, const char *url, struct err *e)
{
	char text[240];
	size_t len = url ? strlen(url) : 0;

	if (len == 0 ||
	    (str_starts(url, "https://") && len > strlen("https://") &&
		str_is_printable(url, len) && !strpbrk(url, " \"<>")))
		return 0;
	str_escape(text, sizeof(text), url, len);
	return err_set(
	    e, KIND_INPUT, "the URL of the %s is not https: %s", what, text);
}

static int
run_addition(struct addition *a, const struct seal_key *seal_key, int64_t *id,
    bool *created, struct err *e)
{
	const struct upstream_account_new *n = a->new;
	struct sealed key;
	struct buf contacts;
	int rc;

	if (check_url("account", n->url, e) < 0 ||
	    check_url("account's directory", a->directory_url, e) < 0)
		return -1;
	buf_init(&contacts, CONTACTS_MAX);
	rc = sealed_make(n->key, seal_key, &key, e);
	if (rc == 0)
		rc = write_contacts(n->contacts, &contacts, e);
	a->key = &key;
	a->contacts = contacts.data;
	if (rc == 0)
		rc = db_transaction(a->st->db, DB_DURABLE, add, a, e);
	a->key = NULL;
	a->contacts = NULL;
	*id = a->id;
	*created = a->created;
	buf_release(&contacts);
	sealed_release(&key);
	return rc;
}

int
upstream_account_add(struct store *st, const struct upstream_account_new *n,
    const struct seal_key *seal_key, int64_t *id, bool *created, struct err *e)
{
	struct addition a = {.st = st,
	    .new = n,
	    .directory_url = n->directory_url ? n->directory_url : ""};

	return run_addition(&a, seal_key, id, created, e);
}

int
upstream_account_begin(struct store *st, const struct upstream_account_new *n,
    bool another, const struct seal_key *seal_key, int64_t *id, bool *created,
    struct err *e)
{
	struct addition a = {.st = st,
	    .new = n,
	    .directory_url = n->directory_url,
	    .shared = true,
	    .another = another};

	return run_addition(&a, seal_key, id, created, e);
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
	free(a->terms_agreed);
	free(a->eab_key_id);
	free(a->certificate_key_type);
	free(a->certificate_key_cycle);
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
	a->terms_agreed = stmt_text_dup(s, 11);
	a->terms_agreed_at = db_int(s, 12);
	a->eab_key_id = stmt_text_dup(s, 13);
	a->is_default = db_int(s, 14) != 0;
	a->certificate_key_type = stmt_text_dup(s, 15);
	a->certificate_key_cycle = stmt_text_dup(s, 16);
	a->retry_at = db_int(s, 17);
	a->is_rolling = db_int(s, 18) != 0;
}

static int
read_one(struct db_stmt *s, struct upstream_account *a, struct err *e)
{
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
upstream_account_by_id(
    struct store *st, int64_t id, struct upstream_account *a, struct err *e)
{
	return read_one(stmt_query(st, STMT_UPSTREAM_ACCOUNT,
			    UPSTREAM_ACCOUNT_BY_ID, e, "i", id),
	    a, e);
}

int
upstream_account_pick(struct store *st, const char *text,
    struct upstream_account *a, struct err *e)
{
	uint64_t id;
	int rc;

	if (str_to_u64(text, INT64_MAX, &id))
		rc = upstream_account_by_id(st, (int64_t)id, a, e);
	else
		rc = read_one(stmt_query(st, STMT_UPSTREAM_ACCOUNT,
				  UPSTREAM_ACCOUNT_BY_URL, e, "t", text),
		    a, e);
	return rc < 0 ? err_object(e, "%s", text) : 0;
}

int
upstream_account_by_key(struct store *st, const uint8_t spki_sha256[32],
    struct upstream_account *a, struct err *e)
{
	return read_one(
	    stmt_query(st, STMT_UPSTREAM_ACCOUNT, UPSTREAM_ACCOUNT_BY_KEY, e,
		"b", spki_sha256, (size_t)32),
	    a, e);
}

void
upstream_account_contacts(const struct upstream_account *a, struct strv *out)
{
	/* the array is in the store as it is; js reads objects */
	char *text = xasprintf("{\"c\":%s}", a->contacts);
	struct err ignored = {0};
	struct js *object = js_parse(text, strlen(text), &ignored);

	js_texts(js_get(object, "c"), out);
	js_free(object);
	free(text);
}

int
upstream_account_default(struct store *st, const char *directory_url,
    struct upstream_account *a, struct err *e)
{
	return read_one(stmt_query(st, STMT_UPSTREAM_ACCOUNT,
			    UPSTREAM_ACCOUNT_DEFAULT, e, "t", directory_url),
	    a, e);
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

static struct key *
read_key(struct store *st, size_t row, int64_t id,
    const struct seal_key *seal_key, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, STMT_UPSTREAM_ACCOUNT, row, e, "i", id);
	int rc = s ? db_step(s, e) : -1;
	struct sealed sealed;
	struct key *k;

	if (rc == 0)
		err_set(e, KIND_NOTFOUND, "no such upstream account");
	if (rc <= 0)
		return NULL;
	sealed_read(s, 0, &sealed);
	db_reset(s);
	k = sealed_key(&sealed, seal_key, SETTING, e);
	sealed_release(&sealed);
	return k;
}

struct key *
upstream_account_key(struct store *st, int64_t id,
    const struct seal_key *seal_key, struct err *e)
{
	return read_key(st, UPSTREAM_ACCOUNT_KEY, id, seal_key, e);
}

struct key *
upstream_account_next_key(struct store *st, int64_t id,
    const struct seal_key *seal_key, struct err *e)
{
	return read_key(st, UPSTREAM_ACCOUNT_NEXT_KEY, id, seal_key, e);
}

/* ---- changes ------------------------------------------------------------- */

struct change {
	struct store *st;
	int64_t id;
	const struct upstream_account_change *to;
	const char *contacts;
	const uint8_t *old; /* SHA-256 of its SPKI */
	const struct sealed *next;
};

/* Why a statement has changed no row: -1. */
static int
explain(struct store *st, int64_t id, struct err *e)
{
	struct upstream_account a;

	if (upstream_account_by_id(st, id, &a, e) < 0)
		return -1;
	err_set(e, a.is_rolling ? KIND_BUSY : KIND_CONFLICT,
	    "upstream account %lld %s", (long long)id,
	    a.status == UPSTREAM_ACCOUNT_DEACTIVATED ? "is deactivated"
		: a.is_rolling ? "has a change of keys that is not over"
			       : "is not in a state that allows this");
	upstream_account_release(&a);
	return -1;
}

/* What came of a statement that changes one row. */
static int
changed_one(struct store *st, int64_t id, int64_t n, struct err *e)
{
	if (n == 0)
		return explain(st, id, e);
	return n < 0 ? -1 : 0;
}

static int
run_on(struct store *st, size_t row, int64_t id, struct err *e)
{
	return stmt_run(st, STMT_UPSTREAM_ACCOUNT, row, e, "i", id) < 0 ? -1
									: 0;
}

static int
add_event(struct store *st, const char *what, int64_t id, struct err *e)
{
	char action[64];

	snprintf(action, sizeof(action), "upstream_account.%s", what);
	return event_add(st, action, EVENT_UPSTREAM_ACCOUNT, id, NULL, e);
}

static int
change(void *arg, struct err *e)
{
	const struct change *c = arg;
	const struct upstream_account_change *to = c->to;
	int64_t n =
	    stmt_run(c->st, STMT_UPSTREAM_ACCOUNT, UPSTREAM_ACCOUNT_CHANGE, e,
		"itttitttt", c->id, to->url, c->contacts, to->terms_agreed,
		clock_now(), to->eab_key_id, to->certificate_key_type,
		to->certificate_key_cycle, to->directory_url);

	if (changed_one(c->st, c->id, n, e) < 0)
		return -1;
	if (to->make_default &&
	    run_on(c->st, UPSTREAM_ACCOUNT_NO_DEFAULT, c->id, e) < 0)
		return -1;
	if ((to->make_default || to->make_default_if_none) &&
	    run_on(c->st, UPSTREAM_ACCOUNT_MAKE_DEFAULT, c->id, e) < 0)
		return -1;
	if (to->deactivate &&
	    run_on(c->st, UPSTREAM_ACCOUNT_DEACTIVATE, c->id, e) < 0)
		return -1;
	return add_event(c->st, to->action, c->id, e);
}

int
upstream_account_change(struct store *st, int64_t id,
    const struct upstream_account_change *to, struct err *e)
{
	struct change c = {.st = st, .id = id, .to = to};
	struct buf contacts;
	int rc = 0;

	if (check_url("account", to->url, e) < 0)
		return -1;
	buf_init(&contacts, CONTACTS_MAX);
	if (to->contacts) {
		rc = write_contacts(to->contacts, &contacts, e);
		c.contacts = contacts.data;
	}
	if (rc == 0)
		rc = db_transaction(st->db, DB_DURABLE, change, &c, e);
	buf_release(&contacts);
	return rc;
}

static int
drop(void *arg, struct err *e)
{
	const struct change *c = arg;
	int64_t n = stmt_run(
	    c->st, STMT_UPSTREAM_ACCOUNT, UPSTREAM_ACCOUNT_DROP, e, "i", c->id);

	return changed_one(c->st, c->id, n, e) < 0
	    ? -1
	    : add_event(c->st, "drop", c->id, e);
}

int
upstream_account_drop(struct store *st, int64_t id, struct err *e)
{
	struct change c = {.st = st, .id = id};

	return db_transaction(st->db, DB_DURABLE, drop, &c, e);
}

/* ---- a change of keys ---------------------------------------------------- */

/* Whether another account than this one has the key, which is said. */
static bool
is_taken(
    struct store *st, int64_t id, const uint8_t spki_sha256[32], struct err *e)
{
	struct upstream_account a;
	struct err none = {0};
	bool yes;

	if (upstream_account_by_key(st, spki_sha256, &a, &none) < 0)
		return false;
	yes = a.id != id;
	if (yes)
		err_set(e, KIND_CONFLICT,
		    "the key is that of upstream account %lld",
		    (long long)a.id);
	upstream_account_release(&a);
	return yes;
}

static int
roll_begin(void *arg, struct err *e)
{
	const struct change *c = arg;
	int64_t n;

	if (note_seal(c->st, c->next, e) < 0)
		return -1;
	n = stmt_run(c->st, STMT_UPSTREAM_ACCOUNT, UPSTREAM_ACCOUNT_ROLL_BEGIN,
	    e, "ibtib", c->id, c->next->spki_sha256,
	    sizeof(c->next->spki_sha256), c->next->type,
	    (int64_t)c->next->is_sealed, c->next->der.data, c->next->der.len);

	if (n == 0 && is_taken(c->st, 0, c->next->spki_sha256, e))
		return -1;
	return changed_one(c->st, c->id, n, e) < 0
	    ? -1
	    : add_event(c->st, "roll_begin", c->id, e);
}

/* How many changes from the one to the other were there: 0, 1, or -1. */
static int64_t
roll_end(const struct change *c, struct err *e)
{
	return stmt_run(c->st, STMT_UPSTREAM_ACCOUNT, UPSTREAM_ACCOUNT_ROLL_END,
	    e, "ibb", c->id, c->old, (size_t)32, c->next->spki_sha256,
	    sizeof(c->next->spki_sha256));
}

static int
roll_finish(void *arg, struct err *e)
{
	const struct change *c = arg;
	int64_t n;

	if (note_seal(c->st, c->next, e) < 0 || roll_end(c, e) < 0)
		return -1;
	n = stmt_run(c->st, STMT_UPSTREAM_ACCOUNT, UPSTREAM_ACCOUNT_ROLL_TAKE,
	    e, "ibbtib", c->id, c->old, (size_t)32, c->next->spki_sha256,
	    sizeof(c->next->spki_sha256), c->next->type,
	    (int64_t)c->next->is_sealed, c->next->der.data, c->next->der.len);
	if (n == 0 && is_taken(c->st, c->id, c->next->spki_sha256, e))
		return -1;
	if (n == 0)
		return err_set(e, KIND_NOTFOUND,
		    "upstream account %lld has not the key that was changed",
		    (long long)c->id);
	return n < 0 ? -1 : add_event(c->st, "roll", c->id, e);
}

static int
roll_cancel(void *arg, struct err *e)
{
	const struct change *c = arg;
	int64_t n = roll_end(c, e);

	return n <= 0 ? (int)n : add_event(c->st, "roll_cancel", c->id, e);
}

/* A step of a change of keys: with the next one sealed, in one transaction. */
static int
roll(const struct change *how, int (*step)(void *arg, struct err *e),
    const struct key *next, const struct seal_key *seal_key, struct err *e)
{
	struct sealed sealed;
	struct change c = *how;
	int rc = sealed_make(next, seal_key, &sealed, e);

	c.next = &sealed;
	if (rc == 0)
		rc = db_transaction(c.st->db, DB_DURABLE, step, &c, e);
	sealed_release(&sealed);
	return rc;
}

int
upstream_account_roll_begin(struct store *st, int64_t id,
    const struct key *next, const struct seal_key *seal_key, struct err *e)
{
	const struct change c = {.st = st, .id = id};

	return roll(&c, roll_begin, next, seal_key, e);
}

int
upstream_account_roll_finish(struct store *st, int64_t id,
    const uint8_t old[32], const struct key *next,
    const struct seal_key *seal_key, struct err *e)
{
	const struct change c = {.st = st, .id = id, .old = old};

	return roll(&c, roll_finish, next, seal_key, e);
}

int
upstream_account_roll_cancel(struct store *st, int64_t id,
    const uint8_t old[32], const uint8_t next[32], struct err *e)
{
	struct sealed sealed = {0};
	struct change c = {.st = st, .id = id, .old = old, .next = &sealed};

	memcpy(sealed.spki_sha256, next, sizeof(sealed.spki_sha256));
	return db_transaction(st->db, DB_DURABLE, roll_cancel, &c, e);
}

/* From one to the next, however many accounts are at each. */
int
upstream_account_each_directory(struct store *st,
    int (*fn)(void *arg, const char *url, struct err *e), void *arg,
    struct err *e)
{
	char *url = xstrdup("");
	int rc = 0;

	while (rc == 0) {
		struct db_stmt *s = stmt_query(st, STMT_UPSTREAM_ACCOUNT,
		    UPSTREAM_ACCOUNT_NEXT_DIRECTORY, e, "t", url);

		rc = s ? db_step(s, e) : -1;
		if (rc <= 0)
			break;
		free(url);
		url = stmt_text_dup(s, 0);
		db_reset(s);
		rc = fn(arg, url, e);
	}
	free(url);
	return rc;
}
