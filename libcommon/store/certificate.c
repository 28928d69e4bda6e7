#include "store/certificate.h"

#include "store/event.h"
#include "store/stmt.h"
#include "sys/clock.h"
#include "wrap/cert.h"
#include "wrap/digest.h"

enum {
	CERTIFICATE_ADD,
	CERTIFICATE_ADD_NAME,
	CERTIFICATE_ADD_CHAIN,
	CERTIFICATE_ID,
	CERTIFICATE_CHAIN_ID,
	CERTIFICATE_NEW_CHAIN,
	CERTIFICATE_ADD_MEMBER,
	CERTIFICATE_ADD_CA,
	CERTIFICATE_CA_ID,
	CERTIFICATE_BY_SHA256,
	CERTIFICATE_BY_ORDER,
	CERTIFICATE_CHAIN,
	CERTIFICATE_REVOKE,
	CERTIFICATE_EACH_REVOKED
};

#define COLUMNS                                                                \
	"c.id, c.sha256, c.serial, c.not_before, c.not_after, c.status,"       \
	" c.revoked_at, c.revocation_reason, c.account_id, c.source, c.der"

static const char *const sql[] = {
    [CERTIFICATE_ADD] =
	"INSERT INTO certificates (sha256, serial, not_before, not_after, der,"
	" spki_sha256, aki, account_id, source, created, status)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULLIF(CAST(?8 AS BIGINT), 0),"
	" ?9, ?10, 'valid')"
	" ON CONFLICT (sha256) DO NOTHING RETURNING id",
    [CERTIFICATE_ADD_NAME] =
	"INSERT INTO certificate_names (certificate_id, type, value)"
	" VALUES (?1, ?2, ?3) ON CONFLICT (certificate_id, type, value)"
	" DO NOTHING",
    [CERTIFICATE_ADD_CHAIN] =
	"INSERT INTO certificate_chains (certificate_id, chain_id, is_default)"
	" VALUES (?1, ?2, CASE WHEN EXISTS (SELECT 1 FROM certificate_chains x"
	" WHERE x.certificate_id = ?1) THEN 0 ELSE 1 END)"
	" ON CONFLICT (certificate_id, chain_id) DO NOTHING",
    [CERTIFICATE_ID] = "SELECT id FROM certificates WHERE sha256 = ?1",
    [CERTIFICATE_CHAIN_ID] = "SELECT id FROM chains WHERE sha256 = ?1",
    [CERTIFICATE_NEW_CHAIN] = "INSERT INTO chains (sha256) VALUES (?1)"
			      " ON CONFLICT (sha256) DO NOTHING RETURNING id",
    [CERTIFICATE_ADD_MEMBER] =
	"INSERT INTO chain_members (chain_id, position, ca_certificate_id)"
	" VALUES (?1, ?2, ?3)",
    [CERTIFICATE_ADD_CA] =
	"INSERT INTO ca_certificates (sha256, der, subject, spki_sha256, ski,"
	" not_after) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
	" ON CONFLICT (sha256) DO NOTHING RETURNING id",
    [CERTIFICATE_CA_ID] = "SELECT id FROM ca_certificates WHERE sha256 = ?1",
    [CERTIFICATE_BY_SHA256] = "SELECT " COLUMNS ", 0 FROM certificates c"
			      " WHERE c.sha256 = ?1",
    [CERTIFICATE_BY_ORDER] =
	"SELECT " COLUMNS ", o.chain_id FROM orders o"
	" JOIN certificates c ON c.id = o.certificate_id WHERE o.id = ?1",
    [CERTIFICATE_CHAIN] =
	"SELECT ca.der FROM chain_members m"
	" JOIN ca_certificates ca ON ca.id = m.ca_certificate_id"
	" WHERE m.chain_id = ?1 ORDER BY m.position",
    [CERTIFICATE_REVOKE] =
	"UPDATE certificates SET status = 'revoked', revoked_at = ?2,"
	" revocation_reason = NULLIF(CAST(?3 AS BIGINT), -1)"
	" WHERE id = ?1 AND status = 'valid'",
    [CERTIFICATE_EACH_REVOKED] =
	"SELECT serial, revoked_at, revocation_reason FROM certificates"
	" WHERE status = 'revoked' AND aki = ?1 AND not_after >= ?2",
};

const struct stmt_table certificate_stmts = {
    "certificate", sql, ARRAY_LEN(sql)};

static const char *const names[] = {
    [CERTIFICATE_VALID] = "valid",
    [CERTIFICATE_REVOKED] = "revoked",
};
_Static_assert(ARRAY_LEN(names) == CERTIFICATE__MAX, "one per status");

void
certificate_release(struct certificate *c)
{
	size_t i;

	if (!c)
		return;
	free(c->serial);
	free(c->source);
	free(c->leaf.der);
	for (i = 0; i < c->chain_len; i++)
		free(c->chain[i].der);
	free(c->chain);
	memset(c, 0, sizeof(*c));
}

/* What the store notes of a certificate; all but `subject` is borrowed. */
struct facts {
	uint8_t sha256[32], spki_sha256[32];
	const uint8_t *der, *aki, *ski;
	size_t der_len, aki_len, ski_len;
	const char *serial;
	char *subject; /* only of a CA */
	int64_t not_before, not_after;
	const struct strv *dns, *ip;
};

/* The only place of store/ that looks into a certificate. */
static void
read_facts(const struct cert *c, bool is_ca, struct facts *f)
{
	cert_sha256(c, f->sha256);
	cert_spki_sha256(c, f->spki_sha256);
	f->der = cert_der(c, &f->der_len);
	f->aki = cert_aki(c, &f->aki_len);
	f->ski = cert_ski(c, &f->ski_len);
	f->serial = cert_serial_hex(c);
	f->subject = is_ca ? cert_subject(c) : NULL;
	f->not_before = cert_not_before(c);
	f->not_after = cert_not_after(c);
	f->dns = cert_dns(c);
	f->ip = cert_ip(c);
}

static int
add_ca(struct store *st, const struct cert *c, int64_t *id, struct err *e)
{
	struct facts f;
	int rc;

	read_facts(c, true, &f);
	rc = stmt_int(st, STMT_CERTIFICATE, CERTIFICATE_ADD_CA, id, e, "bbtbbi",
	    f.sha256, sizeof(f.sha256), f.der, f.der_len, f.subject,
	    f.spki_sha256, sizeof(f.spki_sha256), f.ski, f.ski_len,
	    f.not_after);
	if (rc == 0)
		rc = stmt_int(st, STMT_CERTIFICATE, CERTIFICATE_CA_ID, id, e,
		    "b", f.sha256, sizeof(f.sha256));
	free(f.subject);
	if (rc == 0)
		return err_set(e, KIND_BUG, "a CA certificate has vanished");
	return rc < 0 ? -1 : 0;
}

/* A chain is known by the digests of its members, one after the other. */
static void
chain_sha256(const struct cert_list *chain, uint8_t out[32])
{
	size_t n = chain->len - 1, i;
	uint8_t *all = xcalloc(n, 32);

	for (i = 0; i < n; i++)
		cert_sha256(chain->v[i + 1], all + i * 32);
	digest_sha256(out, all, n * 32);
	free(all);
}

static int
put_chain(
    struct store *st, const struct cert_list *chain, int64_t *id, struct err *e)
{
	uint8_t sha256[32];
	int64_t ca;
	size_t i;
	int rc;

	*id = 0;
	if (chain->len < 2)
		return 0;
	chain_sha256(chain, sha256);
	rc = stmt_int(st, STMT_CERTIFICATE, CERTIFICATE_CHAIN_ID, id, e, "b",
	    sha256, sizeof(sha256));
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	rc = stmt_int(st, STMT_CERTIFICATE, CERTIFICATE_NEW_CHAIN, id, e, "b",
	    sha256, sizeof(sha256));
	if (rc == 0)
		return err_set(e, KIND_BUG, "a chain has come and gone");
	if (rc < 0)
		return -1;
	for (i = 1; i < chain->len; i++)
		if (add_ca(st, chain->v[i], &ca, e) < 0 ||
		    stmt_run(st, STMT_CERTIFICATE, CERTIFICATE_ADD_MEMBER, e,
			"iii", *id, (int64_t)i - 1, ca) < 0)
			return -1;
	return 0;
}

static int
add_names(struct store *st, int64_t id, const char *type,
    const struct strv *values, struct err *e)
{
	size_t i;

	for (i = 0; i < values->len; i++)
		if (stmt_run(st, STMT_CERTIFICATE, CERTIFICATE_ADD_NAME, e,
			"itt", id, type, values->v[i]) < 0)
			return -1;
	return 0;
}

static int
put_leaf(struct store *st, const struct cert *leaf, const char *source,
    int64_t account_id, int64_t *id, struct err *e)
{
	struct facts f;
	int rc;

	read_facts(leaf, false, &f);
	rc = stmt_int(st, STMT_CERTIFICATE, CERTIFICATE_ADD, id, e,
	    "btiibbbiti", f.sha256, sizeof(f.sha256), f.serial, f.not_before,
	    f.not_after, f.der, f.der_len, f.spki_sha256, sizeof(f.spki_sha256),
	    f.aki, f.aki_len, account_id, source, clock_now());
	if (rc < 0)
		return -1;
	if (rc == 0) {
		rc = stmt_int(st, STMT_CERTIFICATE, CERTIFICATE_ID, id, e, "b",
		    f.sha256, sizeof(f.sha256));
		if (rc == 0)
			err_set(e, KIND_BUG, "a certificate has vanished");
		return rc > 0 ? 0 : -1;
	}
	if (add_names(st, *id, "dns", f.dns, e) < 0)
		return -1;
	return add_names(st, *id, "ip", f.ip, e);
}

int
certificate_put(struct store *st, const struct cert_list *chain,
    const char *source, int64_t account_id, int64_t *id, int64_t *chain_id,
    struct err *e)
{
	if (put_chain(st, chain, chain_id, e) < 0 ||
	    put_leaf(st, chain->v[0], source, account_id, id, e) < 0)
		return -1;
	if (*chain_id == 0)
		return 0;
	return stmt_run(st, STMT_CERTIFICATE, CERTIFICATE_ADD_CHAIN, e, "ii",
		   *id, *chain_id) < 0
	    ? -1
	    : 0;
}

struct addition {
	struct store *st;
	const struct cert_list *chain;
	const char *source;
	int64_t account_id;
	int64_t id;
};

static int
add(void *arg, struct err *e)
{
	struct addition *a = arg;
	int64_t chain_id;

	if (certificate_put(a->st, a->chain, a->source, a->account_id, &a->id,
		&chain_id, e) < 0)
		return -1;
	return event_add(
	    a->st, "certificate.add", EVENT_CERTIFICATE, a->id, a->source, e);
}

int
certificate_add(struct store *st, const struct cert_list *chain,
    const char *source, int64_t account_id, int64_t *id, struct err *e)
{
	struct addition a = {.st = st,
	    .chain = chain,
	    .source = source,
	    .account_id = account_id};

	if (db_transaction(st->db, DB_DURABLE, add, &a, e) < 0)
		return -1;
	*id = a.id;
	return 0;
}

/* Reads the row; the chain's id, or 0, goes to `*chain_id`. */
static int
load(struct db_stmt *s, struct certificate *c, int64_t *chain_id, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;
	const void *sha256;
	size_t len;

	memset(c, 0, sizeof(*c));
	if (rc == 0)
		return err_set(e, KIND_NOTFOUND, "no such certificate");
	if (rc < 0)
		return -1;
	c->id = db_int(s, 0);
	sha256 = db_blob(s, 1, &len);
	if (len == sizeof(c->sha256))
		memcpy(c->sha256, sha256, len);
	c->serial = stmt_text_dup(s, 2);
	c->not_before = db_int(s, 3);
	c->not_after = db_int(s, 4);
	c->status =
	    (enum certificate_status)stmt_word(s, 5, names, CERTIFICATE__MAX);
	c->revoked_at = db_int(s, 6);
	c->revocation_reason =
	    db_is_null(s, 7) ? CERTIFICATE_NO_REASON : (int)db_int(s, 7);
	c->account_id = db_int(s, 8);
	c->source = stmt_text_dup(s, 9);
	c->leaf.der = stmt_blob_dup(s, 10, &c->leaf.len);
	*chain_id = db_int(s, 11);
	db_reset(s);
	return 0;
}

static int
load_chain(
    struct store *st, int64_t chain_id, struct certificate *c, struct err *e)
{
	struct db_stmt *s = stmt_query(
	    st, STMT_CERTIFICATE, CERTIFICATE_CHAIN, e, "i", chain_id);
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		struct certificate_der *d;

		c->chain = xreallocarray(
		    c->chain, c->chain_len + 1, sizeof(*c->chain));
		d = &c->chain[c->chain_len++];
		d->der = stmt_blob_dup(s, 0, &d->len);
	}
	return rc;
}

int
certificate_by_sha256(struct store *st, const uint8_t sha256[32],
    struct certificate *c, struct err *e)
{
	int64_t chain_id;

	return load(stmt_query(st, STMT_CERTIFICATE, CERTIFICATE_BY_SHA256, e,
			"b", sha256, (size_t)32),
	    c, &chain_id, e);
}

int
certificate_by_order(
    struct store *st, int64_t order_id, struct certificate *c, struct err *e)
{
	int64_t chain_id;

	if (load(stmt_query(st, STMT_CERTIFICATE, CERTIFICATE_BY_ORDER, e, "i",
		     order_id),
		c, &chain_id, e) < 0)
		return -1;
	if (load_chain(st, chain_id, c, e) == 0)
		return 0;
	certificate_release(c);
	return -1;
}

struct revocation {
	struct store *st;
	int64_t id;
	int reason;
};

static int
revoke(void *arg, struct err *e)
{
	struct revocation *r = arg;
	char detail[32];
	int64_t n = stmt_run(r->st, STMT_CERTIFICATE, CERTIFICATE_REVOKE, e,
	    "iii", r->id, clock_now(), (int64_t)r->reason);

	if (n == 0)
		return err_acme(e, KIND_CONFLICT, "alreadyRevoked",
		    "RFC 8555 7.6: the certificate is revoked already");
	if (n < 0)
		return -1;
	snprintf(detail, sizeof(detail), "reason %d", r->reason);
	return event_add(r->st, "certificate.revoke", EVENT_CERTIFICATE, r->id,
	    r->reason == CERTIFICATE_NO_REASON ? NULL : detail, e);
}

int
certificate_revoke(struct store *st, int64_t id, int reason, struct err *e)
{
	struct revocation r = {.st = st, .id = id, .reason = reason};

	return db_transaction(st->db, DB_DURABLE, revoke, &r, e);
}

int
certificate_each_revoked(struct store *st, const void *aki, size_t aki_len,
    int64_t since,
    int (*fn)(void *arg, const struct certificate_revoked *r, struct err *e),
    void *arg, struct err *e)
{
	struct db_stmt *s = stmt_query(st, STMT_CERTIFICATE,
	    CERTIFICATE_EACH_REVOKED, e, "bi", aki, aki_len, since);
	struct certificate_revoked r;
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		r.serial = db_text(s, 0);
		r.revoked_at = db_int(s, 1);
		r.reason = db_is_null(s, 2) ? CERTIFICATE_NO_REASON
					    : (int)db_int(s, 2);
		if (fn(arg, &r, e) < 0) {
			db_reset(s);
			return -1;
		}
	}
	return rc;
}
