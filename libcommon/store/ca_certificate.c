#include "store/ca_certificate.h"

#include "base/hex.h"
#include "store/certificate.h"
#include "store/event.h"
#include "store/issuer.h"
#include "store/stmt.h"
#include "sys/clock.h"
#include "wrap/cert.h"
#include "wrap/digest.h"

#define PREFIX "ca_certificate/"
#define PICK_MIN 8 /* digits */

enum {
	CA_CERTIFICATE_ID,
	CA_CERTIFICATE_ADD,
	CA_CERTIFICATE_TRUST,
	CA_CERTIFICATE_BY_ID,
	CA_CERTIFICATE_BY_SHA256,
	CA_CERTIFICATE_BY_SHA1,
	CA_CERTIFICATE_BY_SUBJECT,
	CA_CERTIFICATE_BETWEEN,
	CA_CERTIFICATE_NEXT,
	CA_CERTIFICATE_NEXT_UNSPREAD,
	CA_CERTIFICATE_LAST,
	CA_CERTIFICATE_UNFILLED,
	CA_CERTIFICATE_FILL
};

#define COLUMNS                                                                \
	"id, sha256, subject, not_before, not_after, trusted, source, der"

static const char *const sql[] = {
    [CA_CERTIFICATE_ID] = "SELECT id FROM ca_certificates WHERE sha256 = ?1",
    [CA_CERTIFICATE_ADD] =
	"INSERT INTO ca_certificates (sha256, der, subject, spki_sha256, ski,"
	" not_after, sha1, subject_sha256, issuer_id, not_before, trusted,"
	" source, created, spread)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 0)"
	" ON CONFLICT (sha256) DO NOTHING RETURNING id",
    [CA_CERTIFICATE_TRUST] =
	"UPDATE ca_certificates SET trusted = 1 WHERE id = ?1 AND trusted = 0",
    [CA_CERTIFICATE_BY_ID] =
	"SELECT " COLUMNS " FROM ca_certificates WHERE id = ?1",
    [CA_CERTIFICATE_BY_SHA256] =
	"SELECT " COLUMNS " FROM ca_certificates WHERE sha256 = ?1",
    [CA_CERTIFICATE_BY_SHA1] =
	"SELECT " COLUMNS " FROM ca_certificates WHERE sha1 = ?1",
    [CA_CERTIFICATE_BY_SUBJECT] =
	"SELECT " COLUMNS " FROM ca_certificates WHERE subject_sha256 = ?1",
    [CA_CERTIFICATE_BETWEEN] =
	"SELECT id FROM ca_certificates"
	" WHERE sha256 >= ?1 AND sha256 <= ?2 ORDER BY sha256 LIMIT 2",
    [CA_CERTIFICATE_NEXT] = "SELECT id FROM ca_certificates WHERE id > ?1"
			    " ORDER BY id LIMIT 1",
    [CA_CERTIFICATE_NEXT_UNSPREAD] =
	"SELECT id FROM ca_certificates WHERE spread = 0 AND id > ?1"
	" ORDER BY id LIMIT 1",
    [CA_CERTIFICATE_LAST] = "SELECT id FROM ca_certificates"
			    " WHERE id > 0 ORDER BY id DESC LIMIT 1",
    [CA_CERTIFICATE_UNFILLED] = "SELECT id, der FROM ca_certificates"
				" WHERE subject_sha256 IS NULL LIMIT 1",
    [CA_CERTIFICATE_FILL] =
	"UPDATE ca_certificates SET sha1 = ?2, subject_sha256 = ?3,"
	" issuer_id = ?4, not_before = ?5 WHERE id = ?1",
};

const struct stmt_table ca_certificate_stmts = {
    "ca_certificate", sql, ARRAY_LEN(sql)};

/* ---- adding -------------------------------------------------------------- */

/* What is only here for a row, and can be told without the row. */
struct facts {
	uint8_t sha1[DIGEST_SHA1_SIZE], subject_sha256[DIGEST_SHA256_SIZE];
	int64_t issuer_id;
};

static int
read_facts(
    struct store *st, const struct cert *c, struct facts *f, struct err *e)
{
	const uint8_t *der;
	size_t len;

	der = cert_subject_der(c, &len);
	digest_sha256(f->subject_sha256, der, len);
	cert_sha1(c, f->sha1);
	return issuer_put(st, c, &f->issuer_id, e);
}

static int
insert(struct store *st, const struct cert *c, const uint8_t sha256[32],
    const char *source, bool trusted, int64_t *id, struct err *e)
{
	const uint8_t *der, *ski;
	size_t der_len, ski_len;
	uint8_t spki[32];
	struct facts f;
	char *subject;
	int rc;

	if (read_facts(st, c, &f, e) < 0)
		return -1;
	der = cert_der(c, &der_len);
	ski = cert_ski(c, &ski_len);
	cert_spki_sha256(c, spki);
	subject = cert_subject(c);
	rc = stmt_int(st, STMT_CA_CERTIFICATE, CA_CERTIFICATE_ADD, id, e,
	    "bbtbbibbiiiti", sha256, (size_t)32, der, der_len, subject, spki,
	    sizeof(spki), ski, ski_len, cert_not_after(c), f.sha1,
	    sizeof(f.sha1), f.subject_sha256, sizeof(f.subject_sha256),
	    f.issuer_id, cert_not_before(c), (int64_t)trusted, source,
	    clock_now());
	free(subject);
	return rc;
}

int
ca_certificate_put(struct store *st, const struct cert *c, const char *source,
    bool trusted, int64_t *id, bool *created, struct err *e)
{
	uint8_t sha256[32];
	int rc;

	*created = false;
	cert_sha256(c, sha256);
	rc = stmt_int(st, STMT_CA_CERTIFICATE, CA_CERTIFICATE_ID, id, e, "b",
	    sha256, sizeof(sha256));
	if (rc > 0 && trusted &&
	    stmt_run(
		st, STMT_CA_CERTIFICATE, CA_CERTIFICATE_TRUST, e, "i", *id) < 0)
		return -1;
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	/* Who has looked for chains asks later for larger numbers. */
	if (db_lock(st->db, "ca_certificates", e) < 0)
		return -1;
	rc = insert(st, c, sha256, source, trusted, id, e);
	*created = rc > 0;
	if (rc == 0)
		err_set(e, KIND_BUG, "a CA certificate has come and gone");
	return rc > 0 ? 0 : -1;
}

struct addition {
	struct store *st;
	const struct cert *cert;
	const char *source;
	bool trusted;
	int64_t id;
	bool created;
};

static int
add(void *arg, struct err *e)
{
	struct addition *a = arg;

	if (ca_certificate_put(a->st, a->cert, a->source, a->trusted, &a->id,
		&a->created, e) < 0)
		return -1;
	return a->created ? event_add(a->st, "ca_certificate.add",
				EVENT_CA_CERTIFICATE, a->id, a->source, e)
			  : 0;
}

int
ca_certificate_add(struct store *st, const struct cert *c, const char *source,
    bool trusted, int64_t *id, bool *created, struct err *e)
{
	struct addition a = {
	    .st = st, .cert = c, .source = source, .trusted = trusted};

	if (!cert_is_ca(c))
		return err_set(e, KIND_INPUT,
		    "RFC 5280 4.2.1.9: not the certificate of a CA");
	if (db_transaction(st->db, DB_DURABLE, add, &a, e) < 0)
		return -1;
	*id = a.id;
	*created = a.created;
	return 0;
}

static int
fill_one(void *arg, struct err *e)
{
	struct store *st = arg;
	struct db_stmt *s =
	    stmt_query(st, STMT_CA_CERTIFICATE, CA_CERTIFICATE_UNFILLED, e, "");
	struct cert *c;
	struct facts f;
	int64_t id;
	int rc;

	c = certificate_next_unfilled(s, &id, e);
	if (!c)
		return -1;
	rc = read_facts(st, c, &f, e);
	if (rc == 0 &&
	    stmt_run(st, STMT_CA_CERTIFICATE, CA_CERTIFICATE_FILL, e, "ibbii",
		id, f.sha1, sizeof(f.sha1), f.subject_sha256,
		sizeof(f.subject_sha256), f.issuer_id, cert_not_before(c)) < 0)
		rc = -1;
	cert_free(c);
	return rc;
}

int
ca_certificate_fill(struct store *st, struct err *e)
{
	return certificate_fill_with(st, fill_one, e);
}

/* ---- reading ------------------------------------------------------------- */

void
ca_certificate_release(struct ca_certificate *c)
{
	if (!c)
		return;
	free(c->subject);
	free(c->source);
	free(c->der);
	*c = (struct ca_certificate){0};
}

static void
read_row(struct db_stmt *s, struct ca_certificate *c)
{
	*c = (struct ca_certificate){.id = db_int(s, 0)};
	stmt_digest(s, 1, c->sha256);
	c->subject = stmt_text_dup(s, 2);
	c->not_before = db_int(s, 3);
	c->not_after = db_int(s, 4);
	c->trusted = db_int(s, 5) != 0;
	c->source = stmt_text_dup(s, 6);
	c->der = stmt_blob_dup(s, 7, &c->der_len);
}

static int
read_one(struct db_stmt *s, struct ca_certificate *c, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;

	*c = (struct ca_certificate){0};
	if (rc == 0)
		return err_set(e, KIND_NOTFOUND, "no such CA certificate");
	if (rc < 0)
		return -1;
	read_row(s, c);
	db_reset(s);
	return 0;
}

int
ca_certificate_by_id(
    struct store *st, int64_t id, struct ca_certificate *c, struct err *e)
{
	return read_one(stmt_query(st, STMT_CA_CERTIFICATE,
			    CA_CERTIFICATE_BY_ID, e, "i", id),
	    c, e);
}

int
ca_certificate_by_sha256(struct store *st, const uint8_t sha256[32],
    struct ca_certificate *c, struct err *e)
{
	return read_one(
	    stmt_query(st, STMT_CA_CERTIFICATE, CA_CERTIFICATE_BY_SHA256, e,
		"b", sha256, (size_t)32),
	    c, e);
}

int
ca_certificate_next(struct store *st, int64_t *id, struct err *e)
{
	return stmt_int(
	    st, STMT_CA_CERTIFICATE, CA_CERTIFICATE_NEXT, id, e, "i", *id);
}

int
ca_certificate_next_unspread(struct store *st, int64_t *id, struct err *e)
{
	return stmt_int(st, STMT_CA_CERTIFICATE, CA_CERTIFICATE_NEXT_UNSPREAD,
	    id, e, "i", *id);
}

int
ca_certificate_last(struct store *st, int64_t *id, struct err *e)
{
	return stmt_int(
	    st, STMT_CA_CERTIFICATE, CA_CERTIFICATE_LAST, id, e, "");
}

/* The one whose SHA-256 is between. */
static int
find_between(struct store *st, const uint8_t from[32], const uint8_t to[32],
    int64_t *id, struct err *e)
{
	struct db_stmt *s = stmt_query(st, STMT_CA_CERTIFICATE,
	    CA_CERTIFICATE_BETWEEN, e, "bb", from, (size_t)32, to, (size_t)32);
	int rc = -1, n = 0;

	while (s && (rc = db_step(s, e)) > 0) {
		*id = db_int(s, 0);
		n++;
	}
	if (rc == 0 && n == 0)
		return err_set(e, KIND_NOTFOUND, "no such CA certificate");
	if (rc == 0 && n > 1)
		return err_set(
		    e, KIND_INPUT, "more than one CA certificate begins so");
	return rc;
}

/* A number that is none may be the beginning of a SHA-256. */
static int
pick(struct store *st, const char *name, int64_t *id, struct err *e)
{
	uint8_t from[32], to[32];
	bool is_prefix = hex_range(from, to, sizeof(from), name) >= PICK_MIN;
	struct ca_certificate c;
	uint64_t n;
	int rc;

	if (str_to_u64(name, INT64_MAX, &n)) {
		*id = (int64_t)n;
		rc = ca_certificate_by_id(st, *id, &c, e);
		ca_certificate_release(&c);
		if (rc == 0 || !is_prefix || err_forgive(e, KIND_NOTFOUND) < 0)
			return rc;
	}
	return is_prefix
	    ? find_between(st, from, to, id, e)
	    : err_set(e, KIND_INPUT,
		  "neither the number of a CA certificate nor the beginning "
		  "of its SHA-256");
}

int
ca_certificate_pick(
    struct store *st, const char *text, int64_t *id, struct err *e)
{
	bool has_prefix = str_starts(text, PREFIX);
	int rc = pick(st, has_prefix ? text + strlen(PREFIX) : text, id, e);

	return rc < 0 ? err_object(e, "%s", text) : 0;
}

int
ca_certificate_by_sha1(struct store *st, const uint8_t sha1[20],
    struct ca_certificate *c, struct err *e)
{
	return read_one(stmt_query(st, STMT_CA_CERTIFICATE,
			    CA_CERTIFICATE_BY_SHA1, e, "b", sha1, (size_t)20),
	    c, e);
}

static int
each_named(struct store *st, const uint8_t *name, size_t len,
    int (*fn)(void *arg, const struct ca_certificate *ca, struct err *e),
    void *arg, struct err *e)
{
	uint8_t sha256[DIGEST_SHA256_SIZE];
	struct db_stmt *s;
	int rc = -1;

	digest_sha256(sha256, name, len);
	s = stmt_query(st, STMT_CA_CERTIFICATE, CA_CERTIFICATE_BY_SUBJECT, e,
	    "b", sha256, sizeof(sha256));
	while (s && (rc = db_step(s, e)) > 0) {
		struct ca_certificate ca;
		int result;

		read_row(s, &ca);
		result = fn(arg, &ca, e);
		ca_certificate_release(&ca);
		if (result < 0) {
			db_reset(s);
			return -1;
		}
	}
	return rc;
}

int
ca_certificate_each_issuer(struct store *st, const struct cert *c,
    int (*fn)(void *arg, const struct ca_certificate *ca, struct err *e),
    void *arg, struct err *e)
{
	size_t len;
	const uint8_t *der = cert_issuer_der(c, &len);

	return each_named(st, der, len, fn, arg, e);
}

int
ca_certificate_each_named(struct store *st, const struct cert *c,
    int (*fn)(void *arg, const struct ca_certificate *ca, struct err *e),
    void *arg, struct err *e)
{
	size_t len;
	const uint8_t *der = cert_subject_der(c, &len);

	return each_named(st, der, len, fn, arg, e);
}
