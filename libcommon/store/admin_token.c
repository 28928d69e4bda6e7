#include "store/admin_token.h"

#include "base/hex.h"
#include "conf/scope.h"
#include "store/event.h"
#include "store/stmt.h"
#include "store/token.h"
#include "sys/clock.h"
#include "wrap/cert.h"
#include "wrap/digest.h"

#define PAGE 100

enum {
	ADMIN_TOKEN_ADD,
	ADMIN_TOKEN_BY_ID,
	ADMIN_TOKEN_BY_CERTIFICATE,
	ADMIN_TOKEN_REVOKE,
	ADMIN_TOKEN_EACH,
	ADMIN_TOKEN_WRONG,
	ADMIN_TOKEN_FORGET,
	ADMIN_TOKEN_COUNT
};

#define COLUMNS                                                                \
	"id, token_id, kind, status, scopes, sha256, created, expires, note"

static const char *const sql[] = {
    [ADMIN_TOKEN_ADD] =
	"INSERT INTO admin_tokens (token_id, status, scopes, sha256, created,"
	" expires, note, kind) VALUES (?1, 'valid', ?2, ?3, ?4,"
	" NULLIF(CAST(?5 AS BIGINT), 0), ?6, ?7) RETURNING id",
    [ADMIN_TOKEN_BY_ID] =
	"SELECT " COLUMNS " FROM admin_tokens WHERE token_id = ?1",
    /* The last: one that is valid admits no later one. */
    [ADMIN_TOKEN_BY_CERTIFICATE] =
	"SELECT " COLUMNS " FROM admin_tokens WHERE kind = 'certificate'"
	" AND sha256 = ?1 ORDER BY id DESC LIMIT 1",
    [ADMIN_TOKEN_REVOKE] = "UPDATE admin_tokens SET status = 'revoked'"
			   " WHERE id = ?1 AND status = 'valid'",
    [ADMIN_TOKEN_EACH] = "SELECT " COLUMNS " FROM admin_tokens WHERE id > ?1"
			 " ORDER BY id LIMIT ?2",
    [ADMIN_TOKEN_WRONG] = "SELECT wrong FROM admin_guesses"
			  " WHERE who = ?1 AND began > ?2 AND began <= ?3",
    [ADMIN_TOKEN_FORGET] = "DELETE FROM admin_guesses WHERE began <= ?1",
    [ADMIN_TOKEN_COUNT] =
	"INSERT INTO admin_guesses (who, began, wrong) VALUES (?1, ?2, 1)"
	/* those of a clock that was ahead are over */
	" ON CONFLICT (who) DO UPDATE SET"
	" wrong = CASE WHEN admin_guesses.began > excluded.began"
	" THEN 1 ELSE admin_guesses.wrong + 1 END,"
	" began = CASE WHEN admin_guesses.began > excluded.began"
	" THEN excluded.began ELSE admin_guesses.began END",
};

const struct stmt_table admin_token_stmts = {
    "admin_token", sql, ARRAY_LEN(sql)};

static const char *const kinds[] = {
    [ADMIN_TOKEN_SECRET] = "token",
    [ADMIN_TOKEN_CERTIFICATE] = "certificate",
};
_Static_assert(ARRAY_LEN(kinds) == ADMIN_TOKEN_KIND__MAX, "one per kind");

static const char *const statuses[] = {
    [ADMIN_TOKEN_VALID] = "valid",
    [ADMIN_TOKEN_REVOKED] = "revoked",
};
_Static_assert(
    ARRAY_LEN(statuses) == ADMIN_TOKEN_STATUS__MAX, "one per status");

const char *
admin_token_kind_name(enum admin_token_kind kind)
{
	return kind < ADMIN_TOKEN_KIND__MAX ? kinds[kind] : "?";
}

const char *
admin_token_status_name(enum admin_token_status status)
{
	return status < ADMIN_TOKEN_STATUS__MAX ? statuses[status] : "?";
}

/* ---- reading ------------------------------------------------------------- */

static void
read_row(struct db_stmt *s, struct admin_token *t)
{
	struct err ignored = {0};

	*t = (struct admin_token){.id = db_int(s, 0)};
	stmt_text_to(s, 1, t->token_id, sizeof(t->token_id));
	t->kind = (enum admin_token_kind)stmt_word(
	    s, 2, kinds, ADMIN_TOKEN_KIND__MAX);
	t->status = (enum admin_token_status)stmt_word(
	    s, 3, statuses, ADMIN_TOKEN_STATUS__MAX);
	if (scope_parse(db_text(s, 4), &t->scopes, &ignored) < 0)
		t->scopes = 0;
	stmt_digest(s, 5, t->sha256);
	t->created = db_int(s, 6);
	t->expires = db_int(s, 7);
	t->note = db_text(s, 8);
}

static int
not_found(struct err *e)
{
	return err_set(e, KIND_NOTFOUND, "no such token");
}

/* The only row of a statement: 1, 0 when there is none, -1. */
static int
take_row(struct db_stmt *s, struct admin_token *t, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;

	if (rc <= 0)
		return rc;
	read_row(s, t);
	t->note = NULL;
	db_reset(s);
	return 1;
}

static int
find(struct store *st, const char *token_id, struct admin_token *t,
    struct err *e)
{
	return take_row(stmt_query(st, STMT_ADMIN_TOKEN, ADMIN_TOKEN_BY_ID, e,
			    "t", token_id),
	    t, e);
}

static int
find_certificate(struct store *st, const uint8_t sha256[DIGEST_SHA256_SIZE],
    struct admin_token *t, struct err *e)
{
	return take_row(
	    stmt_query(st, STMT_ADMIN_TOKEN, ADMIN_TOKEN_BY_CERTIFICATE, e, "b",
		sha256, (size_t)DIGEST_SHA256_SIZE),
	    t, e);
}

/* How many there were after `*after`, which is then the last of them. */
static int
each_of_page(struct store *st, int64_t *after,
    int (*fn)(void *arg, const struct admin_token *t, struct err *e), void *arg,
    struct err *e)
{
	struct db_stmt *s = stmt_query(st, STMT_ADMIN_TOKEN, ADMIN_TOKEN_EACH,
	    e, "ii", *after, (int64_t)PAGE);
	struct admin_token t;
	int rc = -1, n = 0;

	for (; s && (rc = db_step(s, e)) > 0; n++) {
		read_row(s, &t);
		*after = t.id;
		if (fn(arg, &t, e) < 0) {
			db_reset(s);
			return -1;
		}
	}
	return rc < 0 ? -1 : n;
}

int
admin_token_each(struct store *st,
    int (*fn)(void *arg, const struct admin_token *t, struct err *e), void *arg,
    struct err *e)
{
	int64_t after = 0;
	int n = PAGE;

	while (n == PAGE)
		n = each_of_page(st, &after, fn, arg, e);
	return n < 0 ? -1 : 0;
}

/* ---- adding -------------------------------------------------------------- */

struct addition {
	struct store *st;
	struct admin_token *t;
};

/* One certificate has one set of scopes. */
static int
refuse_again(struct store *st, const struct admin_token *t, struct err *e)
{
	struct admin_token there;
	int rc = find_certificate(st, t->sha256, &there, e);

	if (rc <= 0 || there.status != ADMIN_TOKEN_VALID)
		return rc < 0 ? -1 : 0;
	return err_set(e, KIND_CONFLICT,
	    "the certificate is known as %s, which is to be revoked first",
	    there.token_id);
}

static int
add(void *arg, struct err *e)
{
	struct addition *a = arg;
	struct admin_token *t = a->t;
	char scopes[SCOPE_TEXT_SIZE];
	int rc;

	if (t->kind == ADMIN_TOKEN_CERTIFICATE && refuse_again(a->st, t, e) < 0)
		return -1;
	scope_print(t->scopes, scopes);
	rc = stmt_int(a->st, STMT_ADMIN_TOKEN, ADMIN_TOKEN_ADD, &t->id, e,
	    "ttbiitt", t->token_id, scopes, t->sha256, sizeof(t->sha256),
	    t->created, t->expires, t->note, kinds[t->kind]);
	if (rc <= 0)
		return rc < 0 ? -1 : err_set(e, KIND_BUG, "no row was made");
	return event_add(
	    a->st, "admin_token.add", EVENT_ADMIN_TOKEN, t->id, t->token_id, e);
}

static int
put(struct store *st, struct admin_token *t, struct err *e)
{
	struct addition a = {.st = st, .t = t};

	if (t->note && strlen(t->note) > ADMIN_TOKEN_NOTE_MAX)
		return err_set(e, KIND_INPUT,
		    "the note is longer than %d bytes", ADMIN_TOKEN_NOTE_MAX);
	t->status = ADMIN_TOKEN_VALID;
	t->created = clock_now();
	token_make(t->token_id, TOKEN_URL_ID_BYTES);
	return db_transaction(st->db, DB_DURABLE, add, &a, e);
}

int
admin_token_add(
    struct store *st, struct admin_token *t, struct buf *text, struct err *e)
{
	uint8_t secret[ADMIN_TOKEN_SECRET_SIZE];
	char shown[B64URL_LEN(sizeof(secret)) + 1];
	int rc;

	t->kind = ADMIN_TOKEN_SECRET;
	digest_random(secret, sizeof(secret));
	digest_sha256(t->sha256, secret, sizeof(secret));
	rc = put(st, t, e);
	b64url_encode_to(shown, secret, sizeof(secret));
	if (rc == 0 && buf_addf(text, "%s.%s", t->token_id, shown) < 0)
		rc = err_set(e, KIND_BUG, "no room for a token");
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(shown, sizeof(shown));
	return rc;
}

int
admin_token_add_certificate(struct store *st, struct admin_token *t,
    const struct cert *c, struct err *e)
{
	int64_t end = cert_not_after(c);

	if (end <= clock_now())
		return err_set(e, KIND_INPUT, "the certificate has expired");
	t->kind = ADMIN_TOKEN_CERTIFICATE;
	cert_sha256(c, t->sha256);
	if (t->expires == 0 || t->expires > end)
		t->expires = end;
	return put(st, t, e);
}

/* ---- checking ------------------------------------------------------------ */

/* What is presented, in two; false when it has not the form of a token. */
static bool
split(const char *text, char token_id[STORE_URL_ID_SIZE], struct buf *secret)
{
	if (strlen(text) < STORE_URL_ID_SIZE || text[STORE_URL_ID_LEN] != '.')
		return false;
	memcpy(token_id, text, STORE_URL_ID_LEN);
	token_id[STORE_URL_ID_LEN] = '\0';
	text += STORE_URL_ID_SIZE;
	return strlen(token_id) == STORE_URL_ID_LEN &&
	    b64url_decode(secret, text, strlen(text)) == 0 &&
	    secret->len == ADMIN_TOKEN_SECRET_SIZE;
}

struct guess {
	struct store *st;
	char who[160];
	int64_t token; /* that was meant, or 0 */
	int64_t wrong; /* of a while */
};

static int
read_wrong(struct guess *g, struct err *e)
{
	int64_t now = clock_now();

	g->wrong = 0;
	return stmt_int(g->st, STMT_ADMIN_TOKEN, ADMIN_TOKEN_WRONG, &g->wrong,
	    e, "tii", g->who, now - ADMIN_TOKEN_GUESSES_TIME, now);
}

static int
count_wrong(void *arg, struct err *e)
{
	struct guess *g = arg;
	int64_t now = clock_now();

	if (stmt_run(g->st, STMT_ADMIN_TOKEN, ADMIN_TOKEN_FORGET, e, "i",
		now - ADMIN_TOKEN_GUESSES_TIME) < 0 ||
	    stmt_run(g->st, STMT_ADMIN_TOKEN, ADMIN_TOKEN_COUNT, e, "ti",
		g->who, now) < 0 ||
	    read_wrong(g, e) < 0)
		return -1;
	if (g->wrong != ADMIN_TOKEN_GUESSES)
		return 0;
	return g->token > 0
	    ? event_add(g->st, "admin_token.guess", EVENT_ADMIN_TOKEN, g->token,
		  NULL, e)
	    : event_add(g->st, "admin_token.guess", EVENT_STORE, 0, g->who, e);
}

static int
too_many(struct err *e)
{
	e->retry_after = ADMIN_TOKEN_GUESSES_TIME;
	return err_http(
	    e, KIND_DENIED, 429, "too many wrong tokens; wait a minute");
}

/* 0 when one more may be looked at. */
static int
may_guess(struct guess *g, struct err *e)
{
	if (read_wrong(g, e) < 0)
		return -1;
	return g->wrong >= ADMIN_TOKEN_GUESSES ? too_many(e) : 0;
}

static int
wrong(struct guess *g, struct err *e)
{
	if (db_transaction(g->st->db, DB_QUICK, count_wrong, g, e) < 0)
		return -1;
	return err_http(e, KIND_DENIED, 401, "there is no such token");
}

static int
judge(const struct admin_token *t, struct err *e)
{
	bool revoked = t->status != ADMIN_TOKEN_VALID;

	if (!revoked && (t->expires == 0 || t->expires > clock_now()))
		return 0;
	return err_http(e, KIND_DENIED, 401, "the %s %s", kinds[t->kind],
	    revoked ? "is revoked" : "has expired");
}

/* The digest of what there is not is compared as well. */
int
admin_token_check(struct store *st, const char *text, const char *peer,
    struct admin_token *t, struct err *e)
{
	uint8_t have[DIGEST_SHA256_SIZE];
	char token_id[STORE_URL_ID_SIZE] = "";
	struct guess g = {.st = st};
	bool good, same;
	struct buf secret;
	int there = 0;

	*t = (struct admin_token){0};
	buf_init(&secret, ADMIN_TOKEN_SECRET_SIZE);
	good = split(text, token_id, &secret);
	digest_sha256(have, secret.data, secret.len);
	buf_wipe(&secret);
	if (good)
		there = find(st, token_id, t, e);
	if (there < 0)
		return -1;
	if (t->kind != ADMIN_TOKEN_SECRET)
		there = 0;
	same = digest_equal(t->sha256, have, sizeof(have)) && there > 0;
	/* a user of this machine has many addresses of it */
	snprintf(g.who, sizeof(g.who), "%s%.100s", there ? "token/" : "peer/",
	    there			   ? token_id
		: str_starts(peer, "127.") ? "127.0.0.1"
					   : peer);
	g.token = there ? t->id : 0;
	if (may_guess(&g, e) < 0)
		return -1;
	return same ? judge(t, e) : wrong(&g, e);
}

/* What cannot be guessed is not counted. */
int
admin_token_of_certificate(struct store *st, const struct cert *c,
    struct admin_token *t, struct err *e)
{
	uint8_t sha256[DIGEST_SHA256_SIZE];
	char hex[2 * DIGEST_SHA256_SIZE + 1];
	int rc;

	cert_sha256(c, sha256);
	rc = find_certificate(st, sha256, t, e);
	if (rc < 0)
		return -1;
	if (rc == 0) {
		hex_encode(hex, sha256, sizeof(sha256));
		err_http(e, KIND_DENIED, 401, "the certificate is not known");
		return err_object(e, "SHA-256 %s", hex);
	}
	if (cert_not_before(c) > clock_now())
		return err_http(
		    e, KIND_DENIED, 401, "the certificate is not valid yet");
	return judge(t, e);
}

/* ---- states -------------------------------------------------------------- */

struct change {
	struct store *st;
	const char *token_id;
};

static int
revoke(void *arg, struct err *e)
{
	const struct change *c = arg;
	struct admin_token t;
	int rc = find(c->st, c->token_id, &t, e);
	int64_t n;

	if (rc <= 0)
		return rc < 0 ? -1 : not_found(e);
	n = stmt_run(c->st, STMT_ADMIN_TOKEN, ADMIN_TOKEN_REVOKE, e, "i", t.id);
	if (n == 0)
		return err_set(
		    e, KIND_CONFLICT, "the token is revoked already");
	if (n < 0)
		return -1;
	return event_add(c->st, "admin_token.revoke", EVENT_ADMIN_TOKEN, t.id,
	    c->token_id, e);
}

int
admin_token_revoke(struct store *st, const char *token_id, struct err *e)
{
	struct change c = {.st = st, .token_id = token_id};

	return db_transaction(st->db, DB_DURABLE, revoke, &c, e);
}
