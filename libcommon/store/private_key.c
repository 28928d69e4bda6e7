#include "store/private_key.h"

#include "base/hex.h"
#include "base/str.h"
#include "store/certificate.h"
#include "store/event.h"
#include "store/sealed.h"
#include "store/sealing_key.h"
#include "store/serving_change.h"
#include "store/stmt.h"
#include "sys/clock.h"

#define IDENTITY_SIZE 32
#define PREFIX_MIN 4
#define PAGE 1000
#define SETTING "certificate_key_file"

enum {
	PRIVATE_KEY_ADD,
	PRIVATE_KEY_BY_ID,
	PRIVATE_KEY_BY_IDENTITY,
	PRIVATE_KEY_BETWEEN,
	PRIVATE_KEY_DER,
	PRIVATE_KEY_DER_BY_IDENTITY,
	PRIVATE_KEY_SET,
	PRIVATE_KEY_EACH,
	PRIVATE_KEY_EACH_OF,
	PRIVATE_KEY_CERTIFICATE
};

#define COLUMNS "id, spki_sha256, type, status, source, created, sealed"

static const char *const sql[] = {
    [PRIVATE_KEY_ADD] =
	"INSERT INTO private_keys (spki_sha256, type, status, source, created,"
	" sealed, der) VALUES (?1, ?2, 'active', ?3, ?4, ?5, ?6)"
	" ON CONFLICT (spki_sha256) DO NOTHING RETURNING id",
    [PRIVATE_KEY_BY_ID] = "SELECT " COLUMNS " FROM private_keys WHERE id = ?1",
    [PRIVATE_KEY_BY_IDENTITY] =
	"SELECT " COLUMNS " FROM private_keys WHERE spki_sha256 = ?1",
    [PRIVATE_KEY_BETWEEN] = "SELECT " COLUMNS " FROM private_keys"
			    " WHERE spki_sha256 >= ?1 AND spki_sha256 <= ?2"
			    " ORDER BY spki_sha256 LIMIT 2",
    [PRIVATE_KEY_DER] = "SELECT spki_sha256, sealed, der, id FROM private_keys"
			" WHERE id = ?1",
    [PRIVATE_KEY_DER_BY_IDENTITY] =
	"SELECT spki_sha256, sealed, der, id FROM private_keys"
	" WHERE spki_sha256 = ?1",
    [PRIVATE_KEY_SET] = "UPDATE private_keys SET status = ?2 WHERE id = ?1"
			" AND status <> ?2 AND status <> 'compromised'",
    [PRIVATE_KEY_EACH] = "SELECT " COLUMNS " FROM private_keys"
			 " WHERE id > ?1 ORDER BY id LIMIT ?2",
    [PRIVATE_KEY_EACH_OF] =
	"SELECT " COLUMNS " FROM private_keys"
	" WHERE status = ?3 AND id > ?1 ORDER BY id LIMIT ?2",
    [PRIVATE_KEY_CERTIFICATE] =
	"SELECT c.id FROM private_keys k"
	" JOIN certificates c ON c.spki_sha256 = k.spki_sha256"
	" WHERE k.id = ?1 AND c.status = 'valid' LIMIT 1",
};

const struct stmt_table private_key_stmts = {
    "private_key", sql, ARRAY_LEN(sql)};

static const char *const statuses[] = {
    [PRIVATE_KEY_ACTIVE] = "active",
    [PRIVATE_KEY_RETIRED] = "retired",
    [PRIVATE_KEY_COMPROMISED] = "compromised",
};
_Static_assert(ARRAY_LEN(statuses) == PRIVATE_KEY__MAX, "one per status");

static const char *const sources[] = {
    [PRIVATE_KEY_GENERATED] = "generated",
    [PRIVATE_KEY_IMPORTED] = "imported",
};
_Static_assert(ARRAY_LEN(sources) == PRIVATE_KEY_SOURCE__MAX, "one per source");

const char *
private_key_status_name(enum private_key_status status)
{
	return statuses[status];
}

int
private_key_status_by_name(const char *name, enum private_key_status *status)
{
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		if (strcmp(name, statuses[i]) == 0) {
			*status = (enum private_key_status)i;
			return 0;
		}
	return -1;
}

const char *
private_key_source_name(enum private_key_source source)
{
	return sources[source];
}

/* ---- reading ------------------------------------------------------------- */

static void
read_row(struct db_stmt *s, struct private_key *k)
{
	memset(k, 0, sizeof(*k));
	k->id = db_int(s, 0);
	stmt_digest(s, 1, k->spki_sha256);
	stmt_text_to(s, 2, k->type, sizeof(k->type));
	k->status = (enum private_key_status)stmt_word(
	    s, 3, statuses, PRIVATE_KEY__MAX);
	k->source = (enum private_key_source)stmt_word(
	    s, 4, sources, PRIVATE_KEY_SOURCE__MAX);
	k->created = db_int(s, 5);
	k->sealed = db_int(s, 6) != 0;
}

/* The one row of `s`; KIND_NOTFOUND. */
static int
read_one(struct db_stmt *s, struct private_key *k, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;

	if (rc == 0)
		return err_set(e, KIND_NOTFOUND, "no such private key");
	if (rc < 0)
		return -1;
	read_row(s, k);
	db_reset(s);
	return 0;
}

int
private_key_by_id(
    struct store *st, int64_t id, struct private_key *out, struct err *e)
{
	return read_one(
	    stmt_query(st, STMT_PRIVATE_KEY, PRIVATE_KEY_BY_ID, e, "i", id),
	    out, e);
}

int
private_key_by_identity(struct store *st, const uint8_t spki_sha256[32],
    struct private_key *out, struct err *e)
{
	return read_one(
	    stmt_query(st, STMT_PRIVATE_KEY, PRIVATE_KEY_BY_IDENTITY, e, "b",
		spki_sha256, (size_t)IDENTITY_SIZE),
	    out, e);
}

int
private_key_is_there(
    struct store *st, const uint8_t spki_sha256[32], struct err *e)
{
	struct private_key k;

	if (private_key_by_identity(st, spki_sha256, &k, e) == 0)
		return 1;
	return err_forgive(e, KIND_NOTFOUND);
}

/* All identities that begin with the digits. */
static int
find_prefix(struct store *st, const char *digits, struct private_key *out,
    struct err *e)
{
	uint8_t from[IDENTITY_SIZE], to[IDENTITY_SIZE];
	struct db_stmt *s;
	int rc;

	hex_range(from, to, sizeof(from), digits);
	s = stmt_query(st, STMT_PRIVATE_KEY, PRIVATE_KEY_BETWEEN, e, "bb", from,
	    sizeof(from), to, sizeof(to));
	rc = s ? db_step(s, e) : -1;
	if (rc == 0)
		return err_set(
		    e, KIND_NOTFOUND, "%s: no such private key", digits);
	if (rc < 0)
		return -1;
	read_row(s, out);
	rc = db_step(s, e);
	db_reset(s);
	if (rc > 0)
		return err_set(e, KIND_INPUT,
		    "%s: more than one private key begins so", digits);
	return rc;
}

static bool
is_prefix(const char *text)
{
	size_t len = strlen(text);

	return len >= PREFIX_MIN && len <= 2 * (size_t)IDENTITY_SIZE &&
	    strspn(text, "0123456789abcdefABCDEF") == len;
}

int
private_key_find(
    struct store *st, const char *text, struct private_key *out, struct err *e)
{
	uint64_t id;
	int rc;

	if (!str_to_u64(text, INT64_MAX, &id)) {
		if (is_prefix(text))
			return find_prefix(st, text, out, e);
		return err_set(e, KIND_INPUT,
		    "%s: neither the number of a private key nor the "
		    "beginning of its SHA-256 in hex",
		    text);
	}
	rc = private_key_by_id(st, (int64_t)id, out, e);
	/* a number that is none may be the beginning of an identity */
	if (rc == 0 || !is_prefix(text) || err_forgive(e, KIND_NOTFOUND) < 0)
		return rc;
	return find_prefix(st, text, out, e);
}

/* ---- adding -------------------------------------------------------------- */

struct addition {
	struct store *st;
	struct private_key *key;
	const struct buf *der;
	bool created;
};

static int
add(void *arg, struct err *e)
{
	struct addition *a = arg;
	struct private_key *k = a->key;
	int rc = sealing_key_note(a->st, SETTING, k->sealed ? a->der : NULL, e);

	if (rc == 0)
		rc = stmt_int(a->st, STMT_PRIVATE_KEY, PRIVATE_KEY_ADD, &k->id,
		    e, "bttiib", k->spki_sha256, sizeof(k->spki_sha256),
		    k->type, sources[k->source], clock_now(),
		    (int64_t)k->sealed, a->der->data, a->der->len);
	a->created = rc > 0;
	if (rc < 0)
		return -1;
	/* What has its key may be served. */
	if (a->created &&
	    (serving_change_note_key(a->st, k->spki_sha256, e) < 0 ||
		event_add(a->st, "private_key.add", EVENT_PRIVATE_KEY, k->id,
		    sources[k->source], e) < 0))
		return -1;
	return private_key_by_identity(a->st, k->spki_sha256, k, e);
}

int
private_key_add(struct store *st, const struct key *k,
    const struct seal_key *seal_key, enum private_key_source source,
    struct private_key *out, bool *created, struct err *e)
{
	struct addition a = {.st = st, .key = out};
	struct sealed sealed;
	int rc;

	*out = (struct private_key){.source = source};
	rc = sealed_make(k, seal_key, &sealed, e);
	out->sealed = sealed.is_sealed;
	memcpy(out->spki_sha256, sealed.spki_sha256, sizeof(out->spki_sha256));
	memcpy(out->type, sealed.type, sizeof(out->type));
	a.der = &sealed.der;
	if (rc == 0)
		rc = db_transaction(st->db, DB_DURABLE, add, &a, e);
	*created = a.created;
	sealed_release(&sealed);
	return rc;
}

/* ---- the key itself ------------------------------------------------------ */

/* The one row of `s`; KIND_NOTFOUND.  The caller releases. */
static int
read_sealed(
    struct db_stmt *s, struct sealed *sealed, int64_t *id, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;

	if (rc == 0)
		return err_set(e, KIND_NOTFOUND, "no such private key");
	if (rc < 0)
		return -1;
	sealed_read(s, 0, sealed);
	*id = db_int(s, 3);
	db_reset(s);
	return 0;
}

static int
name_broken(int64_t id, struct err *e)
{
	return e->kind == KIND_SYS || e->kind == KIND_CONF
	    ? err_object(e, "private key %lld", (long long)id)
	    : -1;
}

struct key *
private_key_load(struct store *st, int64_t id, const struct seal_key *seal_key,
    struct err *e)
{
	struct sealed sealed;
	struct key *k;

	if (read_sealed(
		stmt_query(st, STMT_PRIVATE_KEY, PRIVATE_KEY_DER, e, "i", id),
		&sealed, &id, e) < 0)
		return NULL;
	k = sealed_key(&sealed, seal_key, SETTING, e);
	if (!k)
		name_broken(id, e);
	sealed_release(&sealed);
	return k;
}

int
private_key_der(struct store *st, const uint8_t spki_sha256[32],
    const struct seal_key *seal_key, int64_t *id, struct buf *out,
    struct err *e)
{
	struct sealed sealed;
	int rc;

	if (read_sealed(
		stmt_query(st, STMT_PRIVATE_KEY, PRIVATE_KEY_DER_BY_IDENTITY, e,
		    "b", spki_sha256, (size_t)IDENTITY_SIZE),
		&sealed, id, e) < 0)
		return -1;
	rc = sealed_pkcs8(&sealed, seal_key, SETTING, out, e);
	sealed_release(&sealed);
	return rc < 0 ? name_broken(*id, e) : 0;
}

/* ---- states -------------------------------------------------------------- */

struct change {
	struct store *st;
	int64_t id;
	enum private_key_status status;
};

static int
revoke_certificates(struct store *st, int64_t key, struct err *e)
{
	int64_t id;
	int rc;

	while ((rc = stmt_int(st, STMT_PRIVATE_KEY, PRIVATE_KEY_CERTIFICATE,
		    &id, e, "i", key)) > 0)
		if (certificate_revoke(st, id, CERTIFICATE_KEY_COMPROMISE, e) <
		    0)
			return -1;
	return rc;
}

static int
set_status(void *arg, struct err *e)
{
	static const char *const actions[] = {
	    [PRIVATE_KEY_ACTIVE] = "private_key.activate",
	    [PRIVATE_KEY_RETIRED] = "private_key.retire",
	    [PRIVATE_KEY_COMPROMISED] = "private_key.compromise",
	};
	struct change *c = arg;
	struct private_key now;
	int64_t n = stmt_run(c->st, STMT_PRIVATE_KEY, PRIVATE_KEY_SET, e, "it",
	    c->id, statuses[c->status]);

	if (n < 0)
		return -1;
	if (n > 0 && c->status == PRIVATE_KEY_COMPROMISED &&
	    revoke_certificates(c->st, c->id, e) < 0)
		return -1;
	if (n > 0)
		return event_add(c->st, actions[c->status], EVENT_PRIVATE_KEY,
		    c->id, NULL, e);
	if (private_key_by_id(c->st, c->id, &now, e) < 0)
		return -1;
	return err_set(e, KIND_CONFLICT, "private key %lld is %s",
	    (long long)c->id, statuses[now.status]);
}

int
private_key_set_status(
    struct store *st, int64_t id, enum private_key_status status, struct err *e)
{
	struct change c = {.st = st, .id = id, .status = status};

	return db_transaction(st->db, DB_DURABLE, set_status, &c, e);
}

/* One page after the key `*last`. Returns how many, or -1. */
static int64_t
each_of_page(struct store *st, enum private_key_status status,
    int (*fn)(void *arg, const struct private_key *k, struct err *e), void *arg,
    int64_t *last, struct err *e)
{
	struct db_stmt *s = status == PRIVATE_KEY__MAX
	    ? stmt_query(st, STMT_PRIVATE_KEY, PRIVATE_KEY_EACH, e, "ii", *last,
		  (int64_t)PAGE)
	    : stmt_query(st, STMT_PRIVATE_KEY, PRIVATE_KEY_EACH_OF, e, "iit",
		  *last, (int64_t)PAGE, statuses[status]);
	struct private_key k;
	int64_t n = 0;
	int rc = -1;

	for (; s && (rc = db_step(s, e)) > 0; n++) {
		read_row(s, &k);
		*last = k.id;
		if (fn(arg, &k, e) < 0) {
			db_reset(s);
			return -1;
		}
	}
	return rc < 0 ? -1 : n;
}

int
private_key_each(struct store *st, enum private_key_status status,
    int (*fn)(void *arg, const struct private_key *k, struct err *e), void *arg,
    struct err *e)
{
	int64_t last = 0, n;

	do
		n = each_of_page(st, status, fn, arg, &last, e);
	while (n == PAGE);
	return n < 0 ? -1 : 0;
}
