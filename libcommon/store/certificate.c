#include "store/certificate.h"

#include "base/hex.h"
#include "base/str.h"
#include "store/ca_certificate.h"
#include "store/certificate_part.h"
#include "store/domain.h"
#include "store/event.h"
#include "store/fqdn_set.h"
#include "store/issuer.h"
#include "store/renewal_backup.h"
#include "store/renewal_configuration.h"
#include "store/serving_change.h"
#include "store/stmt.h"
#include "sys/clock.h"
#include "wrap/cert.h"
#include "wrap/digest.h"
#include "wrap/key.h"
#include "wrap/name.h"

enum {
	CERTIFICATE_ADD,
	CERTIFICATE_ADD_CHAIN,
	CERTIFICATE_ID,
	CERTIFICATE_BY_ID,
	CERTIFICATE_BY_SHA256,
	CERTIFICATE_BY_SHA1,
	CERTIFICATE_BY_ORDER,
	CERTIFICATE_SERVING,
	CERTIFICATE_KEY_IS_COMPROMISED,
	CERTIFICATE_REVOKE,
	CERTIFICATE_SET_ACTIVE,
	CERTIFICATE_SET_AUTO_RENEW,
	CERTIFICATE_SET_UPSTREAM_ACCOUNT,
	CERTIFICATE_EACH_REVOKED,
	CERTIFICATE_UNFILLED,
	CERTIFICATE_FILL
};

#define COLUMNS                                                                \
	"c.id, c.sha256, c.serial, c.not_before, c.not_after, c.status,"       \
	" c.revoked_at, c.revocation_reason, c.account_id, c.source, c.der,"   \
	" c.created, c.active, c.auto_renew, c.fqdn_set_id, c.spki_sha256"

static const char *const sql[] = {
    [CERTIFICATE_ADD] =
	"INSERT INTO certificates (sha256, serial, not_before, not_after, der,"
	" spki_sha256, aki, account_id, source, created, status, sha1,"
	" issuer_id, fqdn_set_id, active, auto_renew, key_type)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULLIF(CAST(?8 AS BIGINT), 0),"
	" ?9, ?10, 'valid', ?11, ?12, ?13, ?14, ?15, ?16)"
	" ON CONFLICT (sha256) DO NOTHING RETURNING id",
    [CERTIFICATE_ADD_CHAIN] =
	"INSERT INTO certificate_chains (certificate_id, chain_id, is_default,"
	" found) VALUES (?1, ?2, CASE WHEN EXISTS"
	" (SELECT 1 FROM certificate_chains x WHERE x.certificate_id = ?1)"
	" THEN 0 ELSE 1 END, ?3)"
	" ON CONFLICT (certificate_id, chain_id) DO NOTHING",
    [CERTIFICATE_ID] = "SELECT id FROM certificates WHERE sha256 = ?1",
    [CERTIFICATE_BY_ID] =
	"SELECT " COLUMNS ", 0 FROM certificates c WHERE c.id = ?1",
    [CERTIFICATE_BY_SHA256] =
	"SELECT " COLUMNS ", 0 FROM certificates c WHERE c.sha256 = ?1",
    [CERTIFICATE_BY_SHA1] =
	"SELECT " COLUMNS ", 0 FROM certificates c WHERE c.sha1 = ?1",
    [CERTIFICATE_BY_ORDER] =
	"SELECT " COLUMNS ", o.chain_id FROM orders o"
	" JOIN certificates c ON c.id = o.certificate_id WHERE o.id = ?1",
    [CERTIFICATE_SERVING] =
	"SELECT c.id FROM domains d"
	" JOIN fqdn_set_members m ON m.domain_id = d.id"
	" JOIN certificates c ON c.fqdn_set_id = m.fqdn_set_id"
	" WHERE d.value IN (?1, ?2) AND c.active = 1 AND c.status = 'valid'"
	" ORDER BY " SERVING_VALID("?3") ", CASE WHEN " SERVING_KEY
					 " THEN 0 ELSE 1 END, CASE WHEN "
					 "d.value = ?1 THEN 0 ELSE 1 END,"
					 " " SERVING_LATER " LIMIT 1",
    [CERTIFICATE_KEY_IS_COMPROMISED] =
	"SELECT 1 FROM private_keys"
	" WHERE spki_sha256 = ?1 AND status = 'compromised'",
    [CERTIFICATE_REVOKE] =
	"UPDATE certificates SET status = 'revoked', revoked_at = ?2,"
	" revocation_reason = NULLIF(CAST(?3 AS BIGINT), -1)"
	" WHERE id = ?1 AND status = 'valid'",
    [CERTIFICATE_SET_ACTIVE] =
	"UPDATE certificates SET active = ?2"
	" WHERE id = ?1 AND active <> ?2 AND status = 'valid'",
    [CERTIFICATE_SET_AUTO_RENEW] = "UPDATE certificates SET auto_renew = ?2"
				   " WHERE id = ?1 AND auto_renew <> ?2",
    [CERTIFICATE_SET_UPSTREAM_ACCOUNT] =
	"UPDATE certificates SET upstream_account_id = ?2 WHERE id = ?1",
    [CERTIFICATE_EACH_REVOKED] =
	"SELECT serial, revoked_at, revocation_reason FROM certificates"
	" WHERE status = 'revoked' AND aki = ?1 AND not_after >= ?2",
    [CERTIFICATE_UNFILLED] = "SELECT id, der FROM certificates"
			     " WHERE fqdn_set_id IS NULL LIMIT 1",
    [CERTIFICATE_FILL] =
	"UPDATE certificates SET sha1 = ?2, issuer_id = ?3, fqdn_set_id = ?4,"
	" key_type = ?5 WHERE id = ?1",
};

const struct stmt_table certificate_stmts = {
    "certificate", sql, ARRAY_LEN(sql)};

static const char *const names[] = {
    [CERTIFICATE_VALID] = "valid",
    [CERTIFICATE_REVOKED] = "revoked",
};
_Static_assert(ARRAY_LEN(names) == CERTIFICATE__MAX, "one per status");

enum certificate_status
certificate_status_of(const char *word)
{
	size_t i;

	for (i = 0; i < CERTIFICATE__MAX; i++)
		if (str_same(word, names[i]))
			break;
	return (enum certificate_status)i;
}

void
certificate_release(struct certificate *c)
{
	if (!c)
		return;
	free(c->serial);
	free(c->source);
	free(c->leaf.der);
	chain_release(&c->chain);
	memset(c, 0, sizeof(*c));
}

/* ---- adding -------------------------------------------------------------- */

/* What is only here for a row, and can be told without the row. */
struct facts {
	uint8_t sha256[32], sha1[DIGEST_SHA1_SIZE], spki_sha256[32];
	int64_t issuer_id;
	struct fqdn_set set;
	char key_type[KEY_WORD_SIZE];
};

static int
read_facts(
    struct store *st, const struct cert *c, struct facts *f, struct err *e)
{
	struct strv dns = {0};
	int rc;

	cert_sha256(c, f->sha256);
	cert_sha1(c, f->sha1);
	cert_spki_sha256(c, f->spki_sha256);
	cert_key_word(c, f->key_type);
	if (issuer_put(st, c, &f->issuer_id, e) < 0)
		return -1;
	cert_names(c, &dns);
	rc = fqdn_set_put(st, &dns, cert_ip(c), &f->set, e);
	strv_release(&dns);
	return rc;
}

static int
insert(struct store *st, const struct certificate_new *n, const struct facts *f,
    int64_t *id, struct err *e)
{
	const struct cert *leaf = n->certs->v[0];
	const uint8_t *der, *aki;
	size_t der_len, aki_len;
	int rc;

	der = cert_der(leaf, &der_len);
	aki = cert_aki(leaf, &aki_len);
	rc = stmt_int(st, STMT_CERTIFICATE, CERTIFICATE_ADD, id, e,
	    "btiibbbitibiiiit", f->sha256, sizeof(f->sha256),
	    cert_serial_hex(leaf), cert_not_before(leaf), cert_not_after(leaf),
	    der, der_len, f->spki_sha256, sizeof(f->spki_sha256), aki, aki_len,
	    n->account_id, n->source, clock_now(), f->sha1, sizeof(f->sha1),
	    f->issuer_id, f->set.id, (int64_t)!n->inactive,
	    (int64_t)n->auto_renew, f->key_type);
	if (rc == 0)
		return err_set(e, KIND_BUG, "a certificate has come and gone");
	if (rc < 0)
		return -1;
	return n->inactive ? 0
			   : domain_note_added(st, f->set.id, f->set.size, *id,
				 cert_not_after(leaf), e);
}

/* The names of a certificate may be served by another from now on. */
static int
refresh_names(struct store *st, int64_t id, struct err *e)
{
	struct certificate c;
	int rc = certificate_by_id(st, id, &c, e);

	if (rc == 0)
		rc = domain_refresh_set(st, c.fqdn_set_id, e);
	certificate_release(&c);
	return rc;
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
	if (refresh_names(r->st, r->id, e) < 0 ||
	    renewal_configuration_refresh(r->st, r->id, e) < 0)
		return -1;
	snprintf(detail, sizeof(detail), "reason %d", r->reason);
	return event_add(r->st, "certificate.revoke", EVENT_CERTIFICATE, r->id,
	    r->reason == CERTIFICATE_NO_REASON ? NULL : detail, e);
}

/* A key that others have takes what comes later with it, too. */
static int
judge_key(
    struct store *st, int64_t id, const uint8_t spki_sha256[32], struct err *e)
{
	struct revocation r = {
	    .st = st, .id = id, .reason = CERTIFICATE_KEY_COMPROMISE};
	int64_t one;
	int rc = stmt_int(st, STMT_CERTIFICATE, CERTIFICATE_KEY_IS_COMPROMISED,
	    &one, e, "b", spki_sha256, (size_t)32);

	return rc > 0 ? revoke(&r, e) : rc;
}

static int
put_leaf(struct store *st, const struct certificate_new *n, int64_t *id,
    bool *created, struct err *e)
{
	uint8_t sha256[32];
	struct facts f;
	int rc;

	*created = false;
	cert_sha256(n->certs->v[0], sha256);
	rc = stmt_int(st, STMT_CERTIFICATE, CERTIFICATE_ID, id, e, "b", sha256,
	    sizeof(sha256));
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (read_facts(st, n->certs->v[0], &f, e) < 0 ||
	    insert(st, n, &f, id, e) < 0 ||
	    judge_key(st, *id, f.spki_sha256, e) < 0)
		return -1;
	*created = true;
	return 0;
}

/* Another chain of what was there before may be the one to serve. */
static int
put_chain(struct store *st, int64_t id, int64_t chain_id, bool is_found,
    bool is_known, struct err *e)
{
	char detail[32];
	int64_t n = stmt_run(st, STMT_CERTIFICATE, CERTIFICATE_ADD_CHAIN, e,
	    "iii", id, chain_id, (int64_t)is_found);

	if (n <= 0 || !is_known)
		return n < 0 ? -1 : 0;
	if (serving_change_note_certificate(st, id, e) < 0)
		return -1;
	snprintf(detail, sizeof(detail), "chain/%lld", (long long)chain_id);
	return event_add(
	    st, "certificate.add_chain", EVENT_CERTIFICATE, id, detail, e);
}

int
certificate_put(struct store *st, const struct certificate_new *n, int64_t *id,
    bool *created, int64_t *chain_id, struct err *e)
{
	bool is_new;

	if (chain_put(st, n->certs, 1, chain_id, &is_new, e) < 0 ||
	    put_leaf(st, n, id, created, e) < 0)
		return -1;
	return *chain_id == 0
	    ? 0
	    : put_chain(st, *id, *chain_id, n->chain_found, !*created, e);
}

struct addition {
	struct store *st;
	const struct certificate_new *what;
	int64_t id;
	bool created;
};

static int
add(void *arg, struct err *e)
{
	struct addition *a = arg;
	int64_t chain_id;

	if (certificate_put(a->st, a->what, &a->id, &a->created, &chain_id, e) <
	    0)
		return -1;
	return a->created ? event_add(a->st, "certificate.add",
				EVENT_CERTIFICATE, a->id, a->what->source, e)
			  : 0;
}

int
certificate_add(struct store *st, const struct certificate_new *n, int64_t *id,
    bool *created, struct err *e)
{
	struct addition a = {.st = st, .what = n};

	if (db_transaction(st->db, DB_DURABLE, add, &a, e) < 0)
		return -1;
	*id = a.id;
	if (created)
		*created = a.created;
	return 0;
}

/* ---- what a store of before did not keep --------------------------------- */

struct cert *
certificate_next_unfilled(struct db_stmt *s, int64_t *id, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;
	struct err why = {0};
	struct cert *c;
	const void *der;
	size_t len;

	if (rc == 0)
		err_set(e, KIND_NOTFOUND, "all are filled");
	if (rc <= 0)
		return NULL;
	*id = db_int(s, 0);
	der = db_blob(s, 1, &len);
	c = cert_from_der(der, len, &why);
	db_reset(s);
	if (!c)
		err_set(e, KIND_SYS, "certificate %lld: what is stored is none",
		    (long long)*id);
	return c;
}

int
certificate_fill_with(
    struct store *st, int (*fn)(void *st, struct err *e), struct err *e)
{
	while (db_transaction(st->db, DB_QUICK, fn, st, e) == 0)
		continue;
	return err_forgive(e, KIND_NOTFOUND);
}

static int
fill_one(void *arg, struct err *e)
{
	struct store *st = arg;
	struct cert *c;
	struct facts f;
	int64_t id;
	int rc;

	c = certificate_next_unfilled(
	    stmt_query(st, STMT_CERTIFICATE, CERTIFICATE_UNFILLED, e, ""), &id,
	    e);
	if (!c)
		return -1;
	rc = read_facts(st, c, &f, e);
	if (rc == 0 &&
	    stmt_run(st, STMT_CERTIFICATE, CERTIFICATE_FILL, e, "ibiit", id,
		f.sha1, sizeof(f.sha1), f.issuer_id, f.set.id, f.key_type) < 0)
		rc = -1;
	if (rc == 0)
		rc = domain_refresh_set(st, f.set.id, e);
	cert_free(c);
	return rc;
}

int
certificate_fill(struct store *st, struct err *e)
{
	return certificate_fill_with(st, fill_one, e);
}

/* ---- reading ------------------------------------------------------------- */

/* Reads the row; the chain's id, or 0, goes to `*chain_id`. */
static int
load(struct db_stmt *s, struct certificate *c, int64_t *chain_id, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;

	memset(c, 0, sizeof(*c));
	if (rc == 0)
		return err_set(e, KIND_NOTFOUND, "no such certificate");
	if (rc < 0)
		return -1;
	c->id = db_int(s, 0);
	stmt_digest(s, 1, c->sha256);
	c->serial = stmt_text_dup(s, 2);
	c->not_before = db_int(s, 3);
	c->not_after = db_int(s, 4);
	c->status = certificate_status_of(db_text(s, 5));
	c->revoked_at = db_int(s, 6);
	c->revocation_reason =
	    db_is_null(s, 7) ? CERTIFICATE_NO_REASON : (int)db_int(s, 7);
	c->account_id = db_int(s, 8);
	c->source = stmt_text_dup(s, 9);
	c->leaf.der = stmt_blob_dup(s, 10, &c->leaf.len);
	c->created = db_int(s, 11);
	c->active = db_int(s, 12) != 0;
	c->auto_renew = db_int(s, 13) != 0;
	c->fqdn_set_id = db_int(s, 14);
	stmt_digest(s, 15, c->spki_sha256);
	*chain_id = db_int(s, 16);
	db_reset(s);
	return 0;
}

static int
load_only(struct db_stmt *s, struct certificate *c, struct err *e)
{
	int64_t ignored;

	return load(s, c, &ignored, e);
}

int
certificate_by_id(
    struct store *st, int64_t id, struct certificate *c, struct err *e)
{
	return load_only(
	    stmt_query(st, STMT_CERTIFICATE, CERTIFICATE_BY_ID, e, "i", id), c,
	    e);
}

int
certificate_by_sha256(struct store *st, const uint8_t sha256[32],
    struct certificate *c, struct err *e)
{
	return load_only(stmt_query(st, STMT_CERTIFICATE, CERTIFICATE_BY_SHA256,
			     e, "b", sha256, (size_t)32),
	    c, e);
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
	if (chain_load(st, chain_id, &c->chain, e) == 0)
		return 0;
	certificate_release(c);
	return -1;
}

char *
certificate_wildcard_of(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot && name[0] != '*' && strchr(dot + 1, '.')
	    ? xasprintf("*%s", dot)
	    : NULL;
}

int
certificate_serving(struct store *st, const char *name, int64_t now,
    struct certificate *c, struct err *e)
{
	char *wildcard = certificate_wildcard_of(name);
	int64_t id;
	int rc = stmt_int(st, STMT_CERTIFICATE, CERTIFICATE_SERVING, &id, e,
	    "tti", name, wildcard ? wildcard : name, now);

	free(wildcard);
	*c = (struct certificate){0};
	if (rc == 0)
		return err_set(e, KIND_NOTFOUND,
		    "%s: no active certificate has this name", name);
	return rc < 0 ? -1 : certificate_by_id(st, id, c, e);
}

size_t
certificate_fingerprint(const char *text, uint8_t out[32])
{
	char digits[2 * 32 + 1];
	size_t n = 0;

	for (; *text && n < sizeof(digits) - 1; text++)
		if (*text != ':')
			digits[n++] = *text;
	digits[n] = '\0';
	if (*text || (n != 64 && n != 40) || hex_decode(out, n / 2, digits) < 0)
		return 0;
	return n / 2;
}

/* There is nothing of this name: is it one at all? */
static void
check_name(const char *name, struct err *e)
{
	const char *bare = str_starts(name, "*.") ? name + 2 : name;
	struct err why = {0};

	if (name_is_address(name) || name_check(bare, &why) == 0)
		return;
	*e = why;
	err_object(e, "no name");
}

int
certificate_find(struct store *st, const char *text, int64_t now,
    struct certificate *c, struct err *e)
{
	uint8_t fingerprint[32];
	size_t len = certificate_fingerprint(text, fingerprint);
	char *name;
	uint64_t id;
	int rc;

	if (len > 0)
		return load_only(
		    stmt_query(st, STMT_CERTIFICATE,
			len == 32 ? CERTIFICATE_BY_SHA256 : CERTIFICATE_BY_SHA1,
			e, "b", fingerprint, len),
		    c, e);
	if (str_to_u64(text, INT64_MAX, &id))
		return certificate_by_id(st, (int64_t)id, c, e);
	name = name_spell(text);
	rc = certificate_serving(st, name, now, c, e);
	/* What strangers have written is found, whatever it is. */
	if (rc < 0 && e->kind == KIND_NOTFOUND)
		check_name(name, e);
	free(name);
	return rc;
}

bool
certificate_is_ours(const struct certificate *c)
{
	return strcmp(c->source, "acme") == 0 ||
	    strcmp(c->source, "sign") == 0 || strcmp(c->source, "tls") == 0;
}

/* ---- states -------------------------------------------------------------- */

int
certificate_revoke(struct store *st, int64_t id, int reason, struct err *e)
{
	struct revocation r = {.st = st, .id = id, .reason = reason};

	return db_transaction(st->db, DB_DURABLE, revoke, &r, e);
}

struct change {
	struct store *st;
	int64_t id;
	bool on;
};

int
certificate_switch(struct store *st, int64_t id, bool active,
    const char *detail, struct err *e)
{
	struct certificate c;
	int64_t n = stmt_run(st, STMT_CERTIFICATE, CERTIFICATE_SET_ACTIVE, e,
	    "ii", id, (int64_t)active);
	bool revoked;

	if (n < 0 || certificate_by_id(st, id, &c, e) < 0)
		return -1;
	revoked = c.status == CERTIFICATE_REVOKED;
	certificate_release(&c);
	if (n == 0)
		return err_set(e, KIND_CONFLICT, "certificate %lld is %s",
		    (long long)id,
		    revoked	 ? "revoked"
			: active ? "active"
				 : "deactivated");
	if (refresh_names(st, id, e) < 0 ||
	    renewal_configuration_refresh(st, id, e) < 0)
		return -1;
	return event_add(st,
	    active ? "certificate.activate" : "certificate.deactivate",
	    EVENT_CERTIFICATE, id, detail, e);
}

static int
set_active(void *arg, struct err *e)
{
	const struct change *ch = arg;

	if (certificate_switch(ch->st, ch->id, ch->on, NULL, e) < 0)
		return -1;
	return ch->on ? renewal_backup_check_awake(ch->st, ch->id, e) : 0;
}

int
certificate_deactivate_spare(
    struct store *st, int64_t id, const char *detail, struct err *e)
{
	int64_t n = stmt_run(st, STMT_CERTIFICATE, CERTIFICATE_SET_ACTIVE, e,
	    "ii", id, (int64_t)0);

	if (n == 0)
		return err_set(e, KIND_BUG, "a certificate is not active");
	if (n < 0 || serving_change_note_certificate(st, id, e) < 0)
		return -1;
	return event_add(
	    st, "certificate.deactivate", EVENT_CERTIFICATE, id, detail, e);
}

int
certificate_set_active(struct store *st, int64_t id, bool active, struct err *e)
{
	struct change c = {.st = st, .id = id, .on = active};

	return db_transaction(st->db, DB_DURABLE, set_active, &c, e);
}

int
certificate_set_upstream_account(
    struct store *st, int64_t id, int64_t upstream_account_id, struct err *e)
{
	return stmt_run(st, STMT_CERTIFICATE, CERTIFICATE_SET_UPSTREAM_ACCOUNT,
		   e, "ii", id, upstream_account_id) < 0
	    ? -1
	    : 0;
}

static int
set_auto_renew(void *arg, struct err *e)
{
	struct change *ch = arg;
	struct certificate c;
	int64_t n = stmt_run(ch->st, STMT_CERTIFICATE,
	    CERTIFICATE_SET_AUTO_RENEW, e, "ii", ch->id, (int64_t)ch->on);

	if (n < 0 || certificate_by_id(ch->st, ch->id, &c, e) < 0)
		return -1;
	certificate_release(&c);
	if (n == 0)
		return err_set(e, KIND_CONFLICT,
		    "certificate %lld: auto-renew is %s", (long long)ch->id,
		    ch->on ? "on" : "off");
	if (renewal_configuration_switch(ch->st, ch->id, ch->on, e) < 0)
		return -1;
	return event_add(ch->st,
	    ch->on ? "certificate.auto_renew_on" : "certificate.auto_renew_off",
	    EVENT_CERTIFICATE, ch->id, NULL, e);
}

int
certificate_set_auto_renew(
    struct store *st, int64_t id, bool auto_renew, struct err *e)
{
	struct change c = {.st = st, .id = id, .on = auto_renew};

	return db_transaction(st->db, DB_DURABLE, set_auto_renew, &c, e);
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
