#include "store/eab_key.h"

#include "store/event.h"
#include "store/sealed.h"
#include "store/sealing_key.h"
#include "store/stmt.h"
#include "store/token.h"
#include "sys/clock.h"

#define PAGE 100
#define SETTING "eab_key_file"

enum {
	EAB_KEY_ADD,
	EAB_KEY_SECRET,
	EAB_KEY_ID,
	EAB_KEY_USE,
	EAB_KEY_REVOKE,
	EAB_KEY_EACH
};

static const char *const sql[] = {
    [EAB_KEY_ADD] =
	"INSERT INTO eab_keys (key_id, status, uses_left, created, expires,"
	" note, sealed, secret) VALUES (?1, 'valid',"
	" NULLIF(CAST(?2 AS BIGINT), -1), ?3, NULLIF(CAST(?4 AS BIGINT), 0),"
	" ?5, ?6, ?7) RETURNING id",
    [EAB_KEY_SECRET] =
	"SELECT id, key_id, sealed, secret FROM eab_keys WHERE key_id = ?1",
    [EAB_KEY_ID] = "SELECT id FROM eab_keys WHERE key_id = ?1",
    [EAB_KEY_USE] =
	"UPDATE eab_keys SET uses_left = uses_left - 1 WHERE id = ?1"
	" AND status = 'valid' AND (expires IS NULL OR expires > ?2)"
	" AND (uses_left IS NULL OR uses_left > 0)",
    [EAB_KEY_REVOKE] = "UPDATE eab_keys SET status = 'revoked'"
		       " WHERE id = ?1 AND status = 'valid'",
    [EAB_KEY_EACH] =
	"SELECT k.id, k.key_id, k.status, COALESCE(k.uses_left, -1),"
	" k.created, k.expires, k.note, k.sealed,"
	" (SELECT count(*) FROM accounts a WHERE a.eab_key_id = k.id)"
	" FROM eab_keys k WHERE k.id > ?1 ORDER BY k.id LIMIT ?2",
};

const struct stmt_table eab_key_stmts = {"eab_key", sql, ARRAY_LEN(sql)};

static const char *const statuses[] = {
    [EAB_KEY_VALID] = "valid",
    [EAB_KEY_REVOKED] = "revoked",
};
_Static_assert(ARRAY_LEN(statuses) == EAB_KEY__MAX, "one per status");

const char *
eab_key_status_name(enum eab_key_status status)
{
	return status < EAB_KEY__MAX ? statuses[status] : "?";
}

/* ---- adding -------------------------------------------------------------- */

struct addition {
	struct store *st;
	struct eab_key *k;
	const struct sealed *sealed;
};

static int
add(void *arg, struct err *e)
{
	struct addition *a = arg;
	struct eab_key *k = a->k;
	int rc = sealing_key_note(
	    a->st, SETTING, k->sealed ? &a->sealed->der : NULL, e);

	if (rc < 0)
		return -1;
	rc = stmt_int(a->st, STMT_EAB_KEY, EAB_KEY_ADD, &k->id, e, "tiiitib",
	    k->key_id, k->uses_left, k->created, k->expires, k->note,
	    (int64_t)k->sealed, a->sealed->der.data, a->sealed->der.len);
	if (rc <= 0)
		return rc < 0 ? -1 : err_set(e, KIND_BUG, "no row was made");
	return event_add(
	    a->st, "eab_key.add", EVENT_EAB_KEY, k->id, k->key_id, e);
}

int
eab_key_add(struct store *st, struct eab_key *k,
    const struct seal_key *seal_key, struct buf *secret, struct err *e)
{
	struct addition a = {.st = st, .k = k};
	uint8_t bytes[EAB_KEY_SECRET_SIZE];
	struct sealed sealed;
	int rc;

	if (k->note && strlen(k->note) > EAB_KEY_NOTE_MAX)
		return err_set(e, KIND_INPUT,
		    "the note is longer than %d bytes", EAB_KEY_NOTE_MAX);
	k->status = EAB_KEY_VALID;
	k->created = clock_now();
	k->sealed = seal_key != NULL;
	token_make(k->key_id, TOKEN_URL_ID_BYTES);
	token_random(bytes, sizeof(bytes));
	rc = sealed_make_named(
	    k->key_id, bytes, sizeof(bytes), seal_key, &sealed, e);
	a.sealed = &sealed;
	if (rc == 0)
		rc = db_transaction(st->db, DB_DURABLE, add, &a, e);
	if (rc == 0 && buf_add(secret, bytes, sizeof(bytes)) < 0)
		rc = err_set(e, KIND_BUG, "no room for a secret");
	explicit_bzero(bytes, sizeof(bytes));
	sealed_release(&sealed);
	return rc;
}

/* ---- reading ------------------------------------------------------------- */

static int
not_found(struct err *e)
{
	return err_set(e, KIND_NOTFOUND, "no such key");
}

int
eab_key_secret(struct store *st, const char *key_id,
    const struct seal_key *seal_key, int64_t *id, struct buf *secret,
    struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, STMT_EAB_KEY, EAB_KEY_SECRET, e, "t", key_id);
	int rc = s ? db_step(s, e) : -1;
	struct sealed sealed;

	if (rc <= 0)
		return rc < 0 ? -1 : not_found(e);
	*id = db_int(s, 0);
	sealed_read_named(s, 1, &sealed);
	db_reset(s);
	rc = sealed_open(&sealed, seal_key, SETTING, secret, e);
	sealed_release(&sealed);
	return rc < 0 ? err_object(e, "eab_key/%lld", (long long)*id) : 0;
}

static void
read_row(struct db_stmt *s, struct eab_key *k)
{
	*k = (struct eab_key){.id = db_int(s, 0)};
	stmt_text_to(s, 1, k->key_id, sizeof(k->key_id));
	k->status =
	    (enum eab_key_status)stmt_word(s, 2, statuses, EAB_KEY__MAX);
	k->uses_left = db_int(s, 3);
	k->created = db_int(s, 4);
	k->expires = db_int(s, 5);
	k->note = db_text(s, 6);
	k->sealed = db_int(s, 7) != 0;
	k->accounts = db_int(s, 8);
}

/* How many there were after `*after`, which is then the last of them. */
static int
each_of_page(struct store *st, int64_t *after,
    int (*fn)(void *arg, const struct eab_key *k, struct err *e), void *arg,
    struct err *e)
{
	struct db_stmt *s = stmt_query(
	    st, STMT_EAB_KEY, EAB_KEY_EACH, e, "ii", *after, (int64_t)PAGE);
	struct eab_key k;
	int rc = -1, n = 0;

	for (; s && (rc = db_step(s, e)) > 0; n++) {
		read_row(s, &k);
		*after = k.id;
		if (fn(arg, &k, e) < 0) {
			db_reset(s);
			return -1;
		}
	}
	return rc < 0 ? -1 : n;
}

int
eab_key_each(struct store *st,
    int (*fn)(void *arg, const struct eab_key *k, struct err *e), void *arg,
    struct err *e)
{
	int64_t after = 0;
	int n = PAGE;

	while (n == PAGE)
		n = each_of_page(st, &after, fn, arg, e);
	return n < 0 ? -1 : 0;
}

/* ---- states -------------------------------------------------------------- */

int
eab_key_use(struct store *st, int64_t id, int64_t account_id, struct err *e)
{
	int64_t n =
	    stmt_run(st, STMT_EAB_KEY, EAB_KEY_USE, e, "ii", id, clock_now());
	char detail[48];

	if (n == 0)
		return err_set(e, KIND_DENIED,
		    "the key is revoked, has expired or is used up");
	if (n < 0)
		return -1;
	snprintf(detail, sizeof(detail), "account/%lld", (long long)account_id);
	return event_add(st, "eab_key.use", EVENT_EAB_KEY, id, detail, e);
}

struct change {
	struct store *st;
	const char *key_id;
};

static int
revoke(void *arg, struct err *e)
{
	struct change *c = arg;
	int64_t id, n;
	int rc =
	    stmt_int(c->st, STMT_EAB_KEY, EAB_KEY_ID, &id, e, "t", c->key_id);

	if (rc <= 0)
		return rc < 0 ? -1 : not_found(e);
	n = stmt_run(c->st, STMT_EAB_KEY, EAB_KEY_REVOKE, e, "i", id);
	if (n == 0)
		return err_set(e, KIND_CONFLICT, "the key is revoked already");
	if (n < 0)
		return -1;
	return event_add(
	    c->st, "eab_key.revoke", EVENT_EAB_KEY, id, c->key_id, e);
}

int
eab_key_revoke(struct store *st, const char *key_id, struct err *e)
{
	struct change c = {.st = st, .key_id = key_id};

	return db_transaction(st->db, DB_DURABLE, revoke, &c, e);
}
