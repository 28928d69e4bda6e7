#include "store/issuer.h"

#include "store/stmt.h"
#include "wrap/cert.h"
#include "wrap/digest.h"

enum {
	ISSUER_ID,
	ISSUER_ADD,
	ISSUER_UNKNOWN,
	ISSUER_LAST_CERTIFICATE,
	ISSUER_LAST_CA
};

static const char *const sql[] = {
    [ISSUER_ID] = "SELECT id FROM issuers WHERE sha256 = ?1",
    [ISSUER_ADD] =
	"INSERT INTO issuers (sha256, name) VALUES (?1, ?2) RETURNING id",
    [ISSUER_UNKNOWN] =
	"SELECT i.id, i.name FROM issuers i WHERE i.id > ?1"
	" AND (SELECT count(*) FROM ca_certificates ca"
	" WHERE ca.subject_sha256 = i.sha256) = 0 ORDER BY i.id LIMIT 1",
    [ISSUER_LAST_CERTIFICATE] =
	"SELECT id, der FROM certificates WHERE issuer_id = ?1"
	" ORDER BY not_after DESC, id DESC LIMIT 1",
    [ISSUER_LAST_CA] =
	"SELECT id, der FROM ca_certificates WHERE issuer_id = ?1"
	" ORDER BY id DESC LIMIT 1",
};

const struct stmt_table issuer_stmts = {"issuer", sql, ARRAY_LEN(sql)};

int
issuer_put(struct store *st, const struct cert *c, int64_t *id, struct err *e)
{
	uint8_t sha256[DIGEST_SHA256_SIZE];
	const uint8_t *der;
	char *name;
	size_t len;
	int rc;

	der = cert_issuer_der(c, &len);
	digest_sha256(sha256, der, len);
	rc = stmt_int(
	    st, STMT_ISSUER, ISSUER_ID, id, e, "b", sha256, sizeof(sha256));
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	name = cert_issuer(c);
	rc = stmt_int(st, STMT_ISSUER, ISSUER_ADD, id, e, "bt", sha256,
	    sizeof(sha256), name);
	free(name);
	return rc < 0 ? -1 : 0;
}

/* ---- those that are not known -------------------------------------------- */

void
issuer_gap_release(struct issuer_gap *g)
{
	free(g->name);
	free(g->der);
	*g = (struct issuer_gap){.issuer_id = g->issuer_id};
}

/* What it has signed, of one kind: 1, 0 for nothing, -1. */
static int
find_signed(struct store *st, size_t row, struct issuer_gap *g, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, STMT_ISSUER, row, e, "i", g->issuer_id);
	int rc = s ? db_step(s, e) : -1;

	if (rc > 0) {
		g->id = db_int(s, 0);
		g->der = stmt_blob_dup(s, 1, &g->der_len);
		db_reset(s);
	}
	return rc;
}

int
issuer_next_unknown(
    struct store *st, int64_t after, struct issuer_gap *out, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, STMT_ISSUER, ISSUER_UNKNOWN, e, "i", after);
	int rc = s ? db_step(s, e) : -1;

	*out = (struct issuer_gap){.issuer_id = after};
	if (rc <= 0)
		return rc;
	out->issuer_id = db_int(s, 0);
	out->name = stmt_text_dup(s, 1);
	db_reset(s);
	out->type = EVENT_CERTIFICATE;
	rc = find_signed(st, ISSUER_LAST_CERTIFICATE, out, e);
	if (rc == 0) {
		out->type = EVENT_CA_CERTIFICATE;
		rc = find_signed(st, ISSUER_LAST_CA, out, e);
	}
	if (rc < 0)
		issuer_gap_release(out);
	return rc < 0 ? -1 : 1;
}

struct noting {
	struct store *st;
	const struct issuer_gap *gap;
	const char *action, *detail;
};

static int
add_note(void *arg, struct err *e)
{
	struct noting *n = arg;

	return event_add(
	    n->st, n->action, n->gap->type, n->gap->id, n->detail, e);
}

int
issuer_note(struct store *st, const struct issuer_gap *g, const char *action,
    const char *detail, struct err *e)
{
	struct noting n = {
	    .st = st, .gap = g, .action = action, .detail = detail};

	return db_transaction(st->db, DB_QUICK, add_note, &n, e);
}
