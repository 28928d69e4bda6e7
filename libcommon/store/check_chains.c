#include "store/check_part.h"
#include "wrap/cert.h"
#include "wrap/digest.h"

enum {
	CHAINS_MEMBERS
};

static const char *const sql[] = {
    [CHAINS_MEMBERS] =
	"SELECT m.chain_id, k.sha256, m.position, ca.sha256, ca.der"
	" FROM chain_members m JOIN chains k ON k.id = m.chain_id"
	" JOIN ca_certificates ca ON ca.id = m.ca_certificate_id"
	" ORDER BY m.chain_id, m.position",
};

const struct stmt_table check_chains_stmts = {
    "check_chains", sql, ARRAY_LEN(sql)};

/* The chain whose members are being read, lowest first. */
struct chain {
	int64_t id;
	uint8_t sha256[DIGEST_SHA256_SIZE]; /* what the store says */
	struct buf joined; /* digests of the members */
	int64_t len;
	struct cert *last; /* NULL: none yet, or it is no certificate */
	bool has_gap, is_loose;
};

static void
begin_chain(struct chain *k, struct db_stmt *s)
{
	size_t len;
	const void *sha256 = db_blob(s, 1, &len);

	k->id = db_int(s, 0);
	memset(k->sha256, 0, sizeof(k->sha256));
	if (len == sizeof(k->sha256))
		memcpy(k->sha256, sha256, len);
	buf_clear(&k->joined);
	k->len = 0;
	cert_free(k->last);
	k->last = NULL;
	k->has_gap = k->is_loose = false;
}

static void
add_member(struct chain *k, struct db_stmt *s)
{
	struct err why = {0};
	size_t len;
	const void *p = db_blob(s, 3, &len);
	struct cert *cert;

	if (len > 0)
		buf_add(&k->joined, p, len);
	if (db_int(s, 2) != k->len++)
		k->has_gap = true;
	p = db_blob(s, 4, &len);
	cert = cert_from_der(p, len, &why);
	if (k->last && cert && cert_is_issued_by(k->last, cert, &why) < 0)
		k->is_loose = true;
	cert_free(k->last);
	k->last = cert;
}

static void
end_chain(struct chain *k, struct checking *c)
{
	uint8_t sum[DIGEST_SHA256_SIZE];

	if (k->len == 0)
		return;
	digest_sha256(sum, k->joined.data, k->joined.len);
	if (k->has_gap)
		check_add(c, "chain", k->id,
		    "its certificates are not at 0, 1, 2 and so on");
	if (memcmp(sum, k->sha256, sizeof(sum)) != 0)
		check_add(c, "chain", k->id,
		    "its SHA-256 is not that of its certificates");
	if (k->is_loose)
		check_add(c, "chain", k->id,
		    "one of its certificates was not signed by the next");
}

int
check_chains(struct checking *c, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(c->st, STMT_CHECK_CHAINS, CHAINS_MEMBERS, e, "");
	struct chain k = {0};
	int rc = -1;

	buf_init(&k.joined, (size_t)CERT_LIST_MAX * DIGEST_SHA256_SIZE);
	while (s && (rc = db_step(s, e)) > 0) {
		if (k.len == 0 || db_int(s, 0) != k.id) {
			end_chain(&k, c);
			begin_chain(&k, s);
		}
		add_member(&k, s);
	}
	if (rc == 0)
		end_chain(&k, c);
	cert_free(k.last);
	buf_release(&k.joined);
	return rc;
}
