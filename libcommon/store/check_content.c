#include "base/b64.h"
#include "base/str.h"
#include "store/check_part.h"
#include "wrap/cert.h"
#include "wrap/digest.h"

enum {
	CONTENT_ACCOUNTS,
	CONTENT_CERTIFICATES,
	CONTENT_CA_CERTIFICATES,
	CONTENT_NAMES,
	CONTENT_ISSUERS
};

static const char *const sql[] = {
    [CONTENT_ACCOUNTS] = "SELECT id, thumbprint, jwk FROM accounts",
    [CONTENT_CERTIFICATES] =
	"SELECT c.id, c.sha256, c.der, c.spki_sha256, c.not_after, c.aki,"
	" c.serial, c.not_before, c.sha1, i.name FROM certificates c"
	" LEFT JOIN issuers i ON i.id = c.issuer_id",
    [CONTENT_CA_CERTIFICATES] =
	"SELECT id, sha256, der, spki_sha256, not_after, ski, subject"
	" FROM ca_certificates",
    [CONTENT_NAMES] = "SELECT n.type, n.value FROM certificates c"
		      " JOIN fqdn_set_members m ON m.fqdn_set_id ="
		      " c.fqdn_set_id JOIN domains n ON n.id = m.domain_id"
		      " WHERE c.id = ?1",
    [CONTENT_ISSUERS] =
	"SELECT m.chain_id, ca.der FROM certificate_chains k"
	" JOIN chain_members m ON m.chain_id = k.chain_id AND m.position = 0"
	" JOIN ca_certificates ca ON ca.id = m.ca_certificate_id"
	" WHERE k.certificate_id = ?1",
};

const struct stmt_table check_content_stmts = {
    "check_content", sql, ARRAY_LEN(sql)};

static bool
is_text(struct db_stmt *s, int column, const char *want)
{
	return str_same(db_text(s, column), want);
}

/* NULL is what a key identifier is that there is not. */
static bool
is_blob(struct db_stmt *s, int column, const void *want, size_t want_len)
{
	size_t len;
	const void *p = db_blob(s, column, &len);

	if (!want)
		return db_is_null(s, column);
	return len == want_len && (len == 0 || memcmp(p, want, len) == 0);
}

/*
 * The text of a key is the canonical one (acme/jwk), so that its SHA-256 is
 * the thumbprint (RFC 7638 3).
 */
static bool
is_thumbprint(struct db_stmt *s, int column, const char *jwk)
{
	char want[B64URL_LEN(DIGEST_SHA256_SIZE) + 1];
	uint8_t sum[DIGEST_SHA256_SIZE];

	if (!jwk)
		return false;
	digest_sha256(sum, jwk, strlen(jwk));
	b64url_encode_to(want, sum, sizeof(sum));
	return is_text(s, column, want);
}

int
check_accounts(struct checking *c, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(c->st, STMT_CHECK_CONTENT, CONTENT_ACCOUNTS, e, "");
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0)
		if (!is_thumbprint(s, 1, db_text(s, 2)))
			check_add(c, "account", db_int(s, 0),
			    "its thumbprint is not that of its key");
	return rc;
}

/* What is looked at, and the issuer that was needed last. */
struct look {
	struct checking *c;
	size_t row;
	const char *object;
	int64_t chain_id;
	struct cert *issuer;
};

static int
check_names(
    struct checking *c, int64_t id, const struct cert *cert, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(c->st, STMT_CHECK_CONTENT, CONTENT_NAMES, e, "i", id);
	struct strv dns = {0}, ip = {0}, want = {0};
	int rc = -1;

	cert_names(cert, &want);
	while (s && (rc = db_step(s, e)) > 0) {
		const char *value = db_text(s, 1);

		strv_add(is_text(s, 0, "ip") ? &ip : &dns, value ? value : "");
	}
	if (rc == 0 &&
	    !(strv_same_names(&dns, &want) &&
		strv_same_names(&ip, cert_ip(cert))))
		check_add(
		    c, "certificate", id, "its names are not those in it");
	strv_release(&dns);
	strv_release(&ip);
	strv_release(&want);
	return rc;
}

/*
 * Most certificates have the chain of the one before.  NULL when it is no
 * certificate, which its own row is blamed for.
 */
static const struct cert *
issuer_of_chain(struct look *l, struct db_stmt *s)
{
	int64_t chain_id = db_int(s, 0);
	struct err why = {0};
	const void *der;
	size_t len;

	if (chain_id == l->chain_id)
		return l->issuer;
	cert_free(l->issuer);
	der = db_blob(s, 1, &len);
	l->issuer = cert_from_der(der, len, &why);
	l->chain_id = chain_id;
	return l->issuer;
}

static int
check_issuers(
    struct look *l, int64_t id, const struct cert *cert, struct err *e)
{
	struct db_stmt *s = stmt_query(
	    l->c->st, STMT_CHECK_CONTENT, CONTENT_ISSUERS, e, "i", id);
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		const struct cert *issuer = issuer_of_chain(l, s);
		struct err why = {0};

		if (issuer && cert_is_issued_by(cert, issuer, &why) < 0)
			check_add(l->c, l->object, id,
			    "the first certificate of its chain has not "
			    "signed it");
	}
	return rc;
}

/* What both tables say of a certificate. */
static void
check_common(struct look *l, struct db_stmt *s, const struct cert *cert)
{
	bool is_ca = l->row == CONTENT_CA_CERTIFICATES;
	uint8_t spki[DIGEST_SHA256_SIZE];
	const uint8_t *key_id;
	size_t len;

	cert_spki_sha256(cert, spki);
	if (!is_blob(s, 3, spki, sizeof(spki)))
		check_add(l->c, l->object, db_int(s, 0),
		    "the SHA-256 of its public key is not that of the one in "
		    "it");
	key_id = is_ca ? cert_ski(cert, &len) : cert_aki(cert, &len);
	if (!is_blob(s, 5, key_id, len))
		check_add(l->c, l->object, db_int(s, 0),
		    "its key identifier is not the one in it");
}

/* NULL is what a store of before has; check_states tells of it. */
static void
check_issuer_and_sha1(
    struct look *l, struct db_stmt *s, const struct cert *cert)
{
	char *issuer = cert_issuer(cert);
	uint8_t sha1[DIGEST_SHA1_SIZE];

	cert_sha1(cert, sha1);
	if (!db_is_null(s, 8) && !is_blob(s, 8, sha1, sizeof(sha1)))
		check_add(l->c, l->object, db_int(s, 0),
		    "its SHA-1 is not that of its content");
	if (!db_is_null(s, 9) && !is_text(s, 9, issuer))
		check_add(l->c, l->object, db_int(s, 0),
		    "its issuer is not the one in it");
	free(issuer);
}

static int
check_leaf(
    struct look *l, struct db_stmt *s, const struct cert *cert, struct err *e)
{
	int64_t id = db_int(s, 0);

	if (!is_text(s, 6, cert_serial_hex(cert)) ||
	    db_int(s, 7) != cert_not_before(cert) ||
	    db_int(s, 4) != cert_not_after(cert))
		check_add(l->c, l->object, id,
		    "its serial number or lifetime is not the one in it");
	check_issuer_and_sha1(l, s, cert);
	if (check_names(l->c, id, cert, e) < 0)
		return -1;
	return check_issuers(l, id, cert, e);
}

static void
check_ca(struct look *l, struct db_stmt *s, const struct cert *cert)
{
	char *subject = cert_subject(cert);
	int64_t id = db_int(s, 0);

	if (db_int(s, 4) != cert_not_after(cert))
		check_add(
		    l->c, l->object, id, "its lifetime is not the one in it");
	if (!is_text(s, 6, subject))
		check_add(
		    l->c, l->object, id, "its subject is not the one in it");
	free(subject);
}

/* What the columns of a certificate say is what its DER says. */
static int
check_columns(struct look *l, struct db_stmt *s, struct err *e)
{
	struct err why = {0};
	size_t len;
	const void *der = db_blob(s, 2, &len);
	struct cert *cert = cert_from_der(der, len, &why);
	int rc = 0;

	if (!cert) {
		check_add(l->c, l->object, db_int(s, 0), "is no certificate");
		return 0;
	}
	check_common(l, s, cert);
	if (l->row == CONTENT_CERTIFICATES)
		rc = check_leaf(l, s, cert, e);
	else
		check_ca(l, s, cert);
	cert_free(cert);
	return rc;
}

/* A certificate is known by the SHA-256 of its DER. */
static int
check_table(struct checking *c, size_t row, const char *object, struct err *e)
{
	struct look l = {.c = c, .row = row, .object = object};
	struct db_stmt *s = stmt_query(c->st, STMT_CHECK_CONTENT, row, e, "");
	uint8_t sum[DIGEST_SHA256_SIZE];
	const void *der;
	size_t len;
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		der = db_blob(s, 2, &len);
		digest_sha256(sum, der, len);
		if (!is_blob(s, 1, sum, sizeof(sum)))
			check_add(c, object, db_int(s, 0),
			    "its content is not that of its SHA-256");
		else if (check_columns(&l, s, e) < 0)
			break;
	}
	if (rc > 0)
		db_reset(s);
	cert_free(l.issuer);
	return rc == 0 ? 0 : -1;
}

int
check_certificates(struct checking *c, struct err *e)
{
	if (check_table(c, CONTENT_CERTIFICATES, "certificate", e) < 0)
		return -1;
	return check_table(c, CONTENT_CA_CERTIFICATES, "ca_certificate", e);
}
