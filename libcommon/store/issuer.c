#include "store/issuer.h"

#include "store/stmt.h"
#include "wrap/cert.h"
#include "wrap/digest.h"

enum {
	ISSUER_ID,
	ISSUER_ADD
};

static const char *const sql[] = {
    [ISSUER_ID] = "SELECT id FROM issuers WHERE sha256 = ?1",
    [ISSUER_ADD] =
	"INSERT INTO issuers (sha256, name) VALUES (?1, ?2) RETURNING id",
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
