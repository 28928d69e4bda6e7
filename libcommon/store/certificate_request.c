#include "store/certificate_request.h"

#include "store/event.h"
#include "store/fqdn_set.h"
#include "store/stmt.h"
#include "sys/clock.h"
#include "wrap/csr.h"
#include "wrap/digest.h"
#include "wrap/key.h"

enum {
	CERTIFICATE_REQUEST_ID,
	CERTIFICATE_REQUEST_ADD,
	CERTIFICATE_REQUEST_BY_ID,
	CERTIFICATE_REQUEST_BY_KEY
};

#define COLUMNS "id, sha256, spki_sha256, fqdn_set_id, source, created, der"

static const char *const sql[] = {
    [CERTIFICATE_REQUEST_ID] =
	"SELECT id FROM certificate_requests WHERE sha256 = ?1",
    [CERTIFICATE_REQUEST_ADD] =
	"INSERT INTO certificate_requests (sha256, der, spki_sha256,"
	" fqdn_set_id, source, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
	" RETURNING id",
    [CERTIFICATE_REQUEST_BY_ID] =
	"SELECT " COLUMNS " FROM certificate_requests WHERE id = ?1",
    [CERTIFICATE_REQUEST_BY_KEY] =
	"SELECT " COLUMNS " FROM certificate_requests WHERE spki_sha256 = ?1"
	" ORDER BY id DESC LIMIT 1",
};

const struct stmt_table certificate_request_stmts = {
    "certificate_request", sql, ARRAY_LEN(sql)};

struct addition {
	struct store *st;
	const struct csr *csr;
	const char *source;
	int64_t id;
	bool created;
};

static int
insert(struct addition *a, const uint8_t sha256[32], struct err *e)
{
	uint8_t spki[32];
	struct fqdn_set set;
	const uint8_t *der;
	size_t len;
	int rc;

	der = csr_der(a->csr, &len);
	key_spki_sha256(csr_key(a->csr), spki);
	if (fqdn_set_put(a->st, csr_dns(a->csr), csr_ip(a->csr), &set, e) < 0)
		return -1;
	rc = stmt_int(a->st, STMT_CERTIFICATE_REQUEST, CERTIFICATE_REQUEST_ADD,
	    &a->id, e, "bbbiti", sha256, (size_t)32, der, len, spki,
	    sizeof(spki), set.id, a->source, clock_now());
	if (rc < 0)
		return -1;
	a->created = true;
	return event_add(a->st, "certificate_request.add",
	    EVENT_CERTIFICATE_REQUEST, a->id, a->source, e);
}

static int
add(void *arg, struct err *e)
{
	struct addition *a = arg;
	uint8_t sha256[DIGEST_SHA256_SIZE];
	const uint8_t *der;
	size_t len;
	int rc;

	a->created = false;
	der = csr_der(a->csr, &len);
	digest_sha256(sha256, der, len);
	rc = stmt_int(a->st, STMT_CERTIFICATE_REQUEST, CERTIFICATE_REQUEST_ID,
	    &a->id, e, "b", sha256, sizeof(sha256));
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return insert(a, sha256, e);
}

int
certificate_request_add(struct store *st, const struct csr *csr,
    const char *source, int64_t *id, bool *created, struct err *e)
{
	struct addition a = {.st = st, .csr = csr, .source = source};

	if (db_transaction(st->db, DB_DURABLE, add, &a, e) < 0)
		return -1;
	*id = a.id;
	*created = a.created;
	return 0;
}

void
certificate_request_release(struct certificate_request *r)
{
	if (!r)
		return;
	free(r->source);
	free(r->der);
	*r = (struct certificate_request){0};
}

static int
read_one(struct db_stmt *s, struct certificate_request *r, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;

	*r = (struct certificate_request){0};
	if (rc == 0)
		return err_set(e, KIND_NOTFOUND, "no such request");
	if (rc < 0)
		return -1;
	r->id = db_int(s, 0);
	stmt_digest(s, 1, r->sha256);
	stmt_digest(s, 2, r->spki_sha256);
	r->fqdn_set_id = db_int(s, 3);
	r->source = stmt_text_dup(s, 4);
	r->created = db_int(s, 5);
	r->der = stmt_blob_dup(s, 6, &r->der_len);
	db_reset(s);
	return 0;
}

int
certificate_request_by_id(
    struct store *st, int64_t id, struct certificate_request *r, struct err *e)
{
	return read_one(stmt_query(st, STMT_CERTIFICATE_REQUEST,
			    CERTIFICATE_REQUEST_BY_ID, e, "i", id),
	    r, e);
}

int
certificate_request_by_key(struct store *st, const uint8_t spki_sha256[32],
    struct certificate_request *r, struct err *e)
{
	return read_one(
	    stmt_query(st, STMT_CERTIFICATE_REQUEST, CERTIFICATE_REQUEST_BY_KEY,
		e, "b", spki_sha256, (size_t)32),
	    r, e);
}
